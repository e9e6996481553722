"""What needs an operator, found in each process's `/metrics`.

The operators' page and `bmt status` show the same because both ask here. Nothing in it names a request or a person.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from bmt.contracts import topics

SERVICES: Final = tuple(topics.WRITERS.values())
WEB: Final = "web"
STATISTICS: Final = "statistics"
AWAY_FOR: Final = timedelta(seconds=20)
"""A part that was missing for this long has failed two checks."""
OUTBOX_SECONDS: Final = 60.0
"""An event that waits longer means that Kafka is down."""
STALLED_SECONDS: Final = 120.0
CHECKPOINT_SECONDS: Final = 900.0
MAILBOX_SECONDS: Final = 900.0
TARGETS: Final[Mapping[str, str]] = {
    "ipms": "bmt failures waiting",
    "storage": "bmt failures waiting",
    "mail": "bmt status",
}
"""Outside systems, for which work waits, each with the command that shows more."""

SENTENCE: Final[Mapping[str, str]] = {
    "process_away": "It does not answer.",
    "part_away": "A part cannot be reached.",
    "outbox_late": "Events have waited for Kafka for more than a minute.",
    "consumer_stalled": "It has not finished what it fetched from Kafka for more than two minutes.",
    "events_parked": "Events whose handling failed wait for an operator.",
    "letters_open": "Events that were refused for good wait for an operator.",
    "target_away": "An outside system does not answer; its work waits.",
    "configurations_failed": "Configurations failed and wait for a decision.",
    "drift_held_back": "A target shows so many accounts otherwise than configured that they were not recorded.",
    "checkpoint_old": "The record is not signed any more.",
    "mailbox_old": "A mailbox has not been read for a quarter of an hour.",
    "views_left_behind": "A view is behind its events.",
    "versions_differ": "The processes are of different versions.",
}
"""What a finding says in English, by its code."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that needs an operator.

    Attributes:
        about: the process, the agency, or the processes and the part that they cannot reach.
        command: shows more, or helps.
        since: UTC; None: unknown.
    """

    code: str
    about: str
    command: str
    since: datetime | None = None

    @property
    def sentence(self) -> str:
        return SENTENCE[self.code]


@dataclass(frozen=True, slots=True)
class Part:
    """What processes stand on, such as Kafka.

    Attributes:
        since: when it came or went, UTC; None: unknown.
        missed_by: the processes that cannot use it.
    """

    name: str
    since: datetime | None
    missed_by: tuple[str, ...] = ()

    @property
    def is_up(self) -> bool:
        return not self.missed_by


class Figures:
    """The samples of one `/metrics`, by name."""

    def __init__(self, exposition: str) -> None:
        self._samples: dict[str, list[tuple[Mapping[str, str], float]]] = {}
        for family in text_string_to_metric_families(exposition):
            for sample in family.samples:
                self._samples.setdefault(sample.name, []).append((sample.labels, sample.value))

    def of(self, name: str) -> Sequence[tuple[Mapping[str, str], float]]:
        return self._samples.get(name, ())

    def by(self, name: str, label: str) -> Mapping[str, float]:
        return {labels.get(label, ""): value for labels, value in self.of(name)}

    def total(self, name: str) -> float:
        return sum(value for _, value in self.of(name))

    def most(self, name: str) -> float:
        return max((value for _, value in self.of(name)), default=0.0)


@dataclass(frozen=True, slots=True)
class Process:
    """One process's metrics; `since` it is up, or does not answer (UTC; None: unknown)."""

    name: str
    figures: Figures | None
    since: datetime | None

    @property
    def is_up(self) -> bool:
        return self.figures is not None

    @property
    def missing(self) -> Sequence[str]:
        """The parts that it cannot use, without those that it can do without."""
        if self.figures is None:
            return ()
        return [part for part, up in self.figures.by("bmt_part_up", "part").items() if not up]

    @property
    def version(self) -> str:
        return next(iter(self._by("bmt_build_info", "version")), "")

    @property
    def outbox(self) -> int:
        """Events that Kafka has not got yet."""
        return int(self._total("bmt_outbox_pending"))

    @property
    def outbox_age(self) -> timedelta:
        return timedelta(seconds=self._total("bmt_outbox_oldest_seconds"))

    @property
    def parked(self) -> int:
        """Events that wait for an operator."""
        return int(self._total("bmt_parked_events"))

    @property
    def letters(self) -> int:
        """Events that it refused for good, and that no operator has handled yet."""
        return int(self._total("bmt_dead_letters_open"))

    @property
    def unread(self) -> int:
        """Events that it has not read yet."""
        return int(self._total("kafka_consumergroup_lag"))

    def _total(self, name: str) -> float:
        return self.figures.total(name) if self.figures else 0.0

    def _by(self, name: str, label: str) -> Mapping[str, float]:
        return self.figures.by(name, label) if self.figures else {}


