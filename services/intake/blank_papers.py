"""Blank papers of an agency: two forms, and the sheets that separate scanned memos and letters.

Each bears a code that identifies its scan. A paper depends on the agency's name and rules alone, so its
bytes stay the same until they change.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Literal, cast

import segno
import structlog
from starlette.requests import Request
from starlette.responses import Response

from bmt.agencies.agency import Agency
from bmt.agencies.register import Agencies
from bmt.contracts.problems import FieldError
from bmt.contracts.values import Kind, PaperChannel, in_gigabytes
from bmt.press.typesetter import MEDIA_TYPE, Typesetter
from services.intake.domain.errors import FieldWrong
from services.intake.domain.submission import require_channel
from services.intake.papers import CoverCode, FormCode

log = structlog.get_logger(__name__)

TEMPLATES: Final = Path(__file__).parent / "templates"

PaperName = Literal["application", "termination", "cover-memo", "cover-letter"]

_PAPERS: Final[Mapping[PaperName, tuple[PaperChannel, str]]] = {
    "application": ("form", "borang-permohonan"),
    "termination": ("form", "borang-penamatan"),
    "cover-memo": ("memo", "helaian-pengasing-memo"),
    "cover-letter": ("letter", "helaian-pengasing-surat"),
}
"""The channel that each is for, and the name of its file."""


@dataclass(frozen=True, slots=True)
class BlankPaper:
    """A printable paper (PDF), with the name that it is downloaded under."""

    content: bytes
    filename: str

    @property
    def etag(self) -> str:
        """An entity tag of the content (RFC 9110, 8.8.3)."""
        return f'"{sha256(self.content).hexdigest()[:32]}"'


class BlankPapers:
    """Typesets blank papers, and caches them."""

    def __init__(self, agencies: Agencies) -> None:
        self._agencies = agencies
        self._typesetter = Typesetter(TEMPLATES)
        self._set = cache(self._print)

    def paper(self, name: PaperName, agency: str) -> BlankPaper:
        """The paper. The first call takes a second: do not run it in the event loop.

        Raises:
            Refused: there is no such agency, or it receives nothing through this paper.
        """
        if agency not in self._agencies:
            codes = tuple(one.code for one in self._agencies)
            raise FieldWrong(FieldError.of("/query/agency", "unknown_agency", agencies=codes))
        require_channel(self._agencies.get(agency), _PAPERS[name][0])
        return self._set(name, agency)

    def _print(self, name: PaperName, code: str) -> BlankPaper:
        through, file = _PAPERS[name]
        content = self._typesetter.pdf(
            "form" if through == "form" else "cover",
            _template_values(name, through, self._agencies.get(code)),
            lambda: log.warning("paper_lacks_font", agency=code),
        )
        return BlankPaper(content, f"{file}-{code.lower()}.pdf")


def _template_values(name: PaperName, through: PaperChannel, agency: Agency) -> dict[str, Any]:
    rules, kind = agency.rules, cast("Kind", name)
    is_form = through == "form"
    code = FormCode(kind, agency.code) if is_form else CoverCode(through, agency.code)
    return {
        "agency": rules.name,
        "kind": name,
        "channel": through,
        "replies": list(rules.channels.out),
        "quota": in_gigabytes(rules.quota_bytes.default),
        "largest_quota": in_gigabytes(rules.quota_bytes.maximum),
        "largest_file": in_gigabytes(rules.max_file_size_bytes),
        "code": code.text,
        "qr": segno.make(code.text, error="q", micro=False).svg_inline(scale=4, border=4),
    }


_NOT_MODIFIED: Final = 304


async def printed(request: Request, blanks: BlankPapers, name: PaperName, agency: str) -> Response:
    """The paper, or 304 if the caller has it (RFC 9110, 13.1.2).

    Raises:
        Refused: as `BlankPapers.paper`.
    """
    paper = await asyncio.to_thread(blanks.paper, name, agency)
    headers = {"Cache-Control": "private, no-cache", "ETag": paper.etag}
    if paper.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=_NOT_MODIFIED, headers=headers)
    headers["Content-Disposition"] = f'inline; filename="{paper.filename}"'
    return Response(paper.content, media_type=MEDIA_TYPE, headers=headers)
