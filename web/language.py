"""The pages' two languages: texts are written in Malay, and a catalogue has the English ones."""

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
from web.wording import CHANNEL, KINDS_OF_FILE

Code = Literal["ms", "en"]
CODES: Final[tuple[Code, ...]] = get_args(Code)
ASKED: Final = "lang"
"""The query parameter that chooses a language, and the cookie that remembers it."""

_LOCALES: Final[Mapping[Code, Locale]] = {
    "ms": Locale("ms", "MY"),
    "en": Locale("en", "GB"),
}
_NAMED: Final[Mapping[str, Mapping[Any, str]]] = {"channels": CHANNEL, "kinds": KINDS_OF_FILE}
"""The Malay names of a placeholder's values; other values are what people typed."""
_UNITS: Final = (("GB", 10**9), ("MB", 10**6), ("KB", 10**3))


class Fault(Protocol):
    """A fault with a sentence, such as `FieldError`."""

    @property
    def code(self) -> str:
        """Of `bmt.contracts.faults`, if known."""
        ...

    @property
    def values(self) -> Values:
        """For the placeholders of its sentence."""
        ...


@dataclass(frozen=True, slots=True)
class Language:
    """One of the two.

    Attributes:
        catalogue: from the Malay texts.
        faults: the sentence of each code of `bmt.contracts.faults`.
    """

    code: Code
    catalogue: NullTranslations
    faults: Mapping[str, str]

    def text(self, malay: str) -> str:
        """The translation; the Malay text if there is none."""
        return str(self.catalogue.gettext(malay))

    def fault(self, fault: Fault) -> str:
        """The fault's sentence; an unknown code has a general one."""
        return sentence(fault.code, fault.values, sentences=self.faults, show=self._shown)

    def sentence(self, code: str) -> str:
        """The sentence of a code without values."""
        return sentence(code, sentences=self.faults)

    def refusal(self, refused: Refused) -> str:
        """The refusal's sentence: that of its code if known, else of its problem."""
        return self.problem({**refused.extra, "type": refused.problem})

    def problem(self, told: Mapping[str, Any]) -> str:
        """As `refusal`, of a problem's body."""
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
        """The label in this language; it is given in both: `Nama / name`."""
        malay, _, english = both.partition(" / ")
        return english.capitalize() if english and self.code == "en" else malay

    def moment(self, at: datetime) -> str:
        """In Malaysian time, to the second."""
        there = at.astimezone(MALAYSIA)
        return format_datetime(there, "d MMM y, HH:mm:ss", locale=_LOCALES[self.code])

    def minute(self, at: datetime) -> str:
        """As `moment`, to the minute."""
        there = at.astimezone(MALAYSIA)
        return format_datetime(there, "d MMM y, HH:mm", locale=_LOCALES[self.code])

    def day(self, at: date) -> str:
        """The day; of a moment, the day in Malaysia."""
        there = at.astimezone(MALAYSIA) if isinstance(at, datetime) else at
        return format_date(there, "d MMMM y", locale=_LOCALES[self.code])

    def number(self, value: int) -> str:
        return str(format_decimal(value, locale=_LOCALES[self.code]))

    def size(self, size_bytes: int) -> str:
        """In the largest unit with at least one of it; units are powers of ten."""
        for unit, of_bytes in _UNITS:
            if size_bytes >= of_bytes:
                value = format_decimal(size_bytes / of_bytes, "0.#", locale=_LOCALES[self.code])
                return f"{value} {unit}"
        return f"{self.number(size_bytes)} {self.text('bait')}"


def told(fault: Fault, code: Code) -> str:
    """The fault's sentence for a reader outside our pages, whose catalogue is not needed."""
    faults = {"ms": _MALAY, "en": SENTENCES}[code]
    return Language(code, NullTranslations(), faults).fault(fault)


class Languages:
    """Both languages, with the texts of a service's pages."""

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
        """The language chosen now, else the one before, else Malay."""
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
