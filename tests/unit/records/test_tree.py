"""The tree against RFC 6962's own recursive definition, for every size up to 1,024."""

import base64
import hashlib
import struct
from datetime import UTC, datetime
from functools import cache

import bundles
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fixtures.ledger_keys import new_keys
from fixtures.thoroughness import LONG
from hypothesis import given
from hypothesis import strategies as st

from bmt.verify_record import root_from_proof
from services.records.tree.checkpoints import (
    Checkpoint,
    KeyUnusable,
    Note,
    NoteMalformed,
    Signer,
    Verifier,
)
from services.records.tree.merkle import (
    EMPTY_ROOT,
    TILE_WIDTH,
    Frontier,
    consistency_ranges,
    inclusion_ranges,
    verifies_consistency,
)
from services.records.tree.witness import HistoryRewritten, NotTheLedgers, Witness, hold_against

SIZES = range(1025) if LONG else [*range(70), 127, 128, 129, 255, 256, 257, 511, 513]


def proves(leaf_hash, place, size, proof, root):
    """By the code that an auditor runs."""
    try:
        return root_from_proof(leaf_hash, place, size, proof) == root
    except ValueError:
        return False


def leaf(number):
    return hashlib.sha256(b"\0" + str(number).encode()).digest()


@cache
def mth(start, end):
    """MTH as section 2.1 of the RFC defines it: written for this test, from the text alone."""
    if start == end:
        return hashlib.sha256(b"").digest()
    if end - start == 1:
        return leaf(start)
    k = 1
    while 2 * k < end - start:
        k *= 2
    left, right = mth(start, start + k), mth(start + k, end)
    return hashlib.sha256(b"\1" + left + right).digest()


def audit_path(m, start, end):
    if end - start == 1:
        return []
    k = 1
    while 2 * k < end - start:
        k *= 2
    if m < k:
        return [*audit_path(m, start, start + k), mth(start + k, end)]
    return [*audit_path(m - k, start + k, end), mth(start, start + k)]


def test_the_edge_has_the_root_of_the_definition_at_every_size():
    edge = Frontier()
    for size in range(1025):
        assert edge.size == size
        assert edge.root() == mth(0, size)
        edge.append([leaf(size)])
    assert mth(0, 0) == EMPTY_ROOT


@given(st.lists(st.integers(0, 700), max_size=6))
def test_however_leaves_come_together_the_tree_is_the_same(groups):
    edge, tiles = Frontier(), []
    for group in groups:
        tiles += edge.append([leaf(edge.size + place) for place in range(group)])
    assert edge.root() == mth(0, sum(groups))
    assert len(tiles) == sum(groups) // TILE_WIDTH
    for tile in tiles:
        assert tile.root == mth(tile.index * TILE_WIDTH, (tile.index + 1) * TILE_WIDTH)


def test_a_tile_of_tiles_falls_off_with_its_last_leaf():
    edge = Frontier()
    tiles = edge.append([leaf(number) for number in range(TILE_WIDTH**2 + 3)])
    assert [(tile.level, tile.index) for tile in tiles[-2:]] == [(0, 255), (1, 0)]
    assert tiles[-1].root == mth(0, TILE_WIDTH**2)
    assert edge.root() == mth(0, TILE_WIDTH**2 + 3)


def test_every_leaf_is_proven_as_the_definition_does():
    for number, size in ((number, each) for each in SIZES for number in range(each)):
        proof = [mth(*part) for part in inclusion_ranges(number, size)]
        assert proof == audit_path(number, 0, size)
        assert proves(leaf(number), number, size, proof, mth(0, size))


def test_every_tree_begins_every_larger_one():
    for first, second in ((first, each) for each in SIZES for first in range(each + 1)):
        proof = [mth(*part) for part in consistency_ranges(first, second)]
        assert verifies_consistency(first, mth(0, first), second, mth(0, second), proof)
        if 0 < first < second:
            other = leaf(-1)
            assert not verifies_consistency(first, other, second, mth(0, second), proof)
            assert not verifies_consistency(first, mth(0, first), second, other, proof)


@given(st.integers(1, 300), st.data())
def test_a_proof_of_something_else_is_none(size, data):
    number = data.draw(st.integers(0, size - 1))
    proof = [mth(*part) for part in inclusion_ranges(number, size)]
    root = mth(0, size)
    assert not proves(leaf(-1), number, size, proof, root)
    assert not proves(leaf(number), number, size, [*proof, leaf(0)], root)
    assert not proves(leaf(number), size, size, proof, root)
    if proof:
        assert not proves(leaf(number), number, size, proof[:-1], root)
        at = data.draw(st.integers(0, len(proof) - 1))
        changed = [*proof[:at], leaf(-2), *proof[at + 1 :]]
        assert not proves(leaf(number), number, size, changed, root)


CHECKPOINT = Checkpoint("bmt.records", 7, bytes(range(32)), "2026-11-24T12:00:00.000000Z")


def pem(key):
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    return key.private_bytes(*form, serialization.NoEncryption()).decode()


@pytest.fixture
def signer():
    both = pem(Ed25519PrivateKey.generate()) + pem(Ed25519PrivateKey.generate())
    return Signer.from_pem("bmt.records", both)


