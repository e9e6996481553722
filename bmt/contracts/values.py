"""The values that requests, events and answers are made of, each refusing what it cannot be.

Visible Unicode is kept byte for byte. Control characters are refused everywhere (line breaks and tabs
are allowed in free text); bidirectional controls and zero-width characters are refused in names,
where they would let one name look like another.
"""

import hmac
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar, dataclass_transform

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from bmt.contracts.faults import wrong

# What can be drawn on paper: the letters and signs that the fonts of the press have, and emoji apart. `drawn.txt` lists
# them, as ranges of code points; a test compares it with the fonts. It stands here, not in the press: a name that no
# paper can show is refused where it comes in.

TABLE: Final = Path(__file__).with_name("drawn.txt")


def is_text(character: str) -> bool:
    """Whether a font draws it, and it is no emoji."""
    return character.isascii() or _holds("text", character)


def is_emoji(character: str) -> bool:
    """Whether it is a picture (UTS #51): the emoji font draws it, as a text none would."""
    return _holds("emoji", character)


def _holds(kind: Literal["text", "emoji"], character: str) -> bool:
    firsts, lasts = _ranges(kind)
    place = bisect_right(firsts, ord(character)) - 1
    return place >= 0 and ord(character) <= lasts[place]


@cache
def _ranges(kind: Literal["text", "emoji"]) -> tuple[Sequence[int], Sequence[int]]:
    lines = (line.split() for line in TABLE.read_text().splitlines())
    ranges = [each.split("-") for of, *each_of in lines if of == kind for each in each_of]
    return [int(each[0], 16) for each in ranges], [int(each[-1], 16) for each in ranges]


T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def immutable(cls: type[T]) -> type[T]:
    """A dataclass with slots whose fields nobody sets anew: mypy refuses it, the interpreter does not.

    `frozen=True` would make each one cost four times as much, and there are some twenty at every event of every service.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)


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


def _no_full_stop(account: str) -> str:
    if account.endswith("."):
        raise wrong("not_an_account")
    return account


class NamedApplicant(Applicant):
    """The applicant, as a request that is handed in names one."""

    account: Annotated[Account, AfterValidator(_no_full_stop)]
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


# Sizes as people write them: `10 GB`, `1.5 GiB`, `1,5 GB`, `10,000 MB`, `20 gigabait`. A point or a comma sets thousands apart
# in one country and begins a fraction in the next. Where both readings make sense, and differ, none is chosen: a person asks.

_NAMES: Final = {
    "": ("b", "byte", "bytes", "bait"),
    "k": ("kb", "k", "kilobyte", "kilobytes", "kilobait"),
    "m": ("mb", "m", "mega", "megabyte", "megabytes", "megabait"),
    "g": ("gb", "g", "gig", "giga", "gigabyte", "gigabytes", "gigabait"),
    "t": ("tb", "t", "tera", "terabyte", "terabytes", "terabait"),
}
_BINARY: Final = {
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
    "kibibyte": 2**10, "mebibyte": 2**20, "gibibyte": 2**30, "tebibyte": 2**40,
    "kibibytes": 2**10, "mebibytes": 2**20, "gibibytes": 2**30, "tebibytes": 2**40,
}  # fmt: skip
_UNITS: Final = _BINARY | {
    name: 1000**power for power, names in enumerate(_NAMES.values()) for name in names
}
"""2 GB is 2 * 10^9 bytes, as everywhere in this project; GiB is 2^30."""

_LEAST_WITHOUT_UNIT: Final = 10**6
"""`Kuota: 20` is not 20 bytes; what is written to the byte has many digits."""

_SIZE: Final = re.compile(
    r"(?:(?:(?:se)?hingga|maks(?:imum)?|max(?:imum)?|up to|tidak melebihi|not more than)\s{0,3})?([0-9][0-9., ]{0,30})\s{0,3}([a-z]{0,12})(?: (?:sahaja|only))?[.,;]?",
    re.IGNORECASE,
)
_GROUP: Final = "[1-9][0-9]{0,2}"
_MEANT: Final = re.compile(
    rf"""(?P<whole> [0-9]+ | {_GROUP}(?:,[0-9]{{3}})+ | {_GROUP}(?:[ ][0-9]{{3}})+ | {_GROUP}(?:\.[0-9]{{3}}){{2,}} )
      | (?P<point>
            0+\.[0-9]{{1,9}}                      # 0.500
          | [0-9]{{4,}}\.[0-9]{{1,9}}              # 1500.250
          | [0-9]+\.(?:[0-9]{{1,2}}|[0-9]{{4,9}})  # 1.5, but not 1.500
          | {_GROUP}(?:,[0-9]{{3}})+\.[0-9]{{1,9}} # 1,500.25
          | {_GROUP}(?:[ ][0-9]{{3}})+\.[0-9]{{1,9}} )
      | (?P<comma>
            0+,[0-9]{{1,9}}                       # 0,500
          | [0-9]+,[0-9]{{1,2}}                   # 1,5, but 1,500 is grouped
          | {_GROUP}(?:\.[0-9]{{3}})+,[0-9]{{1,2}} # 1.500,25
          | {_GROUP}(?:[ ][0-9]{{3}})+,[0-9]{{1,9}} )
    """,
    re.VERBOSE,
)
"""What the digits and signs of a number can mean in one way alone; `1.500` is not among them."""

_BYTES_A_GIGABYTE: Final = 10**9
_DIGITS_OF_A_GROUP: Final = 3

_FULL_WIDTH: Final = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)} | dict.fromkeys(
    (0x3000, 0xA0, 0x2009, 0x202F), " "
)
"""Letters, digits and signs of East Asian keyboards, and spaces that do not break.

