"""What is asked for: the body of a submission, and the facts every event of a request carries."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from bmt.contracts.values import (
    AgencyCode,
    Applicant,
    Bytes,
    Channel,
    DocumentId,
    EmailAddress,
    Justification,
    Kind,
    Moment,
    Name,
    NamedApplicant,
    PostedChannel,
    Reason,
    ReplyChannel,
    RequestId,
    Value,
)


class RequestedService(Value):
    """What a request says, whichever way it comes in (SOP 4.1.1 and 4.2.1, step 1)."""

    kind: Kind
    agency: AgencyCode
    reply_through: ReplyChannel | None = Field(
        default=None, description="default: the channel in, else the agency's first channel out"
    )
    applicant: NamedApplicant
    justification: Justification
    quota_bytes: Bytes | None = Field(
        default=None, description="storage quota; applications only; default: the agency's"
    )
    max_file_size_bytes: Bytes | None = Field(
        default=None, description="largest file; applications only; default: the agency's"
    )
    documents: Annotated[tuple[DocumentId, ...], Field(max_length=50)] = ()


class SubmitRequest(RequestedService):
    """Body of `POST /v1/requests`."""

    channel: PostedChannel


class CorrectionHandedIn(SubmitRequest):
    """Body of a correction: the whole request, as it should have been."""

    correction_reason: Reason | None = Field(
        default=None,
        description="why it is corrected, kept in the record; needed where nobody returned the request",
    )


class RegisterItem(SubmitRequest):
    """Body of a registration: what stands in a message; a scan in it may be another channel's paper."""

    channel: PostedChannel = "email"


class RequestSubmission(RequestedService):
    """Data of `RequestSubmitted`: what another agency's system asks for; its channel is `event`."""

    source_reference: Name


class RequestFacts(BaseModel):
    """The `request` block of every event, so that no hearer has to ask another service.

    `quota_bytes` and `max_file_size_bytes` are what was asked for (the agency's default where nothing
    was); a termination has neither. Unknown fields are ignored: later versions only add.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    request_id: RequestId
    reference: str
    kind: Kind
    agency: AgencyCode
    applicant: Applicant
    channel: Channel
    reply_through: ReplyChannel
    quota_bytes: int | None
    max_file_size_bytes: int | None
    received_at: Moment
    policy_version: str
    directory_email: EmailAddress | None = Field(
        default=None,
        exclude_if=lambda address: address is None,
        description="the address that the directory has, where the applicant's is another: notices "
        "by e-mail go to both",
    )
