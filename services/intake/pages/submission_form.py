"""The form of an application or a termination: what was filled in, and what it asks for."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

from pydantic import ValidationError

from bmt.chassis.http.auth import Principal
from bmt.contracts.problems import FieldError
from bmt.contracts.requests import SubmitRequest
from bmt.contracts.values import Channel, Document
from bmt.pages.forms import FormWrong, Sent, first_step, new_key, validated
from bmt.pages.sizes import in_gigabytes, read_sizes
from services.intake.domain.state import Received
from services.intake.domain.submission import Caller
from services.intake.drafts import Draft

_SIZES: Final = ("quota_bytes", "max_file_size_bytes")
_REASON: Final = "correction_reason"
_FIELDS: Final = ("kind", "reply_through", "justification", *_SIZES, _REASON)
Judge = Callable[[SubmitRequest, Channel, Caller], Awaitable[Sequence[FieldError]]]
"""`Reception.judge`."""
_STANDS_FOR: Final = {"justification": "-"}
"""What a needed field is judged with that is wrong itself."""

M = TypeVar("M", bound=SubmitRequest)


class Wanted(NamedTuple):
    """What a form asks for, as the API would be told, and what is known to be wrong with it."""

    told: Mapping[str, Any]
    faults: Sequence[FieldError]


@dataclass(frozen=True, slots=True)
class SubmissionForm:
    """What stands in the form: nothing that was filled in is lost when it is refused.

    Attributes:
        key: names this one form for ever.
        typed: by field; sizes in gigabytes, as people write them.
        documents: those that are attached already.
        saved_at: when it was kept as a draft; None: it is none.
    """

    key: str = field(default_factory=new_key)
    typed: Mapping[str, str] = field(default_factory=dict)
    documents: Sequence[Document] = ()
    saved_at: datetime | None = None

    @classmethod
    def of(cls, sent: Sent) -> "SubmissionForm":
        """As it was sent; what is filled in differently next time is another form."""
        return cls(new_key(), {name: sent.text(name) for name in _FIELDS})

    @classmethod
    def again(cls, request: Received) -> "SubmissionForm":
        """With all that was asked for before, to be corrected; the papers that it came by are no attachments."""
        facts = request.facts
        typed = {
            "kind": facts.kind,
            "justification": request.last.justification,
            "reply_through": facts.reply_through,
            "quota_bytes": in_gigabytes(facts.quota_bytes),
            "max_file_size_bytes": in_gigabytes(facts.max_file_size_bytes),
        }
        came_with = {one.document_id for one in request.came_with}
        attached = [one for one in request.last.documents if one.document_id not in came_with]
        return cls(new_key(), typed, attached)

    @classmethod
    def left(cls, draft: Draft) -> "SubmissionForm":
        """As it was left; with its own name, so that a draft that was sent is not sent twice."""
        return cls(draft.key, draft.typed, draft.documents, draft.saved_at)

    def draft(self, saved_at: datetime) -> Draft:
        """To be kept, as it is."""
        return Draft(
            key=self.key,
            typed=self.typed,
            documents=tuple(self.documents),
            saved_at=saved_at,
        )

    def value(self, name: str, otherwise: str = "") -> str:
        """What stands in a field."""
        return self.typed.get(name, otherwise)

    def with_documents(self, documents: Sequence[Document]) -> "SubmissionForm":
        """With these attached, too."""
        known = {one.document_id: one for one in (*self.documents, *documents)}
        return replace(self, documents=tuple(known.values()))

    def wanted(
        self, visitor: Principal, further: Sequence[FieldError], *, says_why: bool = False
    ) -> Wanted:
        """What it asks for, for who is signed in; `further` is what is wrong beside its fields.

        `says_why`: it is a correction that nobody asked for.
        """
        faults: list[FieldError] = []
        applicant = {"account": visitor.subject, "name": visitor.name, "email": visitor.email}
        told: dict[str, Any] = {
            "kind": self.value("kind"),
            "agency": visitor.agency,
            "channel": "form",
            "applicant": applicant,
            "justification": self.value("justification").strip(),
            "documents": [one.document_id for one in self.documents],
        }
        if reply := self.value("reply_through"):
            told["reply_through"] = reply
        if told["kind"] == "application":
            told |= read_sizes({name: self.value(name) for name in _SIZES}, faults)
        if reason := self.value(_REASON).strip():
            told[_REASON] = reason
        elif says_why:
            faults.append(FieldError.of(f"/{_REASON}", "correction_reason_needed"))
        return Wanted(told, (*faults, *further))


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
