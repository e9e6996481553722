"""What stands in a call's address between the slashes."""

from typing import Annotated

from fastapi import Path

Id = Annotated[str, Path(max_length=200)]
"""The id or name of what a call is about; no valid one is longer, and an unknown one is not found."""
