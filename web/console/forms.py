"""Forms of the console: what was typed, and the command that it makes.

A refused form keeps what was typed. Its key is new: changed input is another command.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import getaddresses
from typing import Any, Final, get_args

from bmt.chassis.http.auth import Principal
from bmt.contracts.events import CorrectionHandedIn, RegisterItem
from bmt.contracts.http.approval import Choice, RequestUnderReview, Ruling, Rulings
from bmt.contracts.http.intake import InboxItemInFull
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Document, in_gigabytes
from web.forms import (
    FieldFault,
    FormWrong,
    SubmittedForm,
    field_faults,
    new_key,
    read_sizes,
    validated,
)

_SIZES: Final = ("quota_bytes", "max_file_size_bytes")
_OF_APPLICANT: Final = ("account", "name", "email")
_TEXTS: Final = ("reason", "exception_reason", "on_behalf_of")
_PREPARED: Final = {"reason": "prepared_reason", "exception_reason": "prepared_exception"}
"""The field with the prepared reason, which precedes the typed one."""
_CHOICES: Final = get_args(Choice)
_FIELDS: Final = ("kind", "channel", "reply_through", "justification", *_OF_APPLICANT, *_SIZES)
_REASON: Final = "correction_reason"
_NO_CHANNEL: Final = FieldError.of("/channel", "choose_one")


@dataclass(frozen=True, slots=True)
class DecisionForm:
    """The form of a decision. Sizes are typed in gigabytes."""

    key: str = field(default_factory=new_key)
    typed: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, form: SubmittedForm) -> "DecisionForm":
        names = ("decision", *_SIZES, *_TEXTS, *_PREPARED.values())
        return cls(new_key(), {name: form.text(name) for name in names})

    @classmethod
    def of_draft(cls, key: str, typed: Mapping[str, str]) -> "DecisionForm":
        """The form of a draft, with its key."""
        return cls(key, typed)

    def value(self, name: str, otherwise: str = "") -> str:
        return self.typed.get(name, otherwise)

    def ruling(self) -> Ruling:
        """The ruling, without the fields that belong to another decision.

        Raises:
            FormWrong: naming every field that is wrong.
        """
        choice = self.value("decision")
        if choice not in _CHOICES:
            raise FormWrong(errors=(FieldError.of("/decision", "choose_one"),))
        fields: dict[str, object] = {"decision": choice}
        fields |= {name: text for name in _TEXTS if (text := self._text(name, choice))}
        faults: list[FieldError] = []
        if choice == "approve":
            fields |= read_sizes({name: self.value(name) for name in _SIZES}, faults)
        else:
            fields.pop("exception_reason", None)
        return validated(Ruling, fields, faults)

    def _text(self, name: str, choice: str) -> str:
        """The prepared reason, then the typed one. Approvals ignore the prepared reasons for refusing."""
        against = name == "reason" and choice == "approve"
        prepared = "" if against else self.value(_PREPARED.get(name, ""))
        return "\n".join(filter(None, (prepared.strip(), self.value(name).strip())))

    def rulings(self, chosen: Sequence[str]) -> Rulings:
        """The same ruling on each of many requests.

        Raises:
            FormWrong: as `ruling`; or there are too many requests, or an id is impossible.
        """
        same = self.ruling().model_dump(exclude_none=True)
        items = [{**same, "request_id": request_id} for request_id in chosen]
        return validated(Rulings, {"items": items})


@dataclass(frozen=True, slots=True)
class RegistrationForm:
    """The form that registers an inbox item or corrects a request. Sizes are typed in gigabytes.

    Attributes:
        of_sender: the fields filled with the sender's name and address, because the message has no others.
    """

    key: str = field(default_factory=new_key)
    typed: Mapping[str, str] = field(default_factory=dict)
    of_sender: Collection[str] = ()

    @classmethod
    def of_item(cls, item: InboxItemInFull) -> "RegistrationForm":
        """Starts with what the item says. A person checks it against the original.

        The sender of a message need not be the applicant: the form says where it has their name and
        address. The scanner of a paper and the machine that wrote a message are none. Through which
        channel a paper came is left to the person where neither its code nor the scan's form says it.
        """
        understood = item.understood
        typed = {name: understood.get(name, "") for name in _FIELDS}
        # If it names a kind that was not understood, a person reads it and chooses.
        typed["kind"] = item.kind or ("" if typed["kind"] else "application")
        typed["channel"] = typed["channel"] or ("" if item.scan else "email")
        typed |= {name: _number(typed[name]) for name in _SIZES}
        senders = getaddresses([item.sender])
        by_a_person = item.status == "waiting" and not (item.scan or item.bounce)
        name, email = senders[0] if by_a_person and len(senders) == 1 else ("", "")
        from_sender = {"name": name, "email": email}
        offered = {one: text for one, text in from_sender.items() if text and not typed[one]}
        return cls(new_key(), typed | offered, offered.keys())

    @classmethod
    def of_review(cls, review: RequestUnderReview) -> "RegistrationForm":
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
    def of(cls, form: SubmittedForm) -> "RegistrationForm":
        return cls(new_key(), {name: form.text(name) for name in (*_FIELDS, "reason", _REASON)})

    def value(self, name: str) -> str:
        return self.typed.get(name, "")

    def registration(self, visitor: Principal) -> RegisterItem:
        """The request, at the user's agency.

        Raises:
            FormWrong: naming every field that is wrong.
        """
        faults: list[FieldError] = []
        fields = self._request_fields(visitor.agency, self.value("kind"), faults)
        try:
            return validated(RegisterItem, fields, faults)
        except FormWrong as wrong:
            if fields["channel"]:
                raise
            others = [one for one in wrong.errors if one.pointer != _NO_CHANNEL.pointer]
            raise FormWrong(errors=(*others, _NO_CHANNEL)) from None

    def correction(
        self, review: RequestUnderReview, documents: Sequence[str], further: Sequence[FieldError]
    ) -> CorrectionHandedIn:
        """The corrected request with these documents. `further` holds faults found outside the fields.

        Raises:
            FormWrong: naming every field that is wrong.
        """
        faults: list[FieldError] = []
        fields = self._request_fields(review.agency, review.kind, faults) | {"documents": documents}
        if reason := self.value(_REASON).strip():
            fields[_REASON] = reason
        elif review.status == "received":
            faults.append(FieldError.of(f"/{_REASON}", "correction_reason_needed"))
        return validated(CorrectionHandedIn, fields, (*faults, *further))

    def _request_fields(self, agency: str, kind: str, faults: list[FieldError]) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "kind": kind,
            "agency": agency,
            "channel": self.value("channel"),
            "applicant": {name: self.value(name).strip() for name in _OF_APPLICANT},
            "justification": self.value("justification").strip(),
        }
        if reply := self.value("reply_through"):
            fields["reply_through"] = reply
        if fields["kind"] == "application":
            fields |= read_sizes({name: self.value(name) for name in _SIZES}, faults)
        return fields


def field_of(pointer: str) -> str:
    """The form's field that a pointer of the API means."""
    return "attached" if pointer.startswith("/documents") else pointer.rpartition("/")[2]


def faults_of(refused: Refused | None) -> dict[str, FieldError]:
    errors = refused.errors if refused else ()
    return {field_of(fault.pointer): fault for fault in errors if fault.pointer}


def _number(written: str) -> str:
    """The number of a size in gigabytes; anything else stays as it was written."""
    bare = written.strip()
    return bare[:-2].strip() if bare.casefold().endswith("gb") else bare


@dataclass(frozen=True, slots=True)
class CommentForm:
    """The form of a comment, with the documents already uploaded and why it was refused."""

    key: str = field(default_factory=new_key)
    text: str = ""
    documents: Sequence[Document] = ()
    refused: Refused | None = None

    @property
    def field_faults(self) -> Sequence[FieldFault]:
        return field_faults(self.refused, field_of)

    def is_wrong(self, field_: str) -> bool:
        return any(one.field == field_ for one in self.field_faults)
