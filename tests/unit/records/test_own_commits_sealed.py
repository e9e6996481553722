"""Records' own commits: what is personal is sealed in the text that is stored, and opened in either form."""

import json
from base64 import b64decode
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from fixtures.memory_event_store import MemoryEventStore
from fixtures.samples import facts

from bmt.chassis.eventsourcing.event_store import Appended, Commit, EventRecord
from bmt.chassis.runtime.sealed_stream import SealBroken
from bmt.contracts.events import RequestReceived
from services.records.domain.events import EventFiled, FolioMissing, HoldReleased, RecordViewed
from services.records.sealing.keys import PersonKey
from services.records.sealing.sealed_event_store import SealedEventStore, opened_data

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
KEY = PersonKey("k-1", bytes(range(32)))
VIEWED = {"key": "k-1", "by": "wan", "agency": "MAMPU", "criteria": {"text": "aishah.kpm"}}


class Keys:
    """Those that are not destroyed."""

    def __init__(self, *keys: PersonKey) -> None:
        self.kept = {key.id: key for key in keys}

    async def by_id(self, ids: Collection[str]) -> Mapping[str, PersonKey]:
        return {id_: self.kept[id_] for id_ in ids if id_ in self.kept}


def commit(data) -> Commit:
    event = EventRecord("event-1", "test.Viewed.v1", NOON, 0, json.dumps(data))
    return Commit("a", "request-1", 1, 0, (event,), "f", NOON)


async def stored_and_read(data, *keys: PersonKey):
    store = MemoryEventStore()
    written = commit(data)
    outcome = await SealedEventStore(store, Keys(KEY)).append([written])
    assert outcome == [Appended(written)]
    (kept,) = (await store.load(["request-1"]))["request-1"]
    (read,) = (await SealedEventStore(store, Keys(*keys)).load(["request-1"]))["request-1"]
    return kept.events[0], read.events[0]


async def test_what_is_personal_is_sealed_in_the_text_and_read_with_its_key():
    kept, read = await stored_and_read(VIEWED, KEY)
    assert "aishah" not in kept.text
    assert kept.data["sealed"]["places"] == ["/criteria/text"]
    assert read.data == VIEWED


async def test_without_its_key_it_is_read_with_words_that_say_so():
    _, read = await stored_and_read(VIEWED)
    assert "aishah" not in read.text
    assert read.data["key"] == "k-1"


async def test_what_names_no_key_is_stored_and_read_as_it_is():
    data = {"agency": "MAMPU", "note": '"key" and "sealed"'}
    kept, read = await stored_and_read(data)
    assert kept == read == commit(data).events[0]


FILED = {
    "event_id": "event-1",
    "event_type": RequestReceived.TYPE,
    "source": "/bmt/intake",
    "sequence": 1,
    "occurred_at": NOON,
    "leaf_index": 1,
    "leaf_hash": "0" * 64,
    "key": "k-1",
}


@pytest.mark.parametrize(
    "event",
    [
        EventFiled(**FILED),
        EventFiled(**FILED, request=facts()),
        EventFiled(**FILED, justification=""),
        EventFiled(**FILED, keys=("k-2",)),
        FolioMissing(document_id="sha256:" + "0" * 64, reason="r", noticed_at=NOON, key="k-1"),
        HoldReleased(by="wan", at=NOON, key="k-1"),
        HoldReleased(by="wan", at=NOON, key="k-1", reason="Selesai."),
        RecordViewed(by="wan", roles=("auditor",), viewed_at=NOON, key="k-1"),
    ],
)
async def test_what_the_model_shows_to_be_impersonal_is_what_the_text_shows(event):
    text = event.model_dump_json()
    for keys in (Keys(KEY), Keys()):
        store = MemoryEventStore()
        for place, decoded in enumerate((None, event), start=1):
            record = EventRecord("event-1", event.TYPE, NOON, 0, text, decoded)
            one = Commit(f"c-{place}", f"request-{place}", 1, 0, (record,), "f", NOON)
            await SealedEventStore(store, keys).append([one])
        kept = [(await store.load([f"request-{place}"])) for place in (1, 2)]
        one, other = [commits[0].events[0].data for each in kept for commits in each.values()]
        assert ("sealed" in one) == ("sealed" in other)
        opened = [opened_data("event-1", data, {"k-1": KEY}) for data in (one, other)]
        assert opened[0] == opened[1]


async def test_the_binary_of_earlier_versions_opens_as_the_text_of_now_does():
    kept, _ = await stored_and_read(VIEWED)
    sealed = kept.data
    binary = {**sealed, "sealed": {**sealed["sealed"], "text": b64decode(sealed["sealed"]["text"])}}
    for form in (sealed, binary):
        assert opened_data("event-1", form, {"k-1": KEY}) == VIEWED


@pytest.mark.parametrize("text", ["AAAA", "no base64!"])
async def test_what_was_changed_since_does_not_open(text):
    kept, _ = await stored_and_read(VIEWED)
    changed = {**kept.data, "sealed": {**kept.data["sealed"], "text": text}}
    store = MemoryEventStore()
    await store.append([replace(commit({}), events=(replace(kept, text=json.dumps(changed)),))])
    with pytest.raises(SealBroken):
        await SealedEventStore(store, Keys(KEY)).load(["request-1"])
