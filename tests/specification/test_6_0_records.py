"""SOP 6.0, control of records (*kawalan rekod*).

"Kesemua dokumen perlu difailkan di dalam fail yang telah ditetapkan. Ini adalah untuk memastikan kesediaan dokumen semasa
pelaksanaan prosedur ini."

All documents must be filed in the designated file (*fail yang telah ditetapkan*), so that they are available while this
procedure is carried out. Each document is a numbered folio in a volume (*jilid*). Who reads a file leaves a trace (*jejak
audit*). A file is kept for its retention time (*tempoh simpanan*); disposal (*pelupusan*) takes two people.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from decider_specification import given
from fixtures.procedure import configured, notified, numbered, opened, prepared, rejected, withdrawn
from fixtures.samples import MONDAY, facts, received, withdrawal
from samples import DESIGNATED_FILE, DISPOSAL, SEARCH
from unit.records import filings
from unit.records.filings import (
    AGENCIES,
    FORM,
    LETTER,
    OWN_HOLD,
    REQUEST,
    SEALED,
    filing,
    folio,
    told,
)
from unit.records.filings import filed_in_this_order as in_order

from bmt.contracts.events import Filed, NotificationPrepared
from services.records.disposing import blockers
from services.records.domain import designated_file as file
from services.records.domain import errors, events
from services.records.domain.disposal import Blocker
from services.records.domain.reader import NoteSearch

RECEIVED = told(filing(received(REQUEST)))
PROPOSED, APPROVED, BEGUN = filings.UNDER_WAY
LONG_AGO = MONDAY - timedelta(days=365 * 8)

# All documents, in the designated file.


def test_the_first_event_of_a_request_opens_its_file_and_its_documents_are_due():
    given(DESIGNATED_FILE).when(filing(received(REQUEST))).then(
        events.FileOpened(request=REQUEST, file_number=filings.NUMBER, volume=1, opened_at=MONDAY),
        events.EventFiled(
            event_id="event-1",
            event_type="my.gov.bmt.RequestReceived.v1",
            source="/bmt/intake",
            sequence=1,
            occurred_at=MONDAY,
            leaf_index=1,
            leaf_hash=f"{1:064x}",
            justification=received(REQUEST).justification,
        ),
        events.FolioDue(
            document_id=FORM,
            event_id="event-1",
            filename="borang.pdf",
            media_type="application/pdf",
        ),
    )


def test_evidence_and_prepared_letters_are_documents_too():
    letter = prepared(REQUEST, "configured", channel="letter", document_id=LETTER)
    happened = told(filing(configured(REQUEST, FORM, LETTER), 1, 1), filing(letter, 1, 2))
    due = [event.document_id for event in happened if isinstance(event, events.FolioDue)]
    assert due == [FORM, LETTER]


def test_each_document_is_filed_once_under_the_next_number():
    filed = events.FolioFiled(
        number=1,
        volume=1,
        document_id=FORM,
        event_id="event-1",
        filename="borang.pdf",
        media_type="application/pdf",
        size_bytes=1024,
        filed_at=MONDAY,
    )
    given(DESIGNATED_FILE, *RECEIVED).when(folio(FORM)).then(filed)
    given(DESIGNATED_FILE, *RECEIVED, filed).when(folio(FORM)).then_nothing()


def test_a_document_that_was_copied_already_is_filed_with_the_event_that_names_it():
    happened = told(replace(filing(received(REQUEST)), copied=(folio(FORM),)))
    assert [type(event) for event in happened] == [
        events.FileOpened,
        events.EventFiled,
        events.FolioFiled,
    ]
    assert (happened[-1].number, happened[-1].filename) == (1, "borang.pdf")
    again = replace(filing(received(REQUEST), 2, 2), copied=(folio(FORM),))
    assert [
        type(event) for event in DESIGNATED_FILE.decide(again, DESIGNATED_FILE.fold(happened))
    ] == [events.EventFiled]


def test_the_last_document_closes_the_file_in_whatever_way_it_is_filed():
    letter = prepared(REQUEST, "configured", channel="letter", document_id=LETTER)
    steps = [event for event, _ in filings.WHOLE if not isinstance(event, NotificationPrepared)]
    whole = numbered(*steps[:-1], letter, steps[-1])
    commands = in_order([*whole[:-2], whole[-1], whole[-2]])  # topics are not ordered
    copied = {FORM: 0, LETTER: len(commands) - 1}
    for document, place in copied.items():
        commands[place] = replace(commands[place], copied=(folio(document),))
    assert [event.folios for event in filings.said(told(*commands))] == [2]


def test_a_volume_closes_when_it_is_full_and_the_numbers_go_on():
    documents = [f"sha256:{number:064x}" for number in range(5)]
    due = filing(configured(REQUEST, *documents))
    happened = told(due, *(folio(document, folios_a_volume=2) for document in documents))
    folios = [event for event in happened if isinstance(event, events.FolioFiled)]
    assert [(one.volume, one.number) for one in folios] == [(1, 1), (1, 2), (2, 3), (2, 4), (3, 5)]


def test_a_file_is_complete_when_the_user_knows_the_outcome_and_every_document_is_in_it():
    assert not filings.said(told(*in_order(filings.WHOLE)))
    assert told(*in_order(filings.WHOLE), folio(FORM))[-1] == Filed(
        request=REQUEST, file_number=filings.NUMBER, volume=1, folios=1, filed_at=MONDAY
    )


@pytest.mark.parametrize(
    "outcome",
    [
        (rejected(REQUEST), notified(REQUEST, "rejected")),
        (withdrawal(REQUEST), withdrawn(REQUEST), notified(REQUEST, "withdrawn")),
    ],
    ids=["rejected", "withdrawn"],
)
def test_a_rejection_and_a_withdrawal_are_filed_too_in_whatever_order_they_become_known(outcome):
    whole = numbered(received(REQUEST, documents=()), opened(REQUEST), *outcome)
    for order in permutations(whole):
        assert len(filings.said(told(*in_order(order)))) == 1


# Available to those who may read it, with a trace.


@pytest.mark.parametrize(
    "agency", [None, "MAMPU"], ids=["a reader of all agencies", "a reader of the agency"]
)
def test_who_reads_a_file_or_searches_the_files_leaves_a_trace(agency):
    reader, by = replace(filings.AUDITOR, agency=agency), {"by": "noriha", "roles": ("auditor",)}
    opened_file, find = given(DESIGNATED_FILE, *RECEIVED), {"text": "ahmad"}
    opened_file.when(file.ViewRecord(reader, MONDAY, FORM)).then(
        events.RecordViewed(viewed_at=MONDAY, document_id=FORM, **by)
    )
    opened_file.when(file.ExportRecord(reader, MONDAY)).then(
        events.RecordExported(exported_at=MONDAY, **by)
    )
    given(SEARCH).when(NoteSearch(reader, agency, find, 3, MONDAY)).then(
        events.RecordsSearched(searched_at=MONDAY, agency=agency, criteria=find, found=3, **by)
    )


def test_another_agencys_file_and_no_file_are_the_same_to_a_reader():
    view = file.ViewRecord(filings.ELSEWHERE, MONDAY)
    another, none = given(DESIGNATED_FILE, *RECEIVED).when(view), given(DESIGNATED_FILE).when(view)
    refusals = [case.then_refused(errors.RecordNotFound).detail for case in (another, none)]
    assert refusals[0] == refusals[1]


# Retention, holds and disposal.


def test_who_may_read_a_file_may_hold_it_once():
    hold, elsewhere = (
        file.PlaceHold(reader, "Siasatan.", MONDAY)
        for reader in (filings.READER, filings.ELSEWHERE)
    )
    given(DESIGNATED_FILE, *SEALED).when(hold).then(OWN_HOLD)
    given(DESIGNATED_FILE, *SEALED, OWN_HOLD).when(hold).then_nothing()
    given(DESIGNATED_FILE, *SEALED).when(elsewhere).then_refused(errors.RecordNotFound)


def test_a_hold_is_released_by_who_placed_it_or_by_an_auditor_and_by_nobody_else():
    own, colleague, auditor = (
        file.ReleaseHold(reader, "Tamat.", MONDAY)
        for reader in (filings.READER, filings.COLLEAGUE, filings.AUDITOR)
    )
    held, released = given(DESIGNATED_FILE, *SEALED, OWN_HOLD), filings.released
    held.when(own).then(released(by="siti", of="siti"))
    held.when(auditor).then(released(by="noriha"))
    held.when(colleague).then_refused(errors.HoldOfAnother)
    audit = given(DESIGNATED_FILE, *SEALED, filings.AUDITORS_HOLD)
    audit.when(own).then_refused(errors.HoldOfAnother)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, [("open", None)]),
        ({"filed_at": MONDAY}, [("kept", MONDAY.replace(year=MONDAY.year + 7))]),
        ({"filed_at": LONG_AGO, "hold": OWN_HOLD}, [("held", None)]),
        ({"filed_at": LONG_AGO}, []),
        ({"filed_at": LONG_AGO, "request": facts(agency="GONE")}, [("kept", None)]),
    ],
    ids=["open", "complete", "held", "after seven years", "of an agency whose rules are gone"],
)
def test_a_file_keeps_its_data_while_it_is_open_held_or_within_its_retention_time(changes, why):
    state = DESIGNATED_FILE.fold(SEALED)._replace(**changes)
    found = blockers({REQUEST.request_id: state}, AGENCIES, MONDAY)
    assert [(one.why, one.until) for one in found] == why


def test_what_a_file_must_keep_is_not_proposed_for_disposal():
    until = datetime(2033, 1, 2, tzinfo=UTC)
    must = (Blocker("r-1", "held"), Blocker("r-2", "kept", until))
    why = [
        {"request_id": "r-1", "why": "held"},
        {"request_id": "r-2", "why": "kept", "until": "2033-01-02T00:00:00+00:00"},
    ]
    blocked = given(DISPOSAL).when(filings.propose(blockers=must))
    blocked.then_refused(errors.NotDisposable, blocked_by=why)
    given(DISPOSAL).when(filings.propose()).then(PROPOSED)


def test_one_administrator_proposes_a_disposal_and_another_of_the_agency_approves_it_once():
    proposed = given(DISPOSAL, PROPOSED)
    proposed.when(filings.rule()).then(APPROVED)
    proposed.when(filings.rule(by="siti")).then_refused(errors.ProposedByThemselves)
    proposed.when(filings.rule(agency="JPA")).then_refused(errors.DisposalNotFound)
    again = given(DISPOSAL, PROPOSED, APPROVED).when(filings.rule(by="wan"))
    again.then_refused(errors.DisposalDecided, decision="approved")


def test_a_disposal_begins_after_its_approval_unless_a_file_must_keep_its_data_by_then():
    given(DISPOSAL, PROPOSED).when(filings.begin()).then_nothing()
    approved, must_keep = given(DISPOSAL, PROPOSED, APPROVED), Blocker("r-1", "held")
    approved.when(filings.begin()).then(BEGUN)
    approved.when(filings.begin(must_keep)).then(
        events.DisposalStopped(disposal_id="d-1", at=MONDAY, held=("r-1",))
    )
    given(DISPOSAL, PROPOSED, APPROVED, BEGUN).when(filings.begin(must_keep)).then_nothing()


def test_what_is_disposed_of_is_gone_from_the_file_and_its_reference_stays():
    gone = DESIGNATED_FILE.fold(filings.sealed(filings.dispose("k-1")))
    assert gone.request.applicant.name == gone.request.applicant.account == "disposed-of"
    assert [one.filename for one in gone.folios] == ["disposed-of"]
    assert gone.request.reference == REQUEST.reference
