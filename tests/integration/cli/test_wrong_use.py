"""What any command says where it is used wrongly, or what it stands on is not there: a code, and one line."""

import shlex

import pytest

pytestmark = pytest.mark.integration

EVENT = "bmt.requests.v1:0:7"
AWAY = "mongodb://127.0.0.1:1/"
NOWHERE = {"BMT_MONGODB_URI": None, "BMT_KAFKA_BOOTSTRAP_SERVERS": None}


@pytest.mark.parametrize(
    ("command", "changes", "code", "fault"),
    [
        ("parked retry", {}, 2, ""),
        (f"parked retry {EVENT} --all", {}, 2, ""),
        (f"parked discard {EVENT}", {}, 2, ""),
        (f"parked discard {EVENT} --reason ' '", {}, 2, ""),
        ("parked list --service post", {}, 2, ""),
        (f"dead-letters discard {EVENT}", {}, 2, ""),
        ("views rebuild nobody", {}, 2, ""),
        ("republish --service payroll", {}, 2, "payroll is none of intake"),
        ("republish --request BMT-1", {}, 2, "BMT-1 is no request's id"),
        ("republish --since gestern", {}, 2, "gestern is no time such as 2026-11-28T09:00:00Z"),
        ("republish --since 0001-01-01T00:00:00+08:00", {}, 2, "+08:00 is no time such as"),
        ("republish --since 9999-01-01", {}, 2, "9999-01-01 is still to come"),
        ("parked list", {"BMT_MONGODB_URI": "https://x"}, 2, "bmt: BMT_MONGODB_URI is wrong:"),
        ("doctor", {"BMT_MONGODB_URI": None}, 2, "BMT_MONGODB_URI is missing"),
        *(
            (
                "topics",
                {"BMT_KAFKA_BOOTSTRAP_SERVERS": None},
                2,
                "BMT_KAFKA_BOOTSTRAP_SERVERS is missing",
            ),
            ("topics", {"BMT_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}, 3, "bmt: kafka at 127.0"),
        ),
        *(
            (command, {"BMT_MONGODB_URI": AWAY}, 3, "bmt: mongodb cannot be reached (Server")
            for command in ("parked list", "records verify", "views rebuild approval")
        ),
        *(
            (f"{command} --data /nowhere", NOWHERE, 3, "no system runs on /nowhere")
            for command in ("topics", "records verify", "parked list", "prune")
        ),
    ],
)
async def test_it_is_told_in_one_line(bmt, monkeypatch, command, changes, code, fault):
    monkeypatch.setattr("bmt.chassis.runtime.mongodb.SELECTION_TIMEOUT_MS", 300)
    answer = await bmt(*shlex.split(command), **changes)
    assert (answer.code, answer.out) == (code, "")
    assert fault in " ".join(answer.err.replace("│", " ").split())
    assert code == 2 or answer.err.count("\n") == 1
