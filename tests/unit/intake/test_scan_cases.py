"""Scans that offices hand in (tests/cases/scans): each page is compared with the paper that was drawn."""

import gzip
import json
from pathlib import Path

import pypdfium2
import pytest
from fixtures.drawn_paper import resembles
from fixtures.thoroughness import only_long
from PIL import Image

from services.intake.documents import proposal
from services.intake.domain.errors import FieldWrong
from services.intake.readers import read_scan
from services.intake.scan_process import read

FOLDER = Path(__file__).parents[2] / "cases" / "scans"
CASES = json.loads((FOLDER / "expected.json").read_text())
MANY_PAGES = 100
TAKEN = [
    pytest.param(name, marks=only_long if case["pages"] > MANY_PAGES else ())
    for name, case in CASES.items()
    if "pages" in case
]
REFUSED = [name for name, case in CASES.items() if "refused" in case]


@pytest.fixture
def scan(tmp_path):
    """`scan(name)`: the file, as the service keeps it, and its media type."""

    def scan(name):
        content = (FOLDER / name).read_bytes()
        file = tmp_path / "scan"
        file.write_bytes(gzip.decompress(content) if name.endswith(".gz") else content)
        return file, CASES[name]["media_type"]

    return scan


@pytest.mark.parametrize("name", TAKEN)
def test_a_scan_is_taken_apart_and_its_pages_look_as_drawn(scan, tmp_path, name):
    case, found = CASES[name], read(*scan(name), tmp_path)
    assert (found.page_count, len(found.files)) == (case["pages"], case["items"])
    if "kinds" in case:
        proposed = [proposal(part.codes, "MAMPU", None) for part in found.parts]
        assert [one.get("kind") for one in proposed] == case["kinds"]
    for file in found.files:
        with pypdfium2.PdfDocument(file) as document:
            document.init_forms()
            assert len(document) == case["pages"] // case["items"]
            for page in (document[0], document[len(document) - 1]):
                assert page.get_size() == pytest.approx(
                    case.get("points", page.get_size()), rel=0.03
                )
                assert_shows(page.render(scale=1, grayscale=True).to_pil(), case.get("shows", ""))


@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_shown_is_refused_by_name(scan, tmp_path, name):
    """By a process of its own: pdfium remembers errors of the scan before."""
    with pytest.raises(FieldWrong) as refused:
        await read_scan(*scan(name), tmp_path)
    assert CASES[name]["refused"] in str(refused.value)


def test_every_scan_of_the_folder_has_its_expectation():
    assert {file.name for file in FOLDER.iterdir()} == CASES.keys() | {"expected.json", "README.md"}


def assert_shows(page: Image.Image, what: str) -> None:
    """`paper`: a dark bar over the upper tenth, a round circle about the middle, and white paper.

    `drawn paper`: that of `fixtures.drawn_paper`, which no turning and no mirror leaves alike.
    """
    if what == "paper":
        width, height = page.size
        assert _mean(page, 0, 0, 1, 0.08) < 60
        assert min(_mean(page, 0, 0.15, 1, 0.25), _mean(page, 0, 0.8, 1, 1)) > 250
        middle = page.crop((0, round(height * 0.2), width, round(height * 0.9)))
        left, top, right, bottom = middle.point(lambda grey: 255 * (grey < 128)).getbbox()
        assert right - left == pytest.approx(bottom - top, rel=0.06)
    elif what == "drawn paper":
        assert resembles(page)
    elif what == "blank":
        assert _mean(page, 0, 0, 1, 1) > 250


def _mean(page: Image.Image, left: float, top: float, right: float, bottom: float) -> float:
    width, height = page.size
    part = page.crop(
        (round(left * width), round(top * height), round(right * width), round(bottom * height))
    )
    return sum(value * count for value, count in enumerate(part.histogram())) / (
        part.width * part.height
    )
