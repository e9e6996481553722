"""What bugs leave with clients, in the targets and in the mailbox."""

import json
import uuid
from dataclasses import replace

from alter import (
    and_call,
    and_mail,
    called,
    first,
    holds,
    with_call,
    with_commit,
    with_record,
)
from scene import GB


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


FOOTPRINTS = {
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
}
