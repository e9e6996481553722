"""What every test may ask for: see the modules named here."""

import os

from xdist.scheduler import LoadFileScheduling

os.environ["BMT_ALLOW_HTTP"] = "true"  # on one machine, as an evaluation is

pytest_plugins = (
    "fixtures.kafka",
    "fixtures.mongodb",
    "fixtures.service",
    "fixtures.browsing",
    "fixtures.signing_in",
    "fixtures.stores",
)

TOGETHER = ("tests/e2e", "tests/faults/crash_points", "tests/faults/environment")
"""Folders whose tests share one running system."""


class Scheduling(LoadFileScheduling):
    """A file's tests go to one worker, as they share what the file starts; so do those of a folder that shares a system."""

    def _split_scope(self, nodeid: str) -> str:
        folders = (folder for folder in TOGETHER if nodeid.startswith(f"{folder}/"))
        return next(folders, super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config, log):
    return Scheduling(config, log)
