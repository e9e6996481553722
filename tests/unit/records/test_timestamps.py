"""A timestamp attests one text, for one question, of an authority that is trusted; anything else attests nothing."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.x509 import load_pem_x509_certificates
from fixtures.time_stamping import OPENSSL, Authority

from services.records.tree.witness import NotTimestamped, Question

pytestmark = pytest.mark.skipif(
    OPENSSL is None, reason="no openssl on the PATH, which is the authority here"
)

NOTE = b"bmt.records\n26\nOYINr58yv7kbhQOALSz5U0runKt+bvzv5wna+4FaNtI=\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tsa") / "ours")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tsa") / "theirs")


def roots(authority):
    return load_pem_x509_certificates(authority.roots.read_bytes())


def test_it_attests_when_the_text_was_there(authority, tmp_path):
    question = Question(NOTE)
    answer = authority.answer(question.encoded())
    at = question.attested_at(answer, roots(authority))
    assert abs(at - datetime.now(UTC)) < timedelta(minutes=1)
    note, stamp = tmp_path / "note.txt", tmp_path / "note.tsr"
    note.write_bytes(NOTE)
    stamp.write_bytes(answer)
    assert authority.attests(note, stamp)


def test_what_is_about_another_text_or_question_or_of_a_stranger_attests_nothing(
    authority, stranger
):
    question = Question(NOTE)
    answer = authority.answer(question.encoded())
    for asked, said, trusted in (
        (Question(NOTE + b"!"), answer, authority),
        (Question(NOTE), answer, authority),
        (question, authority.answer(Question(NOTE + b"!").encoded()), authority),
        (question, answer, stranger),
        (question, stranger.answer(question.encoded()), authority),
    ):
        with pytest.raises(NotTimestamped):
            asked.attested_at(said, roots(trusted))


@pytest.mark.parametrize("answer", [b"", b"<html>", b"0\x00", b"\xff" * 2000])
def test_what_is_no_answer_attests_nothing(authority, answer):
    with pytest.raises(NotTimestamped):
        Question(NOTE).attested_at(answer, roots(authority))


def test_one_byte_that_differs_anywhere_is_no_stamp(authority):
    question = Question(NOTE)
    answer = authority.answer(question.encoded())
    question.attested_at(answer, roots(authority))
    taken = []
    for place in range(0, len(answer), 7):
        changed = bytearray(answer)
        changed[place] ^= 1
        try:
            question.attested_at(bytes(changed), roots(authority))
        except NotTimestamped:
            continue
        taken.append(place)
    # What the signature does not cover is only which certificates came along.
    assert len(taken) <= len(answer) // 20
