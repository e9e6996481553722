"""Each point is visited: a service dies there in the middle of a story, and everything comes right.

First stories are played once without a death, which tells what points they reach and how often; so
who visits which point follows from the code, and a point that no story reaches is told.
"""

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from eventually import eventually
from invariants_kept import violations
from stage import Stage

Story = Callable[[Stage], Awaitable[None]]
MOST_FAILURES = 3
ROUNDS = 4
RESTART_SECONDS = 0.5
A_LAST_STEP_SECONDS = 1.0


@dataclass(frozen=True)
class Visit:
    """`story` is played on the stage of `service`, which dies at `point` the `nth` time."""

    point: str
    service: str
    story: Story
    nth: int

    def __str__(self) -> str:
        return f"{self.point} (the {self.nth}. time, {self.service}: {self.story.__name__})"


@dataclass
class Production:
    """All stages: what was reached without a death, who visits what, and what came of it."""

    open_stage: Callable[[str], Stage]
    stories: dict[str, Sequence[Story]]
    rebuilt: Callable[[Stage], Awaitable[list[str]]]
    reach: dict[tuple[str, Story], Counter[str]] = field(default_factory=dict)
    seconds: dict[tuple[str, Story], float] = field(default_factory=dict)
    visits: Counter[str] = field(default_factory=Counter)
    taken: Counter[tuple[str, str, Story]] = field(default_factory=Counter)
    wrong: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    diary: Callable[[str], object] = print

    async def run(
        self, points: Mapping[str, str | None], times: int, seed: int, *, every_story: bool
    ) -> None:
        """Visit each of `points` so many times; who did not come to one is followed by another.

        Each is the code of one service, or (None) of all. `every_story` is played, or only so many that all are reached.
        """
        chance = random.Random(seed)
        wanted = None if every_story else points
        await asyncio.gather(*(self._survey(service, wanted) for service in self.stories))
        for _ in range(ROUNDS):
            missing = {point: times - self.visits[point] for point in points}
            lacking = [p for p in points if missing[p] > 0 and not self.wrong.get(p)]
            planned = self._plan([p for p in lacking for _ in range(missing[p])], chance)
            if not any(planned.values()):
                return
            await asyncio.gather(
                *(self._visit_all(s, visits) for s, visits in planned.items() if visits)
            )

    async def _survey(self, service: str, wanted: Mapping[str, str | None] | None) -> None:
        async with AsyncExitStack() as stack:
            stage = await stack.enter_async_context(self.open_stage(service).open())
            for story in self.stories[service]:
                if wanted is not None and all(
                    self._is_reached(p) for p, of in wanted.items() if of in {None, service}
                ):
                    return
                began, before = time.monotonic(), await stage.counts()
                if wrong := await _played(stage, story):
                    self.wrong[service] += [
                        f"{story.__name__}, without a death: {w}" for w in wrong
                    ]
                    return
                self.reach[service, story] = (await stage.counts()) - before
                self.seconds[service, story] = time.monotonic() - began
                self._note(began, f"{service}: {story.__name__}, without a death")

    def _is_reached(self, point: str) -> bool:
        return any(counts[point] for counts in self.reach.values())

    def _plan(self, points: Sequence[str], chance: random.Random) -> dict[str, list[Visit]]:
        """So that no stage has much more to play than another."""
        planned: dict[str, list[Visit]] = {service: [] for service in self.stories}
        load: Counter[str] = Counter()
        for point in points:
            most = max(counts[point] for counts in self.reach.values()) if self.reach else 0
            if not most:
                continue
            # Who came by less often may have done so by chance, on a busy machine, and will not again.
            able = [each for each, counts in self.reach.items() if 2 * counts[point] >= most]
            service, story = min(
                able,
                key=lambda each: (self.taken[point, *each], load[each[0]] + self.seconds[each]),
            )
            self.taken[point, service, story] += 1
            load[service] += self.seconds[service, story] + RESTART_SECONDS
            nth = chance.randint(1, self.reach[service, story][point])
            planned[service].append(Visit(point, service, story, nth))
        return planned

    async def _visit_all(self, service: str, visits: Sequence[Visit]) -> None:
        """One after the other; what went wrong is left behind with its stage."""
        left = list(visits)
        for _ in range(MOST_FAILURES):
            async with self.open_stage(service).open() as stage:
                # What some stories begin with.
                await self.stories[service][0](stage)
                while left:
                    visit, began = left.pop(0), time.monotonic()
                    wrong = await self._visit(stage, visit)
                    self._note(began, f"{visit}: {wrong or 'well'}")
                    if wrong:
                        self.wrong[visit.point] += [f"{visit}: {each}" for each in wrong]
                        break
                else:
                    self.wrong[service] += await self.rebuilt(stage)
                    return

    def _note(self, began: float, what: str) -> None:
        self.diary(f"{time.monotonic() - began:6.2f} s {what}\n")

    async def _visit(self, stage: Stage, visit: Visit) -> list[str]:
        for nth in dict.fromkeys((visit.nth, 1, 1 + visit.nth // 2)):
            stage.deaths.clear()
            await stage.arm(visit.point, nth)
            if wrong := await _played(stage, visit.story):
                return [*wrong, f"deaths: {stage.deaths}"]
            if stage.deaths == [visit.point]:
                self.visits[visit.point] += 1
                return []
            if stage.deaths:
                return [f"it died at {stage.deaths}"]
            await stage.disarm()
        return []


async def _played(stage: Stage, story: Story) -> list[str]:
    """What is wrong after a story."""
    try:
        await story(stage)
        await stage.settled()
        if stage.armed and not stage.deaths:
            await _a_last_step(stage)
            await stage.settled()
        return await violations(stage)
    except Exception as error:  # noqa: BLE001  it is told with the visit that it belongs to
        return [f"{story.__name__}: {type(error).__name__} {error}"]


async def _a_last_step(stage: Stage) -> None:
    """What is seen from outside may be a step ahead of who did it."""
    try:
        await eventually(lambda: bool(stage.deaths), A_LAST_STEP_SECONDS)
    except AssertionError:
        return
