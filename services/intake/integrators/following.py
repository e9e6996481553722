"""How a request of an integrator goes on, as the other services publish it."""

from collections.abc import Awaitable, Callable
from typing import Final

from bmt.chassis.decider import Heard, Message
from bmt.contracts.events import RequestEvent
from bmt.contracts.progress import Progress
from services.intake.domain.commands import FollowRequest
from services.intake.domain.state import Received, State

KnownState = Callable[[str], Awaitable[State]]
"""The state of a stream, which may lack what another process wrote last."""


_NOTHING_KNOWN: Final = Progress()


async def follow_request(
    heard: Heard[RequestEvent], known_state: KnownState
) -> Message[FollowRequest] | None:
    """The command that follows from an event about an integrator's request.

    None for a request that came another way, and for an event that says nothing of the status. That an
    integrator submitted it stands in the first commit of its stream, so an old state tells it too.
    """
    if _NOTHING_KNOWN.after(heard.data, heard.position) == _NOTHING_KNOWN:
        return None
    stream = f"request-{heard.subject}"
    state = await known_state(stream)
    if not isinstance(state, Received) or state.answered is None:
        return None
    return heard.leads_to(stream, FollowRequest(heard.data, heard.position, heard.time))
