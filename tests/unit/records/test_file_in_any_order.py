"""A designated file, whatever is filed and in whatever order: numbers without a gap, closed once."""

import itertools

from decider_machine import DeciderMachine, No, explore
from fixtures import procedure
from fixtures.samples import MONDAY, facts, received, withdrawal
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, invariant, precondition, rule

from bmt.contracts import topics
from bmt.contracts.events import Configured, Filed, NotificationPrepared, RequestReceived
from bmt.contracts.values import Document
from services.records.domain import disposal, reader
from services.records.domain.designated_file import (
    ExportRecord,
    FileDisposal,
    FileEvent,
    FileFolio,
    PlaceHold,
    ReleaseHold,
    ReportMissing,
    ViewRecord,
)
from services.records.domain.designated_file_rules import DECIDER
from services.records.domain.disposal import (
    BeginDisposal,
    Blocker,
    EndDisposal,
    ProposeDisposal,
    RuleOnDisposal,
)
from services.records.domain.events import (
    DISPOSAL_EVENTS,
    PRIVATE,
    DisposalApproved,
    DisposalBegun,
    DisposalCarriedOut,
    DisposalProposed,
    DisposalStopped,
    EventFiled,
    FileOpened,
    FolioDue,
    FolioFiled,
    FolioMissing,
    RecordsSearched,
)
from services.records.domain.reader import NoteSearch, Reader

DOCUMENTS = tuple(f"sha256:{number:064x}" for number in range(6))

WHICH = st.integers(0, 5)

READERS = st.builds(
    Reader,
    subject=st.just("juruaudit"),
    roles=st.just(("auditor",)),
    agency=st.sampled_from([None, "MAMPU", "JPA"]),
)

EVERYWHERE = Reader("juruaudit", ("auditor",), None)

KEY = "key-1"


def story(request, named, ending):
    """All that is said about a request, in the order of each service."""
    documents = [
        Document(document_id=one, filename="a.pdf", media_type="application/pdf", size_bytes=9)
        for one in named
    ]
    first = [received(request, documents=tuple(documents[:2])), procedure.opened(request)]
    match ending:
        case "configured":
            steps = [
                procedure.approved(request),
                procedure.started(request),
                procedure.configured(request, *named[1:3]),
            ]
        case "rejected":
            steps = [procedure.returned(request), received(request), procedure.rejected(request)]
        case _:
            steps = [withdrawal(request), procedure.withdrawn(request)]
    last = [
        procedure.prepared(request, "acknowledgement", document_id=DOCUMENTS[4]),
        procedure.notified(request, "acknowledgement", document_id=DOCUMENTS[4]),
        procedure.prepared(request, ending, document_id=DOCUMENTS[5]),
        procedure.notified(request, ending, document_id=DOCUMENTS[5]),
    ]
    return procedure.numbered(*first, *steps, *last)


