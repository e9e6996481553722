"""Sets papers as PDF/A-2b and PDF/UA-1, with the same bytes every time. Nothing in the data is markup."""

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any, Final

import typst

MEDIA_TYPE: Final = "application/pdf"
STANDARDS: Final[list[Any]] = ["a-2b", "ua-1"]
_NO_GLYPH: Final = re.compile(r"the text `\"(?:\\u\{([0-9a-f]+)\}|(.))", re.DOTALL)
"""Of the error that names what no font shows: its first character, perhaps in hex."""
_STANDS_FOR: Final = "□"
_MOST_SCRIPTS: Final = 20
_LATIN_ENDS: Final = "\u024f"


class Typesetter:
    """Sets papers; each template is read once, and set by one thread at a time."""

    def __init__(self, templates: Path, fonts: Path | None = None) -> None:
        """`templates` holds `<name>.typ`; `fonts` further fonts: those of the machine are never used."""
        self._templates = templates
        self._fonts: list[Any] = [fonts] if fonts else []
        self._compilers: dict[str, typst.Compiler] = {}
        self._lock = Lock()

    def pdf(self, template: str, data: Mapping[str, Any], lacks_font: Callable[[], None]) -> bytes:
        """The paper; the template reads `data` as JSON from `sys.inputs.paper`.

        What no font can show becomes an empty square, and `lacks_font` is told, once for each script.
        """
        paper = json.dumps(data, ensure_ascii=False)
        shown = paper
        for _ in range(_MOST_SCRIPTS):
            try:
                return self._set(template, shown)
            except typst.TypstError as error:
                missing = _missing(error)
                if missing is None:
                    raise
                lacks_font()
                shown = _without_script(shown, missing)
        return self._set(template, _latin_alone(paper))

    def _set(self, template: str, paper: str) -> bytes:
        with self._lock:
            if template not in self._compilers:
                self._compilers[template] = typst.Compiler(
                    self._templates / f"{template}.typ",
                    root=self._templates,
                    font_paths=self._fonts,
                    ignore_system_fonts=True,
                )
            pdf = self._compilers[template].compile(
                format="pdf", pdf_standards=STANDARDS, sys_inputs={"paper": paper}
            )
        if not isinstance(pdf, bytes):
            raise TypeError("a PDF is one file")
        return pdf


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
