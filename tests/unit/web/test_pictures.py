"""Originals beside the form: one that takes long holds nobody up, and is not given up for ever."""

from pathlib import Path

import pytest
from services.approval.console import documents
from services.approval.console.documents import Originals

from bmt.contracts.values import Document

PDF = (Path(__file__).parents[3] / "examples" / "documents" / "surat-kamal.pdf").read_bytes()
LETTER = Document(
    document_id="sha256:" + "0" * 64,
    filename="surat.pdf",
    media_type="application/pdf",
    size_bytes=len(PDF),
)


class Kept:
    async def read(self, _):
        return PDF


@pytest.mark.parametrize("limit", ["SECONDS", "SHOWN_WITHIN_SECONDS"])
async def test_what_took_too_long_once_is_shown_another_time(monkeypatch, limit):
    shown = Originals(Kept())
    with monkeypatch.context() as hurried:
        hurried.setattr(documents, limit, 0.0)
        assert [one.pages for one in await shown.shown([LETTER])] == [0]
    assert [one.pages for one in await shown.shown([LETTER])] == [1]
