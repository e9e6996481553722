"""The form of a decision: what was typed, and what it says as a ruling."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, get_args

from bmt.contracts.http.approval import Choice, Ruling, RulingOn, Rulings
from bmt.contracts.problems import FieldError
from bmt.pages.forms import FormWrong, Sent, new_key, validated
from bmt.pages.sizes import read_sizes

_SIZES: Final = ("quota_bytes", "max_file_size_bytes")
_TEXTS: Final = ("reason", "exception_reason", "on_behalf_of")
_PREPARED: Final = {"reason": "prepared_reason", "exception_reason": "prepared_exception"}
"""The field beside one's own words, whose reason goes before them."""
_CHOICES: Final = get_args(Choice)


@dataclass(frozen=True, slots=True)
class DecisionForm:
    """What stands in the form: nothing that was typed is lost when a decision is refused.

    Attributes:
        key: names this one form for ever.
        typed: by field; sizes in gigabytes, as people write them.
    """

    key: str = field(default_factory=new_key)
    typed: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, sent: Sent) -> "DecisionForm":
        """As it was sent; what is decided differently next time is another form."""
        names = ("decision", *_SIZES, *_TEXTS, *_PREPARED.values())
        return cls(new_key(), {name: sent.text(name) for name in names})

    def value(self, name: str, otherwise: str = "") -> str:
        """What stands in a field."""
        return self.typed.get(name, otherwise)

    def ruling(self) -> Ruling:
        """What it says; what belongs to another decision than the one chosen is left out.

        Raises:
            FormWrong: naming every field that is wrong.
        """
        choice = self.value("decision")
        if choice not in _CHOICES:
            raise FormWrong(errors=(FieldError.of("/decision", "choose_one"),))
        told: dict[str, object] = {"decision": choice}
        told |= {name: text for name in _TEXTS if (text := self._text(name, choice))}
        faults: list[FieldError] = []
        if choice == "approve":
            told |= read_sizes({name: self.value(name) for name in _SIZES}, faults)
        else:
            told.pop("exception_reason", None)
        return validated(Ruling, told, faults)

    def _text(self, name: str, choice: str) -> str:
        """The prepared reason first, one's own words after it; an approval has none of those prepared against it."""
        against = name == "reason" and choice == "approve"
        prepared = "" if against else self.value(_PREPARED.get(name, ""))
        return "\n".join(filter(None, (prepared.strip(), self.value(name).strip())))

    def rulings(self, chosen: Sequence[str]) -> Sequence[RulingOn]:
        """The same on each of many requests.

        Raises:
            FormWrong: as `ruling`; or they are too many, or none that there could be.
        """
        same = self.ruling().model_dump(exclude_none=True)
        items = [{**same, "request_id": request_id} for request_id in chosen]
        return validated(Rulings, {"items": items}).items
