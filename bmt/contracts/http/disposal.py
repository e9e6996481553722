"""Requests and responses about holds and disposals."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from bmt.contracts.values import Account, AgencyCode, Moment, Reason, Value

DisposalStatus = Literal["proposed", "approved", "rejected", "begun", "carried_out", "stopped"]


class HoldReason(Value):
    """Body of `POST /v1/records/{id}/hold` and `…/hold/release`: why it must be kept, or need not be."""

    reason: Reason


class HoldStands(BaseModel):
    """Whether a file is held."""

    model_config = ConfigDict(frozen=True)

    request_id: str
    held: bool


class DisposalProposal(Value):
    """Body of `POST /v1/disposals`: whose personal data shall go, and on what ground."""

    account: Account
    reason: Reason


class DisposalRuling(Value):
    """Body of `POST /v1/disposals/{id}/decision`."""

    decision: Literal["approved", "rejected"]
    reason: Reason | None = None


class DisposalStands(BaseModel):
    """How far a disposal is."""

    model_config = ConfigDict(frozen=True)

    disposal_id: str
    status: DisposalStatus


class DisposalItem(DisposalStands):
    """A disposal in a list. Account and reason go with the rest once it is carried out."""

    agency: AgencyCode
    account: str
    reason: str
    request_ids: tuple[str, ...] = Field(description="the files that hold something of the person")
    proposed_by: str
    proposed_at: Moment
    decided_by: str | None = None
    decided_at: Moment | None = None
    ended_at: Moment | None = None
