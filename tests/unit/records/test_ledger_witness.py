"""A witness cosigns what continues what it saw, and nothing else."""

import base64
import struct
from datetime import UTC, datetime

import bundles
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fixtures.ledger_keys import new_keys

from services.records.tree.checkpoints import Checkpoint, Note, Signer
from services.records.tree.merkle import Frontier, consistency_ranges
from services.records.tree.witness import HistoryRewritten, NotTheLedgers, Witness, hold_against

KEY = Ed25519PrivateKey.generate()
WITNESS = Witness("saksi", KEY, bundles.SIGNER.verifiers)
LEAVES = [bytes([number]) * 32 for number in range(9)]
EARLIER, LATER = "2026-11-24T12:00:00.000000Z", "2026-11-24T12:01:00.000000Z"
NOW = datetime(2026, 11, 24, 12, 2, tzinfo=UTC)


def root(leaves):
    edge = Frontier()
    edge.append(list(leaves))
    return edge.root()


def checkpoint(leaves, at=EARLIER):
    return Checkpoint(bundles.ORIGIN, len(leaves), root(leaves), at)


def proof(leaves, first):
    return [root(leaves[start:end]) for start, end in consistency_ranges(first, len(leaves))]


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
