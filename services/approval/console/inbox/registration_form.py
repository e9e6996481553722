"""The form that registers an item of the inbox, or corrects a request: what it begins with, what was typed, what it asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bmt.chassis.http.auth import Principal
from bmt.contracts.http.approval import RequestUnderReview
from bmt.contracts.http.intake import InboxItemInFull
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.requests import CorrectionHandedIn, RegisterItem
from bmt.pages.forms import Sent, new_key, validated
from bmt.pages.sizes import in_gigabytes, read_sizes

_OF_APPLICANT: Final = ("account", "name", "email")
_SIZES: Final = ("quota_bytes", "max_file_size_bytes")
_FIELDS: Final = ("kind", "channel", "reply_through", "justification", *_OF_APPLICANT, *_SIZES)
_REASON: Final = "correction_reason"
_ENDS: Final = ("penamatan", "termination")


@dataclass(frozen=True, slots=True)
class RegistrationForm:
    """What stands in the form.

    Attributes:
        key: names this one form for ever.
        typed: by field; sizes in gigabytes, as people write them.
    """

    key: str = field(default_factory=new_key)
    typed: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_item(cls, item: InboxItemInFull) -> "RegistrationForm":
        """With what the item itself says, and nothing else; a person looks at it beside the original.

        Neither who wrote the message nor who scanned the paper need be the applicant.
        """
        understood = item.understood
        typed = {name: understood.get(name, "") for name in _FIELDS}
        kind = typed["kind"].casefold()
        typed["kind"] = "termination" if any(end in kind for end in _ENDS) else "application"
        typed |= {name: _number(typed[name]) for name in _SIZES}
        return cls(new_key(), typed)

    @classmethod
    def of_review(cls, review: RequestUnderReview) -> "RegistrationForm":
        """With what a request says now, to be corrected."""
        typed = {
            "kind": review.kind,
            "channel": review.channel,
            "reply_through": review.reply_through,
            "justification": review.justification,
            **{name: getattr(review.applicant, name) for name in _OF_APPLICANT},
            **{name: in_gigabytes(getattr(review, name)) for name in _SIZES},
        }
        return cls(new_key(), typed)

    @classmethod
    def of(cls, sent: Sent) -> "RegistrationForm":
        """As it was sent; what is filled in differently next time is another form."""
        return cls(new_key(), {name: sent.text(name) for name in (*_FIELDS, "reason", _REASON)})

    def value(self, name: str) -> str:
        """What stands in a field."""
        return self.typed.get(name, "")

    def registration(self, visitor: Principal) -> RegisterItem:
        """What it asks for, at the visitor's agency.

        Raises:
            FormWrong: naming every field that is wrong.
        """
        faults: list[FieldError] = []
        return validated(
            RegisterItem, self._told(visitor.agency, self.value("kind"), faults), faults
        )

    def correction(
        self, review: RequestUnderReview, documents: Sequence[str], further: Sequence[FieldError]
    ) -> CorrectionHandedIn:
        """What the request should have been, with these documents; `further` is what is wrong beside the fields.

        Raises:
            FormWrong: naming every field that is wrong.
        """
        faults: list[FieldError] = []
        told = self._told(review.agency, review.kind, faults) | {"documents": documents}
        if reason := self.value(_REASON).strip():
            told[_REASON] = reason
        elif review.status == "received":
            faults.append(FieldError.of(f"/{_REASON}", "correction_reason_needed"))
        return validated(CorrectionHandedIn, told, (*faults, *further))

    def _told(self, agency: str, kind: str, faults: list[FieldError]) -> dict[str, Any]:
        told: dict[str, Any] = {
            "kind": kind,
            "agency": agency,
            "channel": self.value("channel"),
            "applicant": {name: self.value(name).strip() for name in _OF_APPLICANT},
            "justification": self.value("justification").strip(),
        }
        if reply := self.value("reply_through"):
            told["reply_through"] = reply
        if told["kind"] == "application":
            told |= read_sizes({name: self.value(name) for name in _SIZES}, faults)
        return told


def field_of(pointer: str) -> str:
    """The field that a pointer leads to: an applicant's stand by themselves, and documents are attached."""
    return "attached" if pointer.startswith("/documents") else pointer.rpartition("/")[2]


def faults_of(refused: Refused | None) -> dict[str, FieldError]:
    """What is wrong with each field, by the last step of its pointer: an applicant's fields stand by themselves."""
    errors = refused.errors if refused else ()
    return {field_of(fault.pointer): fault for fault in errors if fault.pointer}


def _number(written: str) -> str:
    """A size as the form wants it, where it was written in gigabytes; else as it was written."""
    bare = written.strip()
    return bare[:-2].strip() if bare.casefold().endswith("gb") else bare
