"""Runs a service as `python -m` does, with its clock off by as many seconds as a file says.

`python off_by.py FILE MODULE`; without the file the clock is right.
"""

import runpy
import sys
import time
from datetime import timedelta
from pathlib import Path

import uuid_utils

from bmt.chassis import clock


def put_off(seconds: float) -> None:
    """What this process takes for now: for stored times, ids, tokens, and the dates of Kafka's records."""
    right_time, right_now = time.time, clock.now

    def off_time() -> float:
        return right_time() + seconds

    def off_id() -> str:
        whole, part = divmod(off_time(), 1)
        return str(uuid_utils.uuid7(int(whole), int(part * 1e9)))

    time.time = off_time
    clock.now = lambda: right_now() + timedelta(seconds=seconds)
    clock.new_id = off_id


def main() -> None:
    """Become the service."""
    _, file, module = sys.argv
    if Path(file).exists():
        put_off(float(Path(file).read_text()))
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
