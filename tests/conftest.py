"""What every test may ask for: see the modules named here."""

import gc
import os

# First of all: its models look through every module that is loaded, once for each of their fields.
import scim2_client  # noqa: F401
import structlog
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

os.environ["BMT_ALLOW_HTTP"] = "true"  # on one machine, as an evaluation is

# As it is by default, but for tracebacks in colours with all variables, of which each takes half a second.
*_PROCESSORS, _ = structlog.get_config()["processors"]
_PLAIN = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[*_PROCESSORS, _PLAIN])

# How soon an example is judged says how busy the machine is, and nothing of what is tested.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")

pytest_plugins = (
    "fixtures.kafka",
    "fixtures.mongodb",
    "fixtures.service",
    "fixtures.browsing",
    "fixtures.directory",
    "fixtures.signing_in",
    "fixtures.stores",
)

WHOLE_SYSTEMS = ("tests/bench/", "tests/e2e/", "tests/faults/environment/", "tests/faults/test_")
CRASH_POINTS = "tests/faults/crash_points/"


class Scheduling(LoadFileScheduling):
    """Who has which tests, where a run has several workers: one has all of a file, which share what it starts.

    One worker has all that start a whole system, so that there is one system at a time. They take longest, and
    begin first.
    """

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(WHOLE_SYSTEMS):
            return "whole systems"
        return CRASH_POINTS if nodeid.startswith(CRASH_POINTS) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config, log):
    return Scheduling(config, log)


def pytest_collection_finish():
    """What was loaded until here stays: the collector need not look through all of it again and again."""
    gc.collect()
    gc.freeze()
