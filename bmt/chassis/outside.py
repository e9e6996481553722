"""Addresses that lead out of the system: people's and other systems' are reached there, with their secrets."""

from collections.abc import Iterator
from typing import Final

from pydantic_settings import BaseSettings


class _Outside:
    """Marks a setting."""


OUTSIDE: Final = _Outside()


def without_tls(settings: BaseSettings) -> Iterator[str]:
    """The variables, among those marked `OUTSIDE`, whose address begins with http://."""
    for name, field in type(settings).model_fields.items():
        if OUTSIDE in field.metadata and str(getattr(settings, name)).startswith("http://"):
            yield f"BMT_{name.upper()}"
