"""One run from an empty folder to the report: start, run the stories and faults, drain, audit."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from bmt.chassis.errors import WrongConfiguration
from evaluation.layout import Layout
from evaluation.ports import ONE_OF_EACH, Scale
from prove.api_clients import AdminClient, Client
from prove.collectors import gather
from prove.driver import NO_PROGRESS_SECONDS, Driver, Progress, StoryRunner, Watch, nobody
from prove.evidence import Log
from prove.kafka_clients import NAME, EventListener, Integrator
from prove.report import Report, audit
from prove.site import Alter, Site, settled, unaltered, unused_base
from prove.workload import Poison, Story, poisons, schedule, workload

USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
CONCURRENCY: Final = 8


async def register(ipms: Mapping[str, Any], stories: Iterable[Story]) -> None:
    """Adds the registered applicants to IPMS (RFC 7644, 3.3)."""
    slots = asyncio.Semaphore(CONCURRENCY)
    headers = {"Authorization": f"Bearer {ipms['token']}"}
    async with httpx.AsyncClient(headers=headers, timeout=60.0, trust_env=False) as client:

        async def add(account: str) -> None:
            user = {"schemas": [USER], "userName": account, "active": True}
            async with slots:
                answer = await client.post(f"{ipms['url']}/Users", json=user)
                answer.raise_for_status()

        await asyncio.gather(*(add(story.account) for story in stories if story.registered))


OBSERVER: Final = "observer"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run.

    Attributes:
        layout: the data directory, which must exist.
        minutes: the longest that stories and faults go on.
        alter: how a test changes a service's program.
    """

    requests: int
    faults: int
    seed: int
    layout: Layout
    minutes: float = 10.0
    alter: Alter = unaltered
    scale: Scale = ONE_OF_EACH


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a run.

    Attributes:
        left: the system's pending work when the audit began.
        answers: counts by service and status; status 0 is no answer.
        seconds: of each phase.
    """

    report: Report
    progress: Progress
    left: Mapping[str, int]
    answers: Mapping[str, Mapping[str, int]]
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        """Nothing is violated, and everything ended."""
        unended = self.progress.unended or self.progress.surprises or self.left
        return self.report.sound and not unended


async def run(plan: Plan, watch: Watch = nobody) -> Outcome:
    """The whole run.

    Raises:
        CannotRun: the system did not start.
        Unreachable: a part could not be audited.
    """
    stories = workload(plan.seed, plan.requests)
    clock = _Clock()
    site = Site(plan.layout, unused_base(), plan.alter, plan.scale)
    watch(Progress(len(stories), plan.faults))
    async with site.running():
        clock.lap("start")
        return await _proven(plan, stories, site, watch, clock)


async def _proven(
    plan: Plan, stories: list[Story], site: Site, watch: Watch, clock: "_Clock"
) -> Outcome:
    await register(site.ready["ipms"], stories)
    clock.lap("accounts")
    log = Log(site.endpoints().client_log)
    client = Client({name: each["url"] for name, each in site.ready["services"].items()}, log)
    integrator = Integrator(site.system.kafka.options(NAME), log)
    listener = EventListener(site.system.kafka.options(OBSERVER))
    poison = _spread(poisons(plan.seed, len(stories)), stories)

    async def play(story: Story) -> None:
        if sick := poison.get(story.name):
            await integrator.poison(sick)
        await StoryRunner(AdminClient(story, client, site.token), listener, integrator).run()

    async def after_loss() -> None:
        await site.up(["kafka"])
        listener.begin_again()
        await integrator.publish_again()

    driver = Driver(stories, schedule(plan.seed, plan.faults, plan.scale), play, after_loss, watch)
    try:
        async with listener.listening():
            await driver.run(site, listener, lambda: client.last_answered, plan.minutes * 60)
    finally:
        await asyncio.gather(client.close(), integrator.close())
        log.close()
    clock.lap("stories")
    left = await settled(site, NO_PROGRESS_SECONDS if driver.progress.ended else 0)
    clock.lap("drain")
    driver.progress.phase = "auditing"
    watch(driver.progress)
    evidence = await gather(site.endpoints())
    clock.lap("gather")
    report = await asyncio.to_thread(audit, evidence)
    clock.lap("audit")
    return Outcome(report, driver.progress, left, _answers(client), clock.laps)


def _spread(sick: list[Poison], stories: list[Story]) -> dict[str, Poison]:
    """Which story each poison record comes with."""
    step = max(1, len(stories) // max(1, len(sick)))
    return {story.name: each for story, each in zip(stories[::step], sick, strict=False)}


def _answers(client: Client) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (service, status), count in sorted(client.answers.items()):
        found.setdefault(service, {})[str(status)] = count
    return found


class _Clock:
    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._since = time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.laps[name] = round(now - self._since, 1)
        self._since = now


def document(plan: Plan, outcome: Outcome) -> dict[str, Any]:
    """JSON."""
    progress = outcome.progress
    return {
        "seed": plan.seed,
        "requests": plan.requests,
        "faults": plan.faults,
        "replicas": plan.scale.replicas,
        "nodes": plan.scale.nodes,
        **outcome.report.document(),
        "sound": outcome.sound,
        "stories": {"begun": progress.begun, "ended": progress.ended},
        "unended": progress.unended,
        "surprises": progress.surprises,
        "left": dict(outcome.left),
        "answers": outcome.answers,
        "seconds": outcome.seconds,
        "data": str(plan.layout.root),
    }


@dataclass
class Folder:
    """One run's folder; `needed`: it is kept, for somebody to look into."""

    layout: Layout
    needed: bool


@contextmanager
def folder(named: Path | None) -> Iterator[Folder]:
    """An empty folder. It is kept if it was named, or is needed when the block ends or fails.

    Raises:
        WrongConfiguration: the named one is not empty.
    """
    if named is not None and named.exists() and any(named.iterdir()):
        raise WrongConfiguration(f"--data {named}: is not empty; a proof begins with nothing")
    root = named or Path(tempfile.mkdtemp(prefix="bmt-prove-"))
    proof_folder = Folder(Layout.at(root), needed=True)
    proof_folder.layout.make()
    yield proof_folder
    if named is None and not proof_folder.needed:
        shutil.rmtree(root, ignore_errors=True)
