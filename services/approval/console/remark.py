"""The form of a comment: what was typed, and why it was not taken."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bmt.contracts.problems import Refused
from bmt.contracts.values import Document
from bmt.pages.forms import Told, all_told, new_key
from services.approval.console.inbox import field_of


@dataclass(frozen=True, slots=True)
class CommentForm:
    """What stands in the form: nothing that was typed is lost when a comment is refused.

    Attributes:
        key: names this one form for ever.
        text: as it was typed.
        documents: those that are taken in already.
        refused: why it was not taken, where it was not.
    """

    key: str = field(default_factory=new_key)
    text: str = ""
    documents: Sequence[Document] = ()
    refused: Refused | None = None

    @property
    def told(self) -> Sequence[Told]:
        """All that is wrong with it."""
        return all_told(self.refused, field_of)

    def is_wrong(self, field_: str) -> bool:
        """Whether anything is wrong with a field."""
        return any(one.field == field_ for one in self.told)
