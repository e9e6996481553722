"""A search of the files leaves a trace: who searched, for what, and how much was found."""

from decider_machine import DeciderMachine, explore
from fixtures.samples import MONDAY
from hypothesis import strategies as st
from hypothesis.stateful import rule

from services.records.domain.events import RecordsSearched
from services.records.domain.reader import DECIDER, NoteSearch, Reader

READERS = st.builds(
    Reader,
    subject=st.just("juruaudit"),
    roles=st.just(("auditor",)),
    agency=st.sampled_from([None, "MAMPU", "JPA"]),
)


class Searches(DeciderMachine):
    """Also where a stream had a search before."""

    decider = DECIDER
    models = (RecordsSearched,)

    @rule(reader=READERS, found=st.integers(0, 50))
    def somebody_searches(self, reader, found):
        (recorded,) = self.tell(
            NoteSearch(reader, reader.agency, {"q": "Ahmad"}, found, MONDAY), "search"
        )
        assert (recorded.agency, recorded.found) == (reader.agency, found)


def test_every_search_is_recorded_whoever_searches():
    explore(Searches)
