"""Runs the stories of a run and does the faults to the running site."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from prove.event_listener import EventListener
from prove.scenarios import Refused
from prove.schedule import Fault
from prove.site import Site
from prove.workload import Story


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


# The stories are spread over the faults, so that each fault meets stories under way.


CONCURRENCY: Final = 48
"""Stories under way at the same time."""
NO_PROGRESS_SECONDS: Final = 120.0
SECONDS_BETWEEN_LOOKS: Final = 0.2
Playing = Callable[[Story], Coroutine[Any, Any, None]]


class Driver:
    """One run's stories and faults."""

    def __init__(
        self,
        stories: Sequence[Story],
        schedule: Sequence[Fault],
        play: Playing,
        after_loss: Callable[[], Awaitable[None]],
        watch: Watch,
    ) -> None:
        """`after_loss` is called when Kafka came back without its data."""
        self._stories = stories
        self._schedule = schedule
        self._play = play
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
        playing = {asyncio.create_task(self._begin_all(), name="stories")}
        striking = asyncio.create_task(self._strike_all(site))
        calm_since = 0.0
        while not all(task.done() for task in (*playing, striking)):
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
            if striking.done() and not calm_since:
                striking.result()
                calm_since = time.monotonic()
                self._say("draining")
            moved = max(listener.last_heard, last_answered(), calm_since, began)
            stuck = time.monotonic() - moved > NO_PROGRESS_SECONDS
            if stuck or time.monotonic() - began > seconds:
                break
        for task in (*playing, striking):
            task.cancel()
        await asyncio.gather(*playing, striking, return_exceptions=True)

    async def _begin_all(self) -> None:
        share = len(self._stories) / (len(self._schedule) + 1)
        async with asyncio.TaskGroup() as group:
            for number, story in enumerate(self._stories):
                await self._slots.acquire()
                await self._until_struck(int(number // share) - 1)
                group.create_task(self._played(story))
                self.progress.begun += 1
                await self._tell()

    async def _played(self, story: Story) -> None:
        self.progress.unended.append(story.name)
        try:
            await self._play(story)
        except Refused as error:
            self.progress.surprises[story.name] = str(error)
            log.warning("surprise", story=story.name, plot=story.plot, what=str(error))
        finally:
            self._slots.release()
        self.progress.unended.remove(story.name)
        self.progress.ended += 1
        await self._tell()

    async def _strike_all(self, site: Site) -> None:
        share = len(self._stories) / (len(self._schedule) + 1)
        for number, fault in enumerate(self._schedule, start=1):
            await self._until_begun(int(number * share))
            self._say(str(fault))
            await do(fault, site)
            if fault.kind == "lose":
                await self._after_loss()
            self.progress.struck = number
            await self._tell()
        self._say("waiting for all to be up")
        await site.up(list(site.programs))

    async def _until_begun(self, stories: int) -> None:
        async with self._moved:
            await self._moved.wait_for(lambda: self.progress.begun >= stories)

    async def _until_struck(self, count: int) -> None:
        async with self._moved:
            await self._moved.wait_for(lambda: self.progress.struck >= count)

    async def _tell(self) -> None:
        self._watch(self.progress)
        async with self._moved:
            self._moved.notify_all()

    def _say(self, phase: str) -> None:
        self.progress.phase = phase
        self._watch(self.progress)
