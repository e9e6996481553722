"""Which fields go with which decision, and for whom an officer may act."""

from collections.abc import Sequence
from typing import Final

from bmt.agencies.deciding import acts_for
from bmt.contracts.http.approval import Ruling
from bmt.contracts.problems import FieldError
from services.approval.domain.commands import Decide

SIZES: Final = ("quota_bytes", "max_file_size_bytes")
OF_APPROVAL: Final = (*SIZES, "exception_reason")


def present(ruling: Ruling, names: Sequence[str], code: str) -> list[FieldError]:
    """A fault for each of these fields that was sent: nothing said is dropped in silence."""
    return [FieldError.of(f"/{name}", code) for name in names if getattr(ruling, name) is not None]


def acting_wrong(command: Decide) -> list[FieldError]:
    """A fault where the officer acts for somebody without being appointed; it names what is allowed."""
    acting, said = command.policy.acting, command.ruling.on_behalf_of
    if not acting or said is None:
        return []
    allowed = acts_for(acting, command.officer.subject, command.decided_at)
    if said.strip() in allowed:
        return []
    if not allowed:
        return [FieldError.of("/on_behalf_of", "not_appointed")]
    return [FieldError.of("/on_behalf_of", "appointed_for_others", names=allowed)]
