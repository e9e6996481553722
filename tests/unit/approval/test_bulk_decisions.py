"""Many decisions in one call: each by itself, answered once and for all."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from fixtures.memory_event_store import MemoryEventStore
from fixtures.samples import APPLICANT, facts, received
from reviews import NOW, SITI, open_review

from bmt.agencies.register import Agencies
from bmt.chassis.errors import CausationReused, StoreUnavailable
from bmt.chassis.eventsourcing.decider import Message
from bmt.chassis.eventsourcing.event_store import Vocabulary
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.http.auth import Principal
from bmt.chassis.http.routes import CommandContext
from bmt.chassis.runtime.clock import new_id
from bmt.contracts import topics
from bmt.contracts.http.approval import RulingOn
from services.approval.domain import DECIDERS
from services.approval.domain.events import PRIVATE
from services.approval.handlers import BulkAnswer, decide_all

CALLER = Principal(SITI.subject, "", SITI.name, "MAMPU", frozenset({"administrator"}))
CALL = CommandContext(CALLER, "cmd:0123", "body-1", "00-trace")
SAID = topics.EVENTS[topics.DECISIONS]


class FailingStore(MemoryEventStore):
    """Fails on the append with this number, once."""

    fails_at = 0

    async def append(self, commits):
        self.fails_at -= 1
        if self.fails_at == 0:
            raise StoreUnavailable
        return await super().append(commits)


class Office:
    """Approval without Kafka, MongoDB and HTTP."""

    def __init__(self) -> None:
        self.store = FailingStore()
        self.execution = Execution(
            store=self.store,
            deciders=DECIDERS,
            vocabulary=Vocabulary([*SAID, *PRIVATE]),
            published=[event.TYPE for event in SAID],
            deliver=self._hand_over,
            clock=lambda: NOW,
            new_id=new_id,
        )

    async def _hand_over(self, commits: Sequence[Any]) -> None: ...

    async def has_open(self, **changes: Any) -> str:
        request = facts(**changes)
        stream = f"request-{request.request_id}"
        await self.execution.execute(Message(stream, new_id(), "", open_review(received(request))))
        return request.request_id

    async def decide_all(self, *rulings: RulingOn, call: CommandContext = CALL) -> BulkAnswer:
        return await decide_all(rulings, call, self.execution, Agencies(()), lambda: NOW)


@pytest.fixture
def office() -> Office:
    return Office()


def on(request_id: str, decision: str = "approve", **fields: Any) -> RulingOn:
    return RulingOn(request_id=request_id, decision=decision, **fields)


def problem_names(answer: BulkAnswer) -> list[str | None]:
    return [
        result.problem and result.problem["type"].rpartition(":")[2]
        for result in answer.body.results
    ]


async def test_each_item_is_answered_as_its_own_call_would_be(office):
    decided, own, open_ = (
        await office.has_open(),
        await office.has_open(applicant=APPLICANT.model_copy(update={"account": SITI.subject})),
        await office.has_open(),
    )
    await office.decide_all(on(decided), call=replace(CALL, causation="cmd:before"))
    answer = await office.decide_all(
        on(open_), on(decided, "reject", reason="Lewat"), on(own), on(new_id()), on("nonsense")
    )
    assert [result.status for result in answer.body.results] == [201, 409, 403, 404, 404]
    assert problem_names(answer)[1:] == ["already_decided", "own_request", "not_found", "not_found"]
    decision = answer.body.results[0].decision
    assert (decision.request_id, decision.decision, decision.version) == (open_, "approve", 2)
    assert answer.body.results[0].model_dump().keys() == {"request_id", "status", "decision"}
    assert answer.body.results[1].model_dump().keys() == {"request_id", "status", "problem"}
    assert not answer.replayed


async def test_the_same_call_again_gets_the_same_answer_whatever_happened_since(office):
    with_warnings = await office.has_open()
    refused = on(with_warnings, "reject")
    first = await office.decide_all(refused)
    await office.decide_all(on(with_warnings), call=replace(CALL, causation="cmd:other"))
    again = await office.decide_all(refused)
    assert problem_names(first) == ["validation_failed"]
    assert again.body == first.body
    assert again.replayed


@pytest.mark.parametrize("first_is_open", [True, False], ids=["decided", "all refused"])
async def test_the_same_key_with_another_body_is_refused_and_decides_nothing(office, first_is_open):
    first, second = await office.has_open(), await office.has_open()
    await office.decide_all(on(first if first_is_open else new_id()))
    with pytest.raises(CausationReused):
        await office.decide_all(on(second), call=replace(CALL, fingerprint="body-2"))
    assert len((await office.store.load([f"request-{second}"]))[f"request-{second}"]) == 1


@pytest.mark.parametrize("append", [2, 3, 4])
async def test_a_call_that_was_cut_off_goes_on_where_it_stopped(office, append, monkeypatch):
    monkeypatch.setattr("services.approval.handlers.WAVE", 1)
    ids = [await office.has_open(), await office.has_open()]
    office.store.fails_at = append
    with pytest.raises(StoreUnavailable):
        await office.decide_all(*map(on, ids))
    answer = await office.decide_all(*map(on, ids))
    assert [result.status for result in answer.body.results] == [201, 201]
    assert not answer.replayed
    for request_id in ids:
        commits = (await office.store.load([f"request-{request_id}"]))[f"request-{request_id}"]
        assert [commit.sequence for commit in commits] == [1, 2]
