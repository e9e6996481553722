"""Where a proof keeps its system: a folder that was named, or one that is gone when it was in order."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bmt.chassis.errors import WrongConfiguration
from evaluation.layout import Layout


@dataclass
class Folder:
    """One proof's folder; `needed`: somebody has to look into it."""

    layout: Layout
    needed: bool


@contextmanager
def folder(named: Path | None) -> Iterator[Folder]:
    """An empty one. It is kept when it was named, or is needed when the block ends or fails.

    Raises:
        WrongConfiguration: the named one is not empty.
    """
    if named is not None and named.exists() and any(named.iterdir()):
        raise WrongConfiguration(f"--data {named}: is not empty; a proof begins with nothing")
    root = named or Path(tempfile.mkdtemp(prefix="bmt-prove-"))
    kept = Folder(Layout.at(root), needed=True)
    kept.layout.make()
    yield kept
    if named is None and not kept.needed:
        shutil.rmtree(root, ignore_errors=True)
