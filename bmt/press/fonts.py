"""The fonts that papers are set in: Libertinus of typst's own, and Noto, which two packages of the lock bring.

What they show is `bmt.contracts.drawn`. The fonts of the machine are never used, so a paper looks the same everywhere.
"""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

import typst

_PACKAGES = ("manimgx_fonts", "manimgx_fonts_cjk")


def folders() -> Sequence[Path]:
    """Where the font files lie."""
    return [Path(str(files(package))) for package in _PACKAGES]


@cache
def fonts() -> typst.Fonts:
    """All of them; a file is read when its first letter is set, once for the whole process."""
    return typst.Fonts(include_system_fonts=False, font_paths=[str(each) for each in folders()])
