"""Two administrators decide on the same request at the same moment: one decision, and the other sees it."""

import asyncio
from collections import Counter

import pytest
from fixtures.outside import Observer, application, headers_of
from fixtures.problems import assert_problem
from fixtures.thoroughness import LONG
from procedures import each, seen

from bmt.contracts import topics

pytestmark = [pytest.mark.faults, pytest.mark.integration]

RACES = 1_000 if LONG else 20
REJECT = {"decision": "reject", "reason": "Tidak lengkap."}
RETURN = {"decision": "return", "reason": "Sila lampirkan memo."}
SAID_OF = {"reject": "Rejected", "return": "ReturnedForCorrection"}


async def test_each_race_of_two_administrators_has_one_winner(site, aminah):
    ramli = site.caller("administrator", subject="ramli.mampu@mygovuc.gov.my")
    answers = await each(
        [aminah.post("intake", "/v1/requests", application()) for _ in range(RACES)]
    )
    ids = [answer.json()["request_id"] for answer in answers]
    for request_id in ids:
        await aminah.once_known("approval", f"/v1/requests/{request_id}")

    async def race(number: int, request_id: str) -> tuple[str, str]:
        path = f"/v1/requests/{request_id}/decision"
        calls = [aminah.post("approval", path, REJECT), ramli.post("approval", path, RETURN)]
        if number % 2:
            calls.reverse()
        first, second = await asyncio.gather(*calls)
        winner, loser = (first, second) if first.status_code == 201 else (second, first)
        assert winner.status_code == 201, (winner.text, loser.text)
        decided = winner.json()
        seen = assert_problem(loser, "already_decided")["decision"]
        assert (seen["decision"], seen["decided_by"]) == (
            decided["decision"],
            decided["decided_by"],
        )
        return request_id, decided["decision"]

    won = dict(await each([race(number, one) for number, one in enumerate(ids)]))
    seen("races", won=dict(Counter(won.values())))
    assert won.keys() == set(ids)

    def decisions(records) -> dict[str, list[str]]:
        found: dict[tuple[str, str], str] = {}
        for record in records:
            headers = headers_of(record)
            if (name := headers["ce_type"].split(".")[3]) in SAID_OF.values():
                found[headers["ce_subject"], headers["ce_id"]] = name
        by_request: dict[str, list[str]] = {one: [] for one in ids}
        for (request_id, _), name in found.items():
            by_request.setdefault(request_id, []).append(name)
        assert all(by_request[one] for one in ids)
        return by_request

    async with Observer(site.ready, topics.DECISIONS) as observer:
        said = await observer.until(decisions)
    assert {one: said[one] for one in ids} == {one: [SAID_OF[name]] for one, name in won.items()}
