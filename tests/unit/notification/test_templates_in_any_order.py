"""The words that agencies save, whoever saves and in whatever order."""

from decider_machine import DeciderMachine, No, explore
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule
from notices import NOW, SITI

from services.notification.domain.errors import SavedMeanwhile
from services.notification.domain.events import TemplateSaved
from services.notification.domain.template import DECIDER, SaveWords
from services.notification.wording.composer import DEFAULT


class Templates(DeciderMachine):
    """Each stream is one template's."""

    decider = DECIDER
    models = (TemplateSaved,)

    @rule(about=st.sampled_from(["rejected", "configured"]), late=st.booleans(), own=st.booleans())
    def words_are_saved(self, about, late, own):
        stream = f"MAMPU-{about}"
        version = self.state(stream).version
        words = DEFAULT[about] if own else None
        command = SaveWords("MAMPU", about, words, "Nama baharu.", version + late, SITI, NOW)
        said = self.tell(command, stream)
        assert (isinstance(said, No) and said.kind is SavedMeanwhile) == late

    @invariant()
    def versions_of_words_count_from_one(self):
        for name in self.history:
            versions = [e.version for e in self.events(TemplateSaved, stream=name)]
            assert versions == list(range(1, len(versions) + 1))


def test_versions_of_words_count_from_one_whoever_saves():
    explore(Templates)
