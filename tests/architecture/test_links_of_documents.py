"""What the documents lead to is there: links, headings, paths, tests; and the picture of the rooms is today's."""

import re
import runpy
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRACKED = set(
    subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
)
THERE = {path for path in TRACKED if (ROOT / path).exists()}
FOLDERS = {folder.as_posix() for path in THERE for folder in Path(path).parents}
TOPS = {path.partition("/")[0] for path in THERE if "/" in path}

DOCUMENTS = sorted(
    path
    for path in THERE
    if path.endswith(".md") and path != "CHANGELOG.md" and not path.startswith("tests/cases/")
)

LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
ANCHOR = re.compile(r'id="([^"]+)"')
SPOKEN_OF = re.compile(r"`([\w.…/-]+)`")
BLOCK = re.compile(r"```.*?```", re.DOTALL)


def anchors(text: str) -> set[str]:
    """The names that headings and marks of a document have in links."""
    plain = (re.sub(r"[`*]", "", heading).lower() for heading in HEADING.findall(text))
    return {re.sub(r"[^\w\- ]", "", each).replace(" ", "-") for each in plain} | set(
        ANCHOR.findall(text)
    )


def broken_link(document: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (document.parent / path).resolve() if path else document
    place = target.relative_to(ROOT).as_posix()
    if place not in THERE | FOLDERS:
        return True
    return bool(anchor) and anchor not in anchors(target.read_text(encoding="utf-8"))


def missing(document: Path, named: str) -> bool:
    """Whether it is a path of the repository, or a Python file, and is not there."""
    path = named.strip("/")
    if path.endswith(".py"):
        return not any(
            place == path.lstrip("…/") or place.endswith("/" + path.lstrip("…/")) for place in THERE
        )
    if path.partition("/")[0] not in TOPS or "/" not in path:
        return False
    beside = (document.parent / path).resolve()
    places = {path, beside.relative_to(ROOT).as_posix() if beside.is_relative_to(ROOT) else path}
    return not places & (THERE | FOLDERS)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_and_path_of_a_document_leads_somewhere(document):
    file = ROOT / document
    text = file.read_text(encoding="utf-8")
    links = [link for link in LINK.findall(text) if not re.match(r"[a-z]+:", link)]
    assert [link for link in links if broken_link(file, link)] == []
    spoken_of = SPOKEN_OF.findall(BLOCK.sub("", text))
    assert [path for path in spoken_of if missing(file, path)] == []


def test_the_picture_of_the_rooms_is_that_of_the_code():
    picture = runpy.run_path(str(ROOT / "docs" / "rooms.py"))["picture"]()
    assert picture in (ROOT / "docs" / "architecture.md").read_text(), "python docs/rooms.py"
