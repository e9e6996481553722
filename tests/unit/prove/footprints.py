"""What bugs leave: in the streams, on the topics, with clients, in the targets, the mailbox, decisions and views."""

import json
import uuid
from dataclasses import replace
from datetime import timedelta

from alter import (
    and_call,
    and_commit,
    and_mail,
    and_record,
    answering,
    called,
    first,
    headed,
    holds,
    saying,
    with_call,
    with_commit,
    with_record,
    without_commit,
    without_record,
)
from scene import GB

from bmt.contracts import topics
from prove.evidence import Parked, Work


def offset_committed_before_the_write(sound):
    """An event was heard, and nothing was written."""
    return without_commit(sound, first(sound, holds("ConfigurationDue")))


def republished_under_a_new_id(sound):
    """The crash between publishing and noting so made another event of it."""
    again = headed(saying(sound, "Approved").record, ce_id=str(uuid.uuid4()))
    return and_record(sound, replace(again, offset=10_000))


def republished_with_other_words(sound):
    said = saying(sound, "Approved")
    other = json.dumps({**said.data, "reason": "Lain"}).encode()
    return and_record(sound, replace(said.record, value=other, offset=10_000))


def unset_before_published(sound):
    """Stored, not owed any more, never said."""
    return without_record(sound, saying(sound, "Rejected").record)


def still_owed(sound):
    commit = first(sound, holds("Rejected"))
    return with_commit(sound, commit, replace(commit, outbox=True))


def said_and_never_stored(sound):
    """Published before the write, and the write was lost."""
    return without_commit(sound, first(sound, holds("Approved")))


def _letter(sound):
    return next(record for record in sound.records if record.topic == topics.DEAD_LETTERS)


def parse_error_swallowed(sound):
    return without_record(sound, _letter(sound))


def dead_letter_without_value(sound):
    letter = _letter(sound)
    return with_record(sound, letter, replace(letter, value=b""))


def dead_letter_without_reason(sound):
    letter = _letter(sound)
    return with_record(sound, letter, headed(letter, bmt_reason=""))


def good_event_buried(sound):
    letter = _letter(sound)
    said = saying(sound, "Approved").record
    place = {
        "bmt_origin_topic": said.topic,
        "bmt_origin_partition": "0",
        "bmt_origin_offset": str(said.offset),
    }
    return and_record(sound, replace(headed(letter, **place), value=said.value))


def parked_for_ever(sound):
    said = saying(sound, "Approved")
    parked = Parked("provisioning", said.record.topic, said.id, said.request_id, "KeyError")
    return replace(sound, parked=(parked,))


def applied_twice_without_the_inbox(sound):
    """The second time it has another causation, and so another effect."""
    commit = first(sound, holds("EventFiled"))
    last = max(
        c.version for c in sound.commits if (c.service, c.stream) == (commit.service, commit.stream)
    )
    again = replace(commit, id=str(uuid.uuid4()), version=last + 1, sequence=1)
    return and_commit(sound, again)


def version_taken_twice(sound):
    commit = first(sound, holds("Approved"))
    return and_commit(sound, replace(commit, id="cmd:other"))


def version_left_out(sound):
    commit = first(sound, holds("Approved"))
    return with_commit(sound, commit, replace(commit, version=commit.version + 5))


def sequence_left_out(sound):
    record = saying(sound, "Approved").record
    return with_record(sound, record, headed(record, ce_sequence="7"))


def mailed_twice_under_two_ids(sound):
    other = replace(sound.mails[0], message_id="<again@mygovuc.gov.my>", file="again")
    return and_mail(sound, other)


def mailed_otherwise_under_one_id(sound):
    return and_mail(sound, replace(sound.mails[0], digest="other", file="again"))


def noted_and_never_mailed(sound):
    return replace(sound, mails=sound.mails[1:])


def mailed_to_somebody_else(sound):
    other = replace(sound.mails[0], recipients=("lain@mygovuc.gov.my",))
    return replace(sound, mails=(other, *sound.mails[1:]))


def quota_added(sound):
    """The account was given 5 GB twice, by `+=`."""
    doubled = [replace(v, quota_bytes=10 * GB) if v.open else v for v in sound.volumes]
    return replace(sound, volumes=tuple(doubled))


def taken_away_in_ipms_alone(sound):
    """The termination stopped half way, and said that it was done."""
    ravi = next(v for v in sound.volumes if v.account.startswith("ravi"))
    left = replace(ravi, open=True, quota_bytes=5 * GB)
    return replace(sound, volumes=tuple(left if v is ravi else v for v in sound.volumes))


def given_to_who_was_rejected(sound):
    accounts = [
        replace(a, bmt_enabled=True, max_file_size_bytes=GB) if "lim" in a.account else a
        for a in sound.accounts
    ]
    return replace(sound, accounts=tuple(accounts))


def configured_before_approval(sound):
    """IPMS had it before anybody decided."""
    begun = next(c for c in sound.changes if c.bmt_enabled)
    early = replace(begun, at=sound.changes[0].at)
    return replace(sound, changes=tuple(early if c is begun else c for c in sound.changes))


