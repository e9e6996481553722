"""Whether a message holds a filled request, and what it asks for."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile
from typing import Final
from urllib.parse import unquote

from pydantic import ValidationError

from bmt.contracts.events import SubmitRequest
from bmt.contracts.problems import FieldError, faults_in_body
from bmt.contracts.values import Kind, size_in_bytes
from services.intake.channels.doubts import (
    SIZES,
    doubt,
    other_sizes,
    said_of_applicant,
    says_nothing,
    sizes_elsewhere,
)
from services.intake.channels.html_looks import TooComplex
from services.intake.channels.labels import FREE_TEXT, LABELS, Labelled, ends, labelled
from services.intake.channels.media_types import EMAIL
from services.intake.channels.message import UNCLEAR, Decoded, ReadMessage
from services.intake.channels.own_words import own_text
from services.intake.channels.parts import Part
from services.intake.channels.plain_html import text_of
from services.intake.domain.events import Missing

NEEDED: Final = ("kind", "agency", "name", "account", "email", "justification")

_LONGEST_SHOWN: Final = 20_000
"""The characters of a field that are shown; the message has the rest."""
_OF_ONE: Final = ("name", "account", "email")
_LEAST_OF_SEVERAL: Final = 2
_OF_FORM: Final = ("not_an_email_address", "not_an_account", "wrong_form")
"""Codes of values of the wrong kind."""

Meant = dict[str, set[str | int | None]]


@dataclass(frozen=True, slots=True)
class Form:
    """The form that was found in a message, and the request, if it is one.

    Attributes:
        understood: the values by field, as written (the first of several).
        missing: why it is no filled request; empty if it is one.
        filled: all required fields are there, whoever sent the message.
    """

    understood: dict[str, str]
    missing: tuple[Missing, ...]
    request: SubmitRequest | None
    filled: bool = False


def form_of(message: ReadMessage, forms: Iterable[Decoded], agencies: Mapping[str, str]) -> Form:
    """The form in a message's text or among the attached `forms`; `agencies` are as of `readers.codes_of`."""
    labelled = _LabelledValues(agencies)
    labelled.read(message, forms)
    understood = {field: min(values)[:_LONGEST_SHOWN] for field, values in labelled.values.items()}
    if wrong := _why_not_read(message, labelled):
        return Form(understood, _first(message, wrong), None)
    form = _checked(understood, labelled)
    if form.request is not None and (doubts := tuple(_doubts(message, labelled, form.request))):
        form = replace(form, missing=doubts, request=None)
    if not message.automatic:
        return form
    return Form(understood, _first(message, form.missing), None, filled=form.filled)


def _first(message: ReadMessage, wrong: tuple[Missing, ...]) -> tuple[Missing, ...]:
    """For a message from a machine, that alone is the reason."""
    return (_of_message(message.automatic),) if message.automatic else wrong