def test_the_example_of_the_specification_verifies():
    """From c2sp.org/signed-note."""
    key = Verifier.parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    note = Note.parse(
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
        "\n"
        "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    )
    assert note.signed_by([key]) == [key]


def test_every_key_signs_and_is_known_by_its_text(signer):
    note = Note.parse(signer.sign(CHECKPOINT.text()))
    known = [Verifier.parse(str(verifier)) for verifier in signer.verifiers]
    assert len(known) == 2
    assert note.signed_by(known) == known
    assert Checkpoint.parse(note.text) == CHECKPOINT


def test_another_text_or_another_key_is_not_signed(signer):
    note = Note.parse(signer.sign(CHECKPOINT.text()))
    changed = Note(note.text.replace("7", "8", 1), note.signatures)
    assert changed.signed_by(signer.verifiers) == []
    other = Signer("bmt.records", [Ed25519PrivateKey.generate()])
    assert note.signed_by(other.verifiers) == []


@pytest.mark.parametrize("text", ["", "text\n", "text\n\nnot a signature\n", "text\n\n\u2014 a b"])
def test_what_is_no_note_is_refused(text):
    with pytest.raises(NoteMalformed):
        Note.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "bmt.records\n07\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\nat now\n",
        "bmt.records\n7\nAAEC\nat now\n",
        "bmt.records\n7\n*\nat now\n",
        "bmt.records\n7\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        "bmt.records\n-7\nAAEC\nat now\nmore\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text):
    with pytest.raises(NoteMalformed):
        Checkpoint.parse(text)


@pytest.mark.parametrize("text", ["", "no key", pem(generate_private_key(SECP256R1()))])
def test_a_key_that_cannot_sign_is_refused(text):
    with pytest.raises(KeyUnusable):
        Signer.from_pem("bmt.records", text)


@pytest.mark.parametrize("change", [("+0", "+1"), ("bmt", "tmb"), ("+A", "+B")])
def test_a_key_whose_text_was_changed_is_refused(change):
    key = "bmt+" + str(Verifier("bmt", bytes(32))).partition("+")[2]
    with pytest.raises(KeyUnusable):
        Verifier.parse(key.replace(*change, 1) if key.count(change[0]) else key + "x")


KEY = Ed25519PrivateKey.generate()

WITNESS = Witness("saksi", KEY, bundles.SIGNER.verifiers)

LEAVES = [bytes([number]) * 32 for number in range(9)]

EARLIER, LATER = "2026-11-24T12:00:00.000000Z", "2026-11-24T12:01:00.000000Z"

NOW = datetime(2026, 11, 24, 12, 2, tzinfo=UTC)


def checkpoint(leaves, at=EARLIER):
    return Checkpoint(bundles.ORIGIN, len(leaves), bundles.root(leaves), at)


def proof(leaves, first):
    return [
        bundles.root(leaves[start:end]) for start, end in consistency_ranges(first, len(leaves))
    ]


def test_what_begins_with_what_was_seen_is_held_for_good():
    hold_against(checkpoint(LEAVES[:5]), checkpoint(LEAVES, LATER), proof(LEAVES, 5))
    hold_against(checkpoint(LEAVES), checkpoint(LEAVES, LATER), [])


@pytest.mark.parametrize(
    ("new", "first"),
    [
        ([LEAVES[1], LEAVES[0], *LEAVES[2:]], 5),
        ([*LEAVES[:4], *LEAVES[5:]], 5),
        (LEAVES[:4], 4),
        ([*LEAVES[:4], bytes(32)], 5),
    ],
)
def test_what_was_rewritten_reordered_or_cut_off_is_not(new, first):
    with pytest.raises(HistoryRewritten):
        hold_against(checkpoint(LEAVES[:5]), checkpoint(new, LATER), proof(new, first))


def test_what_says_that_it_is_older_is_not():
    with pytest.raises(HistoryRewritten):
        hold_against(checkpoint(LEAVES[:5], LATER), checkpoint(LEAVES), proof(LEAVES, 5))


def test_what_the_ledger_did_not_sign_is_not_read():
    stranger = Signer.from_pem(bundles.ORIGIN, new_keys())
    for note in ("", "x\n\ny\n", stranger.sign(checkpoint(LEAVES).text())):
        with pytest.raises(NotTheLedgers):
            WITNESS.read(note)


def test_a_cosignature_tells_when_and_verifies_by_the_witness_key():
    note = WITNESS.cosign(bundles.SIGNER.sign(checkpoint(LEAVES).text()), NOW)
    assert WITNESS.read(note) == checkpoint(LEAVES)
    name, key_id, signature = Note.parse(note).signatures[-1]
    (seconds,) = struct.unpack(">Q", signature[:8])
    said = f"cosignature/v1\ntime {seconds}\n{checkpoint(LEAVES).text()}".encode()
    KEY.public_key().verify(signature[8:], said)
    assert datetime.fromtimestamp(seconds, UTC) == NOW
    _, told_id, encoded = WITNESS.verifier.split("+", 2)
    assert (name, key_id.hex()) == ("saksi", told_id)
    assert base64.b64decode(encoded) == b"\x04" + KEY.public_key().public_bytes_raw()
