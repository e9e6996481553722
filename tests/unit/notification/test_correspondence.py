"""What is told of a request beyond tests/specification: each notice once, in its order, through every step."""

import pytest
from decider_specification import given
from fixtures.samples import received
from notices import (
    ACKNOWLEDGED,
    DOCUMENT,
    MAIL,
    MAIL_PREPARED,
    MAIL_TOLD,
    NOW,
    PAPER,
    PAPER_PREPARED,
    REQUEST,
    acknowledge,
    at_once,
    command,
    dispatch,
    due,
    failed,
    held,
    notice,
    notified,
    prepared,
    resend,
    resend_requested,
    tell,
)

from bmt.contracts.events import Notified
from services.notification.domain import errors
from services.notification.domain.correspondence import (
    Acknowledge,
    Notify,
    RecordPrepared,
    RecordRefused,
    RecordSent,
)
from services.notification.domain.correspondence_rules import DECIDER
from services.notification.domain.events import AcknowledgementSuperseded, SentAgain

RECEIPT, RETURNED, REJECTED = ACKNOWLEDGED.notice, notice("returned"), notice("rejected")
THREAD = "<20261124091200.siti@mygovuc.gov.my>"
ID, REFUSAL = "rejected", "550 5.1.1 no such user"
MAIL_FAILED = (*MAIL_PREPARED, failed(MAIL, REFUSAL))
ON_PAPER = notice("acknowledgement", "letter")
CORRECTED = notice(recipient="siti@mampu.gov.my", notification_id="corrected")


def of_receipt(one):
    return Acknowledge(REQUEST, one, NOW, None)


# A receipt, then one outcome; a return in between; each told once.


@pytest.mark.parametrize(
    ("before", "heard", "told"),
    [
        ((ACKNOWLEDGED,), of_receipt(CORRECTED), (due(CORRECTED),)),
        (
            (ACKNOWLEDGED, due(RETURNED)),
            Notify(REQUEST, notice("returned", notification_id="second"), NOW),
            (due(notice("returned", notification_id="second")),),
        ),
        ((), tell("rejected"), (held("rejected"),)),
        (
            (held("returned"), held("rejected")),
            acknowledge(),
            (ACKNOWLEDGED, due(RETURNED), due(REJECTED)),
        ),
        ((), acknowledge(THREAD), (due(RECEIPT, THREAD),)),
        (
            (due(RECEIPT, THREAD), due(RETURNED, THREAD)),
            tell("configured"),
            (due(notice("configured"), THREAD),),
        ),
    ],
    ids=[
        "an address is corrected: whoever has it has no receipt yet",
        "each return",
        "an outcome heard first waits for the receipt",
        "what waited comes after it",
        "a receipt answers the e-mail that the request came by",
        "and so does what follows",
    ],
)
def test_it_is_told(before, heard, told):
    given(DECIDER, *before).when(heard).then(*told)


@pytest.mark.parametrize(
    ("before", "heard"),
    [
        ((ACKNOWLEDGED, due(RETURNED)), acknowledge()),
        ((ACKNOWLEDGED, due(CORRECTED)), of_receipt(CORRECTED)),
        ((ACKNOWLEDGED,), of_receipt(notice(recipient="Ahmad@MAMPU.gov.my"))),
        ((ACKNOWLEDGED,), of_receipt(notice(channel="letter", recipient="Ahmad"))),
        ((ACKNOWLEDGED, due(REJECTED)), of_receipt(CORRECTED)),
        ((held("rejected"),), tell("configured")),
        ((held("rejected"), ACKNOWLEDGED, due(REJECTED)), acknowledge()),
        ((held("rejected"), ACKNOWLEDGED, due(REJECTED)), tell("rejected")),
    ],
    ids=[
        "a correction has no second receipt",
        "nor has a corrected address",
        "nor the same address in capitals",
        "nor a paper",
        "nothing after the outcome",
        "one outcome waits, not two",
        "what waited was told with the receipt",
        "and is not told again",
    ],
)
def test_it_is_not_told_again(before, heard):
    given(DECIDER, *before).when(heard).then_nothing()


async def test_the_message_id_of_an_e_mail_heard_is_remembered():
    said = await command(received(REQUEST, email_message_id=THREAD))
    assert said.email_message_id == THREAD


# E-mails that are composed and stored already.


@pytest.mark.parametrize(
    ("before", "heard", "told"),
    [
        ((), acknowledge(None, ACKNOWLEDGED), at_once(ACKNOWLEDGED)),
        (
            (ACKNOWLEDGED, prepared(RECEIPT), notified(RECEIPT)),
            tell("rejected", due(REJECTED)),
            at_once(due(REJECTED)),
        ),
        (
            (held("rejected"),),
            acknowledge(None, ACKNOWLEDGED, due(REJECTED)),
            (*at_once(ACKNOWLEDGED), *at_once(due(REJECTED))),
        ),
        ((ACKNOWLEDGED,), tell("rejected", due(REJECTED)), (due(REJECTED),)),
        (
            (held("rejected"),),
            acknowledge(None, due(REJECTED)),
            (ACKNOWLEDGED, due(REJECTED)),
        ),
        ((), tell("rejected", due(REJECTED)), (held("rejected"),)),
        (
            (ACKNOWLEDGED, prepared(RECEIPT), due(REJECTED)),
            tell("withdrawn", due(notice("withdrawn"))),
            (),
        ),
    ],
    ids=[
        "the receipt",
        "the outcome after it",
        "what waited, behind the receipt",
        "not before the receipt is composed",
        "nor with one that is not",
        "not while it waits",
        "not of what is not told",
    ],
)
def test_a_stored_e_mail_is_prepared_with_its_notice_in_its_order(before, heard, told):
    given(DECIDER, *before).when(heard).then(*told)


