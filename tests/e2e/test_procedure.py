"""The procedure from outside: four applications and one termination, from request to filed record."""

import pytest
from fixtures.outside import Observer
from procedures import by_request

from bmt.contracts import topics
from evaluation import demonstration
from evaluation.demonstration import samples

pytestmark = pytest.mark.e2e


async def test_every_sample_goes_from_request_to_filed_record(ready, officers):
    ids = await demonstration.run_all(samples(), officers, lambda sample, step: None)
    assert len(ids) == 5

    def all_notified(records):
        seen = by_request(records)
        for request_id in ids.values():
            for once in ("RequestReceived", "ReviewOpened", "Approved", "Configured"):
                assert seen[request_id][once] == 1, (once, seen)
            assert seen[request_id]["Notified"] == 2, seen

    async with Observer(ready, *topics.EVENTS) as observer:
        await observer.until(all_notified)
    letter = await officers["MAMPU"].record(ids["3-letter"])
    assert letter["state"]["status"] == "filed"
    assert [folio["number"] for folio in letter["folios"]] == [1, 2, 3]
