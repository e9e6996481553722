"""How each plot runs, until every request of the story is filed."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

from prove.admin_client import REJECT, RETURN, AdminClient
from prove.client_log import Call
from prove.event_listener import EventListener
from prove.integrator import Integrator
from prove.published import Said
from prove.workload import Plot, Story


class Refused(Exception):  # noqa: N818  named for what is so
    """A story was refused where the procedure says yes."""


class Play:
    """Runs one story."""

    def __init__(
        self, officers: AdminClient, listener: EventListener, integrator: Integrator
    ) -> None:
        self._officers = officers
        self._listener = listener
        self._integrator = integrator
        self._story: Story = officers.story

    async def run(self) -> None:
        """From the submission to the end.

        Raises:
            Refused: a call was refused where the procedure says yes.
        """
        await _PLOTS[self._story.plot](self)

    async def approved(self) -> None:
        request_id = await self._hand_in()
        _yes(await self._officers.approve(request_id))
        await self._end(request_id)

    async def rejected(self) -> None:
        request_id = await self._hand_in()
        _yes(await self._officers.decide(request_id, REJECT))
        await self._end(request_id)

    async def raced(self) -> None:
        """Two administrators decide at the same moment."""
        request_id = await self._hand_in()
        await self._listener.until_said(request_id, "ReviewOpened")
        await asyncio.gather(
            self._officers.approve(request_id),
            self._officers.decide(request_id, REJECT, second=True),
        )
        await self._end(request_id)

    async def withdrawn(self) -> None:
        """An administrator then tries to approve it."""
        request_id = await self._hand_in()
        _yes(await self._officers.withdraw(request_id))
        await self._listener.until_said(request_id, "Withdrawn")
        call = await self._officers.approve(request_id)
        if call.status != HTTPStatus.CONFLICT:
            raise Refused(f"approving what was withdrawn is answered {call.status}")
        await self._end(request_id)

    async def withdrawn_while_decided(self) -> None:
        """Both at the same moment: either may come first."""
        request_id = await self._hand_in()
        await self._listener.until_said(request_id, "ReviewOpened")
        await asyncio.gather(
            self._officers.withdraw(request_id), self._officers.approve(request_id, second=True)
        )
        await self._end(request_id)

    async def corrected(self) -> None:
        request_id = await self._hand_in()
        _yes(await self._officers.decide(request_id, RETURN))
        await self._corrected(request_id)
        await self._listener.until_said(request_id, "ReviewOpened", times=2)
        _yes(await self._officers.approve(request_id))
        await self._end(request_id)

    async def terminated(self) -> None:
        await self.approved()
        call = await self._officers.hand_in("termination")
        request_id = str(_yes(call).answer["request_id"])
        _yes(await self._officers.approve_end(request_id))
        await self._end(request_id)

    async def upgraded(self) -> None:
        await self.approved()
        largest = 95 * 10**9
        call = await self._officers.hand_in(quota_bytes=largest)
        request_id = str(_yes(call).answer["request_id"])
        _yes(await self._officers.approve(request_id))
        await self._end(request_id)

    async def _hand_in(self) -> str:
        if self._story.channel != "event":
            return str(_yes(await self._officers.hand_in()).answer["request_id"])
        times = 1 if self._story.resend == "never" else 2
        requested = self._story.requested()
        reference = await self._integrator.submit(self._story.name, requested, times=times)
        return await self._listener.until(lambda: self._listener.request_of(reference))

    async def _corrected(self, request_id: str) -> None:
        """Intake receives the return after the administrator was answered, so an early refusal is retried."""
        await self._listener.until_said(request_id, "ReturnedForCorrection")
        for pause in (0.5, 1, 2, 4, 8, 16, 32):
            call = await self._officers.correct(request_id)
            if call.accepted:
                return
            await asyncio.sleep(pause)
        _yes(call)

    async def _end(self, request_id: str) -> None:
        """Do what the procedure asks of people until the request is filed."""
        done: set[str] = set()

        def next_turn() -> Said | None:
            incoming = [each for each in self._listener.incoming(request_id) if each.id not in done]
            for each in incoming:
                if each.name in ("AwaitingOperator", "Filed") or _is_paper(each):
                    return each
            return None

        while True:
            event = await self._listener.until(next_turn)
            done.add(event.id)
            if event.name == "Filed":
                return
            if event.name == "AwaitingOperator":
                _yes(await self._officers.do_task(request_id, str(event.data["task_id"])))
            else:
                notification_id = str(event.data["notification_id"])
                _yes(await self._officers.hand_over(request_id, notification_id))


_PLOTS: Final[Mapping[Plot, Callable[[Play], Awaitable[None]]]] = MappingProxyType(
    {
        "approved": Play.approved,
        "rejected": Play.rejected,
        "raced": Play.raced,
        "withdrawn": Play.withdrawn,
        "withdrawn_while_decided": Play.withdrawn_while_decided,
        "corrected": Play.corrected,
        "terminated": Play.terminated,
        "upgraded": Play.upgraded,
    }
)


def _is_paper(event: Said) -> bool:
    return event.name == "NotificationPrepared" and event.data.get("channel") != "email"


def _yes(call: Call) -> Call:
    if not call.accepted:
        raise Refused(f"{call.action} is answered {call.status}: {call.answer}")
    return call
