"""Signed notes and checkpoints: read back, verified, and refused where anything differs."""

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.records.tree.checkpoints import (
    Checkpoint,
    KeyUnusable,
    Note,
    NoteMalformed,
    Signer,
    Verifier,
)

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
