"""The log of a run's clients: what was written is read again, whatever cut it short."""

from dataclasses import replace

from prove.evidence import Call, Log, intentions, now, read

ASKED = Call(now(), "story", "submit", "key", "one", None, {"justification": "Fail besar – ü"})
TOLD = replace(ASKED, at=now(), status=201, answer={"request_id": "1"}, replayed=True)


def test_calls_are_read_as_they_were_written(tmp_path):
    log = Log(tmp_path / "folder" / "clients.jsonl")
    log.append(ASKED)
    log.append(TOLD)
    log.close()
    assert read(tmp_path / "folder" / "clients.jsonl") == [ASKED, TOLD]


def test_a_line_that_a_kill_cut_short_was_never_promised(tmp_path):
    file = tmp_path / "clients.jsonl"
    log = Log(file)
    log.append(ASKED)
    log.close()
    file.write_bytes(file.read_bytes() + b'{"at": "2026')
    assert read(file) == [ASKED]


def test_all_calls_with_one_key_of_one_caller_are_one_intention():
    other = replace(ASKED, by="two")
    first, second = intentions([ASKED, other, ASKED, TOLD])
    assert (first.calls, second.calls) == ((ASKED, ASKED, TOLD), (other,))
    assert first.request_ids == {"1"}
    assert first.settled
    assert not second.settled
