"""Renders pages from templates, in the user's language, within the common frame; and lists as files for spreadsheets."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from bmt.chassis.runtime import clock
from bmt.contracts.problems import STATUS
from web import session
from web.language import ASKED, CODES, Language, Languages

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

    def always(self, **told: Any) -> None:
        """Values for every page from now on, such as a menu's."""
        self._always |= told

    def language(self, request: Request) -> Language:
        return self._languages.of(request)

    def page(
        self, request: Request, template: str, status: int | None = None, **told: Any
    ) -> HTMLResponse:
        """Renders a page. The status is by default that of the refusal in `refused`, or 200."""
        refused = told.get("refused")
        status = status or (STATUS[refused.problem] if refused else _OK)
        language = self.language(request)
        told.setdefault("now", clock.now())
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
            **told,
        )
        answer = HTMLResponse(text, status)
        if ASKED in request.query_params:
            answer.set_cookie(
                ASKED,
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
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != ASKED]
    return "?" + urlencode([*kept, (ASKED, code)])
