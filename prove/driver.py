"""Runs the stories of a run until every request is filed, and does the faults to the running site."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

import structlog

from prove.api_clients import REJECT, RETURN, AdminClient
from prove.books import Published
from prove.evidence import Call
from prove.kafka_clients import EventListener, Integrator
from prove.site import Site
from prove.workload import Fault, Plot, Story


@dataclass(slots=True)
class Progress:
    """How far a run is.

    Attributes:
        struck: faults that were done.
        phase: what is going on, in a line.
        surprises: answers that the procedure does not allow, by the story's name.
        unended: stories that did not end.
    """

    stories: int
    faults: int
    begun: int = 0
    ended: int = 0
    struck: int = 0
    phase: str = "starting"
    surprises: dict[str, str] = field(default_factory=dict)
    unended: list[str] = field(default_factory=list)


Watch = Callable[[Progress], None]
"""Called at each change."""


def nobody(_: Progress) -> None:
    """Ignores the progress."""


log = structlog.get_logger()


async def do(fault: Fault, site: Site) -> None:
    """The fault from its beginning to its end. A killed program may still be starting."""
    if fault.target in site.programs:
        await site.up([fault.target])  # a program that is down cannot be killed
    log.info("fault", kind=fault.kind, target=fault.target, seconds=fault.seconds)
    match fault.kind:
        case "kill":
            site.signal(fault.target, signal.SIGKILL)
        case "restart":
            site.signal(fault.target, signal.SIGTERM)
        case "lose":
            await site.lose_kafka()
        case "freeze":
            await _frozen(fault, site)
        case _:
            await _hindered(fault, site)
    await asyncio.sleep(fault.pause)


async def _frozen(fault: Fault, site: Site) -> None:
    site.signal(fault.target, signal.SIGSTOP)
    try:
        await asyncio.sleep(fault.seconds)
    finally:
        site.signal(fault.target, signal.SIGCONT)


async def _hindered(fault: Fault, site: Site) -> None:
    wire = site.wires[fault.target]
    {"cut": wire.cut, "stall": wire.stall, "slow": wire.slow}[fault.kind]()
    try:
        await asyncio.sleep(fault.seconds)
    finally:
        wire.mend()


CONCURRENCY: Final = 48
"""Stories under way at the same time."""
NO_PROGRESS_SECONDS: Final = 120.0
SECONDS_BETWEEN_LOOKS: Final = 0.2
RunStory = Callable[[Story], Coroutine[Any, Any, None]]


class Driver:
    """One run's stories, spread over its faults, so that each fault meets stories under way."""

    def __init__(
        self,
        stories: Sequence[Story],
        schedule: Sequence[Fault],
        run_story: RunStory,
        after_loss: Callable[[], Awaitable[None]],
        watch: Watch,
    ) -> None:
        """`after_loss` is called when Kafka came back without its data."""
        self._stories = stories
        self._schedule = schedule
        self._run_story = run_story
        self._after_loss = after_loss
        self._watch = watch
        self._slots = asyncio.Semaphore(CONCURRENCY)
        self._moved = asyncio.Condition()
        self.progress = Progress(len(stories), len(schedule))

    async def run(
        self,
        site: Site,
        listener: EventListener,
        last_answered: Callable[[], float],
        seconds: float,
    ) -> None:
        """Until every story ended, or the seconds are over, or nothing makes progress any more.

        Nothing is raised: what did not end is in `progress`.
        """
        began = time.monotonic()
        begun = {asyncio.create_task(self._begin_all(), name="stories")}
        striking = asyncio.create_task(self._strike_all(site))
        calm_since = 0.0
        while not all(task.done() for task in (*begun, striking)):
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
            if striking.done() and not calm_since:
                striking.result()
                calm_since = time.monotonic()
                self._enter_phase("draining")
            moved = max(listener.last_received, last_answered(), calm_since, began)
            stuck = time.monotonic() - moved > NO_PROGRESS_SECONDS
            if stuck or time.monotonic() - began > seconds:
                break
        for task in (*begun, striking):
            task.cancel()
        await asyncio.gather(*begun, striking, return_exceptions=True)

    async def _begin_all(self) -> None:
        share = len(self._stories) / (len(self._schedule) + 1)
        async with asyncio.TaskGroup() as group:
            for number, story in enumerate(self._stories):
                await self._slots.acquire()
                await self._until_struck(int(number // share) - 1)
                group.create_task(self._run_to_its_end(story))
                self.progress.begun += 1
                await self._report_progress()

    async def _run_to_its_end(self, story: Story) -> None:
        self.progress.unended.append(story.name)
        try:
            await self._run_story(story)
        except Refused as error:
            self.progress.surprises[story.name] = str(error)
            log.warning("surprise", story=story.name, plot=story.plot, what=str(error))
        finally:
            self._slots.release()
        self.progress.unended.remove(story.name)
        self.progress.ended += 1
        await self._report_progress()

    async def _strike_all(self, site: Site) -> None:
        share = len(self._stories) / (len(self._schedule) + 1)
        for number, fault in enumerate(self._schedule, start=1):
            await self._until_begun(int(number * share))
            self._enter_phase(str(fault))
            await do(fault, site)
            if fault.kind == "lose":
                await self._after_loss()
            self.progress.struck = number
            await self._report_progress()
        self._enter_phase("waiting for all to be up")
        await site.up(list(site.programs))

    async def _until_begun(self, stories: int) -> None:
        async with self._moved:
            await self._moved.wait_for(lambda: self.progress.begun >= stories)

    async def _until_struck(self, count: int) -> None:
        async with self._moved:
            await self._moved.wait_for(lambda: self.progress.struck >= count)

    async def _report_progress(self) -> None:
        self._watch(self.progress)
        async with self._moved:
            self._moved.notify_all()

    def _enter_phase(self, phase: str) -> None:
        self.progress.phase = phase
        self._watch(self.progress)


class Refused(Exception):  # noqa: N818  named for what is so
    """A story was refused where the procedure says yes."""


class StoryRunner:
    """Runs one story."""

    def __init__(self, admin: AdminClient, listener: EventListener, integrator: Integrator) -> None:
        self._admin = admin
        self._listener = listener
        self._integrator = integrator
        self._story: Story = admin.story

    async def run(self) -> None:
        """From the submission to the end.

        Raises:
            Refused: a call was refused where the procedure says yes.
        """
        await _PLOTS[self._story.plot](self)

    async def approved(self) -> None:
        request_id = await self._hand_in()
        _require_accepted(await self._admin.approve(request_id))
        await self._end(request_id)

    async def rejected(self) -> None:
        request_id = await self._hand_in()
        _require_accepted(await self._admin.decide(request_id, REJECT))
        await self._end(request_id)

    async def raced(self) -> None:
        """Two administrators decide at the same moment."""
        request_id = await self._hand_in()
        await self._listener.until_published(request_id, "ReviewOpened")
        await asyncio.gather(
            self._admin.approve(request_id),
            self._admin.decide(request_id, REJECT, second=True),
        )
        await self._end(request_id)

    async def withdrawn(self) -> None:
        """An administrator then tries to approve it."""
        request_id = await self._hand_in()
        _require_accepted(await self._admin.withdraw(request_id))
        await self._listener.until_published(request_id, "Withdrawn")
        call = await self._admin.approve(request_id)
        if call.status != HTTPStatus.CONFLICT:
            raise Refused(f"approving what was withdrawn is answered {call.status}")
        await self._end(request_id)

    async def withdrawn_while_decided(self) -> None:
        """Both at the same moment: either may come first."""
        request_id = await self._hand_in()
        await self._listener.until_published(request_id, "ReviewOpened")
        await asyncio.gather(
            self._admin.withdraw(request_id), self._admin.approve(request_id, second=True)
        )
        await self._end(request_id)

    async def corrected(self) -> None:
        request_id = await self._hand_in()
        _require_accepted(await self._admin.decide(request_id, RETURN))
        await self._corrected(request_id)
        await self._listener.until_published(request_id, "ReviewOpened", times=2)
        _require_accepted(await self._admin.approve(request_id))
        await self._end(request_id)

    async def terminated(self) -> None:
        await self.approved()
        call = await self._admin.hand_in("termination")
        request_id = str(_require_accepted(call).answer["request_id"])
        _require_accepted(await self._admin.approve_end(request_id))
        await self._end(request_id)

    async def upgraded(self) -> None:
        await self.approved()
        largest = 95 * 10**9
        call = await self._admin.hand_in(quota_bytes=largest)
        request_id = str(_require_accepted(call).answer["request_id"])
        _require_accepted(await self._admin.approve(request_id))
        await self._end(request_id)

    async def _hand_in(self) -> str:
        if self._story.channel != "event":
            return str(_require_accepted(await self._admin.hand_in()).answer["request_id"])
        times = 1 if self._story.resend == "never" else 2
        requested = self._story.requested()
        reference = await self._integrator.submit(self._story.name, requested, times=times)
        return await self._listener.until(lambda: self._listener.request_of(reference))

    async def _corrected(self, request_id: str) -> None:
        """Intake receives the return after the administrator was answered, so an early refusal is retried."""
        await self._listener.until_published(request_id, "ReturnedForCorrection")
        for pause in (0.5, 1, 2, 4, 8, 16, 32):
            call = await self._admin.correct(request_id)
            if call.accepted:
                return
            await asyncio.sleep(pause)
        _require_accepted(call)

    async def _end(self, request_id: str) -> None:
        """Do what the procedure asks of people until the request is filed."""
        done: set[str] = set()

        def next_turn() -> Published | None:
            new = [each for each in self._listener.events_of(request_id) if each.id not in done]
            for each in new:
                if each.name in ("AwaitingOperator", "Filed") or _is_paper(each):
                    return each
            return None

        while True:
            event = await self._listener.until(next_turn)
            done.add(event.id)
            if event.name == "Filed":
                return
            if event.name == "AwaitingOperator":
                _require_accepted(await self._admin.do_task(request_id, str(event.data["task_id"])))
            else:
                notification_id = str(event.data["notification_id"])
                _require_accepted(await self._admin.hand_over(request_id, notification_id))


_PLOTS: Final[Mapping[Plot, Callable[[StoryRunner], Awaitable[None]]]] = MappingProxyType(
    {
        "approved": StoryRunner.approved,
        "rejected": StoryRunner.rejected,
        "raced": StoryRunner.raced,
        "withdrawn": StoryRunner.withdrawn,
        "withdrawn_while_decided": StoryRunner.withdrawn_while_decided,
        "corrected": StoryRunner.corrected,
        "terminated": StoryRunner.terminated,
        "upgraded": StoryRunner.upgraded,
    }
)


def _is_paper(event: Published) -> bool:
    return event.name == "NotificationPrepared" and event.data.get("channel") != "email"


def _require_accepted(call: Call) -> Call:
    if not call.accepted:
        raise Refused(f"{call.action} is answered {call.status}: {call.answer}")
    return call
