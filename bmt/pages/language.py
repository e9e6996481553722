"""The two languages of the pages: texts are written in Malay, and a catalogue has the English ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Final, Literal, Protocol, cast, get_args

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations
from starlette.requests import Request

from bmt.agencies.charter import MALAYSIA
from bmt.contracts.faults import SENTENCES, FaultValue, Values, sentence
from bmt.contracts.problems import Refused
from bmt.pages.wording import CHANNEL, KINDS_OF_FILE

Code = Literal["ms", "en"]
CODES: Final[tuple[Code, ...]] = get_args(Code)
ASKED: Final = "lang"
"""The parameter of an address that chooses a language, and the cookie that remembers it."""

_LOCALES: Final[Mapping[Code, Locale]] = {
    "ms": Locale("ms", "MY"),
    "en": Locale("en", "GB"),
}
_NAMED: Final[Mapping[str, Mapping[Any, str]]] = {"channels": CHANNEL, "kinds": KINDS_OF_FILE}
"""What the values of a place are called, in Malay; elsewhere they are what people write themselves."""
_UNITS: Final = (("GB", 10**9), ("MB", 10**6), ("KB", 10**3))


class Fault(Protocol):
    """What is wrong with a field, or why something waits: `FieldError` and others."""

    @property
    def code(self) -> str:
        """Of `bmt.contracts.faults`, as far as it is known here."""
        ...

    @property
    def values(self) -> Values:
        """What stands in the places of its sentence."""
        ...


@dataclass(frozen=True, slots=True)
class Language:
    """One of them.

    Attributes:
        code: as HTML's `lang` has it.
        catalogue: from the Malay texts to its own.
        faults: its sentence for each code of `bmt.contracts.faults`.
    """

    code: Code
    catalogue: NullTranslations
    faults: Mapping[str, str]

    def text(self, malay: str) -> str:
        """A text of the pages; the Malay one where there is no other."""
        return str(self.catalogue.gettext(malay))

    def fault(self, fault: Fault) -> str:
        """What is wrong, with its values as people write them; of a code that is not known, in general."""
        return sentence(fault.code, fault.values, sentences=self.faults, show=self._shown)

    def sentence(self, code: str) -> str:
        """What a code says that has no values."""
        return sentence(code, sentences=self.faults)

    def refusal(self, refused: Refused) -> str:
        """Why a call was refused: as exactly as its code says it, else as its problem does."""
        return self.problem({**refused.extra, "type": refused.problem})

    def problem(self, told: Mapping[str, Any]) -> str:
        """As `refusal`, of the body of a problem."""
        name = str(told["type"]).rpartition(":")[2]
        code, values = str(told.get("code")), told.get("values") or {}
        known = code if code in self.faults else name
        return sentence(known, values, sentences=self.faults, show=self._shown)

    def _shown(self, place: str, value: FaultValue) -> str:
        if isinstance(value, str):
            if place == "label":
                return self._label(value)
            return KINDS_OF_FILE.get(value, value) if place == "kind" else value
        if isinstance(value, int):
            return self.size(value) if place.endswith("_bytes") else self.number(value)
        names = _NAMED.get(place, {})
        return ", ".join(self.text(names[one]) if one in names else one for one in value)

    def _label(self, both: str) -> str:
        """The name that a line of a form has in this language; it is told in Malay and English: `Nama / name`."""
        malay, _, english = both.partition(" / ")
        return english.capitalize() if english and self.code == "en" else malay

    def moment(self, at: datetime) -> str:
        """A moment as it is told in Malaysia, to the second."""
        there = at.astimezone(MALAYSIA)
        return format_datetime(there, "d MMM y, HH:mm:ss", locale=_LOCALES[self.code])

    def minute(self, at: datetime) -> str:
        """As `moment`, where there is little room."""
        there = at.astimezone(MALAYSIA)
        return format_datetime(there, "d MMM y, HH:mm", locale=_LOCALES[self.code])

    def day(self, at: date) -> str:
        """A day; of a moment, the one in Malaysia."""
        there = at.astimezone(MALAYSIA) if isinstance(at, datetime) else at
        return format_date(there, "d MMMM y", locale=_LOCALES[self.code])

    def number(self, value: int) -> str:
        """A number, its thousands apart."""
        return str(format_decimal(value, locale=_LOCALES[self.code]))

    def size(self, size_bytes: int) -> str:
        """A size in the largest unit that it has one of; units are powers of ten."""
        for unit, of_bytes in _UNITS:
            if size_bytes >= of_bytes:
                value = format_decimal(size_bytes / of_bytes, "0.#", locale=_LOCALES[self.code])
                return f"{value} {unit}"
        return f"{self.number(size_bytes)} {self.text('bait')}"


def told(fault: Fault, code: Code) -> str:
    """What is wrong, for a reader of this language whose page is not ours: no texts of pages come with it."""
    faults = {"ms": _MALAY, "en": SENTENCES}[code]
    return Language(code, NullTranslations(), faults).fault(fault)


class Languages:
    """Both of them, with the texts of a service's pages."""

    def __init__(self, catalogues: Sequence[Path]) -> None:
        """`catalogues` are folders with an `en.po`; a later one wins."""
        english: Translations = Translations()
        for folder in catalogues:
            english.merge(_read(folder / "en.po"))
        self._known: Mapping[Code, Language] = {
            "ms": Language("ms", NullTranslations(), _MALAY),
            "en": Language("en", english, SENTENCES),
        }

    def of(self, request: Request) -> Language:
        """What the visitor asked for now, or before; Malay first."""
        now, before = request.query_params.get(ASKED), request.cookies.get(ASKED)
        chosen = next((code for code in (now, before) if code in CODES), "ms")
        return self._known[cast("Code", chosen)]


def _sentences(file: Path) -> Mapping[str, str]:
    with file.open("rb") as source:
        return {str(one.id): str(one.string) for one in read_po(source, locale="ms") if one.id}


_MALAY: Final = _sentences(Path(__file__).parent / "locale" / "ms.po")


def _read(file: Path) -> Translations:
    compiled = BytesIO()
    with file.open("rb") as source:
        write_mo(compiled, read_po(source, locale="en"))
    compiled.seek(0)
    return Translations(compiled)