class Files(DeciderMachine):
    """`unheard` is what was said about each request and did not come here yet."""

    decider = DECIDER
    models = tuple(
        model
        for model in (*topics.EVENTS[topics.RECORDS], *PRIVATE)
        if model not in (*DISPOSAL_EVENTS, RecordsSearched)
    )
    requests = Bundle("requests")

    def __init__(self):
        super().__init__()
        self.unheard = {}

    @precondition(lambda self: len(self.unheard) < 3)
    @rule(
        target=requests,
        named=st.lists(st.sampled_from(DOCUMENTS), max_size=4, unique=True),
        ending=st.sampled_from(["configured", "rejected", "withdrawn"]),
    )
    def a_request_is_made(self, named, ending):
        request = facts()
        self.unheard[request.request_id] = story(request, named, ending)
        return request

    @rule(request=requests, which=st.integers(0, 3), copied=st.sets(st.sampled_from(DOCUMENTS)))
    def an_event_comes(self, request, which, copied=frozenset()):
        """The topics are not ordered among each other, and nothing rests on the order in one."""
        unheard = self.unheard[request.request_id]
        if not unheard:
            return
        event, sequence = unheard.pop(which % len(unheard))
        leaf = len(self.events(EventFiled, stream=request.request_id)) + 1
        command = FileEvent(
            event=event,
            event_id=f"event-{leaf}",
            source=f"/bmt/{procedure.writer_of(event)}",
            sequence=sequence,
            occurred_at=MONDAY,
            leaf_index=leaf,
            leaf_hash=f"{leaf:064x}",
            file_number=f"MAMPU.BMT.600-1/2/{leaf}",
            at=MONDAY,
            key=KEY,
            copied=tuple(self._folio(each, 2) for each in sorted(copied)),
        )
        self.tell(command, request.request_id)

    @rule(request=requests)
    def all_that_was_said_comes(self, request):
        for _ in range(len(self.unheard[request.request_id])):
            self.an_event_comes(request, 0)

    @rule(request=requests, late=st.integers(0, 3))
    def all_but_one_come(self, request, late):
        unheard = self.unheard[request.request_id]
        for _ in unheard[:late]:
            self.an_event_comes(request, 0)
        for _ in unheard[1:]:
            self.an_event_comes(request, 1)

    @rule(request=requests, which=WHICH, folios_a_volume=st.integers(1, 3))
    def a_document_was_copied(self, request, which, folios_a_volume):
        name = request.request_id
        due = DOCUMENTS[which] in getattr(self.state(name), "due", ())
        said = self.tell(self._folio(DOCUMENTS[which], folios_a_volume), name)
        assert isinstance(said, No) == (name not in self.history)
        assert due == (not isinstance(said, No) and bool(said))

    @rule(request=requests)
    def all_documents_were_copied(self, request):
        for document_id in list(getattr(self.state(request.request_id), "due", ())):
            self.tell(self._folio(document_id, 2), request.request_id)

    def _folio(self, document_id, folios_a_volume):
        kind = "application/octet-stream"
        return FileFolio(document_id, "dokumen", kind, 1024, folios_a_volume, MONDAY)

    @rule(
        request=requests,
        which=WHICH,
        reason=st.sampled_from(["not_stored", "content_differs"]),
    )
    def a_document_cannot_be_copied(self, request, which, reason):
        self.tell(ReportMissing(DOCUMENTS[which], reason, MONDAY), request.request_id)

    @rule(request=requests, reader=READERS, command=st.sampled_from([ViewRecord, ExportRecord]))
    def somebody_reads_it_or_takes_it_away(self, request, reader, command):
        is_there = request.request_id in self.history
        said = self.tell(command(reader, MONDAY), request.request_id)
        assert isinstance(said, No) == (not is_there or reader.agency == "JPA")

    @rule(request=requests, reader=READERS, place=st.booleans())
    def somebody_holds_it_or_lets_it_go(self, request, reader, place):
        is_there = request.request_id in self.history
        holders = [one.by for one in getattr(self.state(request.request_id), "holds", ())]
        own, audits = reader.subject in holders, "auditor" in reader.roles
        command = (
            PlaceHold(reader, "Siasatan.", MONDAY)
            if place
            else ReleaseHold(reader, "Tamat.", MONDAY)
        )
        said = self.tell(command, request.request_id)
        of_another = not place and holders and not own and not audits
        assert isinstance(said, No) == bool(not is_there or reader.agency == "JPA" or of_another)
        expected = not own if place else bool(holders)
        assert isinstance(said, No) or bool(said) == expected

    @rule(request=requests)
    def it_is_held_and_let_go(self, request):
        for place in (True, False):
            self.somebody_holds_it_or_lets_it_go(request, EVERYWHERE, place)

    @rule(request=requests)
    def what_it_holds_of_a_person_goes(self, request):
        """Only of a file that is closed, to which nothing is on its way."""
        name = request.request_id
        if self.unheard[name] or not getattr(self.state(name), "filed_at", None):
            return
        leaf = len(self.events(EventFiled, stream=name)) + 1
        self.tell(FileDisposal(f"event-{leaf}", leaf, f"{leaf:064x}", (KEY,), MONDAY), name)
        assert self.state(name).request.applicant.name == "disposed-of"
        assert {folio.filename for folio in self.state(name).folios} <= {"disposed-of"}

    @invariant()
    def a_file_is_opened_once_and_first(self):
        for name in self.history:
            opened = [isinstance(event, FileOpened) for event in self.events(stream=name)]
            assert opened == [True] + [False] * (len(opened) - 1)
            assert self.state(name).file_number == self.events(stream=name)[0].file_number

    @invariant()
    def folios_have_numbers_without_a_gap(self):
        for name in self.history:
            folios = self.events(FolioFiled, stream=name)
            assert [folio.number for folio in folios] == list(range(1, len(folios) + 1))
            volumes = [1, *(folio.volume for folio in folios)]
            steps = [after - before for before, after in itertools.pairwise(volumes)]
            assert set(steps) <= {0, 1}
            assert all(volumes[1:].count(volume) <= 3 for volume in volumes)

    @invariant()
    def each_document_is_due_once_and_filed_once(self):
        for name in self.history:
            due = [one.document_id for one in self.events(FolioDue, stream=name)]
            filed = [one.document_id for one in self.events(FolioFiled, stream=name)]
            assert len(due) == len(set(due))
            assert len(filed) == len(set(filed))
            assert set(self.state(name).unfiled) == set(due) - set(filed)
            missing = {one.document_id for one in self.events(FolioMissing, stream=name)}
            assert missing <= set(due)

    @invariant()
    def a_file_is_closed_once_when_nothing_is_left(self):
        for name in self.history:
            closed = len(self.events(Filed, stream=name))
            assert closed <= 1
            if not self.unheard[name] and not self.state(name).due:
                assert closed == 1
            if closed:
                assert self.state(name).progress.outcome_notified
                late = [type(event) for event, _ in self.unheard[name]]
                assert not {RequestReceived, Configured, NotificationPrepared} & set(late)


