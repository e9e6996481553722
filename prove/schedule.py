"""The faults of a run, in an order that a seed decides. Pure."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from types import MappingProxyType
from typing import Final, Literal, TypeVar

Name = TypeVar("Name", bound=str)
Kind = Literal["kill", "freeze", "restart", "cut", "stall", "slow", "lose"]

SERVICES: Final = ("intake", "approval", "provisioning", "notification", "records")
PROGRAMS: Final = (*SERVICES, "kafka", "mongodb")
WIRES: Final = ("kafka", *(f"mongodb of {service}" for service in SERVICES))
"""One wire leads all clients to Kafka; one leads each service to MongoDB."""

TARGETS: Final[Mapping[Kind, Sequence[str]]] = MappingProxyType(
    {
        "kill": PROGRAMS,
        "freeze": PROGRAMS,
        "restart": PROGRAMS,
        "cut": WIRES,
        "stall": WIRES,
        "slow": WIRES,
        "lose": ("kafka",),
    }
)
ROUND: Final[Sequence[Kind]] = ("kill", "freeze", "restart", "cut", "lose", "stall", "slow")
"""One round of kinds, shuffled each time. In every second round a kill replaces the loss."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes:
        kind: SIGKILL, SIGSTOP and SIGCONT, SIGTERM; connections cut, held or slowed; killed, and
            its data removed.
        target: a program, or a wire.
        seconds: how long it lasts, if it is not instantaneous.
        pause: seconds until the next fault.
    """

    kind: Kind
    target: str
    seconds: float
    pause: float

    def __str__(self) -> str:
        lasting = "" if self.kind in ("kill", "restart", "lose") else f" for {self.seconds:g} s"
        return f"{self.kind} {self.target}{lasting}"


def schedule(seed: int, count: int) -> list[Fault]:
    """So many faults; each kind comes in each round, each target once before any comes again."""
    chance = random.Random(f"faults {seed}")  # noqa: S311 - to be had again, not to be secret
    kinds = _rounds(chance, ROUND, [kind if kind != "lose" else "kill" for kind in ROUND])
    targets = {kind: _rounds(chance, names) for kind, names in TARGETS.items()}
    faults: list[Fault] = []
    for _ in range(count):
        kind = next(kinds)
        seconds, pause = round(chance.uniform(2, 8), 1), round(chance.uniform(0.5, 3), 1)
        faults.append(Fault(kind, next(targets[kind]), seconds, pause))
    return faults


def _rounds(chance: random.Random, *rounds: Sequence[Name]) -> Iterator[Name]:
    """Round after round, each shuffled."""
    for names in cycle(rounds):
        yield from chance.sample(names, len(names))
