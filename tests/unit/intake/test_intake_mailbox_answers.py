"""Servers' answers to FETCH and SELECT, as imaplib gives them."""

import pytest

from services.intake.mailbox import session


@pytest.mark.parametrize(
    ("answer", "content"),
    [
        ([(b"1 (UID 7 BODY[] {5}", b"Salam"), b")"], b"Salam"),
        ([(b"1 (BODY[] {5}", b"Salam"), b" UID 7)"], b"Salam"),
        ([b"2 (UID 9 FLAGS (\\Seen))", (b"1 (UID 7 BODY[] {5}", b"Salam"), b")"], b"Salam"),
        ([(b"2 (UID 77 BODY[] {4}", b"Lain"), b")", (b"1 (UID 7 BODY[] {2}", b"Ya"), b")"], b"Ya"),
        ([(b"1 (UID 7 BODY[]<1024> {3}", b"apa"), b")"], b"apa"),
        ([b'1 (UID 7 BODY[] "kata \\"ya\\"")'], b'kata "ya"'),
        ([b'1 (UID 7 BODY[] "")'], b""),
        ([b"1 (UID 7 BODY[] NIL)"], b""),
        ([None], None),
        ([b"1 (UID 7 FLAGS (\\Seen))"], None),
    ],
)
def test_a_message_is_found_in_what_the_server_says(answer, content):
    assert session.body(answer, 7) == content


def test_its_size_is_found_too():
    assert session.size([b"3 (UID 8 RFC822.SIZE 1)", b"1 (RFC822.SIZE 512 UID 7)"], 7) == 512
    assert session.size([None], 7) is None


@pytest.mark.parametrize(
    ("flags", "keeps"),
    [
        ([rb"(\Answered \Seen \*)"], True),
        ([rb"(\Seen $BmtTaken)"], True),
        ([rb"(\Answered \Seen)"], False),
        ([rb"()"], False),
        ([None], False),
        ([], False),
    ],
)
def test_whether_marks_are_kept_is_told_by_the_permanent_flags(flags, keeps):
    assert session.keeps_keywords(flags, "$BmtTaken") is keeps
