"""What notification is asked and answers over HTTP."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from bmt.contracts.events import About
from bmt.contracts.values import DocumentId, Moment, Reason, ReplyChannel, Value

NoticeStatus = Literal["due", "prepared", "notified", "failed"]


class Notification(BaseModel):
    """One item of `GET /v1/requests/{id}/notifications`."""

    model_config = ConfigDict(frozen=True)

    notification_id: str
    about: About
    channel: ReplyChannel
    status: NoticeStatus = Field(
        description="due: being composed; prepared: an e-mail on its way, a paper to hand over; "
        "notified: sent, or handed over; failed: refused for good, a person must act"
    )
    document_id: DocumentId | None = Field(description="the message as stored; null while due")


class DispatchPaper(Value):
    """Body of `POST /v1/notifications/{id}/dispatch`: the paper was handed over."""

    note: Reason | None = Field(default=None, description="how, or to whom")


class PaperDispatched(Notification):
    """Answer of `POST /v1/notifications/{id}/dispatch`."""

    request_id: str
    dispatched_by: str = Field(description="account of who said so")
    dispatched_at: Moment


class ResendAccepted(BaseModel):
    """Answer of `POST /v1/notifications/{id}/resend`."""

    model_config = ConfigDict(frozen=True)

    request_id: str
    notification_id: str
