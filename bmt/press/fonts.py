"""The fonts of papers: typst's own Libertinus, and Noto, from two packages of the lock.

`bmt.contracts.drawn` lists their characters. The machine's fonts are never used, so a paper looks the same
everywhere.
"""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

import typst

_PACKAGES = ("manimgx_fonts", "manimgx_fonts_cjk")


def folders() -> Sequence[Path]:
    """The folders of the font files."""
    return [Path(str(files(package))) for package in _PACKAGES]


@cache
def fonts() -> typst.Fonts:
    """All fonts. A file is read when its first letter is set, once for the whole process."""
    return typst.Fonts(include_system_fonts=False, font_paths=[str(each) for each in folders()])
