"""The Malay names of kinds, channels, statuses and file types; and the sentences of faults in two languages."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Protocol, get_args

from babel import Locale
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import NullTranslations

from bmt.contracts.faults import SENTENCES, FaultValue, Values, sentence
from bmt.contracts.values import Channel, Kind, Status

STATUS: Final[Mapping[Status, str]] = {
    "received": "Diterima",
    "returned": "Dikembalikan untuk pembetulan",
    "approved": "Diluluskan",
    "rejected": "Ditolak",
    "withdrawn": "Ditarik balik",
    "configuring": "Sedang dikonfigurasi",
    "awaiting_operator": "Menunggu operator",
    "configured": "Dikonfigurasi",
    "configuration_failed": "Konfigurasi gagal",
    "notified": "Pengguna dimaklumkan",
    "filed": "Difailkan",
}

KIND: Final[Mapping[Kind, str]] = {"application": "Permohonan", "termination": "Penamatan"}

CHANNEL: Final[Mapping[Channel, str]] = {
    "email": "E-mel",
    "memo": "Memo",
    "letter": "Surat",
    "form": "Borang",
    "event": "Sistem agensi",
}

KINDS_OF_FILE: Final[Mapping[str, str]] = {
    "application/pdf": "PDF",
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/tiff": "TIFF",
    "text/plain": ".txt",
    "text/csv": ".csv",
    "message/rfc822": ".eml",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.oasis.opendocument.text": ".odt",
}
"""The names of document kinds, the same in both languages."""


Code = Literal["ms", "en"]
CODES: Final[tuple[Code, ...]] = get_args(Code)
LOCALES: Final[Mapping[Code, Locale]] = {"ms": Locale("ms", "MY"), "en": Locale("en", "GB")}

_NAMED: Final[Mapping[str, Mapping[Any, str]]] = {"channels": CHANNEL, "kinds": KINDS_OF_FILE}
"""The Malay names of a placeholder's values; other values are what people typed."""
_UNITS: Final = (("GB", 10**9, "0.###"), ("MB", 10**6, "0.#"), ("KB", 10**3, "0.#"))
_MIB: Final = 2**20
_GIB: Final = 2**30


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
class FaultWording:
    """Faults in one language.

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
        return self.sentence(fault.code, fault.values)

    def sentence(self, code: str, values: Values | None = None) -> str:
        """The sentence of a code, with its values."""
        return sentence(code, values, sentences=self.faults, show=self._shown)

    def _shown(self, place: str, value: FaultValue) -> str:
        if isinstance(value, str):
            if place == "label":
                return label_in(value, self.code)
            return KINDS_OF_FILE.get(value, value) if place == "kind" else value
        if isinstance(value, int):
            return self.size(value) if place.endswith("_bytes") else self.number(value)
        if place == "labels":
            return ", ".join(label_in(one, self.code) for one in value)
        names = _NAMED.get(place, {})
        return ", ".join(self.text(names[one]) if one in names else one for one in value)

    def number(self, value: int) -> str:
        return str(format_decimal(value, locale=LOCALES[self.code]))

    def size(self, size_bytes: int) -> str:
        """In the largest unit with at least one of it; units are powers of ten, unless it is a whole number of MiB."""
        if size_bytes < _GIB and size_bytes % _MIB == 0 and size_bytes:
            return f"{self.number(size_bytes // _MIB)} MiB"
        for unit, of_bytes, pattern in _UNITS:
            if size_bytes >= of_bytes:
                value = format_decimal(size_bytes / of_bytes, pattern, locale=LOCALES[self.code])
                return f"{value} {unit}"
        return f"{self.number(size_bytes)} {self.text('bait')}"


def label_in(both: str, code: Code) -> str:
    """A label in one language; `both` has it in two: `Nama / name`."""
    malay, _, english = both.partition(" / ")
    return english.capitalize() if english and code == "en" else malay


def _sentences(file: Path) -> Mapping[str, str]:
    with file.open("rb") as source:
        return {str(one.id): str(one.string) for one in read_po(source, locale="ms") if one.id}


FAULTS: Final[Mapping[Code, Mapping[str, str]]] = {
    "ms": _sentences(Path(__file__).parent / "locale" / "ms.po"),
    "en": SENTENCES,
}
"""The sentence of each code."""


def fault_sentence(fault: Fault, code: Code) -> str:
    """The fault's sentence for a reader outside the pages, whose catalogue it does not need."""
    return FaultWording(code, NullTranslations(), FAULTS[code]).fault(fault)
