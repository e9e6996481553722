"""What the supervisor promises, shown with programs that do nothing."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from eventually import eventually

from evaluation.supervisor import Process, Program, Supervisor, Unready

pytestmark = pytest.mark.integration

SLEEP = ("sleep", "1000")
STUBBORN = (
    sys.executable,
    "-c",
    "import signal; signal.signal(15, signal.SIG_IGN); print(1, flush=True); signal.pause()",
)
KEEPER = """
import asyncio, sys
from pathlib import Path
from evaluation.supervisor import Program, Supervisor

async def ready():
    return True

async def main():
    programs = [Program(name, ("sleep", "1000"), ready) for name in ("one", "two")]
    supervisor = Supervisor(programs, Path(sys.argv[1]))
    await supervisor.start()
    print("pids", *supervisor.pids.values(), flush=True)
    await asyncio.sleep(1000)  # the test kills it

asyncio.run(main())
"""


async def at_once():
    return True


async def never():
    return False


def alive(pid):
    return Path(f"/proc/{pid}/exe").exists()


@pytest.fixture
async def supervise(tmp_path):
    started = []

    def supervisor(*programs, changed=lambda: None):
        started.append(Supervisor(programs, tmp_path / "logs", changed))
        return started[-1]

    yield supervisor
    for each in started:
        await each.stop()


async def test_what_dies_is_started_again(supervise):
    told = asyncio.Event()
    supervisor = supervise(Program("one", SLEEP, at_once), changed=told.set)
    await supervisor.start()
    first = supervisor.pids["one"]

    os.kill(first, signal.SIGKILL)
    await asyncio.wait_for(told.wait(), 10)

    assert supervisor.pids["one"] != first
    assert alive(supervisor.pids["one"])


async def test_what_dies_is_started_again_however_often_its_start_fails(supervise):
    starts, told = [], asyncio.Event()

    async def prepare():
        starts.append(len(starts))
        if len(starts) == 2:
            raise OSError("no space left on device")

    def changed():
        if len(starts) == 3:
            raise OSError("no space left on device")
        told.set()

    supervisor = supervise(Program("one", SLEEP, at_once, prepare=prepare), changed=changed)
    await supervisor.start()

    os.kill(supervisor.pids["one"], signal.SIGKILL)
    await asyncio.wait_for(told.wait(), 15)

    assert starts == [0, 1, 2, 3]
    assert alive(supervisor.pids["one"])


async def test_a_program_starts_after_those_it_needs_and_stops_before_them(supervise, tmp_path):
    def noting(name):
        script = f"echo up {name} >> order; trap 'echo down {name} >> order; exit' TERM; sleep 1000 & wait"
        return ("sh", "-c", script)

    async def noted():
        return "up first" in (tmp_path / "order").read_text()

    async def both_noted():
        return "up second" in (tmp_path / "order").read_text()

    (tmp_path / "order").touch()
    supervisor = supervise(
        Program("second", noting("second"), both_noted, after=["first"], folder=tmp_path),
        Program("first", noting("first"), noted, folder=tmp_path),
    )

    await supervisor.start()
    await supervisor.stop()

    assert (tmp_path / "order").read_text().split("\n")[:-1] == [
        "up first",
        "up second",
        "down second",
        "down first",
    ]


async def test_one_that_ends_at_its_start_stops_all_and_is_quoted(supervise):
    words = ("sh", "-c", "echo no such luck >&2; exit 7")
    supervisor = supervise(Program("good", SLEEP, at_once), Program("bad", words, never))

    with pytest.raises(Unready, match="bad ended at its start: no such luck"):
        await supervisor.start()

    assert not alive(supervisor.pids["good"])


async def test_one_that_is_never_ready_is_not_waited_for_for_ever(supervise):
    supervisor = supervise(Program("slow", SLEEP, never, patience=0.2))

    with pytest.raises(Unready, match=r"slow was not ready after 0\.2 s"):
        await supervisor.start()

    assert not alive(supervisor.pids["slow"])


async def test_one_that_will_not_stop_is_killed_when_its_grace_is_over(tmp_path):
    process = await Process.start(Program("stubborn", STUBBORN, at_once, grace=0.2), tmp_path)
    await eventually(lambda: (tmp_path / "stubborn.log").read_text() == "1\n")

    assert await process.stop() == -signal.SIGKILL


async def test_a_killed_supervisor_leaves_nothing_running(tmp_path):
    keeper = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", KEEPER, str(tmp_path)), stdout=asyncio.subprocess.PIPE
    )
    said = b""
    while not said.startswith(b"pids"):
        said = await asyncio.wait_for(keeper.stdout.readline(), 10)
    pids = [int(pid) for pid in said.split()[1:]]
    assert all(alive(pid) for pid in pids)

    keeper.kill()
    await keeper.wait()

    await eventually(lambda: not any(alive(pid) for pid in pids))