Nothing else is made plainer than it is: `10⁹` is not 109.
"""


def size_in_bytes(text: str, *, unit: str = "") -> int | None:
    """The whole bytes that `text` says; None when it says none, or could mean several things.

    `unit` is that of a number without one; empty: it is bytes, and where so few make no sense, nothing.
    """
    match = _SIZE.fullmatch(text.translate(_FULL_WIDTH).strip())
    if match is None:
        return None
    named = (match[2] or unit).lower()
    number, factor = _number(match[1].strip()), _UNITS.get(named, 1)
    if number is None or (named and named not in _UNITS):
        return None
    size = number * factor
    if size != size.to_integral_value() or not 1 <= size <= LARGEST_EXACT_INTEGER:
        return None
    return int(size) if named or size >= _LEAST_WITHOUT_UNIT else None


def in_gigabytes(size_bytes: int | None) -> str:
    """The size as people type it, in gigabytes, which `size_in_bytes` reads."""
    if size_bytes is None:
        return ""
    whole, part = divmod(size_bytes, _BYTES_A_GIGABYTE)
    decimals = f"{part:09}".rstrip("0")
    # Three digits after a point could be a thousands group, so 1.234 is written 1.2340.
    if whole and len(decimals) == _DIGITS_OF_A_GROUP:
        decimals += "0"
    return f"{whole}.{decimals}".rstrip(".")


def _number(written: str) -> Decimal | None:
    """The one number that is meant; None where there are several, or none."""
    meant = _MEANT.fullmatch(written)
    if meant is None:
        return None
    if meant["comma"]:
        whole, _, part = written.partition(",")
    elif meant["point"]:
        whole, _, part = written.partition(".")
    else:
        whole, part = written, "0"
    return Decimal(re.sub(r"[., ]", "", whole) + "." + part)


# A request's reference as people type it. `BMT-MAMPU-2026-7K3QF9ZT` is meant by `bmt mampu 2026 7k3q f9zt`,
# `BMTMAMPU20267K3QF9ZT`, full-width digits, other dashes, O for 0, I or l for 1, and by all of these between other words
# (`No. rujukan: …`). Its last characters are Crockford's base 32: what people read aloud and type, without I, L, O and U.

NUMBER_CHARACTERS: Final = 8
"""Of the number at its end, in Crockford's base 32."""
LONGEST_READ: Final = 1000
"""Characters of a text that are looked through."""

