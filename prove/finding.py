"""The result of a check: how much was examined, and what is wrong."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong; `request_id` is null if it concerns none."""

    what: str
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    checked: int
    violations: tuple[Violation, ...]


@dataclass(slots=True)
class Tally:
    """Counts what is examined, and collects what is wrong."""

    checked: int = 0
    violations: list[Violation] = field(default_factory=list)

    def require(self, so: bool, what: str, request_id: str | None = None) -> None:  # noqa: FBT001
        """Examine one thing; `what` describes the fault if it is not `so`."""
        self.checked += 1
        if not so:
            self.violations.append(Violation(what, request_id))

    def finding(self) -> Finding:
        """The result; each violation appears once."""
        return Finding(self.checked, tuple(dict.fromkeys(self.violations)))
