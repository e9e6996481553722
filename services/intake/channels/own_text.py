"""What the writer of a message wrote, apart from what is only quoted, answered or forwarded below it."""

import re
from dataclasses import dataclass
from typing import Final

from services.intake.channels.labels import is_label
from services.intake.channels.plain_html import MARK

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
"""The fields over an answered message, as mail programs of these languages name them."""
_KIND_OF: Final = {name: kind for kind, names in _NAMES.items() for name in names}
_FIELD: Final = re.compile(r"([^:：]{1,40})[:：](.*)")
_MOST_BETWEEN: Final = 12
"""Lines that a header may have: addresses go on over several."""
_LEAST_FIELDS: Final = 3

_DIVIDER: Final = re.compile(
    r"[-_=*\s>]{2,100}(?:original (?:message|appointment)|mesej asal|e-?mel asal|pesan asli|forwarded (?:message|by)|"
    r"mesej (?:yang )?dimajukan|mesej dipanjangkan|pesan (?:yang )?diteruskan|reply (?:message|above)|"
    r"ursprüngliche nachricht|message d'origine|原始邮件|转发邮件|原始郵件)\b.{0,200}"
    r"|begin forwarded message:?|mula(?:kan)? mesej (?:yang )?dimajukan:?",
    re.IGNORECASE,
)
_WROTE: Final = re.compile(
    r".{0,400}\b(?:wrote|writes|menulis|tulis|telah menulis|berkata|said|a écrit|schrieb|escribió|escreveu|schreef|skrev|написал)\s{0,3}[:：]"
    r"|.{0,400}(?:写道|寫道|написал\(а\)|のメール)\s{0,3}[:：]"
    r"|(?:am|op) .{1,400}(?:schrieb|geschreven|schreef).{0,200}:",
    re.IGNORECASE,
)
_QUOTING: Final = re.compile(
    r"(?:quoting|memetik|mengutip|zitat von|citando) .{1,300}[:：]"
    r"|>{3}\s.{1,300}\s>{3}",
    re.IGNORECASE,
)
"""How Horde and GroupWise begin what they quote: GroupWise's line has its marks on both sides."""
_SOMEBODY: Final = re.compile(r"[<\[(](?:mailto:)?[^\s<>\[\]()@]{1,64}@[^\s<>\[\]()@]{1,190}[>\])]")
_WHEN: Final = re.compile(r"\b\d{1,2}[:.]\d{2}\b|\b20\d\d\b")
_BEGINS: Final = re.compile(r"(?:on|pada|am|le|el|op|em|den|在|于)\b", re.IGNORECASE)
_MOST_WRAPPED: Final = 4
"""Lines that `On …, somebody wrote:` may go on over."""
_TELLING: Final = re.compile(r"@|\b\d{1,2}[:.]\d{2}\b")
"""An address or a time of day."""
_LONGEST_LINE: Final = 1000


@dataclass(frozen=True, slots=True)
class OwnText:
    """A message's text, taken apart.

    Attributes:
        text: what its writer wrote.
        has_more: something else stands there that somebody else wrote.
    """

    text: str
    has_more: bool


def own_text(text: str, *, is_answer: bool = False) -> OwnText:
    """What the writer wrote; `is_answer`: the message says that it answers another one.

    A line with `>` before it is somebody else's; so is all below the header of an answered message, and all that
    follows on `somebody wrote:` unless only lines with `>` do.
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
    """Whether the fields of a message begin here: whom it is from first, as mail programs write them.

    In an answer, three fields of which one tells an address or a time are a header in any language.
    """
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


def _is_memo(lines: list[str], place: int) -> bool:
    """Whether it is told before whom it is for: so memos begin, and no mail program's header does."""
    before = (found for line in lines[max(place - 2, 0) : place] if (found := _field(line)))
    return any(kind == "to" for kind, _ in before)


def _field(line: str) -> tuple[str, str] | None:
    """The kind of a header field (empty where it is none that is known), and its value."""
    match = _FIELD.fullmatch(_bare(line).replace("*", ""))
    return (_KIND_OF.get(match[1].strip().lower(), ""), match[2]) if match else None


def _attribution(lines: list[str], place: int) -> int:
    """How many lines `On …, somebody wrote:` has, that begins here; 0: it does not."""
    joined = _bare(lines[place])
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
    """Whether it tells an address and a time: what ends so with a colon is an attribution in any language."""
    return bool(_SOMEBODY.search(line) and _WHEN.search(line)) and not is_label(line)


def _is_quoted_below(lines: list[str], place: int) -> bool:
    """Whether the next line that says something has `>` before it."""
    following = (_bare(line) for line in lines[place : place + _MOST_BETWEEN])
    return next((line for line in following if line), ">").startswith(">")
