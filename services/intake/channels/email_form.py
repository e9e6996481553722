"""Whether a message holds a filled request, and what it asks for."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from pydantic import ValidationError

from bmt.contracts.events import SubmitRequest
from bmt.contracts.problems import FieldError, faults_in_body
from services.intake.channels.beside_form import SIZES, doubt, sizes_elsewhere
from services.intake.channels.character_sets import UNCLEAR, Decoded
from services.intake.channels.enclosed import Part
from services.intake.channels.field_values import LINKED, LONGEST_READ, is_ticked, readers
from services.intake.channels.html_looks import TooComplex
from services.intake.channels.labels import FREE_TEXT, LABELS, Labelled, is_label, labelled
from services.intake.channels.media_types import EMAIL
from services.intake.channels.message import ReadMessage
from services.intake.channels.plain_html import MARK, text_of
from services.intake.domain.events import Missing

_NAMES: Final = {
    "from": (
        *("from", "daripada", "dari", "pengirim", "发件人", "寄件者", "寄件人", "von", "de", "van"),
        *("från", "da", "fra", "от", "от кого", "差出人", "보낸 사람", "அனுப்புநர்"),
    ),
    "sent": (
        *("sent", "date", "dihantar", "dihantar pada", "dikirim", "tarikh", "tanggal", "发送时间"),
        *("日期", "傳送時間", "寄件日期", "gesendet", "datum", "envoyé", "enviado", "fecha", "送信日時"),
        *("отправлено", "verzonden", "skickat", "inviato", "받는 날짜", "보낸 날짜", "发送日期"),
    ),
    "to": ("to", "kepada", "ke", "untuk", "penerima", "收件人", "收件者", "an", "à", "para", "aan", "till", "кому", "宛先"),
    "cc": ("cc", "bcc", "sk", "s.k", "salinan", "salinan kepada", "抄送", "副本", "kopie", "копия"),
    "subject": (
        *("subject", "subjek", "perkara", "tajuk", "主题", "主旨", "主題", "标题", "betreff", "objet"),
        *("asunto", "onderwerp", "ämne", "oggetto", "тема", "件名", "제목"),
    ),
}  # fmt: skip
"""The header fields of an answered message, as mail programs write them in these languages."""
_KIND_OF: Final = {name: kind for kind, names in _NAMES.items() for name in names}
_FIELD: Final = re.compile(r"([^:：]{1,40})[:：](.*)")
_MOST_BETWEEN: Final = 12
"""The longest header in lines: addresses may take several."""
_LEAST_FIELDS: Final = 3

_DIVIDER: Final = re.compile(
    r"[-_=*\s>]{2,100}(?:original (?:message|appointment)|mesej asal|e-?mel asal|pesan asli|forwarded (?:message|by)|"
    r"mesej (?:yang )?dimajukan|mesej dipanjangkan|pesan (?:yang )?diteruskan|repl(?:y|ied) message|reply above|"
    r"ursprüngliche nachricht|message d'origine|原始邮件|转发邮件|原始郵件)\b.{0,200}"
    r"|begin forwarded message:?|mula(?:kan)? mesej (?:yang )?dimajukan:?"
    r"|.{0,80}\b(?:above this line|di atas (?:baris|garisan) ini)\b.{0,120}",
    re.IGNORECASE,
)
"""Also the line above which ticket systems want the answer."""
_WROTE: Final = re.compile(
    r".{0,400}\b(?:wrote|writes|menulis|tulis|telah menulis|berkata|said|a écrit|schrieb|escribió|escreveu|schreef|skrev|написал)\s{0,3}[:：]"
    r"|.{0,400}(?:写道|寫道|написал\(а\)|のメール)\s{0,3}[:：]"
    r"|(?:am|op) .{1,400}(?:schrieb|geschreven|schreef).{0,200}:",
    re.IGNORECASE,
)
_BETWEEN_DASHES: Final = re.compile(r"-{2,20}\s(.{1,400}?)\s-{2,20}")
"""Zoho ends `On …, somebody wrote` with dashes, without a colon."""
_QUOTING: Final = re.compile(
    r"(?:quoting|memetik|mengutip|zitat von|citando) .{1,300}[:：]"
    r"|>{3}\s.{1,300}\s>{3}",
    re.IGNORECASE,
)
"""How Horde and GroupWise begin a quotation; GroupWise's line has marks on both sides."""
_SOMEBODY: Final = re.compile(r"[<\[(](?:mailto:)?[^\s<>\[\]()@]{1,64}@[^\s<>\[\]()@]{1,190}[>\])]")
_WHEN: Final = re.compile(r"\b\d{1,2}[:.]\d{2}\b|\b20\d\d\b")
_BEGINS: Final = re.compile(r"(?:on|pada|am|le|el|op|em|den|在|于)\b", re.IGNORECASE)
_MOST_WRAPPED: Final = 4
"""The longest `On …, somebody wrote:` in lines."""
_TELLING: Final = re.compile(r"@|\b\d{1,2}[:.]\d{2}\b")
"""An address or a time of day."""
_LONGEST_LINE: Final = 1000


