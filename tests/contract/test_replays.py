"""Streams that were recorded tell for ever the state that they told then."""

import json
from pathlib import Path

import pytest
from streams import TELLERS, as_json, holds

from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.eventsourcing.event_store import Vocabulary
from bmt.chassis.work import WorkItem
from bmt.contracts.envelope import Envelope
from services.notification.views import work_of as notification_work
from services.provisioning.views import work_of as provisioning_work
from services.records.views import work_of as records_work

REPLAYS = sorted((Path(__file__).parent / "replays").glob("*/*.json"))
WORK = {
    "notification": notification_work,
    "provisioning": provisioning_work,
    "records": records_work,
}
every_replay = pytest.mark.parametrize(
    "replay", REPLAYS, ids=lambda path: f"{path.parent.name}/{path.stem}"
)


def recorded(replay):
    return json.loads(replay.read_text(encoding="utf-8"))


def stream(replay):
    return recorded(replay)["commits"][0]["stream"]


def events(replay):
    return [event for commit in recorded(replay)["commits"] for event in commit["events"]]


def heard_of(replay):
    """The stream's events as the service's own views hear them."""
    vocabulary = Vocabulary(TELLERS[replay.parent.name].models.values())
    for commit in recorded(replay)["commits"]:
        subject = commit["stream"].partition("-")[2]
        for event in commit["events"]:
            said = {name: event[name] for name in ("id", "type", "time")}
            envelope = Envelope(source="/bmt/test", subject=subject, data={}, **said)
            data = vocabulary.decode(event["type"], event["data"])
            yield IncomingEvent(envelope, data, commit["version"], commit["stream"])


@every_replay
def test_a_recorded_stream_tells_the_recorded_state(replay):
    state = TELLERS[replay.parent.name].state(stream(replay), events(replay))
    assert holds(as_json(state), recorded(replay)["state"])


@every_replay
def test_a_recorded_stream_counts_its_commits_and_what_it_says(replay):
    teller, said = TELLERS[replay.parent.name], 0
    for version, commit in enumerate(recorded(replay)["commits"], start=1):
        assert commit["version"] == version
        for event in commit["events"]:
            is_said = teller.models[event["type"]] in teller.said
            said += is_said
            assert event["sequence"] == (said if is_said else 0)
        assert commit["sequence"] == said


@pytest.mark.parametrize(
    "replay", [path for path in REPLAYS if path.parent.name in WORK], ids=lambda path: path.stem
)
def test_no_two_pieces_of_work_of_a_stream_have_one_id(replay):
    """What is done is taken out by its id, and must not take out what came later."""
    work_of = WORK[replay.parent.name]
    changes = [change for incoming in heard_of(replay) for change in work_of(incoming)]
    ids = [change.id for change in changes if isinstance(change, WorkItem)]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("service", TELLERS)
def test_every_event_that_a_service_stores_is_in_a_recorded_stream(service):
    """A new event, or a new version of one: add a scenario, and run record_replays.py."""
    there = {e["type"] for path in REPLAYS if path.parent.name == service for e in events(path)}
    assert set(TELLERS[service].models) <= there
