"""The form of an application or a termination, and its validation: all faults are shown at once."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

from pydantic import ValidationError
from starlette.responses import Response

from bmt.agencies.agency import AgencyRules
from bmt.chassis.errors import Unavailable
from bmt.chassis.http.auth import Principal
from bmt.chassis.http.routes import Page
from bmt.contracts.events import SubmitRequest
from bmt.contracts.http.intake import LastSubmission, RequestChecked, RequestStatus, SizesGiven
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Document, Kind, in_gigabytes
from web.clients import VisitorClient, address, part
from web.forms import (
    FormWrong,
    SubmittedForm,
    faults_of,
    field_faults,
    first_step,
    new_key,
    read_sizes,
    validated,
)
from web.my import wording
from web.my.drafts import Draft
from web.my.requests import MAY_CORRECT, line_of
from web.ports import Visit
from web.uploads import DOCUMENTS, MOST, Attached

_SIZES: Final = ("quota_bytes", "max_file_size_bytes")
REASON: Final = "correction_reason"
WAS_WRONG: Final = "was_wrong"
"""The field of a form that was shown with its faults."""
_FIELDS: Final = ("kind", "reply_through", "justification", *_SIZES, REASON)
_STANDS_FOR: Final = {"justification": "-"}
"""Stands in for a faulty required field while the others are checked."""

M = TypeVar("M", bound=SubmitRequest)


class Body(NamedTuple):
    """The body that a form makes for the API, and the faults that are known already."""

    values: Mapping[str, Any]
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
    def of(cls, form: SubmittedForm, documents: Sequence[Document]) -> "SubmissionForm":
        """The form as it was sent, under a new key for its next version."""
        return cls(new_key(), {name: form.text(name) for name in _FIELDS}, documents)

    @classmethod
    def of_submission(cls, last: LastSubmission) -> "SubmissionForm":
        """The form of a correction: the former values, without the papers that the request came by."""
        typed = {
            "kind": last.kind,
            "justification": last.justification,
            "reply_through": last.reply_through,
            "quota_bytes": in_gigabytes(last.quota_bytes),
            "max_file_size_bytes": in_gigabytes(last.max_file_size_bytes),
        }
        return cls(new_key(), typed, last.documents)

    @classmethod
    def of_draft(cls, draft: Draft) -> "SubmissionForm":
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

    def with_key(self, key: str, saved_at: datetime | None = None) -> "SubmissionForm":
        return replace(self, key=key, saved_at=saved_at)

    def with_documents(self, documents: Sequence[Document]) -> "SubmissionForm":
        return replace(self, documents=documents)

    def body(
        self, visitor: Principal, further: Sequence[FieldError], *, needs_reason: bool = False
    ) -> Body:
        """The body for the visitor; `further` are faults outside its fields.

        `needs_reason`: it is a correction that nobody asked for, so it needs a reason.
        """
        faults: list[FieldError] = []
        applicant = {"account": visitor.subject, "name": visitor.name, "email": visitor.email}
        values: dict[str, Any] = {
            "kind": self.value("kind"),
            "agency": visitor.agency,
            "channel": "form",
            "applicant": applicant,
            "justification": self.value("justification").strip(),
            DOCUMENTS: [one.document_id for one in self.documents],
        }
        if reply := self.value("reply_through"):
            values["reply_through"] = reply
        if values["kind"] == "application":
            values |= read_sizes({name: self.value(name) for name in _SIZES}, faults)
        if reason := self.value(REASON).strip():
            values[REASON] = reason
        elif needs_reason:
            faults.append(FieldError.of(f"/{REASON}", "correction_reason_needed"))
        return Body(values, (*faults, *further))


async def checked(client: VisitorClient, model: type[M], body: Body, key: str) -> Mapping[str, Any]:
    """The body, ready to be sent.

    Raises:
        FormWrong: names every faulty field, by its own value or by the agency's rules.
    """
    try:
        valid = validated(model, body.values, body.faults)
    except FormWrong as wrong:
        further = await _further(client, body.values, wrong.errors, key)
        raise FormWrong(errors=(*wrong.errors, *further)) from None
    return valid.model_dump(mode="json", exclude_none=True)


async def recheck(
    client: VisitorClient, model: type[M], body: Body, form: SubmittedForm, files: Attached
) -> Refused | None:
    """The faults of a form that stays on the page: those of its files, and all others too if they were shown before."""
    if not form.text(WAS_WRONG):
        return FormWrong(errors=tuple(files.faults)) if files.faults else None
    try:
        await checked(client, model, body, form.key)
    except FormWrong as wrong:
        return wrong
    faults = await _further(client, body.values, (), form.key)
    return FormWrong(errors=tuple(faults)) if faults else None


async def _further(
    client: VisitorClient, values: Mapping[str, Any], wrong: Sequence[FieldError], key: str
) -> Sequence[FieldError]:
    """The faults that intake finds in the fields that are valid by themselves."""
    faulty = {first_step(fault.pointer) for fault in wrong}
    rest = {name: value for name, value in values.items() if name not in faulty - {DOCUMENTS}}
    rest |= {name: value for name, value in _STANDS_FOR.items() if name in faulty}
    rest.pop(REASON, None)
    try:
        body = SubmitRequest.model_validate(rest).model_dump(mode="json", exclude_none=True)
        result = await client.post("intake", address("request-checks"), body, RequestChecked, key)
    except (ValidationError, Refused, Unavailable):
        return ()  # without these fields no rule applies, or nobody says which does
    return [fault for fault in result.errors if first_step(fault.pointer) not in faulty]


_MOST_OTHERS: Final = 10
"""How many open requests the form lists; nobody has more."""


@dataclass(frozen=True, slots=True)
class Correcting:
    """A request that is being corrected.

    Attributes:
        reason: of the return; None: the request is open.
        came_with: the papers that it came by, which stay with it.
    """

    request_id: str
    reference: str
    kind: Kind
    reason: str | None
    came_with: Sequence[Document] = ()


async def form_page(
    visit: Visit,
    kind: Kind,
    form: SubmissionForm,
    refused: Refused | None = None,
    correcting: Correcting | None = None,
) -> Response:
    """The form, with the rules that it will be checked against, as far as intake answers."""
    rules = visit.here.rules_of(visit.visitor.agency)
    limits, others, sizes = await asyncio.gather(
        visit.here.uploads.limits(visit.client),
        _nothing() if correcting else _still_open(visit.client),
        _sizes(visit.client, rules),
    )
    return visit.page(
        "form.html",
        kind=kind,
        form=form,
        refused=refused,
        faults=faults_of(refused),
        field_faults=field_faults(refused),
        correcting=correcting,
        others=[line_of(visit, one) for one in others],
        may_correct=MAY_CORRECT,
        agency=visit.here.agencies.name_of(visit.visitor.agency),
        rules=rules,
        usual={
            "quota_bytes": in_gigabytes(sizes.quota_bytes) if sizes else "",
            "max_file_size_bytes": in_gigabytes(sizes.max_file_size_bytes) if sizes else "",
        },
        sizes=sizes,
        limits=limits,
        most_documents=MOST,
        wording=wording,
    )


async def _sizes(client: VisitorClient, rules: AgencyRules | None) -> SizesGiven | None:
    """The sizes in force; those of agencies.yaml while intake is down, so that the form can still be filled in.

    Then it has no days: the agency may have changed them since.
    """
    given = await part(client.get("intake", address("sizes"), SizesGiven))
    if given is not None or rules is None:
        return given
    return SizesGiven(
        quota_bytes=rules.quota_bytes.default,
        largest_quota_bytes=rules.quota_bytes.maximum,
        max_file_size_bytes=rules.max_file_size_bytes,
    )


async def _still_open(client: VisitorClient) -> Sequence[RequestStatus]:
    params = {"mine": True, "open": True, "limit": _MOST_OTHERS}
    found = await part(client.get("intake", address("requests"), Page[RequestStatus], params))
    return found.items if found else ()


async def _nothing() -> Sequence[RequestStatus]:
    return ()
