"""Which administrator has taken an item, and since when, so that no two of an agency work on the same one.

It locks nothing. Each service keeps the assignments of what it lists, a stream for each item, apart from the
item's own: taking it never collides with deciding on it.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Annotated, Any, Final, Protocol, TypeVar

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from bmt.chassis.eventsourcing.decider import Decider, Deciders, IncomingEvent
from bmt.chassis.eventsourcing.execution import Executed, Execution
from bmt.chassis.http.auth import Principal
from bmt.chassis.http.bodies import JsonResponse
from bmt.chassis.http.routes import CommandContext, answer, api_router, command, ports_of, problems
from bmt.chassis.readmodels.view_store import Body, Query
from bmt.chassis.readmodels.views import View, ViewProjection, as_stored
from bmt.chassis.runtime.clock import Clock
from bmt.contracts.events import Event
from bmt.contracts.http.assignments import Assignable, Assigned, Assignment, Whose
from bmt.contracts.problems import Refused
from bmt.contracts.values import Moment, Officer, immutable

LASTS: Final = timedelta(days=1)
MOST: Final = 2_000
"""How many of an agency's assignments a list's filter knows; more than its people take in a day."""


class Taken(Event):
    """An administrator took it, or takes it for another day."""

    TYPE = "my.gov.bmt.assignment.Taken.v1"
    agency: str
    by: Officer
    at: Moment
    until: Moment


class Released(Event):
    """Whoever had taken it no longer has it."""

    TYPE = "my.gov.bmt.assignment.Released.v1"
    by: Officer
    at: Moment


PRIVATE: Final = (Taken, Released)


class AlreadyAssigned(Refused):
    """Somebody else was first; `assignment` shows who."""

    problem = "already_assigned"

    def __init__(self, first: Assignment) -> None:
        super().__init__(extra={"assignment": first.model_dump(mode="json")})


@immutable
class Take:
    """An administrator of `agency` takes it."""

    agency: str
    officer: Officer
    at: datetime


@immutable
class Release:
    """The administrator gives it back."""

    officer: Officer
    at: datetime


@immutable
class State:
    """The last assignment, which may be over."""

    last: Assignment | None = None


def decide(command: Take | Release, state: State) -> Sequence[Event]:
    """Who has it may take it again, and alone releases it. An assignment that is over binds nobody.

    Raises:
        AlreadyAssigned: somebody else has it.
    """
    last = state.last
    now_held = last if last is not None and last.until > command.at else None
    if now_held and now_held.by.subject.casefold() != command.officer.subject.casefold():
        raise AlreadyAssigned(now_held)
    match command:
        case Take(agency, officer, at):
            return [Taken(agency=agency, by=officer, at=at, until=at + LASTS)]
        case Release(officer, at):
            return [Released(by=officer, at=at)] if now_held else []


def evolve(state: State, event: BaseModel) -> State:
    """The state after `event`."""
    match event:
        case Taken():
            return State(Assignment(by=event.by, at=event.at, until=event.until))
        case Released():
            return State()
        case _:
            return state


DECIDER: Final[Decider[Take | Release, State]] = Decider(State(), decide, evolve)
DECIDERS: Final[Deciders] = MappingProxyType({"assignment": DECIDER})


class Held(Assignment):
    """An assignment as it is stored; once released, `until` is in the past."""

    agency: str
    thing: str


def fold(held: Body | None, incoming: IncomingEvent[BaseModel]) -> Body | None:
    """The assignment after `incoming`."""
    match incoming.data:
        case Taken() as taken:
            return {**as_stored(taken), "thing": incoming.subject}
        case Released(at=at) if held:
            return {**held, "until": at}
        case _:
            return held


VIEW: Final = View(
    name="assignments",
    model=Held,
    fold=fold,
    key=lambda incoming: incoming.subject if isinstance(incoming.data, PRIVATE) else None,
    indexes=[("agency", "until")],
)

A = TypeVar("A", bound=Assignable)


@dataclass(frozen=True, slots=True)
class Assignments:
    """What is taken at one service now."""

    execution: Execution[Any, Any]
    view: ViewProjection[Held]
    clock: Clock

    async def with_assignments(self, items: Sequence[A], id_: Callable[[A], str]) -> list[A]:
        """The items of a list, each with its assignment, if it has one."""
        now = self.clock()
        held = await self.view.get_many({id_(one) for one in items})
        return [
            one.model_copy(update={"assignment": Assignment(**dict(by))})
            if (by := held.get(id_(one))) is not None and by.until > now
            else one
            for one in items
        ]

    async def filtered(self, query: Query, whose: Whose | None, caller: Principal) -> Query:
        """The query of a list, narrowed to what the caller has taken, or to what nobody has."""
        if whose is None:
            return query
        live = Query(equal={"agency": caller.agency}, at_least={"until": self.clock()}, limit=MOST)
        held = await self.view.find(live)
        if whose == "nobody":
            return replace(query, none_of={"_id": [one.thing for one in held]})
        account = caller.subject.casefold()
        mine = [one.thing for one in held if one.by.subject.casefold() == account]
        if named := query.one_of.get("_id"):
            mine = [one for one in mine if one in named]
        return replace(query, one_of={**query.one_of, "_id": mine})

    async def execute(self, item_id: str, context: CommandContext, *, takes: bool) -> Executed:
        """Takes or releases it for the caller.

        Raises:
            AlreadyAssigned: somebody else has it.
        """
        caller, now = context.principal, self.clock()
        officer = Officer(subject=caller.subject, name=caller.name, role="administrator")
        change = Take(caller.agency, officer, now) if takes else Release(officer, now)
        return await self.execution.execute(context.to_command(f"assignment-{item_id}", change))


class _Ports(Protocol):
    @property
    def assignments(self) -> Assignments: ...


_Here = Annotated[_Ports, Depends(ports_of)]
_Command = Annotated[CommandContext, Depends(command("administrator"))]


def routes(path: str, tag: str, item_id_of: Callable[..., Awaitable[str]]) -> APIRouter:
    """The calls that take and release an item. `item_id_of` is a dependency: its id, if it is the caller's agency's."""
    router = api_router(tags=[tag])

    @router.post(
        path,
        summary="Take it for a day, so that colleagues see who has it",
        status_code=201,
        response_model=Assigned,
        responses=problems("not_found", "already_assigned"),
    )
    async def take(
        here: _Here, item_id: Annotated[str, Depends(item_id_of)], context: _Command
    ) -> JsonResponse:
        """It locks nothing. 409 `already_assigned`: `assignment` shows who was first."""
        executed = await here.assignments.execute(item_id, context, takes=True)
        (event,) = executed.commit.events
        return answer(executed, Assigned(assignment=Assignment(**event.data)), 201)

    @router.delete(
        path,
        summary="Give it back; nothing happens where nobody has it",
        response_model=Assigned,
        responses=problems("not_found", "already_assigned"),
    )
    async def release(
        here: _Here, item_id: Annotated[str, Depends(item_id_of)], context: _Command
    ) -> JsonResponse:
        executed = await here.assignments.execute(item_id, context, takes=False)
        return answer(executed, Assigned(assignment=None))

    return router
