"""The stories and the faults of a run, decided by a seed. Pure.

Each story is one request or more of one person at one agency, on its own account. A race and a withdrawal may end either
way: the story sets who tries what, not who wins.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar

from evaluation.ports import ONE_OF_EACH, Scale, numbered

Plot = Literal[
    "approved",
    "rejected",
    "raced",
    "withdrawn",
    "withdrawn_while_decided",
    "corrected",
    "terminated",
    "upgraded",
]
PLOTS: Final[Mapping[Plot, int]] = MappingProxyType(
    {
        "approved": 6,
        "rejected": 2,
        "raced": 3,
        "withdrawn": 2,
        "withdrawn_while_decided": 2,
        "corrected": 2,
        "terminated": 2,
        "upgraded": 1,
    }
)
"""What may happen to a request, with its weight."""

REQUESTS_OF: Final[Mapping[Plot, int]] = MappingProxyType({"terminated": 2, "upgraded": 2})
"""Plots with more than one request."""

AGENCY_OF: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        "email": ("MAMPU", "JPA"),
        "memo": ("MAMPU",),
        "letter": ("MAMPU",),
        "form": ("MAMPU", "JPA", "KPM"),
        "event": ("MAMPU",),
    }
)
"""The agencies that take requests, by channel."""

Resend = Literal["never", "same", "other"]
GIGABYTE: Final = 10**9
STORIES_A_POISON: Final = 16


@dataclass(frozen=True, slots=True)
class Story:
    """One person's business.

    Attributes:
        name: unique in the run.
        account: the applicant's; no other story uses it.
        quota_bytes: asked for; the administrator grants `granted_bytes`.
        resend: whether the POST is repeated after its answer, with the same body or another.
        registered: whether IPMS knows the account; if not, the request is never approved.
    """

    name: str
    plot: Plot
    channel: str
    agency: str
    account: str
    quota_bytes: int
    granted_bytes: int
    max_file_size_bytes: int
    resend: Resend
    registered: bool = True

    @property
    def requests(self) -> int:
        return REQUESTS_OF.get(self.plot, 1)

    def requested(self, **changes: Any) -> dict[str, Any]:
        """The requested service, without the channel."""
        return {
            "kind": "application",
            "agency": self.agency,
            "reply_through": "memo" if self.channel in ("memo", "letter") else "email",
            "applicant": {
                "account": self.account,
                "name": f"Pemohon {self.name}",
                "email": self.account,
            },
            "justification": f"Menghantar fail besar ({self.name})",
            "quota_bytes": self.quota_bytes,
            "max_file_size_bytes": self.max_file_size_bytes,
            **changes,
        }


@dataclass(frozen=True, slots=True)
class Poison:
    """A record on the integrator's topic that is refused, and its defect."""

    name: str
    defect: str


DEFECTS: Final = (
    "no_json",
    "no_value",
    "no_headers",
    "unknown_type",
    "no_text",
    "other_agency",
    "missing_field",
    "unknown_field",
)


def workload(seed: int, requests: int) -> list[Story]:
    """Stories that submit this many requests; every plot and every channel comes early."""
    chance = random.Random(f"stories {seed}")  # noqa: S311 - to be had again, not to be secret
    stories: list[Story] = []
    plots = _rounds(chance, [plot for plot, weight in PLOTS.items() for _ in range(weight)])
    channels = _rounds(chance, list(AGENCY_OF))
    left = requests
    while left > 0:
        story = _story(chance, len(stories), next(plots), next(channels), left)
        stories.append(story)
        left -= story.requests
    return stories


def poisons(seed: int, stories: int) -> list[Poison]:
    """Poison records, one for a fixed number of stories; each defect comes once before any is repeated."""
    chance = random.Random(f"poisons {seed}")  # noqa: S311 - as above
    defects = _rounds(chance, list(DEFECTS))
    count = -(-stories // STORIES_A_POISON)
    return [Poison(f"poison-{number:04}", next(defects)) for number in range(count)]


def _story(chance: random.Random, number: int, plot: Plot, channel: str, left: int) -> Story:
    if REQUESTS_OF.get(plot, 1) > left:
        plot = "approved"
    agency = chance.choice(AGENCY_OF[channel])
    quota = chance.randint(2, 90) * GIGABYTE
    return Story(
        name=f"story-{number:05}",
        plot=plot,
        channel=channel,
        agency=agency,
        account=f"p{number:05}.{agency.lower()}@mygovuc.gov.my",
        quota_bytes=quota,
        granted_bytes=chance.choice((quota, quota, quota // 2)),
        max_file_size_bytes=chance.randint(1, 20) * 100_000_000,
        resend=chance.choices(("never", "same", "other"), (6, 3, 1))[0],
        registered=plot != "rejected" or chance.random() < 1 / 2,
    )


Name = TypeVar("Name", bound=str)
Kind = Literal["kill", "freeze", "restart", "cut", "stall", "slow", "lose"]

SERVICES: Final = ("intake", "approval", "provisioning", "notification", "records")
PROGRAMS: Final = (*SERVICES, "kafka", "mongodb")
WIRES: Final = ("kafka", *(f"mongodb of {service}" for service in SERVICES))
"""One wire leads all clients to Kafka; one leads each service to MongoDB."""

ROUND: Final[Sequence[Kind]] = ("kill", "freeze", "restart", "cut", "lose", "stall", "slow")
"""One round of kinds, shuffled each time. In every second round a kill replaces the loss."""
ROUND_OF_SEVERAL: Final[Sequence[Kind]] = ("kill", "freeze", "restart", "kill")
"""Where Kafka and MongoDB have several nodes, clients reach these without a wire."""


def programs(scale: Scale) -> list[str]:
    """All that is killed and frozen."""
    return [
        numbered(name, number)
        for name in PROGRAMS
        for number in range(1, 1 + (scale.replicas if name in SERVICES else scale.nodes))
    ]


def targets(scale: Scale) -> Mapping[Kind, Sequence[str]]:
    """What each kind of fault may hit."""
    struck = programs(scale)
    on_programs: dict[Kind, Sequence[str]] = {"kill": struck, "freeze": struck, "restart": struck}
    if scale.nodes > 1:
        return on_programs
    return {**on_programs, "cut": WIRES, "stall": WIRES, "slow": WIRES, "lose": ("kafka",)}


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


def schedule(seed: int, count: int, scale: Scale = ONE_OF_EACH) -> list[Fault]:
    """This many faults; each round has each kind, and each target comes once before any is repeated."""
    chance = random.Random(f"faults {seed}")  # noqa: S311 - to be had again, not to be secret
    rounds = ROUND if scale.nodes == 1 else ROUND_OF_SEVERAL
    kinds = _rounds(chance, rounds, [kind if kind != "lose" else "kill" for kind in rounds])
    struck = {kind: _rounds(chance, names) for kind, names in targets(scale).items()}
    faults: list[Fault] = []
    for _ in range(count):
        kind = next(kinds)
        seconds, pause = round(chance.uniform(2, 8), 1), round(chance.uniform(0.5, 3), 1)
        faults.append(Fault(kind, next(struck[kind]), seconds, pause))
    return faults


def _rounds(chance: random.Random, *rounds: Sequence[Name]) -> Iterator[Name]:
    """Round after round, each shuffled."""
    for names in cycle(rounds):
        yield from chance.sample(names, len(names))
