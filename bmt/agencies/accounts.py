"""Which agency an account belongs to: by the patterns of agencies.yaml, and by the directory."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

MOST_PATTERNS: Final = 1000

AccountPattern = Annotated[
    str, StringConstraints(strict=True, max_length=200, pattern=r"^[A-Za-z0-9*][A-Za-z0-9._@+*-]*$")
]
"""An account (SCIM userName), in which `*` stands for any characters; capitals are not told apart."""

AccountPatterns = Annotated[tuple[AccountPattern, ...], Field(max_length=MOST_PATTERNS)]

Belonging = Literal["own", "other", "unknown"]
"""Whose an account is, from one agency's view; unknown: no agency claims it."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Which agency claims which accounts. If several claim one, each may act for it.

    Attributes:
        written_out: the agencies that name an account without `*`, by the account in lower case.
        patterns: all other patterns in lower case, each with its agency.
    """

    written_out: Mapping[str, frozenset[str]] = field(default_factory=dict)
    patterns: tuple[tuple[str, str], ...] = ()

    def belonging(self, agency: str, account: str, named: Collection[str] = ()) -> Belonging:
        """Whether `account` (in any case) belongs to the agency with this code.

        If an account is written out, that alone decides. Otherwise it is another agency's if patterns, or the
        directory (`named`), assign it to others alone.
        """
        name = account.casefold()
        if exact := self.written_out.get(name):
            return "own" if agency in exact else "other"
        claimed = {owner for pattern, owner in self.patterns if fnmatchcase(name, pattern)}
        for owners in (claimed, named):
            if owners and agency not in owners:
                return "other"
        return "own" if claimed or named else "unknown"


NO_CLAIMS: Final = Claims()
"""No agency claims any account."""


def claims(accounts: Iterable[tuple[str, Collection[str]]]) -> Claims:
    """The claims of all agencies. Each argument is a code with its patterns."""
    written_out: dict[str, frozenset[str]] = {}
    patterns: list[tuple[str, str]] = []
    for agency, own in accounts:
        for pattern in map(str.casefold, own):
            if "*" in pattern:
                patterns.append((pattern, agency))
            else:
                written_out[pattern] = written_out.get(pattern, frozenset()) | {agency}
    return Claims(written_out, tuple(patterns))
