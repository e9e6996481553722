"""Every example of a file that stands in the documentation is what the system reads, read by its own loader."""

import re
from pathlib import Path

import pytest

from bmt.agencies import register
from bmt.chassis.runtime import settings
from bmt.integrator import Connection
from bmt.rights import kafka_rights
from services.intake.imap import mailboxes

ROOT = Path(__file__).parents[2]
AGENCIES = ROOT / "deploy" / "embedded" / "agencies.yaml"
DOCUMENTS = sorted(
    file
    for file in (ROOT, *(ROOT / name for name in ("docs", "deploy", "examples")))
    for file in (file.glob("*.md") if file == ROOT else file.rglob("*.md"))
)
FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NO_FILES = ("sh", "text", "mermaid", "python", "http", "console")
"""What is typed or looked at, and read by none of our loaders."""

ROW = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)
SAMPLES = {
    "officer": "siti.mampu@mygovuc.gov.my",
    "on_behalf_of": "Pengarah ICT",
    "from": "2026-12-01",
    "until": "2026-12-31",
    "by": "Siti binti Ali",
    "on": "2026-11-28",
    "why": "Arahan Ketua Jabatan bil. 7/2026",
}
"""What an agency may write where the documentation names a key alone."""


def fenced():
    for file in DOCUMENTS:
        for language, text in FENCED.findall(file.read_text(encoding="utf-8")):
            if language not in NO_FILES:
                yield file.relative_to(ROOT).as_posix(), language, text


def a_mailbox(text, folder):
    secret = folder / "secret"
    secret.write_text("rahsia")
    assert "/run/secrets/mampu-imap" in text
    found = mailboxes(text.replace("/run/secrets/mampu-imap", str(secret)), register.read(AGENCIES))
    assert found["MAMPU"].host == "imap.mampu.gov.my"


def a_connection(text, folder):
    authority = folder / "authority.pem"
    authority.touch()
    file = folder / "hrmis.json"
    file.write_text(text.replace("authority.pem", str(authority)))
    assert Connection.read(file).outbound == "bmt.outbound.hrmis.v1"


LOADERS = {
    ("docs/operator.md", "yaml"): a_mailbox,
    ("docs/guides/integrator.md", "json"): a_connection,
}


@pytest.mark.parametrize("example", list(fenced()), ids=lambda example: example[0])
def test_an_example_of_a_document_is_read_by_its_loader(example, tmp_path):
    file, language, text = example
    LOADERS[file, language](text, tmp_path)


def test_there_are_examples():
    assert {(file, language) for file, language, _ in fenced()} == LOADERS.keys()


def with_rules(rules, folder):
    """The evaluation's agencies, MAMPU with these rules too, read as the services read them."""
    file = folder / "agencies.yaml"
    lines = AGENCIES.read_text(encoding="utf-8").splitlines()
    begin, end = lines.index("MAMPU:"), lines.index("JPA:")
    keys = {line.partition(":")[0] for line in rules.splitlines() if not line.startswith(" ")}
    own = [line for line in lines[begin + 1 : end] if line.strip().partition(":")[0] not in keys]
    own = [line for line in own if not line.startswith("#")]
    added = [f"  {line}" for line in rules.splitlines()]
    file.write_text("\n".join([*lines[: begin + 1], *own, *added, "", *lines[end:]]))
    return register.read(file).get("MAMPU").rules


def test_the_further_keys_that_the_evaluations_file_shows_are_read(tmp_path):
    text = AGENCIES.read_text(encoding="utf-8")
    shown = text.partition("# What else an agency may say")[2].splitlines()[1:]
    lines = [line.removeprefix("#")[3:] for line in shown if line.strip("# ")]
    rules = with_rules("\n".join(lines), tmp_path)
    assert rules.approval_levels == 2
    assert rules.acting[0].until.isoformat() == "2026-12-31"
    assert [day.isoformat() for day in rules.closed_days] == ["2026-12-24"]
    assert (rules.changed.by, rules.changed.on.isoformat()) == ("Siti binti Ali", "2026-11-28")


def rows():
    text = (ROOT / "docs" / "operator.md").read_text(encoding="utf-8")
    return ROW.findall(text.partition("## Rules of the agencies")[2].partition("\n## ")[0])


def test_there_are_rows():
    assert len(rows()) >= 8
    assert "changed: {by, on, why}" in rows()


@pytest.mark.parametrize("row", rows())
def test_a_key_of_the_operators_table_is_read_as_it_stands_there(row, tmp_path):
    named = re.sub(
        r"\{(\w+(?:, \w+)*)\}",
        lambda names: (
            "{" + ", ".join(f"{name}: {SAMPLES[name]}" for name in names[1].split(", ")) + "}"
        ),
        row,
    )
    if named.startswith("separation") and "approver_may_configure" not in named:
        named = named.replace("{", "{approver_may_configure: true, ")
    rules = with_rules(named, tmp_path)
    key = named.partition(":")[0]
    assert key in rules.model_fields_set


@pytest.mark.parametrize(
    "file", sorted((ROOT / "examples").rglob("*.yaml")), ids=lambda file: file.name
)
def test_a_file_of_the_examples_is_yaml_of_one_meaning(file):
    assert settings.read_yaml(file.read_text(encoding="utf-8"))


def test_the_files_that_are_brought_along_are_read():
    assert {agency.code for agency in register.read(AGENCIES)} == {"MAMPU", "JPA", "KPM"}
    assert kafka_rights.read(ROOT / "deploy" / "kafka" / "acls.yaml").topics
