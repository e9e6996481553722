"""The form of a comment: what was typed, and why it was not taken."""

from dataclasses import dataclass, field

from bmt.contracts.problems import Refused
from bmt.pages.forms import new_key


@dataclass(frozen=True, slots=True)
class Remark:
    """What stands in the form: nothing that was typed is lost when a comment is refused.

    Attributes:
        key: names this one form for ever.
        text: as it was typed.
        refused: why it was not taken, where it was not.
    """

    key: str = field(default_factory=new_key)
    text: str = ""
    refused: Refused | None = None