def set_again_by_who_was_thought_dead(sound):
    """In the end it is right, and in between it was something else."""
    last = sound.changes[-1]
    on = next(c for c in sound.changes if c.account == last.account and c.bmt_enabled)
    return replace(sound, changes=(*sound.changes, replace(on, at=last.at), last))


def other_quota_than_approved_said(sound):
    commit = first(sound, holds("Configured"))
    (event,) = commit.events
    effective = json.loads(json.dumps(event.data["effective"]))
    effective["storage"]["quota_bytes"] = 7 * GB
    data = {**event.data, "effective": effective}
    altered = with_commit(sound, commit, replace(commit, events=(replace(event, data=data),)))
    record = next(r for r in sound.records if r.header("ce_id") == event.id)
    return with_record(altered, record, replace(record, value=json.dumps(data).encode()))


def fingerprint_unchecked(sound):
    """Another body under the same key got the first answer."""
    call = called(sound, "submit", 201)
    other = {**call.sent, "quota_bytes": 1}
    return and_call(sound, replace(call, sent=other, replayed=True))


def retried_post_became_a_second_request(sound):
    call = called(sound, "submit", 201)
    another = {**call.answer, "request_id": called(sound, "decide", 201).answer["request_id"]}
    second = next(
        c.answer["request_id"]
        for c in sound.calls
        if c.action == "submit" and c.status and c.answer != call.answer
    )
    return and_call(sound, replace(call, answer={**another, "request_id": second}))


def request_that_nobody_asked_for(sound):
    """The first try was written, its answer lost, and the second try wrote another one."""
    gone = called(sound, "submit", 201).answer["request_id"]
    calls = tuple(
        c
        for c in sound.calls
        if not (isinstance(c.answer, dict) and c.answer.get("request_id") == gone)
    )
    keys = {c.key for c in sound.calls} - {c.key for c in calls if c.status is not None}
    return replace(sound, calls=tuple(c for c in calls if c.key not in keys))


def answered_before_the_write(sound):
    """Acknowledged, and nowhere to be found."""
    call = called(sound, "submit", 201)
    lost = {**call.answer, "request_id": str(uuid.uuid4())}
    return and_call(sound, replace(call, key="lost", answer=lost))


def stored_otherwise_than_sent(sound):
    call = called(sound, "submit", 201)
    return with_call(sound, call, replace(call, sent={**call.sent, "justification": "Lain"}))


def decision_answered_and_lost(sound):
    call = called(sound, "decide", 201)
    return and_call(sound, replace(call, key="lost", answer={**call.answer, "version": 9}))


def second_decision_won_too(sound):
    """Nothing kept two officers from one version."""
    return _decided_again(sound, "Approved", "Rejected")


def approved_after_the_withdrawal(sound):
    return _decided_again(sound, "Withdrawn", "Approved")


def _decided_again(sound, decision, other_decision):
    commit = first(sound, holds(decision))
    (event,) = commit.events
    other = replace(
        event,
        id=str(uuid.uuid4()),
        type=f"my.gov.bmt.{other_decision}.v1",
        sequence=event.sequence + 1,
    )
    changed = {"ce_id": other.id, "ce_type": other.type, "ce_sequence": str(other.sequence)}
    second = replace(
        commit,
        id="cmd:second",
        version=commit.version + 1,
        sequence=other.sequence,
        events=(other,),
    )
    said = headed(saying(sound, decision).record, **changed, ce_causationid="cmd:second")
    return and_commit(and_record(sound, replace(said, offset=10_000)), second)


def two_officers_were_told_that_they_won(sound):
    call = called(sound, "decide", 201)
    return and_call(sound, replace(call, key="other"))


def loser_was_shown_another_decision(sound):
    call = called(sound, "decide", 409)
    shown = {**call.answer, "decision": {**call.answer["decision"], "version": 9}}
    return with_call(sound, call, replace(call, answer=shown))


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
    offset_committed_before_the_write: {"I8"},
    republished_under_a_new_id: {"I3"},
    republished_with_other_words: {"I3"},
    unset_before_published: {"I3"},
    still_owed: {"I3"},
    said_and_never_stored: {"I3"},
    parse_error_swallowed: {"I8"},
    dead_letter_without_value: {"I8"},
    dead_letter_without_reason: {"I8"},
    good_event_buried: {"I8"},
    parked_for_ever: {"I8"},
    applied_twice_without_the_inbox: {"I3"},
    version_taken_twice: {"I2"},
    version_left_out: {"I2"},
    sequence_left_out: {"I2"},
    mailed_twice_under_two_ids: {"I5"},
    mailed_otherwise_under_one_id: {"I5"},
    noted_and_never_mailed: {"I5"},
    mailed_to_somebody_else: {"I5"},
    quota_added: {"I4"},
    taken_away_in_ipms_alone: {"I4"},
    given_to_who_was_rejected: {"I4"},
    configured_before_approval: {"I4"},
    set_again_by_who_was_thought_dead: {"I4"},
    other_quota_than_approved_said: {"I4"},
    fingerprint_unchecked: {"I1"},
    retried_post_became_a_second_request: {"I1"},
    request_that_nobody_asked_for: {"I1"},
    answered_before_the_write: {"I1"},
    stored_otherwise_than_sent: {"I1"},
    decision_answered_and_lost: {"I1", "I6"},
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
"""Each with the invariants that it breaks."""
