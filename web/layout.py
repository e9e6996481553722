"""Renders pages from templates, in the user's language, within the common frame.

Texts are written in Malay, and a catalogue has the English ones.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlencode

from babel.dates import format_date, format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from bmt.agencies.charter import MALAYSIA, WORKING_DAY
from bmt.chassis.runtime import clock
from bmt.contracts.problems import STATUS, Refused
from bmt.wording.bilingual import CODES, FAULTS, LOCALES, Code, FaultWording
from web import session

__all__ = ("CODES", "LANG", "Code", "Language", "Languages")

LANG: Final = "lang"
"""The query parameter that chooses a language, and the cookie that remembers it."""


@dataclass(frozen=True, slots=True)
class Language(FaultWording):
    """Malay or English, with the texts of pages."""

    def refusal(self, refused: Refused) -> str:
        """The refusal's sentence: that of its code if known, else of its problem."""
        return self.problem({**refused.extra, "type": refused.problem})

    def problem(self, body: Mapping[str, Any]) -> str:
        """As `refusal`, of a problem's body."""
        name = str(body["type"]).rpartition(":")[2]
        code, values = str(body.get("code")), body.get("values") or {}
        sentence_code = code if code in self.faults else name
        return self.sentence(sentence_code, values)

    def moment(self, at: datetime) -> str:
        """In Malaysian time, to the second."""
        there = at.astimezone(MALAYSIA)
        return format_datetime(there, "d MMM y, HH:mm:ss", locale=LOCALES[self.code])

    def minute(self, at: datetime) -> str:
        """As `moment`, to the minute."""
        there = at.astimezone(MALAYSIA)
        return format_datetime(there, "d MMM y, HH:mm", locale=LOCALES[self.code])

    def brief(self, at: datetime, now: datetime) -> str:
        """As `minute`, with the year only if it is not this year."""
        there, present = at.astimezone(MALAYSIA), now.astimezone(MALAYSIA)
        pattern = "d MMM, HH:mm" if there.year == present.year else "d MMM y, HH:mm"
        return format_datetime(there, pattern, locale=LOCALES[self.code])

    def clock(self, at: datetime, now: datetime) -> str:
        """The time of day; with the day if it is not today."""
        there, present = at.astimezone(MALAYSIA), now.astimezone(MALAYSIA)
        today = there.date() == present.date()
        return f"{there:%H:%M}" if today else self.brief(at, now)

    def short_day(self, at: datetime, now: datetime) -> str:
        """As `brief`, without the hour."""
        there, year = at.astimezone(MALAYSIA), now.astimezone(MALAYSIA).year
        pattern = "d MMM" if there.year == year else "d MMM y"
        return format_datetime(there, pattern, locale=LOCALES[self.code])

    def full(self, at: datetime) -> str:
        """The full date and time, for the tooltip of a short one."""
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
        units = ((days, self.text("hari")), (hours, self.text("jam")))
        return " ".join(self.counted(count, what) for count, what in units if count)

    def counted(self, count: int, what: str) -> str:
        """`what` is a translated singular; Malay has no plural ending."""
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
        self._by_code: Mapping[Code, Language] = {
            "ms": Language("ms", NullTranslations(), FAULTS["ms"]),
            "en": Language("en", english, FAULTS["en"]),
        }

    def of(self, request: Request) -> Language:
        """The language chosen now, else the one before, else Malay."""
        now, before = request.query_params.get(LANG), request.cookies.get(LANG)
        chosen = next((code for code in (now, before) if code in CODES), "ms")
        return self._by_code[cast("Code", chosen)]


def _read(file: Path) -> Translations:
    compiled = BytesIO()
    with file.open("rb") as source:
        write_mo(compiled, read_po(source, locale="en"))
    compiled.seek(0)
    return Translations(compiled)


ROOM: Final = Path(__file__).parent
STATIC: Final = "/static-pages"
"""The stylesheet and the script, which browsers may cache."""

_FILES: Final = ("bmt.css", "bmt.js", "bmt.svg")
_OK: Final = 200
_A_YEAR: Final = 365 * 24 * 60 * 60


class Layout:
    """Renders the pages of one part of the system."""

    def __init__(
        self,
        prefix: str,
        folders: Sequence[Path],
        *,
        account: str | None = None,
        scripts: bool = False,
        over_tls: bool = False,
    ) -> None:
        """`prefix` begins all addresses; `folders` have `templates/` and `locale/en.po`.

        `account` begins the addresses of login and logout. `scripts`: whether the pages load our own script.
        `over_tls`: whether browsers come by https.
        """
        self.prefix = prefix
        self._account = prefix if account is None else account
        self.over_tls = over_tls
        self._scripts = scripts
        every = [ROOM, *folders]
        self._languages = Languages([folder / "locale" for folder in every])
        self._templates = Environment(
            autoescape=True,
            loader=FileSystemLoader([folder / "templates" for folder in reversed(every)]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._files = {name: _address_of(name) for name in _FILES}
        self._always: dict[str, Any] = {}

    def always(self, **values: Any) -> None:
        """Values for every page from now on, such as a menu's."""
        self._always |= values

    def language(self, request: Request) -> Language:
        return self._languages.of(request)

    def page(
        self, request: Request, template: str, status: int | None = None, **context: Any
    ) -> HTMLResponse:
        """Renders a page. The status is by default that of the refusal in `refused`, or 200."""
        refused = context.get("refused")
        status = status or (STATUS[refused.problem] if refused else _OK)
        language = self.language(request)
        context.setdefault("now", clock.now())
        text = self._templates.get_template(template).render(
            _=language.text,
            language=language,
            prefix=self.prefix,
            account=self._account,
            stylesheet=self._files["bmt.css"],
            script=self._files["bmt.js"] if self._scripts else None,
            icon=self._files["bmt.svg"],
            visitor=session.visitor(request),
            here=request.url.path,
            in_language={code: _address(request, code) for code in CODES},
            **self._always,
            **context,
        )
        answer = HTMLResponse(text, status)
        if LANG in request.query_params:
            answer.set_cookie(
                LANG,
                language.code,
                max_age=_A_YEAR,
                httponly=True,
                samesite="lax",
                secure=self.over_tls,
            )
        return answer


def _address_of(file: str) -> str:
    """The address of a static file, which changes with its content."""
    edition = hashlib.sha256((ROOM / "static" / file).read_bytes()).hexdigest()[:12]
    return f"{STATIC}/{file}?v={edition}"


def _address(request: Request, code: str) -> str:
    """This page in another language."""
    others = [(name, value) for name, value in request.query_params.multi_items() if name != LANG]
    return "?" + urlencode([*others, (LANG, code)])
