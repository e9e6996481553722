"""What the value behind a label means: a kind, an agency, a person, an address, a size.

A reader returns None for what is not understood, or could mean several things: then a person reads it.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final
from urllib.parse import unquote

from bmt.agencies.register import Agencies
from bmt.contracts.values import Kind, size_in_bytes
from services.intake.channels.labels import FREE_TEXT

Reader = Callable[[str], str | int | None]

KINDS: Final[Mapping[str, Kind]] = {
    "permohonan": "application",
    "permohonan baharu": "application",
    "permohonan baru": "application",
    "application": "application",
    "new application": "application",
    "penamatan": "termination",
    "termination": "termination",
}
LONGEST_READ: Final = 2000
"""The characters of a one-line field: an address of 254 may occur three times, linked."""
LINKED: Final = re.compile(r"[<\[](?:mailto:|https?://)[^<>\[\]]*+[>\]]", re.IGNORECASE)
_IN_BRACKETS: Final = re.compile(r"[^<>]*+<([^<>\s]++)>")
_PLACEHOLDER: Final = re.compile(r"\[.*\]|<.*>|\{.*\}|\(.*\)", re.DOTALL)
_AN_ADDRESS: Final = re.compile(r"[^\s@]++@[^\s@]++")
_MAILTO: Final = re.compile(r"[<\[]mailto:([^<>\[\]?]*+)[^<>\[\]]*+[>\]]", re.IGNORECASE)
_NOTHING: Final = frozenset(
    ["tiada", "tidak ada", "tak ada", "belum ada", "tidak berkenaan", "tidak berkaitan", "nil", "none", "n/a", "na", "tba",
     "sama", "sama seperti di atas", "seperti di atas", "sda", "same", "same as above", "as above",
     "baru", "baharu", "new", "-", "x", "xx", "xxx"]
)  # fmt: skip
"""What people write where they have nothing to write, or would repeat a line."""
_LONGEST_NAME: Final = 200
_SEVERAL_NAMES: Final = re.compile(
    r"\b1[.)]\s.{1,200}\b2[.)]\s|;"
    r"|\b(?:bin|binti|bt|a/l|a/p|s/o|d/o)\b.{1,150}(?:,|&|\bdan\b|\band\b|\s/\s).{1,150}\b(?:bin|binti|bt|a/l|a/p|s/o|d/o)\s",
    re.IGNORECASE,
)


def codes_of(agencies: Agencies) -> dict[str, str]:
    """The agencies' codes, by code and by name, both in lower case."""
    codes = {agency.rules.name.casefold(): agency.code for agency in agencies}
    return codes | {agency.code.casefold(): agency.code for agency in agencies}


def _agency(agencies: Mapping[str, str], text: str) -> str | None:
    """The code of an agency that is named by its code, its name, or both: `Jabatan Perkhidmatan Awam (JPA)`."""
    name, _, aside = text.removesuffix(".").partition("(")
    named = {
        agencies.get(each.strip().casefold()) for each in (name, *aside.split(")")) if each.strip()
    }
    return named.pop() if len(named) == 1 else None


def readers(agencies: Mapping[str, str]) -> Mapping[str, Reader]:
    """The reader of each field; `agencies` are as of `codes_of`."""
    return {
        "kind": _kind,
        "agency": partial(_agency, agencies),
        "name": _name,
        "account": _address,
        "email": _address,
        FREE_TEXT: _justification,
        "quota_bytes": size_in_bytes,
        "max_file_size_bytes": size_in_bytes,
    }


_TICKED: Final = re.compile(r"\[\s?[x✓✔√/v]\s?\]|\(\s?[x✓✔√/v]\s?\)|[☑☒✓✔√✅🗹🗷]", re.IGNORECASE)
_UNTICKED: Final = re.compile(r"\[\s{0,9}\]|\(\s{0,9}\)|[☐□▢◻⬜]")
_BOX: Final = re.compile(rf"{_TICKED.pattern}|{_UNTICKED.pattern}", re.IGNORECASE)
_NEGATIONS: Final = {"bukan", "tidak", "not", "no"}
_CHOICES: Final = re.compile(
    rf"({_TICKED.pattern})|({_UNTICKED.pattern})|([a-z ]+)|.", re.IGNORECASE
)


def _kind(text: str) -> Kind | None:
    """`permohonan`, `application`, or both on one line; a deleted alternative leaves only the stroke."""
    bare = text.casefold().removesuffix(".")
    if is_ticked(bare):
        return _chosen(bare)
    words = (word.strip() for word in bare.split("/"))
    kinds = {KINDS.get(word) for word in words if word}
    return kinds.pop() if len(kinds) == 1 else None


def proposed_kind(text: str) -> Kind | None:
    """The kind that a person is shown first: also of words that are not understood, such as `penamatan akaun BMT`."""
    understood = _kind(text)
    words = set(re.findall("[a-z]+", text[:LONGEST_READ].casefold()))
    named = {KINDS[word] for word in words & KINDS.keys()}
    if understood is None and (len(named) != 1 or words & _NEGATIONS or _BOX.search(text)):
        return None
    return understood or named.pop()


def is_ticked(text: str) -> bool:
    """Whether it is a list of choices of which some are ticked."""
    return _TICKED.search(text) is not None


def _chosen(text: str) -> Kind | None:
    """The one kind that is ticked in `[x] permohonan [ ] penamatan`; each kind has its box, before or behind it."""
    boxes: list[bool] = []
    kinds: list[Kind] = []
    begins_with_box = False
    for ticked, unticked, words in _CHOICES.findall(text):
        if ticked or unticked:
            begins_with_box = begins_with_box or not kinds
            boxes.append(bool(ticked))
        elif word := words.strip():
            if (kind := KINDS.get(word)) is None:
                return None
            # `permohonan / application` is one choice, with one box.
            if not kinds or kinds[-1] != kind or len(boxes) >= len(kinds) + begins_with_box:
                kinds.append(kind)
    chosen = {kind for kind, box in zip(kinds, boxes, strict=False) if box}
    return chosen.pop() if len(boxes) == len(kinds) and len(chosen) == 1 else None


def _name(text: str) -> str | None:
    """One person's name, but no placeholder such as `[nama penuh]`, and no address."""
    is_none = _says_nothing(text) or _AN_ADDRESS.fullmatch(text)
    return None if is_none or _SEVERAL_NAMES.search(text[:_LONGEST_NAME]) else text


def _justification(text: str) -> str | None:
    return None if _says_nothing(text) else text


def _says_nothing(text: str) -> bool:
    short = text[:LONGEST_READ]
    is_placeholder = _PLACEHOLDER.fullmatch(short) and len(short) == len(text)
    return bool(is_placeholder) or short.casefold().rstrip(".") in _NOTHING


def _address(text: str) -> str | None:
    """The bare address; mail programs turn addresses into links. None: two addresses, or a word such as `tiada`."""
    bare = LINKED.sub("", text).strip().removeprefix("mailto:").rstrip(".,;")
    if match := _IN_BRACKETS.fullmatch(bare):
        named, bare = bare.partition("<")[0].strip(" \"'"), match[1]
        if "@" in named and named.casefold() != bare.casefold():
            return None
    linked = (unquote(each).strip().casefold() for each in _MAILTO.findall(text))
    if bare and any(each not in ("", bare.casefold()) for each in linked):
        return None
    return None if _says_nothing(bare) else bare
