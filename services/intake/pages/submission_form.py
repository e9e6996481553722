"""The form of an application or a termination, and its validation: all faults are shown at once."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

from pydantic import ValidationError

from bmt.chassis.http.auth import Principal
from bmt.contracts.problems import FieldError
from bmt.contracts.requests import SubmitRequest
from bmt.contracts.values import Channel, Document
from services.intake.domain.request import Received
from services.intake.domain.submission import Caller
from services.intake.drafts import Draft
from web.forms import FormWrong, Sent, first_step, new_key, validated
from web.sizes import in_gigabytes, read_sizes

_SIZES: Final = ("quota_bytes", "max_file_size_bytes")
_REASON: Final = "correction_reason"
_FIELDS: Final = ("kind", "reply_through", "justification", *_SIZES, _REASON)
Judge = Callable[[SubmitRequest, Channel, Caller], Awaitable[Sequence[FieldError]]]
"""`Reception.judge`."""
_STANDS_FOR: Final = {"justification": "-"}
"""Stands in for a faulty required field while the others are judged."""

M = TypeVar("M", bound=SubmitRequest)


class Wanted(NamedTuple):
    """The body that a form makes for the API, and the faults that are known already."""

    told: Mapping[str, Any]
    faults: Sequence[FieldError]


@dataclass(frozen=True, slots=True)
class SubmissionForm:
    """The contents of the form; none of it is lost when it is refused.

    Attributes:
        key: names this form for ever.
        typed: by field; sizes in gigabytes.
        documents: those that are attached.
        saved_at: when it was saved as a draft; None: it was not.
    """

    key: str = field(default_factory=new_key)
    typed: Mapping[str, str] = field(default_factory=dict)
    documents: Sequence[Document] = ()
    saved_at: datetime | None = None

    @classmethod
    def of(cls, sent: Sent) -> "SubmissionForm":
        """The form as it was sent, under a new key for its next version."""
        return cls(new_key(), {name: sent.text(name) for name in _FIELDS})

    @classmethod
    def again(cls, request: Received) -> "SubmissionForm":
        """The form of a correction: the former values, without the papers that the request came by."""
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
        """The form of a draft, with the draft's key, so that a draft is not sent twice."""
        return cls(draft.key, draft.typed, draft.documents, draft.saved_at)

    def draft(self, saved_at: datetime) -> Draft:
        return Draft(
            key=self.key,
            typed=self.typed,
            documents=tuple(self.documents),
            saved_at=saved_at,
        )

    def value(self, name: str, otherwise: str = "") -> str:
        return self.typed.get(name, otherwise)

    def with_documents(self, documents: Sequence[Document]) -> "SubmissionForm":
        known = {one.document_id: one for one in (*self.documents, *documents)}
        return replace(self, documents=tuple(known.values()))

    def wanted(
        self, visitor: Principal, further: Sequence[FieldError], *, says_why: bool = False
    ) -> Wanted:
        """The body for the visitor; `further` are faults outside its fields.

        `says_why`: it is a correction that nobody asked for, so it needs a reason.
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
    """The validated body.

    Raises:
        FormWrong: names every faulty field, by its own value or by the agency's rules.
    """
    try:
        return validated(model, wanted.told, wanted.faults)
    except FormWrong as wrong:
        further = await _further(model, wanted.told, wrong, caller, judge)
        raise FormWrong(errors=(*wrong.errors, *further)) from None


async def _further(
    model: type[M], told: Mapping[str, Any], wrong: FormWrong, caller: Caller, judge: Judge
) -> Sequence[FieldError]:
    """The objections of the agency's rules to the valid fields."""
    known = {first_step(fault.pointer) for fault in wrong.errors}
    rest = {name: value for name, value in told.items() if name not in known - {"documents"}}
    rest |= {name: value for name, value in _STANDS_FOR.items() if name in known}
    try:
        body = model.model_validate(rest)
    except ValidationError:  # without these fields, no rule applies
        return ()
    return [
        fault
        for fault in await judge(body, "form", caller)
        if first_step(fault.pointer) not in known
    ]
