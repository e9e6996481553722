"""What each bug leaves behind is found by the invariant that it breaks."""

from dataclasses import replace

import pytest
from footprints import FOOTPRINTS, unset_before_published
from scene import Scene

from prove.report import audit


def test_nothing_is_wrong_with_a_sound_run_and_everything_was_looked_at(sound):
    report = audit(sound)
    found = {name: finding.violations for name, finding in report.findings.items()}
    assert not any(found.values()), found
    assert report.sound
    assert all(finding.checked for finding in report.findings.values())
    assert audit(Scene().evidence()).sound


@pytest.mark.parametrize("footprint", FOOTPRINTS, ids=lambda each: each.__name__)
def test_a_footprint_is_found(footprint, sound):
    report = audit(footprint(sound))
    assert FOOTPRINTS[footprint] <= set(report.red), report.red
    assert audit(sound).sound, "the sound run was changed"


def test_every_invariant_has_footprints():
    found = set().union(*FOOTPRINTS.values())
    assert found == {f"I{number}" for number in range(1, 11)}


def test_a_violation_comes_with_its_request_and_the_history_of_it(sound):
    report = audit(unset_before_published(sound))
    (request_id,) = {v.request_id for v in report.findings["I3"].violations}
    told = report.histories[request_id]
    assert told == sorted(told)
    assert {"intake", "approval", "notification", "records", "mailbox"} <= {m.who for m in told}
    assert any("submit" in m.what and "answered 201" in m.what for m in told)
    assert report.document()["sound"] is False


def test_evidence_that_cannot_be_read_is_a_violation_and_stops_no_other_check(sound):
    report = audit(replace(sound, volumes=(None,)))
    assert report.red == ("I4",)
    assert "cannot be read" in report.findings["I4"].violations[0].what
