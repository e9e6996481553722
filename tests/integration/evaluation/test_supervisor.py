"""What the supervisor promises, shown with programs that do nothing."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest
from eventually import eventually

from bmt.cli.command_line import CannotRun
from evaluation.ports import any_free_port
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
    commands = ("sleep", "1000"), (sys.executable, "-m", "evaluation.mail", "--port", sys.argv[2], "--maildir", "mail")
    programs = [Program(command[0], command, ready) for command in commands]
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
        *(sys.executable, "-c", KEEPER, str(tmp_path), str(any_free_port())),
        stdout=asyncio.subprocess.PIPE,
        cwd=tmp_path,
    )
    said = b""
    while not said.startswith(b"pids"):
        said = await asyncio.wait_for(keeper.stdout.readline(), 10)
    pids = [int(pid) for pid in said.split()[1:]]
    assert all(alive(pid) for pid in pids)

    keeper.kill()
    await keeper.wait()

    await eventually(lambda: not any(alive(pid) for pid in pids))


# Programs of Python are forked from one process.

PAUSED = r"""
import json, os, signal, sys
from pathlib import Path
if __name__ == "__main__":
    Path("found.part").write_text(json.dumps({
        "environment": {name: os.environ.get(name) for name in ("ONLY_ITS_OWN", "PATH")},
        "arguments": sys.argv[1:],
        "command": Path("/proc/self/cmdline").read_text().rstrip("\0").split("\0"),
        "session": os.getsid(0) == os.getpid(),
        "forked_by": os.getppid() if "evaluation.tether" in sys.modules else None,
    }))
    print("says this", flush=True)
    os.rename("found.part", "found.json")  # there only when it is whole
    signal.pause()
"""


def of_python(name, module, folder, *arguments, **more):
    """A program of a module in the folder; ready once it has said what it found."""

    async def ready():
        return (folder / name / "found.json").exists()

    (folder / name).mkdir()
    command = (sys.executable, "-m", module, *arguments)
    return Program(name, command, ready, folder=folder / name, **more)


def found(folder):
    return json.loads((folder / "found.json").read_text())


@pytest.fixture
def module(tmp_path, monkeypatch):
    """The name of a module that is found where all of ours are."""
    (tmp_path / "paused.py").write_text(PAUSED)
    paths = filter(None, (str(tmp_path), os.environ.get("PYTHONPATH")))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    return "paused"


async def test_a_forked_program_is_what_python_would_have_started(supervise, module, tmp_path):
    one = of_python("one", module, tmp_path, "--a", "b", environment={"ONLY_ITS_OWN": "1"})
    two = of_python("two", module, tmp_path)
    supervisor = supervise(one, two)

    await supervisor.start()

    now = found(tmp_path / "one")
    assert now.pop("forked_by") not in (None, os.getpid())
    assert now == {
        "environment": {"ONLY_ITS_OWN": "1", "PATH": os.environ["PATH"]},
        "arguments": ["--a", "b"],
        "command": [sys.executable, "-m", module, "--a", "b"],
        "session": True,
    }
    assert found(tmp_path / "two")["environment"]["ONLY_ITS_OWN"] is None
    assert (tmp_path / "logs" / "one.log").read_text() == "says this\n"


async def test_a_program_with_modules_of_its_own_is_not_forked(supervise, module, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "paused.py").write_text(PAUSED.replace("says this", "says that"))
    own = of_python("own", module, tmp_path, environment={"PYTHONPATH": str(elsewhere)})
    supervisor = supervise(own, of_python("ours", module, tmp_path))

    await supervisor.start()

    assert (tmp_path / "logs" / "own.log").read_text() == "says that\n"
    assert found(tmp_path / "own")["forked_by"] is None
    assert found(tmp_path / "ours")["forked_by"]


async def test_a_forked_program_that_dies_is_started_again_and_ends_when_asked(
    supervise, module, tmp_path
):
    told = asyncio.Event()
    supervisor = supervise(of_python("one", module, tmp_path), changed=told.set)
    await supervisor.start()
    first = supervisor.pids["one"]

    os.kill(first, signal.SIGKILL)
    await asyncio.wait_for(told.wait(), 10)
    second = supervisor.pids["one"]
    await supervisor.stop()

    assert second != first
    assert not alive(first)
    assert not alive(second)


async def test_one_that_is_forked_and_ends_at_its_start_is_quoted(supervise):
    supervisor = supervise(Program("mail", (sys.executable, "-m", "evaluation.mail"), never))

    with pytest.raises(Unready, match=r"mail ended at its start: .*required: --port, --maildir"):
        await supervisor.start()


async def test_who_forks_may_be_killed_and_all_are_started_again(supervise, module, tmp_path):
    restarted = []
    names = ("one", "two")
    programs = [of_python(name, module, tmp_path) for name in names]
    supervisor = supervise(*programs, changed=lambda: restarted.append(1))
    await supervisor.start()
    first = dict(supervisor.pids)

    os.kill(found(tmp_path / "one")["forked_by"], signal.SIGKILL)
    await eventually(lambda: len(restarted) == len(names), 20)

    assert not any(alive(pid) for pid in first.values())
    assert all(alive(supervisor.pids[name]) for name in names)


async def test_a_module_that_cannot_be_imported_is_quoted(supervise, module, tmp_path):
    (tmp_path / "paused.py").write_text("import one_that_is_not_there")
    supervisor = supervise(of_python("one", module, tmp_path))

    with pytest.raises(CannotRun, match="No module named 'one_that_is_not_there'"):
        await supervisor.start()