_UNSEEN: Final = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_DASHES: Final = re.compile(r"[\u2010-\u2015\u2212\ufe58\u30fc]")
_APART: Final = r"[\s._/:-]{0,3}"
_TYPED: Final = re.compile(
    rf"(?<![A-Z0-9])BMT{_APART}(?P<agency>[A-Z][A-Z0-9_ -]{{0,31}}?){_APART}(?P<year>2[0O][0-9OIL]{{2}}){_APART}"
    rf"(?P<number>(?:[0-9A-TV-Z]{_APART}){{{NUMBER_CHARACTERS - 1}}}[0-9A-TV-Z])(?![A-Z0-9])"
)
_NO_LETTER: Final = re.compile(r"[^A-Z0-9]")


def read_reference(typed: str, agencies: Iterable[str] = ()) -> str | None:
    """The first reference that stands in a text; None: there is none.

    Where `agencies` (codes) are given, one of them is meant, though O and 0, or I, l and 1, are taken for each other
    in it, or its dashes are left out.
    """
    plain = _UNSEEN.sub("", unicodedata.normalize("NFKC", typed[:LONGEST_READ]))
    found = _TYPED.search(_DASHES.sub("-", plain).upper())
    if found is None:
        return None
    number = _NO_LETTER.sub("", as_crockford(found["number"]))
    return f"BMT-{_agency(found['agency'], agencies)}-{as_crockford(found['year'])}-{number}"


def _agency(typed: str, agencies: Iterable[str]) -> str:
    bare = typed.strip(" -_")
    like = [code for code in agencies if _alike(code) == _alike(bare)]
    return bare if bare in like or len(like) != 1 else like[0]


def _alike(agency: str) -> str:
    return _NO_LETTER.sub("", as_crockford(agency))


ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
BITS: Final = 5
"""Of each character."""

_MEANT_BY: Final = str.maketrans({"O": "0", "I": "1", "L": "1"})


def in_crockford(number: int, characters: int) -> str:
    """The lowest bits of a number, `BITS` a character, the highest first."""
    places = range(BITS * (characters - 1), -1, -BITS)
    return "".join([ALPHABET[number >> place & 31] for place in places])


def as_crockford(typed: str) -> str:
    """The code behind a typed text: small or full-width letters, O for 0, I and L for 1."""
    return unicodedata.normalize("NFKC", typed).upper().translate(_MEANT_BY)


# The code that shows one request's status to an applicant without an account. It is sent once, and stored nowhere. The
# sending and the checking service derive it from a shared key. It is in no event.

CODE_CHARACTERS: Final = 12
"""60 bits: a thousand guesses a second succeed once in some ten million years."""
SHORTEST_KEY: Final = 32
"""Characters of a key."""

_PURPOSE: Final = b"my.gov.bmt.status-code.v1\x00"
"""Separates this use of the key from any other that it may ever get."""
_DIGEST_BITS: Final = 256
_IN_A_GROUP: Final = 4
_AMONG_WORDS: Final = re.compile(
    r"(?<![0-9A-Z])[0-9A-TV-Z]{4}([\s\W_]{0,3})[0-9A-TV-Z]{4}\1[0-9A-TV-Z]{4}(?![0-9A-Z])"
)


def status_code(key: str, request_id: str) -> str:
    """The code of a request: `7K3QF9ZT0ABC`."""
    digest = int.from_bytes(hmac.digest(key.encode(), _PURPOSE + request_id.encode(), "sha256"))
    return in_crockford(digest >> _DIGEST_BITS - BITS * CODE_CHARACTERS, CODE_CHARACTERS)


def in_groups(code: str) -> str:
    """As it is told: `7K3Q-F9ZT-0ABC`."""
    return "-".join(code[place : place + _IN_A_GROUP] for place in range(0, len(code), _IN_A_GROUP))


def as_meant(typed: str) -> str:
    """The code that somebody means who types it with spaces, hyphens, small letters, O for 0 or I for 1.

    Between other words (`Kod semakan: …`) it is the one that stands there in its groups, or as one word.
    """
    plain = as_crockford(typed)
    found = _AMONG_WORDS.search(plain)
    return "".join(filter(str.isalnum, found[0] if found else plain))


def is_same_code(code: str, typed: str) -> bool:
    """Whether this is the code that was typed; takes as long for one that is nearly right."""
    return hmac.compare_digest(code.encode(), as_meant(typed).encode(errors="replace"))
