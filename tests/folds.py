"""Folds of views, held to what they promise: they change nothing that they are given, and make what is stored."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

import bson
from fixtures.samples import MONDAY
from pydantic import BaseModel

from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.eventsourcing.event_store import type_of
from bmt.chassis.readmodels.view_store import Body
from bmt.chassis.readmodels.views import View, as_stored
from bmt.contracts.envelope import Envelope

D = TypeVar("D", bound=BaseModel)


def checked(view: View[D]) -> View[D]:
    """The view, whose fold fails where it breaks its promise."""

    def fold(document: Body | None, incoming: IncomingEvent[Any]) -> Body | None:
        given = deepcopy((document, incoming.data))
        after = view.fold(document, incoming)
        assert (document, incoming.data) == given, "the fold changed what it was given"
        if after is not None:
            assert as_stored(view.model.model_validate(after)) == after
            bson.encode(after)
        return after

    return replace(view, fold=fold)


def folded(view: View[D], events: Sequence[IncomingEvent[Any]]) -> D | None:
    """What a reader of the view is given after these events of one document."""
    document = None
    for incoming in events:
        document = checked(view).fold(document, incoming)
    return None if document is None else view.model.model_validate(document)


def incoming(
    event: Any, position: int = 1, at: datetime = MONDAY, subject: str = "", event_id: str = ""
) -> IncomingEvent[Any]:
    """The event as it is heard: of its request's stream, whose commit with this version holds it."""
    request = getattr(event, "request", None)
    about = request.request_id if request else subject
    envelope = Envelope(
        id=event_id or f"{about}-{position}",
        source="/bmt/test",
        type=type_of(event),
        subject=about,
        time=at,
        sequence=str(position),
        data={},
    )
    return IncomingEvent(envelope, event, position, f"request-{about}")