class _LabelledValues:
    """The labelled values of all parts of a message.

    Attributes:
        values: by field, as written.
        meant: by field, as parsed; None: not understood.
        differing: fields whose values differ between text and HTML.
        unclear: as of `Labelled`.
        uncertain: fields with guessed or unreadable characters.
        is_quoted: text of others has labelled lines.
        too_complex: an HTML part was not read.
        beside: the sender's lines that belong to no label.
    """

    def __init__(self, agencies: Mapping[str, str]) -> None:
        self._readers = readers(agencies)
        self.values: dict[str, set[str]] = {}
        self.meant: Meant = {}
        self.differing: set[str] = set()
        self.unclear: set[str] = set()
        self.uncertain: set[str] = set()
        self.is_quoted = False
        self.too_complex = False
        self.beside: list[str] = []

    def read(self, message: ReadMessage, forms: Iterable[Decoded]) -> None:
        """Text and HTML must agree where both have values; attached forms are added."""
        plain, html = Labelled(), Labelled()
        for text in message.plain:
            plain.add(self._own(text.text, text, message))
        for text in message.html:
            try:
                seen = text_of(text.text)
            except TooComplex:
                self.too_complex = True
            else:
                html.add(self._own(seen, text, message))
        if plain.values and html.values:
            self._compare(plain, html)
        own = html if html.values and not plain.values else plain
        self.beside = [*plain.beside, "", *html.beside]
        for text in forms:
            found = self._certain(labelled(text.text), text)
            own.add(found)
            self.beside += ["", *(found.beside if found.values else ())]
        self._take(own, html)

    def _own(self, text: str, decoded: Decoded, message: ReadMessage) -> Labelled:
        own, has_more = own_text(text, is_answer=message.is_answer)
        found = labelled(own)
        if has_more and not found.values and not self.is_quoted:
            unquoted = "\n".join(line.lstrip("> ") for line in text.split("\n"))
            self.is_quoted = len(labelled(unquoted).values) > 1
        return self._certain(found, decoded)

    def _certain(self, found: Labelled, decoded: Decoded) -> Labelled:
        for field, values in found.values.items():
            if any(
                UNCLEAR in each
                or not (decoded.is_certain or each.isascii())
                or (field != FREE_TEXT and _ESCAPED.search(each))
                for each in values
            ):
                self.uncertain.add(field)
        return found

    def _compare(self, plain: Labelled, html: Labelled) -> None:
        """A field in one part alone differs if the other part is a whole form."""
        for field in LABELS:
            said = [
                _alike(field, self._meanings(field, part.values.get(field, set())))
                for part in (plain, html)
            ]
            if all(said):
                if said[0] != said[1]:
                    self.differing.add(field)
                elif field not in html.unclear:
                    plain.unclear.discard(field)
            elif any(said):
                without = plain if said[1] else html
                if without.values.keys() >= set(NEEDED):
                    self.differing.add(field)

    def _take(self, own: Labelled, html: Labelled) -> None:
        for field in LABELS:
            values = own.values.get(field) or html.values.get(field)
            if not values:
                continue
            self.values[field] = values
            self.meant[field] = self._meanings(field, values)
            source = own if own.values.get(field) else html
            if field in source.unclear and not (field == "kind" and all(map(is_ticked, values))):
                self.unclear.add(field)
        # `Nama penuh: Siti binti Ali` is the name where there is no line `Nama`.
        letter = takewhile(lambda line: not ends(line), self.beside)
        said = [each for each in said_of_applicant(letter) if each[0] not in self.values]
        for field, value in said:
            if field != "name" or " " in value:
                self.values.setdefault(field, set()).add(value)
                self.meant[field] = self._meanings(field, self.values[field])

    def contradicted(self, said: Iterable[tuple[str, str]]) -> tuple[str, ...]:
        """The fields of which another value is said elsewhere."""

        def read(name: str, text: str) -> str:
            return " ".join(str(self._readers[name](text[:LONGEST_READ])).casefold().split())

        other = (
            name
            for name, text in said
            if {read(name, text)} != {read(name, each) for each in self.values[name]}
        )
        return tuple(dict.fromkeys(other))

    def _meanings(self, field: str, values: set[str]) -> set[str | int | None]:
        reader = self._readers[field]
        is_long = field == FREE_TEXT
        return {reader(text) if is_long or len(text) <= LONGEST_READ else None for text in values}


def _alike(field: str, meanings: set[str | int | None]) -> set[str | int | None]:
    """The values without what mail programs change in HTML: spaces, and in free text all but letters."""
    texts = (each for each in meanings if isinstance(each, str))
    if field == FREE_TEXT:
        return {"".join(filter(str.isalnum, LINKED.sub("", each))) for each in texts}
    return meanings - {*texts} | {
        " ".join(each.split()) for each in meanings if isinstance(each, str)
    }


def _why_not_read(message: ReadMessage, labelled: _LabelledValues) -> tuple[Missing, ...]:
    """The one reason why the whole message is no filled form, if there is one."""
    several = [field for field in _OF_ONE if len(labelled.meant.get(field, ())) > 1]
    if message.unreadable:
        return (_of_message(message.unreadable[0]),)
    if not any(labelled.meant.get(field) for field in NEEDED):
        return (_of_message(_why_no_form(message, labelled)),)
    return (_of_message("several_forms"),) if len(several) >= _LEAST_OF_SEVERAL else ()


def _why_no_form(message: ReadMessage, labelled: _LabelledValues) -> str:
    if message.closed:
        return message.closed[0]
    if labelled.too_complex:
        return "html_too_complex"
    if labelled.is_quoted:
        return "form_quoted"
    if any(part.declared_type == EMAIL for part in message.attachments):
        return "form_attached"
    return "form_may_be_attached" if any(map(_may_be_form, message.attachments)) else "no_form"


