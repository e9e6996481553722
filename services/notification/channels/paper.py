"""A paper: a letter, a memo or a form as PDF/A-2b and PDF/UA-1, with the same bytes every time.

Layout after the Malaysian public service's guide to official letters and memos (Arahan Pentadbiran
Ketua Pengarah MAMPU Bil. 5/2014). Templates read data; nothing in the data is markup.
"""

import asyncio
import json
import re
import unicodedata
from pathlib import Path
from threading import Lock
from typing import Any, Final

import structlog
import typst

from bmt.agencies.charter import MALAYSIA
from bmt.contracts.values import PaperChannel
from services.notification.channels.rendered import Render, Rendered, filename
from services.notification.domain.state import Slip
from services.notification.wording.amounts import english_date, malay_date

log = structlog.get_logger(__name__)

MEDIA_TYPE: Final = "application/pdf"
TEMPLATES: Final = Path(__file__).parent / "templates"
STANDARDS: Final[list[Any]] = ["a-2b", "ua-1"]
_NO_GLYPH: Final = re.compile(r"the text `\"(?:\\u\{([0-9a-f]+)\}|(.))", re.DOTALL)
"""Of the error that names what no font shows: its first character, perhaps in hex."""
_STANDS_FOR: Final = "□"
_MOST_SCRIPTS: Final = 20
_LATIN_ENDS: Final = "\u024f"


class Press:
    """Sets papers; each template is read once, and set by one thread at a time."""

    def __init__(self, fonts: Path | None = None) -> None:
        """`fonts` is a folder of further fonts; those of the machine are never used."""
        self._fonts: list[Any] = [fonts] if fonts else []
        self._compilers: dict[PaperChannel, typst.Compiler] = {}
        self._lock = Lock()

    def rendering(self, channel: PaperChannel) -> Render:
        """Makes papers of one kind."""

        async def render(slip: Slip) -> Rendered:
            content = await asyncio.to_thread(self.print, channel, slip)
            return Rendered(content, MEDIA_TYPE, filename(slip, "pdf"))

        return render

    def print(self, channel: PaperChannel, slip: Slip) -> bytes:
        """The paper. What no font can show becomes an empty square, and is told in the log."""
        paper = json.dumps(_paper(slip), ensure_ascii=False)
        shown = paper
        for _ in range(_MOST_SCRIPTS):
            try:
                return self._set(channel, shown)
            except typst.TypstError as error:
                missing = _missing(error)
                if missing is None:
                    raise
                log.warning("paper_lacks_font", request_id=slip.request.request_id)
                shown = _without_script(shown, missing)
        return self._set(channel, _latin_alone(paper))

    def _set(self, channel: PaperChannel, paper: str) -> bytes:
        with self._lock:
            if channel not in self._compilers:
                self._compilers[channel] = typst.Compiler(
                    TEMPLATES / f"{channel}.typ",
                    root=TEMPLATES,
                    font_paths=self._fonts,
                    ignore_system_fonts=True,
                )
            pdf = self._compilers[channel].compile(
                format="pdf", pdf_standards=STANDARDS, sys_inputs={"paper": paper}
            )
        if not isinstance(pdf, bytes):
            raise TypeError("a PDF is one file")
        return pdf


def _paper(slip: Slip) -> dict[str, Any]:
    """What a template reads."""
    notice, request = slip.notice, slip.request
    day = notice.at.astimezone(MALAYSIA).date()
    return {
        "agency": notice.agency_name,
        "reference": request.reference,
        "recipient": notice.recipient,
        "account": request.applicant.account,
        "about": notice.about,
        "kind": request.kind,
        "day": {"year": day.year, "month": day.month, "day": day.day},
        "date": {"malay": malay_date(notice.at), "english": english_date(notice.at)},
        "malay": notice.content.malay.model_dump(),
        "english": notice.content.english.model_dump(),
    }


def _missing(error: typst.TypstError) -> str | None:
    """The character that no font shows, where that is what went wrong."""
    named = _NO_GLYPH.search(str(error))
    if named is None:
        return None
    return chr(int(named[1], 16)) if named[1] else named[2]


def _without_script(text: str, missing: str) -> str:
    """The text without `missing` and, beyond Latin, without all of its script."""
    script = _script(missing)
    return "".join(
        _STANDS_FOR if one == missing or (one > _LATIN_ENDS and _script(one) == script) else one
        for one in text
    )


def _script(character: str) -> str:
    """Characters of one script have names that begin alike (`CJK`, `TAMIL`)."""
    return unicodedata.name(character, "").partition(" ")[0].partition("-")[0]


def _latin_alone(text: str) -> str:
    return "".join(_STANDS_FOR if one > _LATIN_ENDS else one for one in text)
