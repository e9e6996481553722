"""An agency's rules, as approval answers them over HTTP."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue, PlainSerializer, WithJsonSchema

from bmt.contracts.values import Moment, PostedChannel, ReplyChannel


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


_Day = Annotated[
    date,
    PlainSerializer(date.isoformat, return_type=str),
    WithJsonSchema({"type": "string", "format": "date"}),
]
"""Kept as text: a store that knows moments only would make one of it."""


class RulesVersion(_Answer):
    """Rules that came into force, or will, and who says so."""

    agency: str
    number: int = Field(description="1 is the first that was recorded")
    policy_version: str = Field(description="as a request keeps it")
    rules: Mapping[str, JsonValue] = Field(description="all of them, as agencies.yaml has them")
    changed_by: str | None
    changed_on: _Day | None
    why: str | None
    recorded_at: Moment = Field(description="when approval first ran by them, or was sent them")
    changed_by_account: str | None = Field(
        default=None, description="of the officer in the console; null: agencies.yaml changed"
    )
    in_force_from: _Day | None = Field(
        default=None, description="a day in Malaysia; null: since `recorded_at`"
    )
    withdraws: int | None = Field(
        default=None, description="the number of the waiting version that this one takes back"
    )
    file: Mapping[str, JsonValue] = Field(
        default_factory=dict, description="what agencies.yaml says otherwise than `rules`"
    )


class RulesNow(_Answer):
    """Answer of `GET /v1/agencies/own/rules`."""

    number: int = Field(description="the last version's, which a change must name")
    in_force: RulesVersion
    waiting: RulesVersion | None = Field(description="a change whose day has not come")
    own: tuple[str, ...] = Field(
        description="the rules that the agency changes; the others are the operators'"
    )


class RulesPreview(_Answer):
    """Answer of `POST /v1/agencies/own/rules/preview`: nothing is recorded."""

    before: RulesVersion
    after: RulesVersion


class ChannelsAllowed(_Answer):
    """How requests come in and answers go out."""

    in_: tuple[PostedChannel, ...] = Field(alias="in")
    out: tuple[ReplyChannel, ...]


class ReasonsPrepared(_Answer):
    """Reasons that a decision may begin with."""

    reject: tuple[str, ...]
    return_: tuple[str, ...] = Field(alias="return")
    exception: tuple[str, ...]


class ActingNow(_Answer):
    """For whom the caller may act."""

    on_behalf_of: str
    until: date = Field(description="the last day, in Malaysia")


class OwnAgency(_Answer):
    """Answer of `GET /v1/agencies/own`: what an administrator decides by."""

    code: str
    name: str
    policy_version: str
    channels: ChannelsAllowed
    approval_levels: int
    prepared_reasons: ReasonsPrepared
    acting_is_restricted: bool = Field(
        description="whether `on_behalf_of` must be one of `acting`; else it is free"
    )
    acting: tuple[ActingNow, ...] = Field(description="the caller's own appointments in force")
    usual_quota_bytes: int | None = None
    state: str | None = Field(default=None, description="whose weekend and holidays count")
    closed_days: tuple[date, ...] = Field(
        default=(), description="the agency's own, beside the state's holidays"
    )
