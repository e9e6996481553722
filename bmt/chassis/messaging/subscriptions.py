"""What a service subscribes to and how it handles it: literal tables, ports bound by name."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from pydantic import BaseModel

from bmt.chassis.eventsourcing.decider import IncomingEvent, Message
from bmt.contracts.problems import FieldError, listed

Handler = Callable[[IncomingEvent[Any]], Awaitable[Message[Any] | None]]
"""Turns a received event into a command, or None if nothing follows.

The handlers of a wave run one after the other. Waiting for something outside belongs in `Complete`, where the
whole wave waits once.
"""

Table = Mapping[type[BaseModel], Callable[..., Awaitable[Message[Any] | None]]]
"""Consumed event → handler, before its ports are bound."""


class DeadLetter(Exception):  # noqa: N818  named for where the event goes
    """This event can never be accepted: it goes to the dead letters at once, whole.

    Attributes:
        reason: a problem's name or a short token, for `bmt_reason`.
        detail: what is wrong and what is allowed, without the values, for `bmt_detail`. `errors` replace it.
        errors: the wrong fields, if they are known.
    """

    def __init__(self, reason: str, detail: str, errors: tuple[FieldError, ...] = ()) -> None:
        self.reason = reason
        self.detail = listed(errors) or detail
        super().__init__(f"{reason}: {self.detail}")
        self.errors = errors


def bind(table: Table, **ports: Any) -> dict[type[BaseModel], Handler]:
    """The table with each handler's ports filled in, by the names in its signature.

    Raises:
        TypeError: a handler names a port that is not given.
    """
    bound: dict[type[BaseModel], Handler] = {}
    for event, handler in table.items():
        _, *wanted = inspect.signature(handler).parameters
        if missing := [name for name in wanted if name not in ports]:
            raise TypeError(f"{handler.__name__} needs {', '.join(missing)}")
        bound[event] = partial(handler, **{name: ports[name] for name in wanted})
    return bound