def test_a_file_has_numbers_without_a_gap_and_is_closed_once_whatever_comes():
    explore(Files)


OFFICERS = st.sampled_from(["siti", "aminah"])

NUMBERS = st.integers(0, 5)

BLOCKED = (Blocker("r-1", "held"),)


def proposal(name, by, blocked):
    return ProposeDisposal(
        disposal_id=name,
        agency="MAMPU",
        account="ahmad.mampu@mygovuc.gov.my",
        reason="Tempoh simpanan tamat.",
        keys=(KEY,),
        request_ids=("r-1",),
        blockers=BLOCKED if blocked else (),
        proposed_by=by,
        at=MONDAY,
    )


class Disposals(DeciderMachine):
    """Up to six of them at once."""

    decider = disposal.DECIDER
    models = DISPOSAL_EVENTS

    @rule(number=NUMBERS, by=OFFICERS, blocked=st.booleans())
    def a_disposal_is_proposed(self, number, by, blocked):
        name = f"disposal-{number}"
        if name in self.history:
            return
        said = self.tell(proposal(name, by, blocked), name)
        assert isinstance(said, No) == blocked

    @rule(number=NUMBERS, by=OFFICERS, approved=st.booleans())
    def a_disposal_is_ruled_on(self, number, by, approved):
        name = f"disposal-{number}"
        state = self.state(name)
        ruling = RuleOnDisposal(approved, None, "MAMPU", by, MONDAY)
        said = self.tell(ruling, name)
        open_ = getattr(state, "status", "") == "proposed"
        may = open_ and not (approved and by == state.proposed.proposed_by)
        assert isinstance(said, No) == (not may)

    @rule(number=NUMBERS, blocked=st.booleans())
    def a_disposal_begins(self, number, blocked):
        self.steps(number, BeginDisposal(BLOCKED if blocked else (), MONDAY), after="approved")

    @rule(number=NUMBERS)
    def a_disposal_ends(self, number):
        self.steps(number, EndDisposal(MONDAY), after="begun")

    def steps(self, number, command, *, after):
        name = f"disposal-{number}"
        due = getattr(self.state(name), "status", "") == after
        said = self.tell(command, name)
        assert isinstance(said, No) or bool(said) == due

    @rule(number=NUMBERS, approved=st.booleans(), blocked=st.booleans())
    def a_disposal_goes_all_the_way(self, number, approved, blocked):
        self.a_disposal_is_proposed(number, "siti", blocked=False)
        self.a_disposal_is_ruled_on(number, "aminah", approved)
        self.a_disposal_begins(number, blocked)
        self.a_disposal_ends(number)

    @invariant()
    def nothing_ends_that_two_people_did_not_agree_on(self):
        for name in self.history:
            approvals = self.events(DisposalApproved, stream=name)
            ends = self.events(DisposalCarriedOut, DisposalStopped, stream=name)
            begun = self.events(DisposalBegun, stream=name)
            carried_out = self.events(DisposalCarriedOut, stream=name)
            assert len(ends) <= len(approvals) <= 1
            assert len(carried_out) <= len(begun) <= 1
            assert not (begun and self.events(DisposalStopped, stream=name))
            for approval in approvals:
                (proposed,) = self.events(DisposalProposed, stream=name)
                assert approval.approved_by != proposed.proposed_by


def test_nothing_ends_that_two_people_did_not_agree_on_whatever_is_said():
    explore(Disposals)


class Searches(DeciderMachine):
    """Also where a stream had a search before."""

    decider = reader.DECIDER
    models = (RecordsSearched,)

    @rule(by=READERS, found=st.integers(0, 50))
    def somebody_searches(self, by, found):
        search = NoteSearch(by, by.agency, {"q": "Ahmad"}, found, MONDAY)
        (recorded,) = self.tell(search, "search")
        assert (recorded.agency, recorded.found) == (by.agency, found)


def test_every_search_is_recorded_whoever_searches():
    explore(Searches)