def _may_be_form(part: Part) -> bool:
    """Whether people fill in forms in such a file: no signature, invitation or card."""
    kind = part.declared_type
    is_of_mail = kind.endswith(("pkcs7-signature", "pgp-signature", "calendar", "vcard"))
    return bool(part.content) and not is_of_mail


def _of_message(code: str) -> Missing:
    return Missing.of("message", code)


def _incomplete(labelled: _LabelledValues) -> Iterable[Missing]:
    asks_sizes = labelled.meant.get("kind") != {"termination"}
    for field in (*NEEDED, *(SIZES if asks_sizes else ())):
        values = labelled.meant.get(field, set())
        if field in labelled.differing:
            yield _of_field(field, "line_differs")
        elif not values and field in NEEDED:
            yield _of_field(field, "line_missing")
        elif len(values) > 1:
            yield _of_field(field, "line_twice")
        elif field in labelled.unclear:
            yield _of_field(field, "line_goes_on")
        elif None in values:
            yield _of_field(field, "line_not_understood")
        elif field in labelled.uncertain:
            yield _of_field(field, "line_uncertain")


def _doubts(
    message: ReadMessage, labelled: _LabelledValues, request: SubmitRequest
) -> Iterable[Missing]:
    """Why a person reads a complete form before it is registered."""
    why = doubt(
        message.subject,
        labelled.beside,
        request.justification,
        kind=request.kind,
        is_answer=message.is_answer,
    )
    if why:
        yield _of_field("kind", why) if why == "line_contradicted" else _of_message(why)
    words = (*labelled.beside, *request.justification.split("\n"))
    for field in labelled.contradicted(said_of_applicant(words)):
        yield _of_field(field, "line_twice")
    if request.kind == "application":
        elsewhere = sizes_elsewhere(words) - labelled.values.keys()
        for field in sorted(elsewhere):
            yield _of_field(field, "size_elsewhere")
        asked = {request.quota_bytes, request.max_file_size_bytes}
        if not (why or elsewhere) and other_sizes(labelled.beside, asked):
            yield _of_message("words_beside_form")


def _of_field(field: str, code: str) -> Missing:
    return Missing.of(field, code, label=" / ".join(LABELS[field][:2]).capitalize())


def _checked(understood: dict[str, str], labelled: _LabelledValues) -> Form:
    """The request, validated as the body of `POST /v1/requests`; all that hinders it is named at once."""
    missing = tuple(_incomplete(labelled))
    named = {each.field for each in missing}
    values = {
        field: next(iter(each)) for field, each in labelled.meant.items() if field not in named
    }
    sizes = SIZES if values.get("kind") == "application" else ()
    body = {name: values.get(name) for name in ("kind", "agency", "justification", *sizes)}
    applicant = {name: values.get(name) for name in ("account", "name", "email")}
    asked = {**body, "applicant": applicant, "channel": "email"}
    try:
        request = SubmitRequest.model_validate(asked)
    except ValidationError as error:
        wrong = map(_wrong, faults_in_body(error, asked))
        missing += tuple(each for each in wrong if each.field not in named)
    if missing:
        return Form(understood, missing, None)
    return Form(understood, (), request, filled=True)


