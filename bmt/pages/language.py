"""The two languages of the pages: texts are written in Malay, and a catalogue has the English ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import Final, Literal, NamedTuple, cast, get_args

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations
from starlette.requests import Request

from bmt.agencies.charter import MALAYSIA
from bmt.pages.fault_words import in_malay

Code = Literal["ms", "en"]
CODES: Final[tuple[Code, ...]] = get_args(Code)
ASKED: Final = "lang"
"""The parameter of an address that chooses a language, and the cookie that remembers it."""

_LOCALES: Final[Mapping[Code, Locale]] = {
    "ms": Locale("ms", "MY"),
    "en": Locale("en", "GB"),
}
_UNITS: Final = (("GB", 10**9), ("MB", 10**6), ("KB", 10**3))


class Detail(NamedTuple):
    """What is wrong with a field, and the language that it is told in."""

    text: str
    lang: Code


@dataclass(frozen=True, slots=True)
class Language:
    """One of them.

    Attributes:
        code: as HTML's `lang` has it.
        catalogue: from the Malay texts to its own.
    """

    code: Code
    catalogue: NullTranslations

    def text(self, malay: str) -> str:
        """A text of the pages; the Malay one where there is no other."""
        return str(self.catalogue.gettext(malay))

    def detail(self, english: str) -> Detail:
        """What is wrong with a field; in English where there is no other sentence for it."""
        malay = in_malay(english, self.size) if self.code == "ms" else None
        return Detail(english, "en") if malay is None else Detail(malay, "ms")

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


class Languages:
    """Both of them, with the texts of a service's pages."""

    def __init__(self, catalogues: Sequence[Path]) -> None:
        """`catalogues` are folders with an `en.po`; a later one wins."""
        english: Translations = Translations()
        for folder in catalogues:
            english.merge(_read(folder / "en.po"))
        self._known: Mapping[Code, Language] = {
            "ms": Language("ms", NullTranslations()),
            "en": Language("en", english),
        }

    def of(self, request: Request) -> Language:
        """What the visitor asked for now, or before; Malay first."""
        now, before = request.query_params.get(ASKED), request.cookies.get(ASKED)
        chosen = next((code for code in (now, before) if code in CODES), "ms")
        return self._known[cast("Code", chosen)]


def _read(file: Path) -> Translations:
    compiled = BytesIO()
    with file.open("rb") as source:
        write_mo(compiled, read_po(source, locale="en"))
    compiled.seek(0)
    return Translations(compiled)
