"""Where a service's time goes, by py-spy: by function and by package."""

import asyncio
import shutil
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from signal import SIGINT
from tempfile import TemporaryDirectory
from typing import Final

SAMPLES_A_SECOND: Final = 100
MOST_SHOWN: Final = 150


@asynccontextmanager
async def profiled(pids: Mapping[str, int], service: str) -> AsyncIterator[None]:
    """Sample the service meanwhile and print what was seen; nothing without a name.

    Only samples that hold the interpreter's lock count, so waiting is not among them.
    """
    if not service:
        yield
        return
    with TemporaryDirectory() as folder:
        file = Path(folder) / "stacks"
        spy = await asyncio.create_subprocess_exec(
            *(_spy(), "record", "--pid", str(pids[service]), "--format", "raw"),
            *("--gil", "--nonblocking"),  # it must not stand still for being looked at
            *("--rate", str(SAMPLES_A_SECOND), "--output", str(file), "--full-filenames"),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            yield
        finally:
            spy.send_signal(SIGINT)
            await spy.wait()
        sys.stdout.write(report(service, file.read_text()))


def _spy() -> str:
    beside = Path(sys.executable).with_name("py-spy")
    found = str(beside) if beside.exists() else shutil.which("py-spy")
    if found is None:
        raise SystemExit("--profile needs py-spy: .venv/bin/uv pip install py-spy")
    return found


def report(service: str, stacks: str) -> str:
    """Three tables of folded stacks: packages and functions by own time, functions with all they call."""
    packages: Counter[str] = Counter()
    own: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for line in stacks.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        packages[_package(frames[-1])] += int(count)
        own[_short(frames[-1])] += int(count)
        whole.update({_short(frame): int(count) for frame in frames})
    total = max(1, sum(own.values()))
    return "".join(
        f"\n{service}: {title} ({total} samples)\n{_table(counted, total)}"
        for title, counted in (
            ("packages, own time", packages),
            ("functions, own time", own),
            ("functions with all they call", whole),
        )
    )


def _table(counted: Counter[str], total: int) -> str:
    return "".join(
        f"{count / total:7.1%}  {name}\n" for name, count in counted.most_common(MOST_SHOWN)
    )


def _short(frame: str) -> str:
    """A frame without what is before site-packages or the repository."""
    name, _, place = frame.partition(" (")
    return f"{name} ({_inside(place)}"


def _inside(place: str) -> str:
    for start in ("site-packages/", "/lib/python3"):
        if start in place:
            return place.partition(start)[2].lstrip("./0123456789")
    return "/".join(place.split("/")[-3:])


def _package(frame: str) -> str:
    place = frame.partition(" (")[2]
    if "site-packages/" in place:
        return place.partition("site-packages/")[2].split("/")[0]
    for ours in ("bmt/chassis", "bmt/contracts", "bmt/agencies", "services"):
        if f"/{ours}/" in place:
            return ours
    return "python's own library"
