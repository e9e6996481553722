"""The form that registers an item of the inbox."""

import pytest
from starlette.datastructures import FormData

from bmt.chassis.http.auth import Principal
from bmt.contracts.http.intake import BouncedNotice, InboxItemInFull, ScanTold
from bmt.contracts.problems import Refused
from bmt.contracts.values import Document
from web.console.forms import RegistrationForm, faults_of
from web.forms import FormWrong, SubmittedForm

VISITOR = Principal("aminah", "aminah@x.my", "Aminah", "MAMPU", frozenset(["administrator"]))
TYPED = {
    "kind": "application",
    "channel": "letter",
    "reply_through": "letter",
    "account": " kamal.mampu@mygovuc.gov.my ",
    "name": "Kamal bin Ali",
    "email": "kamal.mampu@mygovuc.gov.my",
    "justification": "Menghantar lukisan.",
    "quota_bytes": "2,5",
    "max_file_size_bytes": "",
}


def sent(**typed):
    return RegistrationForm.of(SubmittedForm(FormData({**TYPED, **typed}), "key"))


def item(**understood):
    return InboxItemInFull(
        inbox_item_id="i",
        agency="MAMPU",
        status="waiting",
        received_at="2026-11-28T01:00:00Z",
        sender="Siti binti Ali <siti@mampu.gov.my>",
        subject="",
        document_id="sha256:" + "0" * 64,
        documents=(),
        understood=understood,
        missing=(),
        settled_by=None,
        settled_at=None,
        reason=None,
    )


def test_what_was_filled_in_is_the_body_of_a_registration_at_the_visitors_agency():
    asked = sent().registration(VISITOR)
    assert (asked.agency, asked.channel, asked.reply_through) == ("MAMPU", "letter", "letter")
    assert asked.applicant.account == "kamal.mampu@mygovuc.gov.my"
    assert (asked.quota_bytes, asked.max_file_size_bytes) == (2_500_000_000, None)


def test_every_fault_is_told_by_the_name_of_its_field():
    with pytest.raises(FormWrong) as wrong:
        sent(name="", email="none", quota_bytes="much", kind="gift").registration(VISITOR)
    told = set(faults_of(wrong.value))
    assert {"name", "email", "kind"} <= told
    assert faults_of(None) == {}
    assert faults_of(Refused(problem="forbidden")) == {}


@pytest.mark.parametrize(("seems", "kind"), [("termination", "termination"), (None, "application")])
def test_the_form_begins_with_what_was_understood(seems, kind):
    one = item(name="Kamal", quota_bytes="20 GB").model_copy(update={"kind": seems})
    form = RegistrationForm.of_item(one)
    assert (form.value("kind"), form.value("name"), form.value("quota_bytes")) == (
        kind,
        "Kamal",
        "20",
    )


@pytest.mark.parametrize(
    ("understood", "changes", "offered"),
    [
        ({}, {}, {"name": "Siti binti Ali", "email": "siti@mampu.gov.my"}),
        ({"name": "Kamal"}, {}, {"email": "siti@mampu.gov.my"}),
        ({"name": "Kamal", "email": "kamal@mampu.gov.my"}, {}, {}),
        ({}, {"sender": "siti@mampu.gov.my"}, {"email": "siti@mampu.gov.my"}),
        ({}, {"sender": "siti@mampu.gov.my, kamal@mampu.gov.my"}, {}),
        ({}, {"sender": ""}, {}),
        ({}, {"status": "set_aside"}, {}),
        ({}, {"bounce": BouncedNotice(message_id=None, request_id=None)}, {}),
    ],
)
def test_the_senders_name_and_address_are_offered_where_the_message_names_no_other(
    understood, changes, offered
):
    form = RegistrationForm.of_item(item(**understood).model_copy(update=changes))
    assert {name: form.value(name) for name in form.of_sender} == offered
    assert form.value("account") == ""


def test_a_kind_that_is_not_understood_is_left_to_who_reads_it():
    assert RegistrationForm.of_item(item(kind="bukan penamatan")).value("kind") == ""


@pytest.mark.parametrize(
    ("of_scan", "understood", "channel"),
    [(False, {}, "email"), (True, {"channel": "memo"}, "memo"), (True, {}, "")],
)
def test_a_paper_is_not_taken_for_an_email(of_scan, understood, channel):
    batch = Document(
        document_id="sha256:" + "0" * 64,
        filename="m.pdf",
        media_type="application/pdf",
        size_bytes=1,
    )
    scan = ScanTold(batch=batch, pages=(1,)) if of_scan else None
    form = RegistrationForm.of_item(item(**understood).model_copy(update={"scan": scan}))
    assert form.value("channel") == channel


def test_a_paper_whose_channel_nobody_chose_is_not_registered():
    with pytest.raises(FormWrong) as wrong:
        sent(channel="").registration(VISITOR)
    (fault,) = wrong.value.errors
    assert (fault.pointer, fault.code) == ("/channel", "choose_one")
