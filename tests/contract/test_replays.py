"""Streams that were recorded tell for ever the state that they told then."""

import json
from pathlib import Path

import pytest
from streams import TELLERS, as_json, holds

REPLAYS = sorted((Path(__file__).parent / "replays").glob("*/*.json"))
every_replay = pytest.mark.parametrize(
    "replay", REPLAYS, ids=lambda path: f"{path.parent.name}/{path.stem}"
)


def recorded(replay):
    return json.loads(replay.read_text(encoding="utf-8"))


def events(replay):
    return [event for commit in recorded(replay)["commits"] for event in commit["events"]]


@every_replay
def test_a_recorded_stream_tells_the_recorded_state(replay):
    state = TELLERS[replay.parent.name].state(events(replay))
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


@pytest.mark.parametrize("service", TELLERS)
def test_every_event_that_a_service_stores_is_in_a_recorded_stream(service):
    """A new event, or a new version of one: add a scenario, and run record_replays.py."""
    there = {e["type"] for path in REPLAYS if path.parent.name == service for e in events(path)}
    assert set(TELLERS[service].models) <= there
