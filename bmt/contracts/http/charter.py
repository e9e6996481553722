"""What records answers about the client charter: figures alone, no request and no person."""

from math import floor
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, computed_field

from bmt.contracts.values import AgencyCode, Channel, CharterStep, Kind, Moment


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class Tally(_Answer):
    """How many requests reached a step, and what became of its promise."""

    kept: int = Field(default=0, description="done by the due time")
    late: int = Field(
        default=0,
        description="done after it; a decision also where one before a correction was late",
    )
    overdue: int = Field(default=0, description="not done, and past the due time")
    pending: int = Field(
        default=0, description="not done, and not due yet; or back with the applicant"
    )

    @computed_field(  # type: ignore[prop-decorator]
        description="`kept` of all that was due (`kept`, `late`, `overdue`), rounded down to a tenth; "
        "null: nothing was due. What is not decided is never kept."
    )
    @property
    def kept_percent(self) -> float | None:
        due = self.kept + self.late + self.overdue
        return floor(self.kept * 1000 / due) / 10 if due else None


WorkingSeconds = Annotated[
    int | None,
    Field(description="office hours (8 to 17, working days) until it was done; null: none was"),
]


class StepFigures(Tally):
    """One step of the charter."""

    step: CharterStep
    median_seconds: WorkingSeconds
    p90_seconds: WorkingSeconds


class Steps(_Answer):
    """Requests that have something in common."""

    requests: int
    decide: Tally
    configure: Tally
    notify: Tally


class OfMonth(Steps):
    """Those of one month."""

    month: str = Field(description="in which they were received", examples=["2026-11"])


class OfChannel(Steps):
    """Those that came by one channel."""

    channel: Channel


class OfKind(Steps):
    """Those of one kind."""

    kind: Kind


class OfAgency(Steps):
    """Those of one agency."""

    agency: AgencyCode


class OpenOfAge(_Answer):
    """Requests that are open now and were received so many working days ago, by what they wait for."""

    from_days: int
    to_days: int | None = Field(description="included; null: or more")
    decide: int
    configure: int
    notify: int
    applicant: int = Field(description="returned: they wait for their applicants")
    overdue: int = Field(description="how many of these are past the due time of their step")


class Returns(_Answer):
    """How often requests were returned for a reason."""

    reason: str | None = Field(description="of the agency's prepared ones; null: in own words")
    returns: int


class CharterFigures(_Answer):
    """How the client charter was kept with the requests received in a period."""

    agency: AgencyCode | None = Field(description="null: all agencies")
    since: Moment
    before: Moment
    made_at: Moment
    requests: int
    withdrawn: int = Field(description="by their applicants before a decision was due: not counted")
    judged_by_todays_rules: int = Field(
        description="received before due times were on record: today's rules stand in"
    )
    steps: tuple[StepFigures, ...]
    months: tuple[OfMonth, ...]
    channels: tuple[OfChannel, ...]
    kinds: tuple[OfKind, ...]
    agencies: tuple[OfAgency, ...] = Field(description="empty where one agency is asked for")
    open: tuple[OpenOfAge, ...] = Field(description="all that are open now, whenever received")
    returns: tuple[Returns, ...] = Field(description="the most frequent first")
