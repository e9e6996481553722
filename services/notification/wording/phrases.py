"""The facts of a notice, and how each language turns them into text."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from babel.dates import format_date

from bmt.agencies.charter import MALAYSIA
from bmt.contracts.events import About, RequestFacts
from bmt.contracts.http.notification import Wording
from bmt.contracts.values import Kind, ReplyChannel, immutable
from services.notification.domain.notice import Fact, Text
from services.notification.domain.template import written


@immutable
class Case:
    """The facts of one notice.

    Attributes:
        at: when it happened.
        agency_name: the agency's full name.
        decide_days: working days that the client charter allows for a decision; None: no promise.
        reason: an administrator's own words.
        quota_bytes: requested, or in force.
        max_file_size_bytes: requested, or in force.
        status_address: where the user can check the status; None: nowhere.
    """

    about: About
    request: RequestFacts
    at: datetime
    agency_name: str
    decide_days: int | None = None
    reason: str | None = None
    quota_bytes: int | None = None
    max_file_size_bytes: int | None = None
    status_address: str | None = None

    @property
    def is_termination(self) -> bool:
        """Whether the request ends a service (SOP 4.2)."""
        return self.request.kind == "termination"

    @property
    def is_adjusted(self) -> bool:
        """Whether other sizes are in force than were asked for."""
        request = self.request
        requested = (request.quota_bytes, request.max_file_size_bytes)
        given = (self.quota_bytes, self.max_file_size_bytes)
        return self.about == "configured" and any(
            None not in pair and pair[0] != pair[1] for pair in zip(requested, given, strict=True)
        )


@immutable
class Language:
    """The sentences of one language.

    Attributes:
        happened: replaces `statuses` in a sentence where that would not read well.
        adjusted: replaces both where other sizes are in force than were asked for.
        labels: of the facts: `account`, `quota`, `file`, `asked` (appended), `correction`,
            `reason`.
        applications: how the request is called when speaking to its applicant.
        charter: what the client charter promises: one working day, or `{days}`.
        onward: what the applicant can do after a rejection or a withdrawal.
        status: where the status can be checked: at `{address}`.
    """

    salutation: str
    signatory: str
    word_for_bytes: str
    channels: Mapping[ReplyChannel, str]
    statuses: Mapping[About, str]
    happened: Mapping[About, str]
    adjusted: str
    labels: Mapping[str, str]
    date: Callable[[datetime], str]
    titles: Mapping[Kind, str]
    applications: Mapping[Kind, str]
    charter: tuple[str, str]
    onward: Mapping[tuple[About, Kind], str]
    status: str

    def text(self, case: Case, wording: Wording) -> Text:
        """The notice in the words of `wording`."""
        values = self.values(case)
        onward = (written(paragraph, values) for paragraph in wording.onward)
        return Text(
            title=self.titles[case.request.kind],
            status=self.statuses[case.about],
            salutation=self.salutation,
            opening=written(wording.opening, values),
            facts=self._facts(case),
            quoted=self._quoted(case),
            paragraphs=tuple(filter(None, onward)),
            closing=tuple(written(line, values) for line in wording.closing),
            signatory=written(wording.signatory or self.signatory, values),
        )

    def values(self, case: Case) -> Mapping[str, str | None]:
        """The value of each template variable (`domain.template.MEANINGS`)."""
        return {
            "rujukan": case.request.reference,
            "keputusan": self._decision(case),
            "permohonan": self.applications[case.request.kind],
            "nama": case.request.applicant.name,
            "akaun": case.request.applicant.account,
            "agensi": case.agency_name,
            "tarikh_terima": self.date(case.request.received_at),
            "tarikh": self.date(case.at),
            "kuota": self._size(case.quota_bytes),
            "saiz_fail": self._size(case.max_file_size_bytes),
            "saluran": self.channels[case.request.reply_through],
            "piagam": self._charter(case.decide_days),
            "selanjutnya": self.onward.get((case.about, case.request.kind), ""),
            "semakan": self.status_at(case.status_address),
        }

    def status_at(self, address: str | None) -> str:
        """Empty where there is no address."""
        return self.status.format(address=address) if address else ""

    def _charter(self, days: int | None) -> str:
        one, many = self.charter
        return (one if days == 1 else many).format(days=days) if days else ""

    def _size(self, size_bytes: int | None) -> str | None:
        return None if size_bytes is None else size(size_bytes, self.word_for_bytes)

    def _decision(self, case: Case) -> str:
        if case.is_adjusted:
            return self.adjusted
        return self.happened.get(case.about, self.statuses[case.about])

    def _facts(self, case: Case) -> tuple[Fact, ...]:
        facts = [Fact(label=self.labels["account"], value=case.request.applicant.account)]
        sizes = {"quota": case.quota_bytes, "file": case.max_file_size_bytes}
        requested = {"quota": case.request.quota_bytes, "file": case.request.max_file_size_bytes}
        for label, size_bytes in sizes.items():
            name, of_request = self.labels[label], f"{self.labels[label]}{self.labels['asked']}"
            if (value := self._size(size_bytes)) is None:
                continue
            facts.append(
                Fact(label=name if case.about == "configured" else of_request, value=value)
            )
            other = self._size(requested[label])
            if case.about == "configured" and other not in (None, value):
                facts.append(Fact(label=of_request, value=other))
        return tuple(facts)

    def _quoted(self, case: Case) -> Fact | None:
        if case.reason is None:
            return None
        label = "correction" if case.about == "returned" else "reason"
        return Fact(label=self.labels[label], value=case.reason)


_UNITS: Final = ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


def size(size_bytes: int, word_for_bytes: str) -> str:
    """A size in decimal units, and exactly: `10 GB (10,000,000,000 bait)`."""
    exactly = f"{size_bytes:,} {word_for_bytes}"
    for factor, unit in _UNITS:
        if size_bytes >= factor:
            rounded = f"{size_bytes / factor:.2f}".rstrip("0").rstrip(".")
            return f"{rounded} {unit} ({exactly})"
    return exactly


def malay_date(moment: datetime) -> str:
    """The day in Malaysia: `24 November 2026`."""
    return _date(moment, "ms")


def english_date(moment: datetime) -> str:
    """The day in Malaysia: `24 November 2026`."""
    return _date(moment, "en")


def _date(moment: datetime, locale: str) -> str:
    return format_date(moment.astimezone(MALAYSIA), "d MMMM y", locale=locale)
