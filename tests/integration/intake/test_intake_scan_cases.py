"""Scans that offices hand in, through the door: each page is compared with the paper that was drawn."""

import gzip
import json
from pathlib import Path

import pypdfium2
import pytest
from fixtures.drawn_paper import resembles
from fixtures.problems import assert_problem
from intake_callers import ADMINISTRATOR, INBOUND
from PIL import Image

from services.intake.main import build
from services.intake.settings import Settings

pytestmark = pytest.mark.integration

FOLDER = Path(__file__).parents[2] / "cases" / "scans"
CASES = json.loads((FOLDER / "expected.json").read_text())
TAKEN = [name for name, case in CASES.items() if case["status"] == 201]
REFUSED = [name for name in CASES if name not in TAKEN]


@pytest.fixture(scope="module")
async def intake(shared, variables):
    """One intake that takes larger documents than others need."""
    await shared.wire.create(INBOUND)
    larger = variables | {"document_max_bytes": 20_000_000}
    async with shared.running(build, Settings, **larger) as client:
        yield client


@pytest.fixture
def hand_in(intake, as_):
    """`await hand_in(name)`: an administrator of MAMPU hands in a scan of tests/cases/scans."""

    async def hand_in(name):
        content = (FOLDER / name).read_bytes()
        headers = as_(*ADMINISTRATOR) | {"Content-Type": CASES[name]["media_type"]}
        headers["Content-Disposition"] = f'attachment; filename="{name.removesuffix(".gz")}"'
        body = gzip.decompress(content) if name.endswith(".gz") else content
        return await intake.post("/v1/scans", content=body, headers=headers, timeout=240)

    return hand_in


@pytest.mark.parametrize("name", TAKEN)
async def test_a_scan_is_taken_apart_and_its_pages_look_as_drawn(hand_in, intake, as_, name):
    case = CASES[name]
    answer = await hand_in(name)
    assert answer.status_code == 201, answer.text
    assert answer.json()["pages"] == case["pages"]
    ids = answer.json()["inbox_items"]
    assert len(ids) == case["items"]
    items = []
    for id_ in ids:
        item = (await intake.get(f"/v1/inbox/{id_}", headers=as_(*ADMINISTRATOR))).json()
        where = f"/v1/inbox/{id_}/documents/{item['document_id']}"
        kept = await intake.get(where, headers=as_(*ADMINISTRATOR))
        assert kept.headers["content-type"] == "application/pdf"
        items.append((item, kept.content))
    if "kinds" in case:
        assert [item["understood"].get("kind") for item, _ in items] == case["kinds"]
    for _, content in items:
        with pypdfium2.PdfDocument(content) as document:
            document.init_forms()
            assert len(document) == case["pages"] // case["items"]
            for page in (document[0], document[len(document) - 1]):
                assert page.get_size() == pytest.approx(
                    case.get("points", page.get_size()), rel=0.03
                )
                assert_shows(page.render(scale=1, grayscale=True).to_pil(), case.get("shows", ""))


@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_shown_is_refused_by_name(hand_in, name):
    case = CASES[name]
    answer = await hand_in(name)
    assert answer.status_code == case["status"], answer.text
    problem = assert_problem(answer, case["problem"])
    assert case["detail"] in problem["detail"]


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
