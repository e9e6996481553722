"""What every test may ask for: see the modules named here."""

import os
from pathlib import Path

import pytest

os.environ["BMT_ALLOW_HTTP"] = "true"  # on one machine, as an evaluation is

pytest_plugins = (
    "fixtures.kafka",
    "fixtures.mongodb",
    "fixtures.service",
    "fixtures.browsing",
    "fixtures.signing_in",
    "fixtures.stores",
)

ONE_SYSTEM = ("e2e", "faults/crash_points", "faults/environment", "integration/intake")
"""Folders whose tests share something that is costly to start: one process takes all of a folder."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Two processes share the tests out among themselves by file (see `make test`)."""
    here = Path(__file__).parent
    for item in items:
        place = item.path.relative_to(here).as_posix()
        shared = [folder for folder in ONE_SYSTEM if place.startswith(f"{folder}/")]
        item.add_marker(pytest.mark.xdist_group((shared or [place])[0]))
