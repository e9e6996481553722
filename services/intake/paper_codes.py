"""What the QR codes on our papers say, so that a scan of one is recognised."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from bmt.contracts.values import Kind, PaperChannel

EDITION: Final = "v1"
"""Of the printed form: another layout is another edition, and the old ones stay readable."""

_LONGEST: Final = 500
_FORM: Final = re.compile(r"bmt:form:(application|termination):([A-Z][A-Z0-9-]{1,31}):v\d{1,3}")
_COVER: Final = re.compile(r"bmt:cover:(memo|letter):([A-Z][A-Z0-9-]{1,31}):v\d{1,3}")
_REQUEST: Final = re.compile(
    r"/requests/([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})"
)


@dataclass(frozen=True, slots=True)
class FormCode:
    """On the first page of a form that was printed blank."""

    kind: Kind
    agency: str

    @property
    def text(self) -> str:
        """What the code holds."""
        return f"bmt:form:{self.kind}:{self.agency}:{EDITION}"


@dataclass(frozen=True, slots=True)
class CoverCode:
    """On the sheet that is laid before each memo or letter of a batch."""

    channel: PaperChannel
    agency: str

    @property
    def text(self) -> str:
        """What the code holds."""
        return f"bmt:cover:{self.channel}:{self.agency}:{EDITION}"


@dataclass(frozen=True, slots=True)
class RequestCode:
    """On a paper about a request: the address of its status."""

    request_id: str


PaperCode = FormCode | CoverCode | RequestCode


def paper_code(text: str) -> PaperCode | None:
    """What a QR code is to us; None for any other."""
    if len(text) > _LONGEST:
        return None
    if form := _FORM.fullmatch(text):
        return FormCode("application" if form[1] == "application" else "termination", form[2])
    if cover := _COVER.fullmatch(text):
        return CoverCode("memo" if cover[1] == "memo" else "letter", cover[2])
    return _request_code(text)


def _request_code(text: str) -> RequestCode | None:
    try:
        address = urlsplit(text)
    except ValueError:
        return None
    found = _REQUEST.search(address.path) if address.scheme in ("http", "https") else None
    return RequestCode(found[1]) if found and address.path.endswith(found[0]) else None
