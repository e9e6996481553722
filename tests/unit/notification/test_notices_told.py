"""An acknowledgement, then exactly one outcome; a return in between; each told once."""

import pytest
from decider_specification import given
from fixtures.samples import received
from notices import NOW, REQUEST, command, due, notice

from services.notification.domain import DECIDER
from services.notification.domain.commands import Acknowledge, Tell
from services.notification.domain.events import NoticeHeld

OUTCOMES = ("rejected", "withdrawn", "configured", "terminated")
ACKNOWLEDGEMENT = notice("acknowledgement")
RETURNED = notice("returned")
ACKNOWLEDGED = (due(ACKNOWLEDGEMENT),)
THREAD = "<20261124091200.siti@mygovuc.gov.my>"


def acknowledge(thread: str | None = None) -> Acknowledge:
    return Acknowledge(REQUEST, ACKNOWLEDGEMENT, NOW, thread)


def tell(about: str) -> Tell:
    return Tell(REQUEST, notice(about), NOW)


def held(about: str) -> NoticeHeld:
    return NoticeHeld(request=REQUEST, notice=notice(about))


def test_a_request_received_is_acknowledged():
    given(DECIDER).when(acknowledge()).then(due(ACKNOWLEDGEMENT))


def test_a_correction_is_not_acknowledged_again():
    given(DECIDER, *ACKNOWLEDGED, due(RETURNED)).when(acknowledge()).then_nothing()


def test_whoever_an_address_is_corrected_to_has_no_receipt_yet():
    other = notice(recipient="siti@mampu.gov.my", notification_id="corrected")
    again = Acknowledge(REQUEST, other, NOW, None)
    given(DECIDER, *ACKNOWLEDGED).when(again).then(due(other))
    given(DECIDER, *ACKNOWLEDGED, due(other)).when(again).then_nothing()
    capitals = notice(recipient="Ahmad@MAMPU.gov.my", notification_id="capitals")
    given(DECIDER, *ACKNOWLEDGED).when(Acknowledge(REQUEST, capitals, NOW, None)).then_nothing()
    paper = notice(channel="letter", recipient="Ahmad", notification_id="paper")
    given(DECIDER, *ACKNOWLEDGED).when(Acknowledge(REQUEST, paper, NOW, None)).then_nothing()
    outcome = due(notice("rejected"))
    given(DECIDER, *ACKNOWLEDGED, outcome).when(again).then_nothing()


@pytest.mark.parametrize("about", OUTCOMES)
def test_an_outcome_is_told_after_the_acknowledgement(about):
    given(DECIDER, *ACKNOWLEDGED).when(tell(about)).then(due(notice(about)))


@pytest.mark.parametrize("about", [*OUTCOMES, "returned"])
def test_nothing_is_told_after_an_outcome(about):
    given(DECIDER, *ACKNOWLEDGED, due(notice("rejected"))).when(tell(about)).then_nothing()


def test_each_return_is_told():
    second = notice("returned", notification_id="second")
    state = (*ACKNOWLEDGED, due(RETURNED))
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
