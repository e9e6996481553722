"""What drafts are kept in promises the same in memory and in MongoDB."""

from datetime import UTC, datetime, timedelta

import pytest
from fixtures.memory_drafts import MemoryDrafts
from fixtures.stores import KINDS

from bmt.contracts.values import Document
from web.my.drafts import (
    DRAFTS,
    KEPT_FOR,
    MOST_CHARACTERS,
    Draft,
    Drafts,
    DraftTooLarge,
)

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
SITI = "siti@mampu.gov.my"
LETTER = Document(
    document_id="sha256:" + "a" * 64,
    filename="surat.pdf",
    media_type="application/pdf",
    size_bytes=9,
)


class Clock:
    now = NOON

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def mongo_drafts(database, clock):
    drafts = Drafts(database[DRAFTS], clock)
    await drafts.prepare()
    return drafts


@pytest.fixture(params=KINDS)
def drafts(request, clock):
    if request.param == "memory":
        return MemoryDrafts(clock)
    return request.getfixturevalue("mongo_drafts")


def draft(key="form-1", saved_at=NOON, **typed):
    typed = typed or {"justification": "Separuh\r\nsiap.", "quota_bytes": "banyak", "$a.b": ""}
    return Draft(key=key, typed=typed, documents=(LETTER,), saved_at=saved_at)


async def test_a_draft_is_found_as_it_was_left(drafts):
    await drafts.save(SITI, "application", draft())
    assert await drafts.find(SITI, "application") == draft()


async def test_an_account_is_the_same_however_it_is_written(drafts):
    await drafts.save("Siti@MAMPU.gov.my", "application", draft())
    assert await drafts.find(SITI, "application") == draft()


async def test_each_account_has_one_of_each_kind_and_sees_no_other(drafts):
    await drafts.save(SITI, "application", draft("form-1"))
    await drafts.save(SITI, "termination", draft("form-2"))
    await drafts.save(SITI, "application", draft("form-3"))
    assert (await drafts.find(SITI, "application")).key == "form-3"
    assert (await drafts.find(SITI, "termination")).key == "form-2"
    assert await drafts.find("ali@mampu.gov.my", "application") is None


async def test_one_that_is_discarded_is_gone_and_the_other_kind_stays(drafts):
    await drafts.save(SITI, "application", draft())
    await drafts.save(SITI, "termination", draft())
    for _ in range(2):
        await drafts.discard(SITI, "application")
    assert await drafts.find(SITI, "application") is None
    assert await drafts.find(SITI, "termination") == draft()


async def test_only_the_one_that_is_meant_is_discarded(drafts):
    await drafts.save(SITI, "application", draft())
    await drafts.discard(SITI, "application", "another-form")
    assert await drafts.find(SITI, "application") == draft()
    await drafts.discard(SITI, "application", draft().key)
    assert await drafts.find(SITI, "application") is None


async def test_one_that_is_too_old_is_none_any_more(drafts, clock):
    await drafts.save(SITI, "application", draft())
    clock.now = NOON + KEPT_FOR - timedelta(seconds=1)
    assert await drafts.find(SITI, "application") == draft()
    clock.now = NOON + KEPT_FOR
    assert await drafts.find(SITI, "application") is None


async def test_one_that_is_too_large_is_refused_and_the_one_before_stays(drafts):
    await drafts.save(SITI, "application", draft())
    with pytest.raises(DraftTooLarge):
        await drafts.save(SITI, "application", draft(a="x" * MOST_CHARACTERS, b="y"))
    assert await drafts.find(SITI, "application") == draft()


@pytest.mark.integration
async def test_mongodb_removes_the_old_ones_by_itself(mongo_drafts, database):
    indexes = await database[DRAFTS].index_information()
    assert indexes["saved_at_1"]["expireAfterSeconds"] == KEPT_FOR.total_seconds()
