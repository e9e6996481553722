"""The form of an application or a termination: what was filled in, and what it asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from bmt.chassis.http.auth import Principal
from bmt.contracts.problems import FieldError
from bmt.contracts.values import Document
from bmt.pages.forms import Sent, new_key
from bmt.pages.sizes import in_gigabytes, read_sizes
from services.intake.domain.state import Received
from services.intake.drafts import Draft
from services.intake.pages.checking import Wanted

_SIZES: Final = ("quota_bytes", "max_file_size_bytes")
_REASON: Final = "correction_reason"
_FIELDS: Final = ("kind", "reply_through", "justification", *_SIZES, _REASON)


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
