"""What a person must weigh before approving (SOP 3.0: serving, and registered)."""

from collections.abc import Iterator

from bmt.contracts.values import Kind, RequestWarning
from services.intake.domain.submission import Standing


def of_standing(kind: Kind, standing: Standing | None) -> Iterator[RequestWarning]:
    """What the directory says against it; a directory that cannot be asked is never a silent yes."""
    if standing is None:
        yield "directory_unavailable"
        return
    if not standing.registered:
        yield "not_registered"
    elif not standing.serving:
        yield "not_serving"
    if kind == "termination" and not standing.enabled:
        yield "no_active_service"
    if kind == "application" and standing.enabled:
        yield "already_active"


def warnings(
    kind: Kind, standing: Standing | None, *, open_elsewhere: bool
) -> tuple[RequestWarning, ...]:
    """All warnings of a request, in the contract's order."""
    others: tuple[RequestWarning, ...] = ("open_request_exists",) if open_elsewhere else ()
    return (*of_standing(kind, standing), *others)
