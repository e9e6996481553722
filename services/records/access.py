"""Whose files a caller may see."""

from bmt.chassis.http.auth import Principal
from services.records.domain.commands import Reader


def reader_of(caller: Principal) -> Reader:
    """An auditor without an agency sees all; everybody else sees the one of the token."""
    everywhere = caller.has("auditor") and not caller.agency
    return Reader(
        caller.subject, tuple(sorted(caller.roles)), None if everywhere else caller.agency
    )
