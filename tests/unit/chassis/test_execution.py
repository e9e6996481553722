"""Load, fold, decide, append: what one write promises."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime

import parcels
import pytest
from fixtures.memory_event_store import MemoryEventStore
from parcels import Deliver, Look, Parcel, Post, Posted
from structlog.testing import capture_logs

from bmt.chassis.errors import CausationReused
from bmt.chassis.eventsourcing.decider import IncomingEvent, Message
from bmt.chassis.eventsourcing.event_store import RefusalRecord, UnknownType, Vocabulary
from bmt.chassis.eventsourcing.execution import Executed, Execution
from bmt.chassis.runtime import observability
from bmt.chassis.runtime.clock import new_id
from bmt.contracts.envelope import Envelope, MalformedEvent
from bmt.contracts.problems import FieldError, Refused

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Counting(MemoryEventStore):
    def __init__(self) -> None:
        super().__init__()
        self.loads, self.appends = [], []

    async def load(self, streams):
        self.loads.append(set(streams))
        return await super().load(streams)

    async def append(self, commits):
        self.appends.append(len(commits))
        return await super().append(commits)


class Bench:
    def __init__(self, store=None) -> None:
        self.store = store or MemoryEventStore()
        self.handed = []
        self.counted = []
        self.execution = Execution(
            store=self.store,
            deciders={"parcel": parcels.DECIDER},
            vocabulary=parcels.VOCABULARY,
            published=parcels.PUBLISHED,
            deliver=self._hand_over,
            clock=lambda: NOON,
            new_id=new_id,
            count=lambda *counted: self.counted.append(counted),
        )

    async def _hand_over(self, commits) -> None:
        self.handed += commits


def message(command, causation="c1", fingerprint="f", stream="parcel-1", **more) -> Message:
    return Message(stream, causation, fingerprint, command, **more)


async def test_events_become_one_commit_with_the_causation_as_its_id():
    bench = Bench()
    executed = await bench.execution.execute(message(Post(5), traceparent="00-a-b-01"))
    commit = executed.commit
    assert (commit.id, commit.stream, commit.version) == ("c1", "parcel-1", 1)
    assert commit.outbox
    assert commit.traceparent == "00-a-b-01"
    assert [event.type for event in commit.events] == ["test.Weighed.v1", "test.Posted.v1"]
    assert bench.handed == [commit]


async def test_sequence_counts_published_events_only():
    bench = Bench()
    first = await bench.execution.execute(message(Post(5)))
    await bench.execution.execute(message(Look(), "c2"))
    third = await bench.execution.execute(message(Deliver("Siti"), "c3"))
    assert [event.sequence for event in first.commit.events] == [0, 1]
    assert third.commit.version == 3
    assert [event.sequence for event in third.commit.events] == [2]


async def test_the_same_message_gets_its_first_commit_again():
    bench = Bench()
    first = await bench.execution.execute(message(Post(5)))
    await bench.store.delivered([first.commit.id])
    again = await bench.execution.execute(message(Post(5)))
    assert again == Executed(replace(first.commit, outbox=False), replayed=True)
    assert bench.handed == [first.commit]


async def test_what_died_before_the_views_had_it_reaches_them_when_it_is_said_again():
    bench = Bench()
    first = await bench.execution.execute(message(Post(5)))
    bench.handed.clear()
    await bench.execution.execute(message(Post(5)))
    assert bench.handed == [first.commit]


async def test_what_is_missed_in_a_view_is_handed_over_unless_it_was_delivered():
    bench = Bench()
    first = await bench.execution.execute(message(Post(5)))
    second = await bench.execution.execute(message(Deliver("Siti"), "c2"))
    await bench.store.delivered([first.commit.id])
    bench.handed.clear()
    await bench.execution.catch_up("parcel-1")
    await bench.execution.catch_up("parcel-2")
    assert bench.handed == [second.commit]


@pytest.mark.parametrize("stream", ["parcel-1", "parcel-2"])
async def test_the_same_causation_with_another_fingerprint_is_refused(stream):
    bench = Bench()
    await bench.execution.execute(message(Post(5)))
    with pytest.raises(CausationReused):
        await bench.execution.execute(message(Post(6), fingerprint="other", stream=stream))


async def test_a_conflict_is_recorded_and_said_again():
    bench = Bench()
    await bench.execution.execute(message(Post(5)))
    await bench.execution.execute(message(Deliver("Siti"), "c2"))
    for replayed in (False, True):
        with pytest.raises(Refused) as refused:
            await bench.execution.execute(message(Deliver("Ali"), "c3"))
        assert refused.value.problem == "already_decided"
        assert refused.value.extra == {"to": "Siti"}
        assert refused.value.replayed is replayed
    assert (await bench.store.find(["c3"]))["c3"].events == ()


async def test_another_refusal_is_not_recorded():
    bench = Bench()
    with pytest.raises(parcels.NotPosted):
        await bench.execution.execute(message(Deliver("Ali")))
    assert await bench.store.find(["c1"]) == {}


async def test_of_many_deciders_at_once_one_wins_and_the_others_see_it():
    bench = Bench()
    await bench.execution.execute(message(Post(5)))
    tries = [bench.execution.execute(message(Deliver(f"n{i}"), f"d{i}")) for i in range(20)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    winners = [result for result in results if isinstance(result, Executed)]
    assert len(winners) == 1
    to = winners[0].commit.events[0].data["to"]
    refused = [result for result in results if isinstance(result, Refused)]
    assert [refusal.extra for refusal in refused] == [{"to": to}] * 19
    assert (await bench.execution.state("parcel-1")) == Parcel(posted=True, delivered_to=to)


async def test_in_a_wave_what_one_raises_touches_no_other():
    bench = Bench()
    results = await bench.execution.execute_many(
        [
            message(Deliver("Ali"), "a", stream="parcel-1"),
            message(Post(1), "b", stream="parcel-2"),
            message("nonsense", "c", stream="parcel-3"),
        ]
    )
    assert [type(result) for result in results] == [parcels.NotPosted, Executed, TypeError]


async def test_every_command_is_counted_by_its_name_and_what_became_of_it():
    bench = Bench()
    await bench.execution.execute_many([message(Post(5)), message(Post(5), fingerprint="other")])
    await bench.execution.execute_many([message(Post(5)), message(Deliver("Siti"), "c2")])
    await bench.execution.execute_many(
        [message(Deliver("Ali"), "c3"), message(Deliver("Ali"), "c4", stream="parcel-2")]
    )
    assert bench.counted == [
        ("post", "applied", 1),
        ("post", "idempotency_key_reused", 1),
        ("post", "duplicate", 1),
        ("deliver", "applied", 1),
        ("deliver", "already_decided", 1),
        ("deliver", "validation_failed", 1),
    ]


async def test_a_command_has_a_line_that_names_no_person():
    bench = Bench()
    request_id, trace = "0198f3a2-7c1e-7b7e-8000-000000000000", f"00-{'a' * 32}-{'b' * 16}-01"
    with capture_logs() as lines:
        await bench.execution.execute(
            message(Post(5), stream=f"parcel-{request_id}", traceparent=trace)
        )
        with pytest.raises(Refused):
            await bench.execution.execute(
                message(Deliver("Ali"), "c2", stream="parcel-ali@agency.my")
            )
    first, second = lines
    assert first.pop("duration_ms") >= 0
    assert first == {
        "event": "command",
        "log_level": "info",
        "command": "post",
        "outcome": "applied",
        "category": "parcel",
        "request_id": request_id,
        "trace_id": "a" * 32,
    }
    assert (second["command"], second["outcome"]) == ("deliver", "validation_failed")
    assert "ali" not in str({**second, "outcome": ""})


async def test_commands_that_are_decided_together_share_a_line():
    bench = Bench()
    wave = [message(Post(5), str(number), stream=f"parcel-{number}") for number in range(3)]
    with capture_logs() as lines:
        await bench.execution.execute_many([*wave, message(Deliver("Ali"), "d", stream="parcel-9")])
        await bench.execution.execute_many([])
    (line,) = lines
    assert (line["event"], line["commands"]) == (
        "commands",
        {"post": {"applied": 3}, "deliver": {"validation_failed": 1}},
    )


async def test_a_message_without_a_trace_goes_on_with_its_streams():
    bench = Bench()
    await bench.execution.execute(message(Post(5), traceparent="00-a-b-01"))
    executed = await bench.execution.execute(message(Deliver("Siti"), "c2"))
    assert executed.commit.traceparent == "00-a-b-01"


def test_a_recorded_refusal_is_given_again_with_its_wrong_fields():
    wrong = FieldError.of("/name", "too_long", maximum=200)
    first = Refused(problem="request_closed", extra={"status_now": "withdrawn"}, errors=(wrong,))
    again = RefusalRecord.of(first).again(replayed=True)
    assert (again.problem, again.detail, again.errors) == (first.problem, first.detail, (wrong,))
    assert again.extra == {"status_now": "withdrawn"}
    assert again.replayed


async def test_states_that_were_loaded_to_be_looked_at_are_decided_on_without_another_load():
    store = Counting()
    bench = Bench(store)
    states = await bench.execution.known_states(["parcel-1", "parcel-2"])
    assert states == dict.fromkeys(["parcel-1", "parcel-2"], parcels.DECIDER.initial)
    await bench.execution.execute(message(Post(5)))
    assert store.loads == [{"parcel-1", "parcel-2"}]


async def test_a_state_that_another_process_went_beyond_is_loaded_again_where_it_does_not_suffice():
    bench, initial = Bench(), parcels.DECIDER.initial
    other = Bench(bench.store)
    await other.execution.known_states(["parcel-1"])
    await bench.execution.execute(message(Post(5)))
    assert await other.execution.known_state("parcel-1") == initial
    assert await other.execution.known_state("parcel-1", lambda one: one != initial) != initial


async def test_a_command_given_again_to_a_stream_that_was_looked_at_is_given_its_commit():
    bench = Bench()
    first = await bench.execution.execute(message(Post(5)))
    other = Bench(bench.store)
    await other.execution.known_states(["parcel-1"])
    again = await other.execution.execute(message(Post(5)))
    assert (again.commit.id, again.replayed) == (first.commit.id, True)


@pytest.mark.parametrize("again", [Post(5), Deliver("Siti")], ids=["as it was", "refused by now"])
async def test_what_began_a_stream_is_answered_again_on_another(again):
    bench = Bench()
    first = await bench.execution.execute(message(Post(5), begins_stream=True))
    other = message(again, stream="parcel-2", begins_stream=True)
    assert await bench.execution.execute(other) == Executed(first.commit, replayed=True)


async def test_a_wave_is_one_load_and_one_append():
    bench = Bench(Counting())
    wave = [message(Post(1), f"c{i}", stream=f"parcel-{i}") for i in range(100)]
    await bench.execution.execute_many(wave)
    assert [len(streams) for streams in bench.store.loads] == [100]
    assert bench.store.appends == [100]


TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def incoming(traceparent: str | None) -> IncomingEvent[Posted]:
    envelope = Envelope(
        id="e1",
        source="/test",
        type=Posted.TYPE,
        time=datetime(2026, 11, 24, tzinfo=UTC),
        traceparent=traceparent,
        data={"weight": 1},
    )
    return IncomingEvent(envelope, Posted(weight=1), 1, "/test/1")


def test_its_id_is_the_causation_and_its_trace_goes_on():
    message = incoming(TRACEPARENT).to_command("parcel-1", Post(1))
    assert (message.stream, message.causation, message.command) == ("parcel-1", "e1", Post(1))
    assert message.traceparent == TRACEPARENT


@pytest.mark.parametrize("traceparent", [None, "00-nonsense"])
def test_a_trace_begins_where_the_event_has_none(traceparent):
    message = incoming(traceparent).to_command("parcel-1", Post(1))
    assert observability.accepted_traceparent(message.traceparent) == message.traceparent


def outcome(decode, *arguments):
    """The event, or what is told of the refusal."""
    try:
        return decode(*arguments)
    except MalformedEvent as error:
        return type(error), error.detail, error.errors


@pytest.mark.parametrize(
    "text",
    [
        '{"weight":3}',
        '{"weight":"3"}',
        '{"weight":3.0}',
        '{"weight":3,"colour":"white"}',
        '{"weight":3.5}',
        '{"weight":"heavy"}',
        '{"weight":null}',
        "{}",
        "[]",
        "7",
    ],
)
def test_a_text_is_the_event_or_the_refusal_that_its_data_is(text):
    vocabulary = parcels.VOCABULARY
    read = outcome(vocabulary.decode_text, "test.Posted.v1", text)
    assert read == outcome(vocabulary.decode, "test.Posted.v1", json.loads(text))


def test_a_text_of_a_type_that_nobody_knows_is_refused():
    with pytest.raises(UnknownType):
        parcels.VOCABULARY.decode_text("test.Lost.v1", "{}")


@pytest.mark.parametrize("old", ["test.Sent.v1", parcels.Delivered.TYPE])
def test_a_text_of_an_earlier_version_is_brought_up_first(old):
    """Also where the old type has a model still."""
    upcasters = {old: lambda data: (parcels.Posted.TYPE, {"weight": data["grams"] // 1000})}
    vocabulary = Vocabulary([parcels.Posted, parcels.Delivered], upcasters)
    assert vocabulary.decode_text(old, '{"grams":3000,"to":"Ali"}') == parcels.Posted(weight=3)
