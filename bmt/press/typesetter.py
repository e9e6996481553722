"""Sets papers as PDF/A-2b and PDF/UA-1, with the same bytes every time. Nothing in the data is markup.

The fonts are typst's own Libertinus, and Noto, from two packages of the lock; `bmt.contracts.values` lists their characters.
The machine's fonts are never used, so a paper looks the same everywhere.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from threading import Lock
from typing import Any, Final

import typst

from bmt.contracts.values import is_emoji, is_text

MEDIA_TYPE: Final = "application/pdf"
STANDARDS: Final[list[Any]] = ["a-2b", "ua-1"]
PACKAGES: Final = Path(__file__).parent / "packages"
"""Typst packages that the templates of all services share."""
_STANDS_FOR: Final = "□"
_AS_PICTURE: Final = re.compile("[\ufe0e\ufe0f]")
"""Variation selectors for text or emoji style: papers show neither in colours."""
_LATIN_ENDS: Final = "\u024f"


class Typesetter:
    """Sets papers. Each template is read once, and set by one thread at a time."""

    def __init__(self, templates: Path) -> None:
        """`templates` holds `<name>.typ`."""
        self._templates = templates
        self._compilers: dict[str, typst.Compiler] = {}
        self._lock = Lock()

    def pdf(self, template: str, data: Mapping[str, Any], lacks_font: Callable[[], None]) -> bytes:
        """The paper. The template reads `data` as JSON from `sys.inputs.paper`.

        A character without a font becomes an empty square, and `lacks_font` is called.
        """
        paper = json.dumps(data, ensure_ascii=False)
        shown = paper if paper.isascii() else _as_fonts_show(paper)
        if shown != _AS_PICTURE.sub("", paper):
            lacks_font()
        try:
            return self._set(template, shown)
        except typst.TypstError as error:
            if "could not be displayed" not in str(error):
                raise
        lacks_font()
        return self._set(template, _latin_alone(shown))

    def _set(self, template: str, paper: str) -> bytes:
        with self._lock:
            if template not in self._compilers:
                self._compilers[template] = typst.Compiler(
                    self._templates / f"{template}.typ",
                    root=self._templates,
                    font_paths=fonts(),
                    ignore_system_fonts=True,
                    package_path=PACKAGES,
                )
            pdf = self._compilers[template].compile(
                format="pdf", pdf_standards=STANDARDS, sys_inputs={"paper": paper}
            )
        if not isinstance(pdf, bytes):
            raise TypeError("a PDF is one file")
        return pdf


def _as_fonts_show(text: str) -> str:
    return "".join(
        one if is_text(one) or is_emoji(one) or _is_unseen(one) else _STANDS_FOR
        for one in _AS_PICTURE.sub("", text)
    )


def _is_unseen(character: str) -> bool:
    """A control of direction or joining, or a variation selector: it needs no glyph of its own."""
    named = unicodedata.name(character, "")
    return unicodedata.category(character) == "Cf" or named.startswith("VARIATION SELECTOR")


def _latin_alone(text: str) -> str:
    """The Latin characters only, if a combination has no font even so."""
    return "".join(_STANDS_FOR if one > _LATIN_ENDS else one for one in text)


_PACKAGES = ("manimgx_fonts", "manimgx_fonts_cjk")


def folders() -> Sequence[Path]:
    """The folders of the font files."""
    return [Path(str(files(package))) for package in _PACKAGES]


@cache
def fonts() -> typst.Fonts:
    """All fonts. A file is read when its first letter is set, once for the whole process."""
    return typst.Fonts(include_system_fonts=False, font_paths=[str(each) for each in folders()])
