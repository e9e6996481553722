"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[Path, typer.Option("--data", help="Data directory.", metavar="DIR")]
DEFAULT_DATA = Path(".bmt")
