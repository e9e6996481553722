"""Originals beside the form: one that takes long holds nobody up, and is not given up for ever."""

from pathlib import Path

import pytest

from bmt.chassis.errors import Unavailable
from bmt.contracts.problems import Refused
from bmt.contracts.values import Document
from web import pictures
from web.clients import Received
from web.pictures import Pictures

PDF = (Path(__file__).parents[3] / "examples" / "documents" / "surat-kamal.pdf").read_bytes()
LETTER = Document(
    document_id="sha256:" + "0" * 64,
    filename="surat.pdf",
    media_type="application/pdf",
    size_bytes=len(PDF),
)


async def read(_):
    return Received("application/pdf", PDF)


@pytest.mark.parametrize("limit", ["SECONDS", "SHOWN_WITHIN_SECONDS"])
async def test_what_took_too_long_once_is_shown_another_time(monkeypatch, limit):
    shown = Pictures()
    with monkeypatch.context() as hurried:
        hurried.setattr(pictures, limit, 0.0)
        assert [one.pages for one in await shown.shown([LETTER], read)] == [0]
    assert [one.pages for one in await shown.shown([LETTER], read)] == [1]


@pytest.mark.parametrize("away", [Refused(problem="not_found"), Unavailable("approval")])
async def test_a_page_is_shown_without_the_pictures_that_cannot_be_had_now(away):
    async def cannot(_):
        raise away

    shown = Pictures()
    assert [one.pages for one in await shown.shown([LETTER], cannot)] == [0]
    assert [one.pages for one in await shown.shown([LETTER], read)] == [1]


async def test_what_is_no_paper_is_not_opened():
    async def text(_):
        return Received("text/html", PDF)

    with pytest.raises(Refused):
        await Pictures().page(LETTER.document_id, 1, text)
