"""The auditor is tested: each bug that is planted in a running system is found."""

import os
import subprocess
import sys

import pytest
from faults.planted import BUGS
from faults.planting.system import TESTS, all_red, report_of
from fixtures.thoroughness import only_long

from evaluation.layout import REPOSITORY

pytestmark = [pytest.mark.integration, pytest.mark.faults]

AT_LEAST = 12


def test_there_are_bugs_enough():
    assert len(BUGS) >= AT_LEAST
    assert {invariant for bug in BUGS.values() for invariant in bug.found_by} == {
        f"I{number}" for number in range(1, 11)
    }


def test_every_bug_still_finds_what_it_breaks():
    """Planted one upon the other in a process of their own, which then does nothing."""
    plant = "from faults.planted import BUGS\nfor bug in BUGS.values():\n    bug.plant()"
    path = os.pathsep.join((str(TESTS), str(REPOSITORY)))
    subprocess.run(
        [sys.executable, "-c", plant], env={**os.environ, "PYTHONPATH": path}, check=True
    )


@only_long
async def test_a_mail_sent_twice_and_a_quota_that_is_added_are_found_and_nothing_else(tmp_path):
    planted = {
        "notification": "mailed_again_under_another_id",
        "provisioning": "quota_added",
    }
    report = await report_of(planted, tmp_path, patience=90)
    assert set(report.red) == {"I4", "I5"}, all_red(report)


@only_long
@pytest.mark.parametrize("name", BUGS)
async def test_every_bug_is_found(name, tmp_path):
    bug = BUGS[name]
    report = await report_of({bug.service: name}, tmp_path, patience=25)
    assert set(bug.found_by) <= set(report.red), all_red(report)


@only_long
async def test_a_sound_system_is_found_sound(tmp_path):
    report = await report_of({}, tmp_path, patience=60)
    assert report.sound, all_red(report)
