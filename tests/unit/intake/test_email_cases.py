"""What mail programs write (tests/cases/emails), message by message: what was meant is read, or waits with one reason."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from submissions import CODES

from services.intake.mail_process import open_mail, shown_text

FOLDER = Path(__file__).parents[2] / "cases" / "emails"
EXPECTED: Mapping[str, Mapping[str, Any]] = yaml.safe_load((FOLDER / "expected.yaml").read_text())
WAITING = [name for name, told in EXPECTED.items() if "waits" in told]
READ = [name for name in EXPECTED if name not in WAITING]


def content(name):
    return (FOLDER / f"{name}.eml").read_bytes()


def names(opened):
    return [one.filename for one in opened.attachments.kept]


@pytest.mark.parametrize("name", READ)
def test_what_was_meant_is_read(name):
    opened, expected = open_mail(content(name), CODES), EXPECTED[name]
    assert opened.form.request, opened.form.missing
    asked = opened.form.request.model_dump(mode="json")
    found = {
        **asked,
        **asked["applicant"],
        "documents": names(opened),
        "not_shown": {one.filename: one.reason for one in opened.attachments.not_shown},
    }
    assert {key: found[key] for key in expected} == expected


@pytest.mark.parametrize("name", WAITING)
def test_what_is_not_clear_waits_with_one_reason_and_its_text(name):
    opened, expected = open_mail(content(name), CODES), EXPECTED[name]
    wanted, detail = expected["waits"]
    (missing,) = opened.form.missing
    assert missing.field == wanted
    assert detail in missing.detail
    words = expected.get("text", "")
    for each in [words] if isinstance(words, str) else words:
        assert each in shown_text(content(name))
    assert expected.get("subject", "") in (opened.message.subject or "")
    assert expected.get("documents", names(opened)) == names(opened)


def test_every_message_of_the_folder_has_its_expectation():
    assert {file.stem for file in FOLDER.glob("*.eml")} == EXPECTED.keys()
