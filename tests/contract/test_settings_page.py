"""docs/settings.md says what the settings classes say, and nothing else speaks of a setting that is not there."""

import re

import pytest
import settings_page
from fixtures.compose import ROOT

SPEAKING = [
    path
    for place in (
        "docs",
        "deploy",
        "evaluation",
        "prove",
        "examples",
        "README.md",
        "CONTRIBUTING.md",
    )
    for path in ((ROOT / place).rglob("*") if (ROOT / place).is_dir() else [ROOT / place])
    if path.suffix in {".md", ".yaml", ".py", ".sh", ".example"}
]
OF_TESTS = {
    "BMT_TEST_KAFKA_BOOTSTRAP_SERVERS",
    "BMT_TEST_MONGODB_URI",
    "BMT_TEST_CONNECTOR",
    "BMT_TEST_SFTPGO",
    "BMT_TEST_NEXTCLOUD",
    "BMT_LONG",
    "BMT_PICTURES",
}
AS_AN_EXAMPLE = re.compile(r"BMT_X(_FILE)?|BMT_KAFKA_\*")
VARIABLE = re.compile(r"\bBMT_[A-Z_]*[A-Z]\b(?!\{|\.|_)")


def test_what_is_committed_is_what_the_settings_say():
    written = (ROOT / settings_page.PAGE).read_text(encoding="utf-8")
    assert written == settings_page.page(), "make docs writes it again"


def test_every_variable_that_is_spoken_of_is_there():
    known = settings_page.variables() | OF_TESTS
    unknown = {
        (path.relative_to(ROOT).as_posix(), name)
        for path in SPEAKING
        for name in VARIABLE.findall(path.read_text(encoding="utf-8"))
        if not AS_AN_EXAMPLE.fullmatch(name) and name not in known
    }
    assert unknown == set()


@pytest.mark.parametrize("process", settings_page.PROCESSES)
def test_every_process_has_its_needs_and_its_secrets_in_the_overview(process):
    settings = settings_page.settings_of(process)
    (row,) = (
        line for line in settings_page.page().splitlines() if line.startswith(f"| {process} |")
    )
    needed = {name for name, field in settings.model_fields.items() if field.is_required()}
    assert {f"`{settings_page.variable(name)}`" for name in needed} <= set(
        re.findall(r"`\w+`", row)
    )
