"""Who has taken a thing that waits for an agency's administrators."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from bmt.contracts.values import Moment, Officer

Whose = Literal["me", "nobody"]
"""A list's filter: what the caller has taken, or what nobody has."""


class Assignment(BaseModel):
    """Who has taken it. It locks nothing: whoever may act on it still may."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    by: Officer
    at: Moment
    until: Moment = Field(description="it is released then by itself")


class Assigned(BaseModel):
    """Answer of `POST` and `DELETE …/assignment`."""

    model_config = ConfigDict(frozen=True)

    assignment: Assignment | None = Field(description="null: nobody has it")


class Assignable(BaseModel):
    """A thing that somebody may have taken, in a list or by itself."""

    model_config = ConfigDict(frozen=True)

    assignment: Assignment | None = Field(
        default=None,
        exclude_if=lambda value: value is None,
        description="who has taken it; absent where nobody has",
    )
