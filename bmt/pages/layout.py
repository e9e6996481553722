"""How a page is made: from a template, in the visitor's language, within the frame that all pages share."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from bmt.pages import session
from bmt.pages.language import ASKED, CODES, Languages

ROOM: Final = Path(__file__).parent
STATIC: Final = "/static-pages"
"""Where the stylesheet is; it is the same for everybody, so browsers may keep it."""

_STYLESHEET: Final = ROOM / "static" / "bmt.css"
_A_YEAR: Final = 365 * 24 * 60 * 60


class Layout:
    """Makes the pages of one part of the system."""

    def __init__(self, prefix: str, folders: Sequence[Path]) -> None:
        """`prefix` is what the addresses begin with; `folders` have `templates/` and `locale/en.po`."""
        self.prefix = prefix
        every = [ROOM, *folders]
        self._languages = Languages([folder / "locale" for folder in every])
        self._templates = Environment(
            autoescape=True,
            loader=FileSystemLoader([folder / "templates" for folder in reversed(every)]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        edition = hashlib.sha256(_STYLESHEET.read_bytes()).hexdigest()[:12]
        self._stylesheet = f"{STATIC}/bmt.css?v={edition}"

    def page(self, request: Request, template: str, status: int = 200, **told: Any) -> HTMLResponse:
        """The page; what it tells is escaped."""
        language = self._languages.of(request)
        text = self._templates.get_template(template).render(
            _=language.text,
            language=language,
            prefix=self.prefix,
            stylesheet=self._stylesheet,
            visitor=session.visitor(request.session),
            here=request.url.path,
            in_language={code: _address(request, code) for code in CODES},
            **told,
        )
        answer = HTMLResponse(text, status)
        if ASKED in request.query_params:
            answer.set_cookie(ASKED, language.code, max_age=_A_YEAR, httponly=True, samesite="lax")
        return answer


def _address(request: Request, code: str) -> str:
    """This page in another language."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != ASKED]
    return "?" + urlencode([*kept, (ASKED, code)])
