"""The audit's report, and the history of a request in the order of time."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from prove.books import Books, Finding, Violation, short
from prove.evidence import Call, Evidence
from prove.invariants import INVARIANTS, Check


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """One step of a request; `at` is RFC 3339 in UTC, `who` a client, a service, IPMS or the mailbox."""

    at: str
    who: str
    what: str


def history(books: Books, request_id: str) -> list[Moment]:
    """Everything about one request; the moments come from different clocks."""
    return sorted(
        [
            *_calls(books, request_id),
            *_events(books, request_id),
            *_commits(books, request_id),
            *_changes(books, request_id),
            *_mails(books, request_id),
        ]
    )


def _calls(books: Books, request_id: str) -> Iterator[Moment]:
    for intention in books.intentions:
        about = request_id in intention.request_ids or any(
            call.request_id == request_id for call in intention.calls
        )
        for call in intention.calls if about else ():
            yield Moment(_utc(datetime.fromisoformat(call.at)), call.by, _called(call))


def _called(call: Call) -> str:
    if call.status is None:
        return f"{call.action} (key {call.key}) is sent"
    again = ", given before" if call.replayed else ""
    return f"{call.action} (key {call.key}) is answered {call.status}{again}"


def _events(books: Books, request_id: str) -> Iterator[Moment]:
    for each in books.by_request.get(request_id, ()):
        for copy in books.copies[each.id]:
            record = copy.record
            at = _utc(datetime.fromtimestamp(record.timestamp / 1000, UTC))
            place = f"{record.topic}/{record.partition}@{record.offset}"
            text = f"{each.name} {each.sequence} ({each.id}, because of {each.cause}) on {place}"
            yield Moment(at, each.service, text)


def _commits(books: Books, request_id: str) -> Iterator[Moment]:
    for (service, stream), commits in books.streams.items():
        if stream != f"request-{request_id}":
            continue
        for commit in commits:
            names = ", ".join(short(event.type) for event in commit.events) or "nothing"
            if commit.refusal:
                names = f"a refusal: {commit.refusal.get('problem')}"
            text = f"commit {commit.version} ({commit.id}): {names}"
            yield Moment(_utc(commit.recorded_at), service, text)


def _changes(books: Books, request_id: str) -> Iterator[Moment]:
    accounts = {each.account for each in books.by_request.get(request_id, ())}
    for change in books.evidence.changes:
        if change.account.casefold() in accounts and change.at:
            state = f"enabled {change.bmt_enabled}, largest file {change.max_file_size_bytes}"
            yield Moment(_utc(datetime.fromisoformat(change.at)), "IPMS", state)


def _mails(books: Books, request_id: str) -> Iterator[Moment]:
    ids = {each.data.get("message_id") for each in books.by_request.get(request_id, ())}
    for mail in books.evidence.mails:
        if mail.message_id is not None and mail.message_id in ids:
            at = _utc(datetime.fromtimestamp(mail.at, UTC))
            yield Moment(at, "mailbox", f"{mail.message_id} to {', '.join(mail.recipients)}")


def _utc(moment: datetime) -> str:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


MOST_HISTORIES: Final = 10
MOST_SHOWN: Final = 25


@dataclass(frozen=True, slots=True)
class Report:
    """The ten findings, and the histories of the first requests with a violation."""

    findings: Mapping[str, Finding]
    histories: Mapping[str, list[Moment]]

    @property
    def sound(self) -> bool:
        return not self.red

    @property
    def red(self) -> tuple[str, ...]:
        """The invariants that are violated."""
        return tuple(name for name, each in self.findings.items() if each.violations)

    def document(self) -> dict[str, Any]:
        """JSON."""
        return {
            "sound": self.sound,
            "invariants": {
                name: {
                    "promise": INVARIANTS[name][0],
                    "checked": finding.checked,
                    "violations": [asdict(each) for each in finding.violations],
                }
                for name, finding in self.findings.items()
            },
            "histories": {
                request_id: [asdict(moment) for moment in moments]
                for request_id, moments in self.histories.items()
            },
        }

    def show(self, console: Console) -> None:
        """A table, then the violations, then the histories."""
        table = Table("", "invariant", "checked", "violations", box=None, header_style="bold")
        for name, finding in self.findings.items():
            wrong = len(finding.violations)
            style = "red" if wrong else ""
            table.add_row(
                name, INVARIANTS[name][0], f"{finding.checked:,}", f"{wrong:,}", style=style
            )
        console.print(table)
        for name, finding in self.findings.items():
            for each in finding.violations[:MOST_SHOWN]:
                console.print(f"{name} {each.request_id or '-'}: {each.what}", markup=False)
            if (left := len(finding.violations) - MOST_SHOWN) > 0:
                console.print(f"{name}: and {left} more")
        for request_id, moments in self.histories.items():
            console.print(f"\nHistory of {request_id}", style="bold")
            for moment in moments:
                console.print(f"  {moment.at}  {moment.who:<14} {moment.what}", markup=False)


def audit(evidence: Evidence) -> Report:
    """Runs every check; pure."""
    books = Books(evidence)
    findings = {name: _checked(check, books) for name, (_, check) in INVARIANTS.items()}
    wrong = dict.fromkeys(
        each.request_id
        for finding in findings.values()
        for each in finding.violations
        if each.request_id
    )
    return Report(findings, {name: history(books, name) for name in list(wrong)[:MOST_HISTORIES]})


def _checked(check: Check, books: Books) -> Finding:
    """The check's result; unreadable evidence is a violation, too."""
    try:
        return check(books)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        return Finding(0, (Violation(f"the evidence cannot be read: {error!r}"),))
