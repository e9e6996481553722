"""The values that requests, events and answers are made of, each refusing what it cannot be.

Visible Unicode is kept byte for byte. Control characters are refused everywhere (line breaks and tabs
are allowed in free text); bidirectional controls and zero-width characters are refused in names,
where they would let one name look like another.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from bmt.contracts.drawn import is_emoji, is_text
from bmt.contracts.faults import wrong

LARGEST_EXACT_INTEGER = 2**53 - 1
"""What every JSON reader keeps exactly (RFC 8259, section 6)."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_CONTROL_BUT_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_INVISIBLE = re.compile("[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad\u180e]")

_VARIANT = re.compile(
    "([\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])[\ufe00-\ufe0d\U000e0100-\U000e01ef]"
)
"""A Han character written in one of its variants, as some family names are (UTS #37)."""

_AS_PICTURE = "\ufe0f"
"""What makes a picture of the character before it (UTS #51)."""

_LINK = re.compile(
    r"://|www\.|mailto:|\.[a-z]{2,24}[/?#]"
    r"|(?<![@\w.-])[\w.-]*\.(?:com|net|org|edu|gov|my|info|biz|io|co|me|ly|link|xyz|top|site|online|app|dev)(?![\w-])",
    re.IGNORECASE,
)
"""What a mail program makes a link of; the host of an e-mail address is none."""

_EMAIL: Final = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+$"
_ACCOUNT: Final = r"^[A-Za-z0-9][A-Za-z0-9._@+-]*$"
_AGENCY: Final = r"^[A-Z][A-Z0-9_-]*$"
_REQUEST: Final = r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
_DOCUMENT: Final = r"^sha256:[0-9a-f]{64}$"
SHA256: Final = r"^[0-9a-f]{64}$"
NO_CONTROL: Final = r"^[^\x00-\x1f\x7f]*$"

FORMS: Final[Mapping[str, str]] = {
    _EMAIL: "not_an_email_address",
    _ACCOUNT: "not_an_account",
    _AGENCY: "not_an_agency_code",
    _REQUEST: "not_a_request_id",
    _DOCUMENT: "not_a_document_id",
    SHA256: "not_a_hash",
    NO_CONTROL: "control_characters",
}
"""The message for a text of the wrong form, by the pattern that it does not match."""


def one_line(text: str) -> str:
    """The text, where it holds no control characters; raises the fault of it."""
    if _CONTROL.search(text):
        raise wrong("control_characters")
    return text


def _free_text(text: str) -> str:
    if _CONTROL_BUT_LINES.search(text):
        raise wrong("control_characters_but_lines")
    return text


def _no_invisible(text: str) -> str:
    if _INVISIBLE.search(text):
        raise wrong("invisible_characters")
    return text


def _no_link(text: str) -> str:
    if _LINK.search(text):
        raise wrong("web_address")
    return text


def _no_emoji(text: str) -> str:
    if text.isascii():
        return text
    for one in text:
        if one == _AS_PICTURE or is_emoji(one):
            raise wrong("emoji", character=_named(one))
    return text


def _on_paper(text: str) -> str:
    """A name that letters, memos and forms show whole."""
    if text.isascii():
        return text
    for one in _VARIANT.sub(r"\1", text):
        if not is_text(one):
            raise wrong("not_drawn", character=_named(one))
    return text


def _named(character: str) -> str:
    return f"{character} (U+{ord(character):04X})"


def _not_blank(text: str) -> str:
    if not text.strip():
        raise wrong("blank")
    return text


_OneName = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=200),
    AfterValidator(_not_blank),
    AfterValidator(one_line),
]

Name = Annotated[_OneName, AfterValidator(_no_invisible)]
"""A person's or a file's name: 1 to 200 visible characters on one line."""

PersonName = Annotated[
    _OneName,
    AfterValidator(_no_emoji),
    AfterValidator(_no_invisible),
    AfterValidator(_no_link),
    AfterValidator(_on_paper),
]
"""A name as it is handed in: notices repeat it, so it leads nowhere, and every paper can show it."""

Justification = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=10_000),
    AfterValidator(_not_blank),
    AfterValidator(_free_text),
]
"""Why the request is made: 1 to 10,000 characters."""

Reason = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=2_000),
    AfterValidator(_not_blank),
    AfterValidator(_free_text),
]
"""Why somebody decided or did something: 1 to 2,000 characters."""

Paragraph = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=1_500),
    AfterValidator(_not_blank),
    AfterValidator(one_line),
]
"""One paragraph of a letter: 1 to 1,500 characters, without line breaks."""

