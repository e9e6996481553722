"""Services that may die, from outside: forked by a nursery, each under its own control."""

import asyncio
import itertools
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
START_SECONDS = 60.0


class Life:
    """One process, from its birth to its end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._reader = reader
        self._answers: asyncio.Queue[dict[str, int]] = asyncio.Queue()
        self.died_at: str | None = None
        self.ended = asyncio.create_task(self._live())

    @property
    def over(self) -> bool:
        return self.ended.done()

    async def _live(self) -> None:
        try:
            async for line in self._reader:
                said = json.loads(line)
                self.died_at = said.get("died_at", self.died_at)
                if "counts" in said:
                    self._answers.put_nowait(said["counts"])
        except ConnectionError:
            return
        finally:
            self._writer.close()

    def end(self) -> None:
        """Its control is gone, and so is it."""
        self._writer.close()

    async def does(self, what: Mapping[str, Any]) -> dict[str, int] | None:
        """How often each point was reached, after this order; None: it died before."""
        self._writer.write(json.dumps(what).encode() + b"\n")
        answer = asyncio.create_task(self._answers.get())
        await asyncio.wait([answer, self.ended], return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        answer.cancel()
        return None


class Nursery:
    """Where lives begin."""

    def __init__(self, folder: Path) -> None:
        self._control = str(folder / "control")
        self._born: dict[str, asyncio.Future[Life]] = {}
        self._names = map(str, itertools.count())
        self.process: asyncio.subprocess.Process

    async def bear(
        self,
        service: str,
        environment: Mapping[str, str],
        log: Path,
        *,
        arm: tuple[str, int] | None = None,
        stumbles_over: Sequence[str] = (),
        **more: str,
    ) -> Life:
        """A new process that is the service; `arm` is the point where it ends, the nth time."""
        name = next(self._names)
        self._born[name] = asyncio.get_running_loop().create_future()
        order = {
            "service": service,
            "environment": dict(environment),
            "log": str(log),
            "control": self._control,
            "name": name,
            "arm": arm,
            "stumbles_over": list(stumbles_over),
            **more,
        }
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        async with asyncio.timeout(START_SECONDS):
            life = await self._born[name]
        del self._born[name]
        return life

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name = json.loads(await reader.readline())["born"]
        self._born[name].set_result(Life(reader, writer))

    @asynccontextmanager
    async def open(self, log: Path) -> AsyncIterator["Nursery"]:
        """Until the block ends; whoever still lives then ends with its control."""
        server = await asyncio.start_unix_server(self._connected, self._control)
        with log.open("wb") as errors:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                HERE / "nursery.py",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                env={**os.environ, "PYTHONPATH": f"{ROOT}:{HERE}"},
            )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        async with asyncio.timeout(START_SECONDS):
            assert await self.process.stdout.readline() == b"ready\n", f"see {log}"
        try:
            yield self
        finally:
            self.process.stdin.close()
            await self.process.wait()
            server.close()
