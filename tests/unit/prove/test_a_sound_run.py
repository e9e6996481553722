"""What the audit says of a run in which all went well."""

from scene import Scene

from prove.report import audit


def test_nothing_is_wrong_with_a_sound_run_and_everything_was_looked_at(sound):
    report = audit(sound)
    assert {
        name: finding.violations for name, finding in report.findings.items() if finding.violations
    } == {}
    assert report.sound
    assert all(finding.checked for finding in report.findings.values())


def test_no_run_at_all_is_sound():
    assert audit(Scene().evidence()).sound
