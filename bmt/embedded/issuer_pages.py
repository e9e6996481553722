"""The pages of the evaluation's issuer, and whom they lead back to."""

import re
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

HERE: Final = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?/\S*")
"""An application of this machine: nobody is led anywhere else."""

_PAGES: Final = Environment(
    autoescape=True,
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=StrictUndefined,
)
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}


def page(template: str, **told: Any) -> HTMLResponse:
    """One of them."""
    return HTMLResponse(_PAGES.get_template(template).render(**told), headers=_HEADERS)
