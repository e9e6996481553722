"""The requests and answers of every service about events that wait for an operator. Nothing here is personal."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from bmt.contracts.values import Moment, Reason, Value

WaitsFor = Literal["operator", "earlier_event", "next_try", "leaving"]
"""What makes a parked event go on."""


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class ParkedEvent(_Answer):
    """An event whose handling failed; later events of its request wait behind it."""

    id: str = Field(
        description="Its place in Kafka.", examples=["bmt.requests.v1:2:7"], max_length=300
    )
    type: str | None = Field(description="Null: unknown.")
    request_id: str | None = Field(description="Null: the event is about no request, or unknown.")
    reason: str = Field(description="The error's name.", examples=["KeyError"])
    tries: int
    parked_at: Moment
    waits_for: WaitsFor = Field(
        description="`operator`: for you. `earlier_event` of its request, `next_try`: it goes on by itself. "
        "`leaving`: it was discarded."
    )
    due_at: Moment | None = Field(description="Its next try; null: none is due.")


class DeadLetter(_Answer):
    """An event that this service refused for good, and that nobody has seen to yet."""

    id: str = Field(
        description="Its place in Kafka.", examples=["bmt.inbound.hrmis.v1:0:41"], max_length=300
    )
    type: str | None = Field(description="Null: unknown.")
    request_id: str | None = Field(description="Null: the event is about no request, or unknown.")
    reason: str = Field(description="A problem's name.", examples=["validation_failed"])
    detail: str = Field(description="What was wrong. Never the value that was sent.")
    refused_at: Moment = Field(description="The last time.")
    can_be_retried: bool = Field(description="False: only its writer can publish it again.")


class RetryEvent(Value):
    """Body of `POST .../retry`; it may be left out."""

    reason: Reason | None = Field(default=None, description="What was repaired; it is kept.")


class DiscardEvent(Value):
    """Body of `POST .../discard`."""

    reason: Reason = Field(description="Why the event is given up; it is kept.")


class OperationAccepted(_Answer):
    """Answer of a retry or a discard: the service carries it out within seconds."""

    id: str
    action: Literal["retried", "discarded"]
    by: str
    at: Moment
