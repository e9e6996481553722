"""A file system with little room, for who runs in it; the machine's own disk stays as it is.

It is a tmpfs in a mount namespace of its own (`unshare(1)`), which any user may make where the kernel
lets users have namespaces, and root always.
"""

import errno
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from evaluation import tether

PIECE = b"\0" * 65_536


class NoRoom(Exception):  # noqa: N818  named for what is so
    """This machine lets nobody mount a file system here."""


class LittleRoom:
    """A mounted folder that only those see who are led `inside`."""

    def __init__(self, folder: Path, holder: int) -> None:
        self._holder = holder
        self._seen_from_here = Path(f"/proc/{holder}/root") / folder.relative_to("/")

    def inside(self, command: Sequence[str]) -> tuple[str, ...]:
        """The command, run where the folder is mounted."""
        enter = ("nsenter", "--target", str(self._holder), "--user", "--mount")
        return (*enter, "--preserve-credentials", *command)

    def fill(self) -> int:
        """Leave no room; how many bytes that took."""
        with self._ballast.open("ab", buffering=0) as ballast:
            size = len(PIECE)
            while size:
                try:
                    ballast.write(PIECE[:size])
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    size //= 2
            return ballast.tell()

    def clear(self) -> None:
        """There is room again."""
        self._ballast.unlink(missing_ok=True)

    @property
    def _ballast(self) -> Path:
        return self._seen_from_here / "ballast"


@contextmanager
def little_room(folder: Path, megabytes: int) -> Iterator[LittleRoom]:
    """A room at `folder` until the block ends.

    Raises:
        NoRoom: the machine does not let us.
    """
    folder.mkdir(parents=True, exist_ok=True)
    mount = f'mount -t tmpfs -o size={megabytes}m tmpfs "$0" && echo mounted && exec cat'
    tethered = (sys.executable, "-I", "-S", tether.__file__, str(os.getpid()))
    holder = subprocess.Popen(
        (*tethered, "unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        if holder.stdout.readline() != b"mounted\n":
            raise NoRoom(holder.communicate()[1].decode().strip())
        yield LittleRoom(folder, holder.pid)
    finally:
        holder.kill()
        holder.communicate()
