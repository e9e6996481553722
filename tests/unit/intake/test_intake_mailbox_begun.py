"""Which messages are read again after intake ended in the middle."""

from datetime import UTC, datetime, timedelta

import pytest

from services.intake.mailbox.begun import LONGEST_READING, turn_of

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)
JUST_NOW = NOW - timedelta(seconds=1)
LONG_AGO = NOW - LONGEST_READING


@pytest.mark.parametrize(
    ("begun", "turn"),
    [
        ([], "read"),
        ([LONG_AGO], "read"),
        ([JUST_NOW], "read"),  # another replica reads it, or one died just now
        ([JUST_NOW, JUST_NOW], "leave"),  # it cannot be told which of the two
        ([LONG_AGO, JUST_NOW], "leave"),
        ([LONG_AGO, LONG_AGO], "give_up"),
        ([LONG_AGO, LONG_AGO, JUST_NOW], "give_up"),
    ],
)
def test_a_message_is_given_up_once_two_readings_of_it_ended_with_their_process(begun, turn):
    assert turn_of(begun, NOW) == turn
