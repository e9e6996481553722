"""An agency's own words, for the specifications of templates."""

from typing import Any

from bmt.contracts.http.notification import Wording, Words

ESSENTIAL = "{permohonan} ({rujukan}) {keputusan} {tarikh}."
MALAY = {"opening": ESSENTIAL, "onward": ("Hubungi {agensi} di 03-8000 8000.",), "closing": ()}
ENGLISH = {"opening": ESSENTIAL, "onward": ("Call {agensi} at 03-8000 8000.",), "closing": ()}


def own_words(malay: Any = None, english: Any = None) -> Words:
    """Words that a template of an outcome may hold, with changes."""
    return Words(
        malay=Wording(**{**MALAY, **(malay or {})}),
        english=Wording(**{**ENGLISH, **(english or {})}),
    )
