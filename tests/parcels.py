"""A made-up procedure for the chassis' tests: a parcel is posted, then delivered once."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from bmt.chassis.eventsourcing.decider import Decider
from bmt.chassis.eventsourcing.event_store import Vocabulary
from bmt.contracts.events import Event
from bmt.contracts.problems import Refused


class Posted(Event):
    TYPE = "test.Posted.v1"
    weight: int


class Weighed(Event):
    """Stays within the service."""

    TYPE = "test.Weighed.v1"
    weight: int


class Delivered(Event):
    TYPE = "test.Delivered.v1"
    to: str


class DeliveredBefore(Refused):
    problem = "already_decided"


class NotPosted(Refused):
    problem = "validation_failed"


@dataclass(frozen=True)
class Post:
    weight: int


@dataclass(frozen=True)
class Deliver:
    to: str


@dataclass(frozen=True)
class Look:
    """Decides on nothing."""


@dataclass(frozen=True)
class Parcel:
    posted: bool = False
    delivered_to: str | None = None


def decide(command: object, parcel: Parcel) -> Sequence[BaseModel]:
    match command:
        case Post(weight):
            return [] if parcel.posted else [Weighed(weight=weight), Posted(weight=weight)]
        case Deliver(to):
            if not parcel.posted:
                raise NotPosted("the parcel was not posted")
            if parcel.delivered_to is not None:
                raise DeliveredBefore(extra={"to": parcel.delivered_to})
            return [Delivered(to=to)]
        case Look():
            return []
        case _:
            raise TypeError(command)


def evolve(parcel: Parcel, event: BaseModel) -> Parcel:
    match event:
        case Posted():
            return Parcel(posted=True)
        case Delivered(to=to):
            return Parcel(posted=True, delivered_to=to)
        case _:
            return parcel


DECIDER: Decider[object, Parcel] = Decider(Parcel(), decide, evolve)
EVENTS = (Posted, Weighed, Delivered)
PUBLISHED = (Posted.TYPE, Delivered.TYPE)
VOCABULARY = Vocabulary(EVENTS)
