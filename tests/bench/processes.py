"""What a process has used, by /proc (Linux): CPU seconds and memory."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
MIB = 1024 * 1024


def cpu_seconds(pid: int) -> float:
    """User and system time of all its threads since it began."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / TICKS_A_SECOND


def resident_mib(pid: int) -> float:
    """What it holds in memory now."""
    return _status(pid, "VmRSS")


def peak_mib(pid: int) -> float:
    """The most that it ever held in memory."""
    return _status(pid, "VmHWM")


def _status(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    return 0.0


@dataclass(frozen=True)
class Meter:
    """CPU seconds of some processes, and the time, from one moment on."""

    pids: Mapping[str, int]
    began: float
    before: Mapping[str, float]

    @classmethod
    def start(cls, pids: Mapping[str, int]) -> "Meter":
        """Begins now; this process is counted as `client`."""
        named = {**pids, "client": os.getpid()}
        return cls(named, monotonic(), {name: cpu_seconds(pid) for name, pid in named.items()})

    def used(self) -> dict[str, float]:
        """CPU seconds of each process since then."""
        return {name: cpu_seconds(pid) - self.before[name] for name, pid in self.pids.items()}


def own_peak_mib() -> float:
    """The most that this process ever held."""
    return peak_mib(os.getpid())