@dataclass(frozen=True, slots=True)
class OwnText:
    """The writer's own text of a message; `has_more`: the message has text of others, too."""

    text: str
    has_more: bool


def own_text(text: str, *, is_answer: bool = False) -> OwnText:
    """The writer's own text; `is_answer`: the message states that it answers another one.

    Lines with `>` are somebody else's. So is everything after the header of an answered message, and after
    `somebody wrote:`, unless only lines with `>` follow it.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    own: list[str] = []
    has_more = False
    place = 0
    while place < len(lines):
        bare = _bare(lines[place])
        if bare.startswith((">", "&gt;")) and not _QUOTING.fullmatch(bare):
            has_more, place = True, place + 1
        elif (
            bare == MARK
            or _DIVIDER.fullmatch(bare)
            or _is_header(lines, place, is_answer=is_answer)
        ):
            return OwnText("\n".join(own), has_more=True)
        elif wrapped := _attribution(lines, place):
            has_more, place = True, place + wrapped
            if not _is_quoted_below(lines, place):
                return OwnText("\n".join(own), has_more=True)
        else:
            own.append(lines[place])
            place += 1
    return OwnText("\n".join(own), has_more)


def _bare(line: str) -> str:
    return line[:_LONGEST_LINE].strip(" \t*\N{NO-BREAK SPACE}\N{ZERO WIDTH SPACE}\ufeff")


def _is_header(lines: list[str], place: int, *, is_answer: bool) -> bool:
    """Whether the header of an answered message begins here: From comes first.

    In an answer, any three fields are a header if one has an address or a time.
    """
    if is_answer and _is_header_of_notes(lines, place):
        return True
    first = _field(lines[place])
    if first is None or (first[0] != "from" and (not is_answer or is_label(lines[place]))):
        return False
    if not is_answer and _is_memo(lines, place):
        return False
    fields = []
    for line in lines[place : place + _MOST_BETWEEN]:
        if is_label(line):
            break
        if found := _field(line):
            fields.append(found)
    others = {kind for kind, _ in fields} - {"from", ""}
    if first[0] == "from":
        return len(others) >= (1 if is_answer else 2)
    telling = any(_TELLING.search(value) for _, value in fields)
    return len(fields) >= _LEAST_FIELDS and telling


def _is_header_of_notes(lines: list[str], place: int) -> bool:
    """Whether To and Subject stand alone on their lines, above their values, as Notes writes them."""

    def kind(line: str) -> str:
        return _KIND_OF.get(_bare(line).lower(), "")

    if kind(lines[place]) != "to":
        return False
    return any(kind(line) == "subject" for line in lines[place + 1 : place + _MOST_BETWEEN])


def _is_memo(lines: list[str], place: int) -> bool:
    """Whether To came before From: memos begin so, and no mail program's header does."""
    before = (found for line in lines[max(place - 2, 0) : place] if (found := _field(line)))
    return any(kind == "to" for kind, _ in before)


def _field(line: str) -> tuple[str, str] | None:
    """The kind of a header field (empty if unknown), and its value."""
    match = _FIELD.fullmatch(_bare(line).replace("*", ""))
    return (_KIND_OF.get(match[1].strip().lower(), ""), match[2]) if match else None


def _attribution(lines: list[str], place: int) -> int:
    """The number of lines of `On …, somebody wrote:` that begins here, or 0."""
    joined = _bare(lines[place])
    if dashed := _BETWEEN_DASHES.fullmatch(joined):
        joined = f"{dashed[1].rstrip(':')}:"
    if _QUOTING.fullmatch(joined):
        return 1
    if joined.endswith((":", "：")) and (_WROTE.fullmatch(joined) or _names_both(joined)):
        return 1
    if not _BEGINS.match(joined):
        return 0
    for number, line in enumerate(lines[place + 1 : place + _MOST_WRAPPED], start=2):
        if not (more := _bare(line)):
            return 0
        joined = f"{joined} {more}"
        if more.endswith((":", "：")):
            joined = joined[:_LONGEST_LINE]
            return number if _WROTE.fullmatch(joined) or _names_both(joined) else 0
    return 0


def _names_both(line: str) -> bool:
    """Whether it has an address and a time: with a colon, that is an attribution in any language."""
    return bool(_SOMEBODY.search(line) and _WHEN.search(line)) and not is_label(line)


def _is_quoted_below(lines: list[str], place: int) -> bool:
    """Whether the next line with text begins with `>`."""
    following = (_bare(line) for line in lines[place : place + _MOST_BETWEEN])
    return next((line for line in following if line), ">").startswith(">")


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
    """The form that was found in a message.

    Attributes:
        understood: the values by field, as written (the first of several).
        missing: why it is no filled request; empty if it is one.
        request: the request, if it is one.
        filled: all required fields are there, whoever sent the message.
    """

    understood: dict[str, str]
    missing: tuple[Missing, ...]
    request: SubmitRequest | None
    filled: bool = False


