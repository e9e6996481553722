"""Whether a form can be handed in: all that is wrong with it is told at once, of whatever kind it is."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from pydantic import ValidationError

from bmt.contracts.problems import FieldError
from bmt.contracts.requests import SubmitRequest
from bmt.pages.forms import FormWrong, first_step, validated
from services.intake.domain.submission import Caller
from services.intake.handlers import Judge

_STANDS_FOR: Final = {"justification": "-"}
"""What a needed field is judged with that is wrong itself."""

M = TypeVar("M", bound=SubmitRequest)


class Wanted(NamedTuple):
    """What a form asks for, as the API would be told, and what is known to be wrong with it."""

    told: Mapping[str, Any]
    faults: Sequence[FieldError]


async def checked(model: type[M], wanted: Wanted, caller: Caller, judge: Judge) -> M:
    """What the form asks for.

    Raises:
        FormWrong: naming every field that is wrong, be it by itself or by the agency's rules.
    """
    try:
        return validated(model, wanted.told, wanted.faults)
    except FormWrong as wrong:
        further = await _further(model, wanted.told, wrong, caller, judge)
        raise FormWrong(errors=(*wrong.errors, *further)) from None


async def _further(
    model: type[M], told: Mapping[str, Any], wrong: FormWrong, caller: Caller, judge: Judge
) -> Sequence[FieldError]:
    """What the rules say against the fields that are right by themselves."""
    known = {first_step(fault.pointer) for fault in wrong.errors}
    rest = {name: value for name, value in told.items() if name not in known - {"documents"}}
    rest |= {name: value for name, value in _STANDS_FOR.items() if name in known}
    try:
        body = model.model_validate(rest)
    except ValidationError:  # nothing can be said of who asks for what, where
        return ()
    return [
        fault
        for fault in await judge(body, "form", caller)
        if first_step(fault.pointer) not in known
    ]
