"""The pages' two languages: texts are written in Malay, and a catalogue has the English ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, Final, cast

from babel.dates import format_date, format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations
from starlette.requests import Request

from bmt.agencies.charter import MALAYSIA, WORKING_DAY
from bmt.contracts.problems import Refused
from bmt.wording.bilingual import CODES, FAULTS, LOCALES, Code, FaultWording

__all__ = ("ASKED", "CODES", "Code", "Language", "Languages")

ASKED: Final = "lang"
"""The query parameter that chooses a language, and the cookie that remembers it."""


@dataclass(frozen=True, slots=True)
class Language(FaultWording):
    """One of the two, with the texts of pages."""

    def refusal(self, refused: Refused) -> str:
        """The refusal's sentence: that of its code if known, else of its problem."""
        return self.problem({**refused.extra, "type": refused.problem})

    def problem(self, told: Mapping[str, Any]) -> str:
        """As `refusal`, of a problem's body."""
        name = str(told["type"]).rpartition(":")[2]
        code, values = str(told.get("code")), told.get("values") or {}
        known = code if code in self.faults else name
        return self.sentence(known, values)

    def moment(self, at: datetime) -> str:
        """In Malaysian time, to the second."""
        there = at.astimezone(MALAYSIA)
        return format_datetime(there, "d MMM y, HH:mm:ss", locale=LOCALES[self.code])

    def minute(self, at: datetime) -> str:
        """As `moment`, to the minute."""
        there = at.astimezone(MALAYSIA)
        return format_datetime(there, "d MMM y, HH:mm", locale=LOCALES[self.code])

    def brief(self, at: datetime, now: datetime) -> str:
        """As `minute`, with the year only where it is not the present one."""
        there, present = at.astimezone(MALAYSIA), now.astimezone(MALAYSIA)
        pattern = "d MMM, HH:mm" if there.year == present.year else "d MMM y, HH:mm"
        return format_datetime(there, pattern, locale=LOCALES[self.code])

    def clock(self, at: datetime, now: datetime) -> str:
        """The hour; with the day where that is not today."""
        there, present = at.astimezone(MALAYSIA), now.astimezone(MALAYSIA)
        today = there.date() == present.date()
        return f"{there:%H:%M}" if today else self.brief(at, now)

    def short_day(self, at: datetime, now: datetime) -> str:
        """As `brief`, without the hour."""
        there, year = at.astimezone(MALAYSIA), now.astimezone(MALAYSIA).year
        pattern = "d MMM" if there.year == year else "d MMM y"
        return format_datetime(there, pattern, locale=LOCALES[self.code])

    def full(self, at: datetime) -> str:
        """Everything of a time, to be shown beside a short one."""
        there = at.astimezone(MALAYSIA)
        return format_datetime(there, "EEEE, d MMMM y, HH:mm:ss", locale=LOCALES[self.code])

    def month(self, month: str) -> str:
        """A month such as `2026-11`, in short."""
        there = date.fromisoformat(f"{month}-01")
        return format_date(there, "MMM y", locale=LOCALES[self.code])

    def share(self, percent: float) -> str:
        """A percentage with a tenth."""
        return str(format_decimal(percent, "0.0", locale=LOCALES[self.code])) + " %"

    def worked(self, time: timedelta) -> str:
        """Office hours as working days and hours; less than an hour in minutes."""
        minutes = round(time.total_seconds() / 60)
        if minutes < 60:  # noqa: PLR2004
            return self.counted(minutes, self.text("minit"))
        days, hours = divmod(round(minutes / 60), WORKING_DAY // timedelta(hours=1))
        told = ((days, self.text("hari")), (hours, self.text("jam")))
        return " ".join(self.counted(count, what) for count, what in told if count)

    def counted(self, count: int, what: str) -> str:
        """`what` is translated, and means one of it; Malay has the same word for many."""
        return f"{count} {what}s" if self.code == "en" and count != 1 else f"{count} {what}"

    def day(self, at: date) -> str:
        """The day; of a moment, the day in Malaysia."""
        there = at.astimezone(MALAYSIA) if isinstance(at, datetime) else at
        return format_date(there, "d MMMM y", locale=LOCALES[self.code])


class Languages:
    """Both languages, with the texts of an area's pages."""

    def __init__(self, catalogues: Sequence[Path]) -> None:
        """`catalogues` are folders with an `en.po`; a later one wins."""
        english: Translations = Translations()
        for folder in catalogues:
            english.merge(_read(folder / "en.po"))
        self._known: Mapping[Code, Language] = {
            "ms": Language("ms", NullTranslations(), FAULTS["ms"]),
            "en": Language("en", english, FAULTS["en"]),
        }

    def of(self, request: Request) -> Language:
        """The language chosen now, else the one before, else Malay."""
        now, before = request.query_params.get(ASKED), request.cookies.get(ASKED)
        chosen = next((code for code in (now, before) if code in CODES), "ms")
        return self._known[cast("Code", chosen)]


def _read(file: Path) -> Translations:
    compiled = BytesIO()
    with file.open("rb") as source:
        write_mo(compiled, read_po(source, locale="en"))
    compiled.seek(0)
    return Translations(compiled)