def form_of(message: ReadMessage, forms: Iterable[Decoded], agencies: Mapping[str, str]) -> Form:
    """The form in a message's text or among the attached `forms`; `agencies` are as of `codes_of`."""
    told = _LabelledValues(agencies)
    told.read(message, forms)
    understood = {field: min(values)[:_LONGEST_SHOWN] for field, values in told.values.items()}
    if wrong := _why_not_read(message, told):
        return Form(understood, _first(message, wrong), None)
    form = _checked(understood, told)
    if form.request is not None and (doubts := tuple(_doubts(message, told, form.request))):
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
            found = self._certain(labelled([text.text]), text)
            own.add(found)
            self.beside += ["", *(found.beside if found.values else ())]
        self._take(own, html)

    def _own(self, text: str, decoded: Decoded, message: ReadMessage) -> Labelled:
        own = own_text(text, is_answer=message.is_answer)
        found = labelled([own.text])
        if own.has_more and not found.values and not self.is_quoted:
            self.is_quoted = len(labelled([_unquoted(text)]).values) > 1
        return self._certain(found, decoded)

    def _certain(self, found: Labelled, decoded: Decoded) -> Labelled:
        for field, values in found.values.items():
            if any(
                UNCLEAR in each or not (decoded.is_certain or each.isascii()) for each in values
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

    def _meanings(self, field: str, values: set[str]) -> set[str | int | None]:
        reader = self._readers[field]
        is_long = field == FREE_TEXT
        return {reader(text) if is_long or len(text) <= LONGEST_READ else None for text in values}


def _alike(field: str, meanings: set[str | int | None]) -> set[str | int | None]:
    """The values without what mail programs change in HTML: spaces, and in free text all but letters."""
    told = (each for each in meanings if isinstance(each, str))
    if field == FREE_TEXT:
        return {"".join(filter(str.isalnum, LINKED.sub("", each))) for each in told}
    return meanings - {*told} | {
        " ".join(each.split()) for each in meanings if isinstance(each, str)
    }


def _unquoted(text: str) -> str:
    return "\n".join(line.lstrip("> ") for line in text.split("\n"))


def _why_not_read(message: ReadMessage, told: _LabelledValues) -> tuple[Missing, ...]:
    """The one reason why the whole message is no filled form, if there is one."""
    several = [field for field in _OF_ONE if len(told.meant.get(field, ())) > 1]
    if message.unreadable:
        return (_of_message(message.unreadable[0]),)
    if not any(told.meant.get(field) for field in NEEDED):
        return (_of_message(_why_no_form(message, told)),)
    return (_of_message("several_forms"),) if len(several) >= _LEAST_OF_SEVERAL else ()


def _why_no_form(message: ReadMessage, told: _LabelledValues) -> str:
    if message.closed:
        return message.closed[0]
    if told.too_complex:
        return "html_too_complex"
    if told.is_quoted:
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


def _incomplete(told: _LabelledValues) -> Iterable[Missing]:
    asks_sizes = told.meant.get("kind") != {"termination"}
    for field in (*NEEDED, *(SIZES if asks_sizes else ())):
        values = told.meant.get(field, set())
        if field in told.differing:
            yield _of_field(field, "line_differs")
        elif not values and field in NEEDED:
            yield _of_field(field, "line_missing")
        elif len(values) > 1:
            yield _of_field(field, "line_twice")
        elif field in told.unclear:
            yield _of_field(field, "line_goes_on")
        elif None in values:
            yield _of_field(field, "line_not_understood")
        elif field in told.uncertain:
            yield _of_field(field, "line_uncertain")


def _doubts(
    message: ReadMessage, told: _LabelledValues, request: SubmitRequest
) -> Iterable[Missing]:
    """Why a person reads a complete form before it is registered."""
    why = doubt(
        message.subject,
        told.beside,
        request.justification,
        kind=request.kind,
        is_answer=message.is_answer,
    )
    if why:
        yield _of_field("kind", why) if why == "line_contradicted" else _of_message(why)
    if request.kind == "application":
        asked = sizes_elsewhere((*told.beside, *request.justification.split("\n")))
        for field in SIZES:
            if field in asked and field not in told.values:
                yield _of_field(field, "size_elsewhere")


def _of_field(field: str, code: str) -> Missing:
    return Missing.of(field, code, label=" / ".join(LABELS[field][:2]).capitalize())


def _checked(understood: dict[str, str], told: _LabelledValues) -> Form:
    """The request, validated as the body of `POST /v1/requests`; all that hinders it is named at once."""
    missing = tuple(_incomplete(told))
    named = {each.field for each in missing}
    values = {field: next(iter(each)) for field, each in told.meant.items() if field not in named}
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