@pytest.mark.parametrize(
    "other",
    [
        ACKNOWLEDGED,
        due(REJECTED, "<another@mygovuc.gov.my>"),
        due(notice("rejected", recipient="siti@mampu.gov.my")),
    ],
    ids=["another notice", "another thread", "another recipient"],
)
def test_a_message_of_another_notice_is_not_taken_for_this_one(other):
    before = (ACKNOWLEDGED, prepared(RECEIPT))
    given(DECIDER, *before).when(tell("rejected", other)).then(due(REJECTED))


# What becomes of a notice: prepared, sent or handed over, refused, sent once more.

AGAIN = SentAgain(request=REQUEST, notification_id=ID, sending=2)


@pytest.mark.parametrize(
    ("before", "heard", "then"),
    [
        ((due(MAIL),), RecordPrepared(ID, DOCUMENT), (prepared(MAIL),)),
        (MAIL_PREPARED, RecordPrepared(ID, DOCUMENT), ()),
        (MAIL_TOLD, RecordSent(ID, 1), ()),
        ((due(MAIL),), resend(), ()),
        (MAIL_PREPARED, resend(), ()),
        ((*MAIL_TOLD, resend_requested(2)), resend(), ()),
        ((*MAIL_FAILED, resend_requested(2)), RecordSent(ID, 2), (notified(MAIL),)),
        ((*MAIL_TOLD, resend_requested(2)), RecordSent(ID, 2), (AGAIN,)),
        ((*MAIL_TOLD, resend_requested(2), AGAIN), resend(), (resend_requested(3),)),
        ((*MAIL_FAILED, resend_requested(2)), RecordSent(ID, 1), ()),
        ((*MAIL_FAILED, resend_requested(2)), RecordRefused(ID, 1, REFUSAL), ()),
    ],
    ids=[
        "a message that is stored is prepared",
        "once",
        "sent twice after a crash, it is told once",
        "what is not prepared yet is waited for",
        "and so is what is on its way",
        "or on its way once more",
        "a refused e-mail arrives at last",
        "whoever was told before gets a copy",
        "and another one",
        "a sending that was overtaken changes nothing",
        "nor does its refusal",
    ],
)
def test_an_e_mail_takes_its_steps_once(before, heard, then):
    given(DECIDER, *before).when(heard).then(*then)


@pytest.mark.parametrize(
    ("before", "asked", "error"),
    [
        ((due(PAPER),), dispatch(), errors.NotPreparedYet),
        (MAIL_PREPARED, dispatch(), errors.NotOnPaper),
        (MAIL_TOLD, dispatch(notice_id="x"), errors.UnknownNotice),
        (PAPER_PREPARED, resend(), errors.NotByEmail),
    ],
    ids=["a paper not prepared yet", "an e-mail handed over", "no such notice", "a paper sent"],
)
def test_what_cannot_be_handed_over_or_sent_is_refused(before, asked, error):
    refused = given(DECIDER, *before).when(asked).then_refused(error)
    # Not recorded: the same call is answered anew a moment later.
    assert error is not errors.NotPreparedYet or refused.status == 404


@pytest.mark.parametrize(
    "earlier", [ON_PAPER, notice("returned", "letter")], ids=lambda one: one.about
)
def test_the_paper_of_the_outcome_supersedes_an_earlier_one_that_was_not_handed_over(earlier):
    before, its_id = (due(earlier), prepared(earlier), due(PAPER)), earlier.notification_id
    superseded = AcknowledgementSuperseded(request=REQUEST, notification_id=its_id, by="rejected")
    given(DECIDER, *before).when(RecordPrepared(ID, DOCUMENT)).then(prepared(PAPER), superseded)
    over = (*before, prepared(PAPER), superseded)
    given(DECIDER, *over).when(dispatch(notice_id=its_id)).then_one(Notified)


@pytest.mark.parametrize(
    ("before", "next_"),
    [
        ((due(ON_PAPER), prepared(ON_PAPER), notified(ON_PAPER)), PAPER),
        ((ACKNOWLEDGED, prepared(RECEIPT)), PAPER),
        ((due(ON_PAPER), prepared(ON_PAPER)), notice("returned", "letter")),
    ],
    ids=["it was handed over", "it was an e-mail", "a return supersedes nothing"],
)
def test_no_other_acknowledgement_is_superseded(before, next_):
    record = RecordPrepared(next_.notification_id, DOCUMENT)
    given(DECIDER, *before, due(next_)).when(record).then(prepared(next_))


def test_notices_of_one_request_stand_in_a_line():
    state = DECIDER.fold([ACKNOWLEDGED, due(REJECTED), prepared(REJECTED), prepared(RECEIPT)])
    before, after = state.outgoing_notices["acknowledgement"], state.outgoing_notices["rejected"]
    assert (state.before(before), state.before(after)) == ((), (before,))
