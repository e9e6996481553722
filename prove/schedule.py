"""Which faults come in which order: told by a seed, the same each time. Pure."""

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
"""A wire leads to Kafka for all its clients, and one to MongoDB for each service."""

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
"""One round of kinds; each round has an order of its own. In every second one a kill takes the place of the loss."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes:
        kind: SIGKILL, SIGSTOP and SIGCONT, SIGTERM; connections cut, held or slowed; killed, and
            its data removed.
        target: a program, or a wire.
        seconds: how long it lasts, where it is not over at once.
        pause: seconds after it until the next may come.
    """

    kind: Kind
    target: str
    seconds: float
    pause: float

    def __str__(self) -> str:
        """For people who watch."""
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
    """Round after round, the first again after the last, each in an order of its own."""
    for names in cycle(rounds):
        yield from chance.sample(names, len(names))
