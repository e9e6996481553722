"""What bugs leave in the streams and on the topics."""

import json
import uuid
from dataclasses import replace

from alter import (
    and_commit,
    and_record,
    first,
    headed,
    holds,
    saying,
    with_commit,
    with_record,
    without_commit,
    without_record,
)

from bmt.contracts import topics
from prove.evidence import Parked


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


def parse_error_swallowed(sound):
    letter = next(r for r in sound.records if r.topic == topics.DEAD_LETTERS)
    return without_record(sound, letter)


def dead_letter_without_value(sound):
    letter = next(r for r in sound.records if r.topic == topics.DEAD_LETTERS)
    return with_record(sound, letter, replace(letter, value=b""))


def dead_letter_without_reason(sound):
    letter = next(r for r in sound.records if r.topic == topics.DEAD_LETTERS)
    return with_record(sound, letter, headed(letter, bmt_reason=""))


def good_event_buried(sound):
    letter = next(r for r in sound.records if r.topic == topics.DEAD_LETTERS)
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
}
