"""Runs a command that cannot outlive the process that started it (Linux).

`python -I -S tether.py PARENT_PID COMMAND [ARGUMENT...]` asks the kernel to kill this process when its parent dies,
even of SIGKILL, then becomes the command: the process id stays the same. The kernel watches the parent's *thread*,
so start it from a thread that lives as long as the process.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def tie(parent: int) -> None:
    """Set the death signal, and end if the parent lives no more."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:  # it died between our start and the line above
        sys.exit(1)


def main() -> None:
    """Become the command."""
    parent, *command = sys.argv[1:]
    tie(int(parent))
    os.execvp(command[0], command)  # noqa: S606 - the whole purpose: no shell, the command's own pid


if __name__ == "__main__":
    main()
