"""An acknowledgement, then exactly one outcome; a return in between; each told once."""

import pytest
from decider_specification import given
from fixtures.samples import received
from notices import (
    ACKNOWLEDGED,
    NOW,
    REQUEST,
    acknowledge,
    command,
    due,
    held,
    notice,
    notified,
    prepared,
    tell,
)

from services.notification.domain.correspondence import Acknowledge, Tell
from services.notification.domain.correspondence_rules import DECIDER

ACKNOWLEDGEMENT = ACKNOWLEDGED.notice
RETURNED = notice("returned")
THREAD = "<20261124091200.siti@mygovuc.gov.my>"


def test_a_correction_is_not_acknowledged_again():
    given(DECIDER, ACKNOWLEDGED, due(RETURNED)).when(acknowledge()).then_nothing()


def test_whoever_an_address_is_corrected_to_has_no_receipt_yet():
    other = notice(recipient="siti@mampu.gov.my", notification_id="corrected")
    again = Acknowledge(REQUEST, other, NOW, None)
    given(DECIDER, ACKNOWLEDGED).when(again).then(due(other))
    given(DECIDER, ACKNOWLEDGED, due(other)).when(again).then_nothing()
    capitals = notice(recipient="Ahmad@MAMPU.gov.my", notification_id="capitals")
    given(DECIDER, ACKNOWLEDGED).when(Acknowledge(REQUEST, capitals, NOW, None)).then_nothing()
    paper = notice(channel="letter", recipient="Ahmad", notification_id="paper")
    given(DECIDER, ACKNOWLEDGED).when(Acknowledge(REQUEST, paper, NOW, None)).then_nothing()
    outcome = due(notice("rejected"))
    given(DECIDER, ACKNOWLEDGED, outcome).when(again).then_nothing()


def test_each_return_is_told():
    second = notice("returned", notification_id="second")
    state = (ACKNOWLEDGED, due(RETURNED))
    given(DECIDER, *state).when(Tell(REQUEST, second, NOW)).then(due(second))


def test_an_outcome_heard_first_waits_for_the_acknowledgement():
    given(DECIDER).when(tell("rejected")).then(held("rejected"))


def test_only_one_outcome_waits():
    given(DECIDER, held("rejected")).when(tell("configured")).then_nothing()


def test_what_waited_is_told_after_the_acknowledgement():
    waiting = (held("returned"), held("rejected"))
    given(DECIDER, *waiting).when(acknowledge()).then(
        due(ACKNOWLEDGEMENT), due(RETURNED), due(notice("rejected"))
    )


def test_what_waited_is_told_once():
    state = (held("rejected"), due(ACKNOWLEDGEMENT), due(notice("rejected")))
    given(DECIDER, *state).when(acknowledge()).then_nothing()
    given(DECIDER, *state).when(tell("rejected")).then_nothing()


def test_every_notice_answers_the_e_mail_that_the_request_came_by():
    given(DECIDER).when(acknowledge(THREAD)).then(due(ACKNOWLEDGEMENT, THREAD))
    state = (due(ACKNOWLEDGEMENT, THREAD), due(RETURNED, THREAD))
    given(DECIDER, *state).when(tell("configured")).then(due(notice("configured"), THREAD))


async def test_the_message_id_of_an_e_mail_heard_is_remembered():
    said = await command(received(REQUEST, email_message_id=THREAD))
    assert isinstance(said, Acknowledge)
    assert said.email_message_id == THREAD


def test_an_e_mail_that_is_stored_already_is_prepared_with_its_notice():
    receipt, rejection = due(ACKNOWLEDGEMENT), due(notice("rejected"))
    given(DECIDER).when(acknowledge(None, receipt)).then(receipt, prepared(ACKNOWLEDGEMENT))
    state = (receipt, prepared(ACKNOWLEDGEMENT), notified(ACKNOWLEDGEMENT))
    given(DECIDER, *state).when(tell("rejected", rejection)).then(
        rejection, prepared(rejection.notice)
    )


def test_what_waited_is_prepared_behind_the_acknowledgement():
    receipt, rejection = due(ACKNOWLEDGEMENT), due(notice("rejected"))
    given(DECIDER, held("rejected")).when(acknowledge(None, receipt, rejection)).then(
        receipt, prepared(ACKNOWLEDGEMENT), rejection, prepared(rejection.notice)
    )


def test_an_e_mail_behind_one_that_is_still_to_be_composed_is_left_to_a_worker():
    receipt, rejection = due(ACKNOWLEDGEMENT), due(notice("rejected"))
    given(DECIDER, receipt).when(tell("rejected", rejection)).then(rejection)
    given(DECIDER, held("rejected")).when(acknowledge(None, rejection)).then(receipt, rejection)


@pytest.mark.parametrize(
    "other",
    [
        due(ACKNOWLEDGEMENT),
        due(notice("rejected"), "<another@mygovuc.gov.my>"),
        due(notice("rejected", recipient="siti@mampu.gov.my")),
    ],
)
def test_a_message_of_another_notice_is_not_taken_for_this_one(other):
    state = (due(ACKNOWLEDGEMENT), prepared(ACKNOWLEDGEMENT))
    given(DECIDER, *state).when(tell("rejected", other)).then(due(notice("rejected")))
    given(DECIDER).when(tell("rejected", due(notice("rejected")))).then(held("rejected"))


def test_a_message_of_what_is_not_told_leads_to_nothing():
    state = (due(ACKNOWLEDGEMENT), prepared(ACKNOWLEDGEMENT), due(notice("rejected")))
    given(DECIDER, *state).when(tell("withdrawn", due(notice("withdrawn")))).then_nothing()
    given(DECIDER, *state).when(acknowledge(None, due(ACKNOWLEDGEMENT))).then_nothing()
