"""What an audit came to, for people and for programs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bmt.prove.books import Books
from bmt.prove.evidence import Evidence
from bmt.prove.finding import Finding, Violation
from bmt.prove.history import Moment, history
from bmt.prove.invariants import INVARIANTS, Check

MOST_HISTORIES: Final = 10
MOST_SHOWN: Final = 25


@dataclass(frozen=True, slots=True)
class Report:
    """The ten findings, and the histories of the first requests that something is wrong with."""

    findings: Mapping[str, Finding]
    histories: Mapping[str, list[Moment]]

    @property
    def sound(self) -> bool:
        """Whether no invariant is violated."""
        return not self.red

    @property
    def red(self) -> tuple[str, ...]:
        """The invariants that are violated."""
        return tuple(name for name, each in self.findings.items() if each.violations)

    def document(self) -> dict[str, Any]:
        """As JSON."""
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
        """As a table, then what is wrong, then how it came to that."""
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
    """Look at everything; pure."""
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
    """What the check says; evidence that is so broken that it cannot be read is a violation, too."""
    try:
        return check(books)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        return Finding(0, (Violation(f"the evidence cannot be read: {error!r}"),))
