"""Runs a service as `python -m` does, with its clock off by as many seconds as a file says.

`python off_by.py FILE MODULE`; without the file the clock is right.
"""

import runpy
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaProducer

from bmt.chassis.runtime import clock
from services.notification import smtp


def put_off(seconds: float) -> None:
    """What this process takes for now: for stored times, ids, tokens, and the dates of Kafka's records."""
    right_time, right_now, right_id = time.time, clock.now, clock.new_id

    def off_time() -> float:
        return right_time() + seconds

    def off_id() -> str:
        """The first 48 bits of a UUIDv7 are its milliseconds (RFC 9562, 5.7)."""
        return str(UUID(int=UUID(right_id()).int + (int(seconds * 1000) << 80)))

    async def off_send(self: Any, *record: Any, **more: Any) -> Any:
        """aiokafka asks the machine itself."""
        return await right_send(self, *record, timestamp_ms=int(off_time() * 1000), **more)

    right_send, AIOKafkaProducer.send = AIOKafkaProducer.send, off_send
    time.time = off_time
    clock.now = lambda: right_now() + timedelta(seconds=seconds)
    clock.new_id = off_id


def main() -> None:
    """Become the service."""
    _, file, module = sys.argv
    smtp.TIMEOUT_SECONDS = 2  # the mail server says nothing for longer, and the tests wait for it
    if Path(file).exists():
        put_off(float(Path(file).read_text()))
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
