"""What is sealed opens with its key, as what it was sealed for, and in no other way."""

import base64
import io
import os

import pytest

from bmt.chassis.runtime import sealed_stream
from bmt.chassis.runtime.sealed_stream import PIECE_BYTES, SALT_BYTES, SealBroken
from services.records.sealing.keys import KeyUnknown, MasterKey, Person, PersonKey, master_keys
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
