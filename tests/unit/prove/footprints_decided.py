"""What bugs leave in decisions, views and what waits."""

import json
import uuid
from dataclasses import replace
from datetime import timedelta

from alter import (
    and_call,
    and_commit,
    and_record,
    answering,
    called,
    first,
    headed,
    holds,
    saying,
    with_call,
    with_record,
)

from prove.evidence import Work


def second_decision_won_too(sound):
    """Nothing kept two officers from one version."""
    commit = first(sound, holds("Approved"))
    (event,) = commit.events
    other = replace(
        event, id=str(uuid.uuid4()), type="my.gov.bmt.Rejected.v1", sequence=event.sequence + 1
    )
    record = saying(sound, "Approved").record
    changed = {"ce_id": other.id, "ce_type": other.type, "ce_sequence": str(other.sequence)}
    second = replace(
        commit,
        id="cmd:second",
        version=commit.version + 1,
        sequence=other.sequence,
        events=(other,),
    )
    said = headed(record, **changed, ce_causationid="cmd:second")
    return and_commit(and_record(sound, replace(said, offset=10_000)), second)


def two_officers_were_told_that_they_won(sound):
    call = called(sound, "decide", 201)
    return and_call(sound, replace(call, key="other"))


def loser_was_shown_another_decision(sound):
    call = called(sound, "decide", 409)
    shown = {**call.answer, "decision": {**call.answer["decision"], "version": 9}}
    return with_call(sound, call, replace(call, answer=shown))


def approved_after_the_withdrawal(sound):
    record = saying(sound, "Withdrawn").record
    commit = first(sound, holds("Withdrawn"))
    (event,) = commit.events
    other = replace(
        event, id=str(uuid.uuid4()), type="my.gov.bmt.Approved.v1", sequence=event.sequence + 1
    )
    changed = {"ce_id": other.id, "ce_type": other.type, "ce_sequence": str(other.sequence)}
    second = replace(
        commit, id="cmd:late", version=commit.version + 1, sequence=other.sequence, events=(other,)
    )
    said = headed(record, **changed, ce_causationid="cmd:late")
    return and_commit(and_record(sound, replace(said, offset=10_000)), second)


def decided_by_its_applicant(sound):
    record = saying(sound, "Approved")
    own = {**record.data, "decided_by": {"subject": record.account}}
    return with_record(sound, record.record, replace(record.record, value=json.dumps(own).encode()))


def view_update_lost(sound):
    request_id = saying(sound, "Configured").request_id
    status = sound.answers[request_id].status
    steps = [s for s in status["steps"] if s["step"] != "configured"]
    return answering(sound, request_id, status={**status, "steps": steps})


def view_update_taken_twice(sound):
    request_id = saying(sound, "Configured").request_id
    status = sound.answers[request_id].status
    return answering(
        sound, request_id, status={**status, "steps": [*status["steps"], status["steps"][0]]}
    )


def left_on_the_worklist(sound):
    return answering(sound, saying(sound, "Approved").request_id, on_worklist=True)


def record_skipped_an_event(sound):
    request_id = saying(sound, "Approved").request_id
    record = sound.answers[request_id].record
    kept = [leaf for leaf in record["events"] if leaf["index"] != 2]
    return answering(sound, request_id, record={**record, "events": kept})


def record_was_edited(sound):
    request_id = saying(sound, "Approved").request_id
    record = json.loads(json.dumps(sound.answers[request_id].record))
    record["events"][1]["data"]["request"]["agency"] = "KPM"
    return answering(sound, request_id, record=record)


def work_done_before_its_effect(sound):
    """Nobody will ever do it: the request waits for nothing."""
    waiting = next(name for name, a in sound.answers.items() if a.on_worklist)
    return answering(sound, waiting, on_worklist=False)


def work_that_nobody_takes(sound):
    request_id = saying(sound, "Approved").request_id
    due = sound.gathered_at - timedelta(minutes=5)
    left = Work("notification", "x:1", "smtp", request_id, due, 0, "")
    return replace(sound, work=(left,))


def measured_otherwise(sound):
    """The dashboard counts one request less than there are."""
    first_, *others = sound.samples
    return replace(sound, samples=(replace(first_, value=first_.value - 1), *others))


def heard_and_not_handled(sound):
    """A hearer is behind for ever."""
    behind = [replace(s, value=3) if "lag" in s.name else s for s in sound.samples]
    return replace(sound, samples=tuple(behind))


FOOTPRINTS = {
    measured_otherwise: {"I9"},
    heard_and_not_handled: {"I9"},
    second_decision_won_too: {"I6", "I7"},
    two_officers_were_told_that_they_won: {"I6"},
    loser_was_shown_another_decision: {"I6"},
    approved_after_the_withdrawal: {"I6", "I7"},
    decided_by_its_applicant: {"I7"},
    view_update_lost: {"I9"},
    view_update_taken_twice: {"I9"},
    left_on_the_worklist: {"I9"},
    record_skipped_an_event: {"I9"},
    record_was_edited: {"I9"},
    work_done_before_its_effect: {"I10"},
    work_that_nobody_takes: {"I10"},
}
