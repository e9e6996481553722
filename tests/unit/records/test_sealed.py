"""What is sealed opens with its key, as what it was sealed for, and in no other way."""

import base64
import io
import json
import os
from base64 import b64decode
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from fixtures.memory_event_store import MemoryEventStore
from fixtures.samples import facts

from bmt.chassis.eventsourcing.event_store import Appended, Commit, EventRecord
from bmt.chassis.runtime import sealed_stream
from bmt.chassis.runtime.sealed_stream import PIECE_BYTES, SALT_BYTES, SealBroken
from bmt.contracts.events import RequestReceived
from services.records.domain.events import EventFiled, FolioMissing, HoldReleased, RecordViewed
from services.records.sealing.keys import KeyUnknown, MasterKey, Person, PersonKey, master_keys
from services.records.sealing.sealed_event_store import SealedEventStore, opened_data
from services.records.sealing.sealed_folios import seal_file

KEY = PersonKey("k-1", bytes(range(32)))

OTHER = PersonKey("k-2", bytes(32))

SEALED_PIECE = PIECE_BYTES + 16


async def opened(sealed, key=KEY, chunk=100_000):
    async def chunks():
        for at in range(0, len(sealed), chunk):
            yield sealed[at : at + chunk]

    return b"".join([piece async for piece in sealed_stream.opened(chunks(), key.for_file)])


def sealed_file(content):
    into = io.BytesIO()
    seal_file(io.BytesIO(content), into, KEY)
    return into.getvalue()


def test_a_text_opens_with_its_key_and_for_what_it_belongs_to():
    sealed = KEY.seal(b"rahsia", "event-1")
    assert b"rahsia" not in sealed
    assert KEY.open(sealed, "event-1") == b"rahsia"
    assert KEY.seal(b"rahsia", "event-1") != sealed
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for text, belongs_to, key in (
        (sealed, "event-2", KEY),
        (sealed, "event-1", OTHER),
        (changed, "event-1", KEY),
        (b"", "event-1", KEY),
    ):
        with pytest.raises(SealBroken):
            key.open(text, belongs_to)


@pytest.mark.parametrize(
    "size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES]
)
@pytest.mark.parametrize("chunk", [1_000, PIECE_BYTES, 10**6])
async def test_a_file_of_any_size_opens_as_it_was(size, chunk):
    content = os.urandom(size)
    sealed = sealed_file(content)
    assert await opened(sealed, chunk=chunk) == content
    with pytest.raises(SealBroken):
        await opened(sealed, OTHER)


async def test_no_piece_can_be_changed_moved_or_left_out():
    sealed = sealed_file(os.urandom(3 * PIECE_BYTES + 5))
    salt, body = sealed[:SALT_BYTES], sealed[SALT_BYTES:]
    pieces = [body[at : at + SEALED_PIECE] for at in range(0, len(body), SEALED_PIECE)]
    assert len(pieces) == 4
    for changed in (
        [pieces[1], pieces[0], *pieces[2:]],
        pieces[:-1],
        pieces[1:],
        [*pieces[:2], pieces[3]],
        [*pieces, pieces[0]],
        [*pieces[:3], pieces[3][:-1]],
        [pieces[0][:9] + bytes([pieces[0][9] ^ 1]) + pieces[0][10:], *pieces[1:]],
    ):
        with pytest.raises(SealBroken):
            await opened(salt + b"".join(changed))
    for nothing in (b"", salt[:-1], salt):
        with pytest.raises(SealBroken):
            await opened(nothing)


def test_a_document_is_stored_under_a_name_that_only_its_person_has():
    document = "sha256:" + "a" * 64
    assert KEY.name(document) == KEY.name(document)
    assert KEY.name(document) != OTHER.name(document)
    assert "a" * 64 not in KEY.name(document)


def test_a_master_key_wraps_what_it_alone_can_unwrap():
    one, other = MasterKey(bytes(32)), MasterKey(bytes(range(32)))
    wrapped = one.wrap(b"k" * 32, "k-1")
    assert one.unwrap(wrapped, "k-1") == b"k" * 32
    for master, name in ((other, "k-1"), (one, "k-2")):
        with pytest.raises(KeyUnknown):
            master.unwrap(wrapped, name)


def test_a_person_is_the_same_whatever_the_case_of_the_account_and_another_elsewhere():
    master = MasterKey(bytes(32))
    name = master.name_of(Person("MAMPU", "Siti.Mampu@example.gov.my"))
    assert name == master.name_of(Person("MAMPU", "siti.mampu@example.gov.my"))
    assert name != master.name_of(Person("JPA", "siti.mampu@example.gov.my"))
    assert name != MasterKey(bytes(range(32))).name_of(Person("MAMPU", "siti.mampu@example.gov.my"))


@pytest.mark.parametrize("text", ["", "not base64!", base64.b64encode(b"short").decode()])
def test_what_is_no_master_key_is_refused_without_repeating_it(text):
    with pytest.raises(ValueError, match="32 bytes in base64") as refused:
        master_keys(text)
    assert not text or text not in str(refused.value)


def test_several_master_keys_stand_in_their_order():
    lines = [base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2)]
    assert [key.id for key in master_keys("\n".join(lines))] == [
        MasterKey(bytes([n]) * 32).id for n in (1, 2)
    ]


NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)

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