def _wrong(error: FieldError) -> Missing:
    """A value of the wrong kind names its label; other faults keep their own sentence."""
    field = error.pointer.rpartition("/")[2]
    return (
        _of_field(field, "line_not_understood") if error.code in _OF_FORM else Missing.wrong(error)
    )


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
_OF_THE_SERVICE: Final = re.compile(
    r"\b(?:(?:of|for) (?:the )?)?(?:perkhidmatan|service|bmt|big mail transfer)\b|(?<=\w) [-–](?= )"
)
LONGEST_READ: Final = 2000
"""The characters of a one-line field: an address of 254 may occur three times, linked."""
LINKED: Final = re.compile(r"[<\[](?:mailto:|https?://)[^<>\[\]]*+[>\]]", re.IGNORECASE)
_IN_BRACKETS: Final = re.compile(r"[^<>]*+<([^<>\s]++)>")
_ESCAPED: Final = re.compile(r"(?:=[0-9A-F]{2}){2}|(?:%[0-9A-F]{2}){2}", re.IGNORECASE)
"""Letters in quoted-printable, or as in a web address, that some program left so: `Jos=C3=A9`."""
_PLACEHOLDER: Final = re.compile(r"\[.*\]|<.*>|\{.*\}|\(.*\)", re.DOTALL)
_WHOLE_ADDRESS: Final = re.compile(r"[^\s@.]+(?:\.[^\s@.]+)*@(?:[^\s@.]+\.)+[^\s@.]{2,}")
_AN_ADDRESS: Final = re.compile(r"[^\s@]++@[^\s@]++")
_MAILTO: Final = re.compile(r"[<\[]mailto:([^<>\[\]?]*+)[^<>\[\]]*+[>\]]", re.IGNORECASE)
_NOTHING: Final = frozenset(
    ["tiada", "tidak ada", "tak ada", "belum ada", "tidak berkenaan", "tidak berkaitan", "nil", "none", "n/a", "na", "tba",
     "sama", "sama seperti di atas", "seperti di atas", "sda", "same", "same as above", "as above",
     "baru", "baharu", "new", "saya", "saya sendiri", "pemohon", "me", "myself", "-", "x", "xx", "xxx", "xxxx", "lupa", "test", "testing", "ujian", "admin", "pending", "tbc", "abc", "nama saya"]
)  # fmt: skip
"""What people write where they have nothing to write, or would repeat a line."""
_LONGEST_NAME: Final = 200
_SEVERAL_NAMES: Final = re.compile(
    r"\b1[.)]\s.{1,200}\b2[.)]\s|;"
    r"|\b(?:bin|binti|bt|a/l|a/p|s/o|d/o)\b.{1,150}(?:,|&|\bdan\b|\band\b|\s/\s).{1,150}\b(?:bin|binti|bt|a/l|a/p|s/o|d/o)\s"
    r"|\s[&+]\s|(?-i:\s(?:dan|and|serta|DAN|AND|SERTA)\s)|\w\w\s?/\s?\w\w"
    r"|\b(?:bagi pihak|b\s?/\s?p|on behalf of|lain-lain|dll|dkk|et al|wakil|semua|kumpulan|[0-9]{1,3} orang)\b|\b[bp]\.\s?p\.",
    re.IGNORECASE,
)
"""Also one who signs for another."""
_ELSEWHERE: Final = re.compile(
    r"\b(?:di)?(?:lampir|kepil)(?:an|kan)\b|\b(?:senarai|rujuk|seperti|attached|attachment|enclosed)\b",
    re.IGNORECASE,
)
"""No name: it says where the name stands."""
_AN_OFFICE: Final = re.compile(
    r"(?:unit|bahagian|seksyen|jabatan|pejabat|cawangan|kementerian|agensi|ketua|pengarah|timbalan|penolong|pegawai|setiausaha|pentadbir"
    r"|urus ?setia|pemangku|pembantu|juruteknik|jurutera|akauntan|kerani|kaunter|meja|pasukan|tetuan|syarikat|department|division|office|director|team|head of)\b.*|.*\b(?:sdn\.? bhd|berhad|bhd)\b.*",
    re.IGNORECASE,
)
"""An office, a post or a company, which is nobody's name."""


def _agency(agencies: Mapping[str, str], text: str) -> str | None:
    """The code of an agency that is named by its code, its name, or both: `Jabatan Perkhidmatan Awam (JPA)`."""
    name, _, aside = text.removesuffix(".").partition("(")
    named = {
        agencies.get(each.strip().casefold()) for each in (name, *aside.split(")")) if each.strip()
    }
    return named.pop() if len(named) == 1 else None


def readers(agencies: Mapping[str, str]) -> Mapping[str, Reader]:
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
    words = (_OF_THE_SERVICE.sub("", word).strip(" -–") for word in bare.split("/"))
    kinds = {KINDS.get(" ".join(word.split())) for word in words if word}
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
    is_none = _says_nothing(text) or _AN_ADDRESS.fullmatch(text) or not any(map(str.isalpha, text))
    short = text[:_LONGEST_NAME]
    is_other = (
        _SEVERAL_NAMES.search(short) or _ELSEWHERE.search(short) or _AN_OFFICE.fullmatch(short)
    )
    return None if is_none or is_other else text


def _justification(text: str) -> str | None:
    return None if _says_nothing(text) or says_nothing(text) else text


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
    is_broken = "@" in bare and not _WHOLE_ADDRESS.fullmatch(bare)
    return None if is_broken or _says_nothing(bare) else bare
