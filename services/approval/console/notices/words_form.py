"""The form of a notice's words: paragraphs and lines as people type them, in both languages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from bmt.contracts.http.notification import SaveTemplate, Template, Wording
from bmt.contracts.problems import FieldError, Refused
from bmt.pages.forms import Sent, new_key, validated

LANGUAGES: Final = ("malay", "english")
PARTS: Final = ("opening", "onward", "closing", "signatory")


@dataclass(frozen=True, slots=True)
class WordsForm:
    """What stands in the form.

    Attributes:
        key: names this one form for ever.
        version: the version that was read when the form was shown.
        typed: by language and part, `malay-opening`; and `why`.
    """

    key: str = field(default_factory=new_key)
    version: int = 0
    typed: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_template(cls, template: Template) -> "WordsForm":
        """With the words in force."""
        typed = {
            f"{language}-{part}": _typed(getattr(template.words, language), part)
            for language in LANGUAGES
            for part in PARTS
        }
        return cls(new_key(), template.version, typed)

    @classmethod
    def of(cls, sent: Sent) -> "WordsForm":
        """As it was sent; what is filled in differently next time is another form."""
        names = [f"{language}-{part}" for language in LANGUAGES for part in PARTS]
        version = sent.text("version")
        number = int(version) if version.isascii() and version.isdigit() else 0
        return cls(new_key(), number, {name: sent.text(name) for name in (*names, "why")})

    def value(self, name: str) -> str:
        """What stands in a field."""
        return self.typed.get(name, "")

    def words(self) -> Mapping[str, object]:
        """The words as the API takes them."""
        return {language: self._wording(language) for language in LANGUAGES}

    def saved(self) -> Mapping[str, object]:
        """The body that saves them.

        Raises:
            FormWrong: naming every field that is wrong.
        """
        told = {"words": self.words(), "why": self.value("why").strip(), "version": self.version}
        return validated(SaveTemplate, told).model_dump(mode="json")

    def _wording(self, language: str) -> Mapping[str, object]:
        told: dict[str, object] = {
            "opening": _one_line(self.value(f"{language}-opening")),
            "onward": _paragraphs(self.value(f"{language}-onward")),
            "closing": _lines(self.value(f"{language}-closing")),
        }
        if signatory := _one_line(self.value(f"{language}-signatory")):
            told["signatory"] = signatory
        return told


def faults_of(refused: Refused | None) -> dict[str, FieldError]:
    """What is wrong with each field: `/words/malay/onward/1` belongs to `malay-onward`."""
    faults: dict[str, FieldError] = {}
    for fault in refused.errors if refused else ():
        steps = [step for step in fault.pointer.split("/") if step and step != "words"]
        faults.setdefault("-".join(steps[:2]) if steps else "", fault)
    return faults


def _typed(wording: Wording, part: str) -> str:
    value = getattr(wording, part)
    if value is None or isinstance(value, str):
        return value or ""
    return ("\n\n" if part == "onward" else "\n").join(value)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _paragraphs(text: str) -> Sequence[str]:
    """Apart by an empty line; a line break within one is a space."""
    plain = text.replace("\r\n", "\n").split("\n\n")
    return [paragraph for one in plain if (paragraph := _one_line(one))]


def _lines(text: str) -> Sequence[str]:
    return [line for one in text.splitlines() if (line := _one_line(one))]