Line = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=200),
    AfterValidator(_not_blank),
    AfterValidator(one_line),
]
"""One line of a letter: 1 to 200 characters."""

Minute = Annotated[
    str,
    StringConstraints(strict=True, min_length=1, max_length=5_000),
    AfterValidator(_not_blank),
    AfterValidator(_free_text),
]
"""What an officer notes on a file (*minit*): 1 to 5,000 characters."""

EmailAddress = Annotated[
    str,
    StringConstraints(
        strict=True,
        max_length=254,
        pattern=_EMAIL,
    ),
]
"""An address as HTML forms accept it, with a dotted domain (RFC 5321 lengths)."""

Account = Annotated[
    str,
    StringConstraints(strict=True, max_length=200, pattern=_ACCOUNT),
]
"""The SCIM userName (RFC 7643, 4.1.1), which is also the token's `sub` and the storage volume's name."""

AgencyCode = Annotated[str, StringConstraints(strict=True, max_length=32, pattern=_AGENCY)]
"""An agency's key in agencies.yaml, for example `MAMPU`."""

RequestId = Annotated[
    str,
    StringConstraints(pattern=_REQUEST),
]
"""A UUIDv7 (RFC 9562) in lower case."""

DocumentId = Annotated[str, StringConstraints(strict=True, pattern=_DOCUMENT)]
"""The content's own name: `sha256:` and the hash in lower-case hex."""

Bytes = Annotated[int, Field(strict=True, ge=1, le=LARGEST_EXACT_INTEGER)]
"""A size in whole bytes; 0 never means unlimited."""

Moment = AwareDatetime
"""A time with its zone; written in UTC (RFC 3339)."""

Kind = Literal["application", "termination"]
"""SOP 4.1 and 4.2."""

PaperChannel = Literal["memo", "letter", "form"]
ReplyChannel = Literal["email", "memo", "letter", "form"]
"""How a user is told (SOP 4.1.1, step 4)."""

PostedChannel = Literal["email", "memo", "letter", "form"]
"""How a request reaches the administrator (SOP 4.1.1, step 1)."""

Channel = Literal["email", "memo", "letter", "form", "event"]
"""As PostedChannel, or `event`: from another agency's system."""

Role = Literal["applicant", "administrator", "agency_manager", "operator", "auditor", "integrator"]
"""`agency_manager` sets the rules of the agency in the token."""

RequestWarning = Literal[
    "not_registered",
    "not_serving",
    "directory_unavailable",
    "no_active_service",
    "already_active",
    "open_request_exists",
    "agency_unknown",
    "email_differs_from_directory",
    "sender_differs",
    "sender_not_authenticated",
]
"""What a person must weigh before approving; never a silent yes, never an automatic no."""

CharterStep = Literal["decide", "configure", "notify"]
"""The steps for which the client charter promises a time."""

Status = Literal[
    "received",
    "returned",
    "approved",
    "rejected",
    "withdrawn",
    "configuring",
    "awaiting_operator",
    "configured",
    "configuration_failed",
    "notified",
    "filed",
]


class Value(BaseModel):
    """A frozen value at a border: unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Applicant(Value):
    """The person the service is for: serving at a registered agency (SOP 3.0, *Pengguna*)."""

    account: Account
    name: Name
    email: EmailAddress


class NamedApplicant(Applicant):
    """The applicant, as a request that is handed in names one."""

    name: PersonName


class Document(Value):
    """A stored document as a request names it."""

    document_id: DocumentId
    filename: Name
    media_type: str
    size_bytes: int


NotShownReason = Literal["cannot_be_shown", "would_run", "empty", "too_many"]


class NotShown(BaseModel):
    """An attachment that nobody is shown apart: it stands in the message, which is kept whole.

    Attributes:
        filename: as it is called there.
        reason: `cannot_be_shown`: kept as a document, which opens with a program of its own; `would_run`: a
            program, a page or a macro, which is not kept apart; `empty`; `too_many`: beyond those kept.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    filename: str
    reason: NotShownReason


class Submitter(Value):
    """Who handed something in, by the token's `sub` and the role used."""

    subject: str
    role: str


class Officer(Value):
    """Who decided or did something."""

    subject: str
    name: str
    role: str


GONE: Final = "disposed-of"
"""What the record shows in the place of a personal value that was disposed of."""

BY_HAND: Final = frozenset({"worklist"})
"""Connectors that read nothing back: an officer confirms what was set."""
