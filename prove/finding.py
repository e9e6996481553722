"""What an invariant's check comes to: how much was looked at, and what is not as it was promised."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is not so. `request_id` is null where it is about none."""

    what: str
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check came to."""

    checked: int
    violations: tuple[Violation, ...]


@dataclass(slots=True)
class Tally:
    """Counts what is looked at, and keeps what is wrong."""

    checked: int = 0
    violations: list[Violation] = field(default_factory=list)

    def require(self, so: bool, what: str, request_id: str | None = None) -> None:  # noqa: FBT001
        """Look at one thing; `what` says what is wrong when it is not `so`."""
        self.checked += 1
        if not so:
            self.violations.append(Violation(what, request_id))

    def finding(self) -> Finding:
        """All of it; the same violation is told once."""
        return Finding(self.checked, tuple(dict.fromkeys(self.violations)))
