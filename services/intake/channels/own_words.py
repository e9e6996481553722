"""The sender's own words in a message, and where those of others begin."""

import re
from typing import Final

from services.intake.channels.labels import is_label, lines_of
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


def own_text(text: str, *, is_answer: bool = False) -> tuple[str, bool]:
    """The writer's own text, and whether there is text of others, too.

    `is_answer`: the message states that it answers another one.

    Lines with `>` are somebody else's. So is everything after the header of an answered message, and after
    `somebody wrote:`, unless only lines with `>` follow it.
    """
    lines = lines_of(text)
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
            return "\n".join(own), True
        elif wrapped := _attribution(lines, place):
            has_more, place = True, place + wrapped
            if not _is_quoted_below(lines, place):
                return "\n".join(own), True
        else:
            own.append(lines[place])
            place += 1
    return "\n".join(own), has_more


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
