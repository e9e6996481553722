"""What the figures were taken on."""

import os
import platform
import re
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from evaluation import machine
from evaluation.machine import mongod


def facts() -> Mapping[str, str]:
    """By name, for people."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "CPU": _cpu(),
        "cores": str(len(os.sched_getaffinity(0))),
        "load before and beside": " ".join(f"{load:.1f}" for load in os.getloadavg()),
        "kernel": platform.release(),
        "Python": platform.python_version(),
        "Apache Kafka": _kafka(),
        "mongod": _mongod(),
    }


def _cpu() -> str:
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return found[1].strip() if found else platform.machine()


def _kafka() -> str:
    found = re.search(r"/kafka-(\d[\d.]*)/", machine.classpath())
    return found[1] if found else "unknown"


def _mongod() -> str:
    said = subprocess.run([str(mongod()), "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"db version v(\S+)", said.stdout)
    return found[1] if found else "unknown"
