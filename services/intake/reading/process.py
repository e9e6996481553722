"""Reads messages: `python -m services.intake.reading.process`, one after the other from its input.

What strangers send may be hostile, so this is a process of its own, without secrets, bounded in memory, and in
time for each message: the kernel ends it, wherever it is. It ends too when intake does, as its input ends then.
"""

import resource
import sys
import time
from typing import IO, Final

from services.intake.channels.mail import open_head, open_mail
from services.intake.channels.shown_text import shown_text
from services.intake.reading.frames import LENGTH, Asked, framed, pieces_of

MOST_MEMORY_BYTES: Final = 3 * 1024**3
MOST_CPU_SECONDS: Final = 5
"""For one message."""


def answer(asked: Asked, content: bytes) -> list[bytes]:
    """What is wanted of the message."""
    if asked.kind == "text":
        return [shown_text(content).encode()]
    if asked.kind == "head":
        return pieces_of(open_head(content, asked.why))
    return pieces_of(open_mail(content, asked.agencies, found=asked.found))


def _pieces(source: IO[bytes]) -> list[bytes]:
    number = source.read(LENGTH.size)
    if not number:
        return []
    return [_piece(source) for _ in range(LENGTH.unpack(number)[0])]


def _piece(source: IO[bytes]) -> bytes:
    (length,) = LENGTH.unpack(source.read(LENGTH.size))
    return source.read(length)


def _bounded() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _bounded_from_here(cpu_seconds: int) -> None:
    """The kernel counts whole seconds from the process's beginning."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + 1 + cpu_seconds, hard))


def main(cpu_seconds: int = MOST_CPU_SECONDS) -> None:
    """Answer until nothing more is asked."""
    _bounded()
    while wanted := _pieces(sys.stdin.buffer):
        _bounded_from_here(cpu_seconds)
        sys.stdout.buffer.write(framed(answer(Asked.model_validate_json(wanted[0]), wanted[1])))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