class System:
    """All processes, by their metrics at one moment."""

    def __init__(self, texts: Mapping[str, str | None], now: datetime) -> None:
        """`texts` has the text of each process's `/metrics`; None: it does not answer."""
        self.now = now
        figures = {name: None if text is None else Figures(text) for name, text in texts.items()}
        self._figures = {name: each for name, each in figures.items() if each is not None}
        watched = self._seen(WEB)
        self.processes = [
            Process(name, each, _started(each) if each else _since(watched.get(name)))
            for name, each in figures.items()
        ]
        self.parts = list(self._parts({*texts, *SERVICES}))

    def ages(self) -> Iterator[tuple[str, str, timedelta]]:
        """What must not grow old: `checkpoint`, or `mailbox` of an agency, with its age."""
        for each in self._figures.values():
            for _, seconds in each.of("bmt_checkpoint_age_seconds"):
                yield "checkpoint", "", timedelta(seconds=seconds)
            for agency, seconds in each.by("bmt_mailbox_last_look_seconds", "agency").items():
                yield "mailbox", agency, timedelta(seconds=seconds)

    def findings(self) -> list[Finding]:
        """By the limits of the alerts."""
        found = [
            Finding("process_away", one.name, "bmt doctor", one.since)
            for one in self.processes
            if not one.is_up
        ]
        for part in self.parts:
            lasts = part.since is None or self.now - part.since > AWAY_FOR
            if not part.is_up and lasts:
                code = "target_away" if part.name in TARGETS else "part_away"
                command = TARGETS.get(part.name, "bmt doctor")
                about = f"{', '.join(part.missed_by)} → {part.name}"
                found.append(Finding(code, about, command, part.since))
        for process in self.processes:
            found += self._of(process)
        versions = {one.version for one in self.processes if one.version}
        if len(versions) > 1:
            found.append(Finding("versions_differ", ", ".join(sorted(versions)), "bmt status"))
        return found

    def _of(self, process: Process) -> Iterator[Finding]:
        name, figures = process.name, process.figures
        if figures is None:
            return
        if process.outbox_age.total_seconds() > OUTBOX_SECONDS:
            since = self.now - process.outbox_age
            yield Finding("outbox_late", name, "bmt doctor", since)
        if (stalled := figures.most("bmt_consumer_stalled_seconds")) > STALLED_SECONDS:
            since = self.now - timedelta(seconds=stalled)
            yield Finding("consumer_stalled", name, "bmt doctor", since)
        if process.parked:
            yield Finding("events_parked", name, f"bmt parked list --service {name}")
        if process.letters:
            refused = _moment(figures.most("bmt_dead_letters_oldest_timestamp_seconds"))
            yield Finding("letters_open", name, "bmt dead-letters list", refused)
        if figures.total("bmt_views_left_behind_total"):
            yield Finding("views_left_behind", name, f"bmt views rebuild {name}")
        yield from self._to_decide(figures)
        yield from self._old(figures)

    def _to_decide(self, figures: Figures) -> Iterator[Finding]:
        for labels, requests in figures.of("bmt_requests"):
            if requests and labels.get("status") == "configuration_failed":
                agency = labels.get("agency", "")
                command = f"bmt failures list --agency {agency}"
                yield Finding("configurations_failed", agency, command)
        for target, accounts in figures.by("bmt_drift_held_back", "target").items():
            if accounts:
                yield Finding("drift_held_back", target, "bmt doctor")

    def _old(self, figures: Figures) -> Iterator[Finding]:
        signed = figures.most("bmt_checkpoint_age_seconds")
        if signed > CHECKPOINT_SECONDS:
            since = self.now - timedelta(seconds=signed)
            yield Finding("checkpoint_old", "records", "bmt records verify", since)
        for agency, seconds in figures.by("bmt_mailbox_last_look_seconds", "agency").items():
            if seconds > MAILBOX_SECONDS:
                since = self.now - timedelta(seconds=seconds)
                yield Finding("mailbox_old", agency, "bmt doctor", since)

    def _parts(self, processes: set[str]) -> Iterator[Part]:
        """Each part once, with all that miss it; processes are listed by themselves."""
        names = {part for name in self._figures for part in self._seen(name)} - processes
        for part in sorted(names):
            seen = {
                name: self._seen(name)[part] for name in self._figures if part in self._seen(name)
            }
            missed_by = tuple(name for name, (up, _) in seen.items() if not up)
            times = [at for up, at in seen.values() if up is not bool(missed_by)]
            since = min(times) if missed_by else max(times)
            yield Part(part, _moment(since), missed_by)

    def _seen(self, process: str) -> Mapping[str, tuple[bool, float]]:
        """By part, whether the process can use it, and since when."""
        if process not in self._figures:
            return {}
        figures = self._figures[process]
        changed = figures.by("bmt_part_changed_timestamp_seconds", "part")
        return {
            part: (bool(up), changed.get(part, 0.0))
            for part, up in figures.by("bmt_part_up", "part").items()
        }


def _started(figures: Figures) -> datetime | None:
    return _moment(figures.most("process_start_time_seconds"))


def _since(seen: tuple[bool, float] | None) -> datetime | None:
    """Since when a watcher misses a process; None: it has not noticed yet."""
    return _moment(seen[1]) if seen and not seen[0] else None


def _moment(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
