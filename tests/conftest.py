"""What every test may ask for: see the modules named here."""

import os

# First of all: its models look through every module that is loaded, once for each of their fields.
import scim2_client  # noqa: F401
import structlog
from fixtures.thoroughness import LONG
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

from bmt.chassis.http.app import collect_garbage_less_often

collect_garbage_less_often()  # as every service does, and before most is imported

os.environ["BMT_ALLOW_HTTP"] = "true"  # on one machine, as an evaluation is

# As it is by default, but for tracebacks in colours with all variables, of which each takes half a second.
*_PROCESSORS, _ = structlog.get_config()["processors"]
_PLAIN = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[*_PROCESSORS, _PLAIN])

# How soon an example is judged says how busy the machine is, and nothing of what is tested.
settings.register_profile("tests", deadline=None, max_examples=100 if LONG else 40)
settings.load_profile("tests")

pytest_plugins = (
    "fixtures.kafka",
    "fixtures.mongodb",
    "fixtures.service",
    "fixtures.browsing",
    "fixtures.collector",
    "fixtures.directory",
    "fixtures.signing_in",
    "fixtures.stores",
)

TOGETHER = (
    "tests/e2e/",
    "tests/faults/",
    "tests/integration/intake/test_intake_mailbox.py",
)
"""What shares a system that takes long to start, starts its own, or waits long: the first that fits, the longest at the beginning.

Faults of all kinds come one after the other: with a system for each beside the others, two cores answer nobody in time.
"""


def _together(nodeid: str) -> str | None:
    return next((place for place in TOGETHER if nodeid.startswith(place)), None)


class Scheduling(LoadFileScheduling):
    """Who has which tests, where a run has several workers: one has all of a file, which share what it starts.

    All of a place in `TOGETHER` have one worker, so a system is started once, and ends with the last of them.
    """

    def _split_scope(self, nodeid: str) -> str:
        return _together(nodeid) or super()._split_scope(nodeid)


def pytest_collection_modifyitems(items):
    """Where workers share a run, what takes longest begins first: they end at about the same time."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        order = {place: number for number, place in enumerate((*TOGETHER, None))}
        items.sort(key=lambda item: order[_together(item.nodeid)])


def pytest_xdist_make_scheduler(config, log):
    return Scheduling(config, log)


def pytest_collection_finish():
    """What was loaded until here stays: the collector need not look through all of it again and again."""
    collect_garbage_less_often()
