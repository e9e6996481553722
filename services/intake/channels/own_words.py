"""The sender's own words in a message: where they end, and what they say beside the labelled lines."""

import re
from collections.abc import Iterable, Sequence
from typing import Final, Literal

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


Doubt = Literal["words_beside_form", "line_contradicted", "names_a_request"]

SIZES: Final = ("quota_bytes", "max_file_size_bytes")

_MOST_CHARACTERS: Final = 50_000
_LONGEST_SAID: Final = 1_000

_NOTICE: Final = re.compile(
    r"\b(?:penafian|disclaimer|confidential|privileged|sulit|kerahsiaan|intended recipients?|named recipients?|virus)\b"
    r"|\bpenerima (?:yang |e-?mel )?(?:sebenar|dimaksud|dinama|tersebut)|\bnot the (?:intended|named)\b|\bbukan penerima\b",
    re.IGNORECASE,
)
"""Paragraphs of mail gateways, which ask strangers to ignore or delete the message."""

_THING: Final = (
    r"\b(?:permohonan|penamatan|borang|e-?mel|e-?mail|mesej|request|application|form|message)\b"
)
_TAKES_BACK: Final = re.compile(
    rf"\b(?:(?:mem)?batalkan|(?:menarik|ditarik|tarik) balik|panggil balik|(?:di)?abaikan|tidak jadi|tak jadi"
    rf"|jangan(?:lah)? (?:di)?(?:proses|daftar|lulus)(?:kan)?|withdraw(?:n|ing)?|cancel(?:l?ed|ling)?|recall(?:ed)?|retract(?:ed)?|ignore|disregard"
    rf"|(?:do not|don't) (?:process|register|approve))\b[^.!\n]{{0,60}}{_THING}"
    rf"|{_THING}[^.!\n]{{0,40}}\b(?:(?:di)?batal(?:kan)?|ditarik balik|diabaikan|(?:is|was|are) (?:withdrawn|cancell?ed))\b",
    re.IGNORECASE,
)
_IS_NONE: Final = re.compile(
    r"\b(?:abaikan|ignore|disregard|jangan (?:di)?(?:proses|daftar|lulus)(?:kan)?|(?:do not|don't) (?:process|register|approve))\b"
    r"|\bcontoh (?:borang|permohonan|pengisian|isian|cara|format)\b|\b(?:ini|hanya|sekadar|sebagai|ialah|adalah) (?:satu )?contoh\b"
    r"|\bsample (?:form|request|application|of)\b|\b(?:an|as|for) example (?:of|only)\b"
    r"|\b(?:draf|deraf|draft)\b|\bbelum muktamad\b|\bnot (?:yet )?final\b"
    r"|\b(?:makluman|rujukan|simpanan) sahaja\b|\b(?:information|reference|records?) only\b"
    r"|\btiada tindakan\b|\bno (?:further )?action\b|\btidak perlu (?:di)?(?:proses|daftar|ambil tindakan)|\b(?:bukan|not an?) (?:permohonan|request|application)\b"
    r"|\b(?:permohonan|borang) (?:saya )?(?:yang )?(?:terdahulu|sebelum ini|lepas|lama)\b|\b(?:previous|earlier|last) (?:request|application|form)\b"
    r"|\b(?:menggantikan|gantikan|pembetulan|membetulkan|betulkan|pindaan|meminda)\b|\b(?:replaces?|supersedes?|correction|amend(?:s|ed|ment)?)\b"
    r"|\b(?:adakah|betulkah|perlukah|is this|is it|should i|do i need)\b[^?\n]{0,120}\?",
    re.IGNORECASE,
)
"""It asks for nothing, not yet, or in the place of something else."""
_REFERENCE: Final = re.compile(r"\bBMT-[A-Z][A-Z0-9_-]{0,31}-[0-9]{4}-[0-9A-Z]{8}\b", re.IGNORECASE)
"""Of a request of before, as the subject of an answer to our notice has it: the form may be its correction."""
_ENDS: Final = re.compile(
    r"\b(?:(?:mem|di|pem)?batal(?:kan|an)?|(?:menarik|ditarik|tarik) balik|tidak jadi|tak jadi|withdraw(?:n|al|ing)?|cancel(?:l?ed|ling|lation)?|recall(?:ed)?|retract(?:ed)?"
    r"|tidak (?:lagi )?(?:perlu|memerlukan|diperlukan)|tak perlu|no longer (?:need|require)\w*)\b",
    re.IGNORECASE,
)
"""Words against an application, which a termination may be asked for with."""
_TERMINATES: Final = re.compile(
    r"\b(?:pe|me|di)?(?:namat|tamat)(?:kan|an)\b|\bterminat(?:e|ed|es|ing|ion)\b", re.IGNORECASE
)
_BOTH_KINDS: Final = re.compile(
    r"(?:permohonan|application)\s{0,3}(?:/|&|,|dan|atau|and|or)\s{0,3}(?:penamatan|termination)"
    r"|(?:penamatan|termination)\s{0,3}(?:/|&|,|dan|atau|and|or)\s{0,3}(?:permohonan|application)",
    re.IGNORECASE,
)
"""The heading of a form for both."""
_ABOUT_ANOTHER: Final = re.compile(
    r"\b(?:status|siap|susulan|peringatan|reminder|follow[- ]?up|any update|menyokong|disokong|sokong|bersetuju|setuju|luluskan|diluluskan|approved?|supported?)\b"
    r"|\b(?:permohonan|borang|maklumat) (?:saya |beliau )?(?:yang |seperti )?di ?bawah\b|\b(?:see|request|form|application) below\b",
    re.IGNORECASE,
)
"""In an answer: what stands below may be the message that is answered, though no sign of it is left."""


def doubt(
    subject: str, beside: Iterable[str], justification: str, *, kind: str, is_answer: bool
) -> Doubt | None:
    """Why a filled form may not be meant as it stands; None: nothing speaks against it.

    `beside` are the lines that belong to no label, `kind` is what the form asks for.
    """
    told = _without_notices([subject, "", *beside])
    if _TAKES_BACK.search(told) or _TAKES_BACK.search(justification[:_MOST_CHARACTERS]):
        return "words_beside_form"
    # Who ends a service names the request that gave it; the answer to a notice means its request all the same.
    if (kind == "application" or is_answer) and (
        _REFERENCE.search(told) or _REFERENCE.search(justification[:_MOST_CHARACTERS])
    ):
        return "names_a_request"
    if _IS_NONE.search(told) or (is_answer and _ABOUT_ANOTHER.search(told)):
        return "words_beside_form"
    if kind != "application":
        return None
    if _TERMINATES.search(_BOTH_KINDS.sub(" ", told)):
        return "line_contradicted"
    return "words_beside_form" if _ENDS.search(told) else None


def _without_notices(lines: Sequence[str]) -> str:
    """The paragraphs in which people speak, each on one line."""
    text = "\n".join(line[:_LONGEST_SAID].strip() for line in lines)[:_MOST_CHARACTERS]
    paragraphs = (" ".join(each.split()) for each in text.split("\n\n"))
    return "\n".join(each for each in paragraphs if not _NOTICE.search(each))


_SIZE: Final = (
    r"[0-9][0-9.,]{0,15}\s{0,2}(?:[kmgt]i?b?|(?:kilo|mega|giga|tera)(?:bait|bytes?)?|gig)\b"
)
_A_SIZE: Final = re.compile(_SIZE, re.IGNORECASE)
_LABELLED: Final = re.compile(rf"([^:：=]{{1,60}})[:：=]\s{{0,10}}{_SIZE}.{{0,60}}", re.IGNORECASE)
_UNLABELLED: Final = re.compile(
    rf"((?:[a-z]{{2,12}}\.?\s){{0,3}}(?:saiz|size|had|limit)\b[^\d.]{{0,40}})\b{_SIZE}\W{{0,3}}",
    re.IGNORECASE,
)
_BEGINS_WITH_QUOTA: Final = re.compile(
    r"[\W\d_]{0,8}(?:[a-z]{1,12}\s){0,2}(?:kuota|quota)\b.{0,60}\d", re.IGNORECASE
)
_QUOTA: Final = re.compile(
    r"\b(?:kuota|quota|storan|storage|ruang|kapasiti|capacity)\b", re.IGNORECASE
)
_FILE: Final = re.compile(
    r"\b(?:fail|files?|lampiran|attachments?|muat naik|uploads?)\b", re.IGNORECASE
)
_BEFORE: Final = 40
_AFTER: Final = 25
_AS_IT_IS: Final = re.compile(
    r"\b(?:semasa|sekarang|kini|sedia ada|lama|asal|current(?:ly)?|present|existing|old)\b",
    re.IGNORECASE,
)
_OF_MAIL: Final = re.compile(
    r"\b(?:e-?mel|e-?mail|peti|mailbox|outlook|gmail|google|hanya|only|melebihi|exceed\w*|terhad|limited)\b",
    re.IGNORECASE,
)
"""Words of the limits that there are, not of those that are asked for."""


def sizes_elsewhere(lines: Iterable[str]) -> frozenset[str]:
    """The sizes that these lines seem to ask for, though no label of theirs begins the line."""
    found: set[str] = set()
    for line in lines:
        found |= _asked(line[:_LONGEST_SAID].strip())
    return frozenset(found)


def _asked(line: str) -> set[str]:
    if not any(map(str.isdigit, line)) or _AS_IT_IS.search(line):
        return set()
    if labelled := _LABELLED.fullmatch(line) or _UNLABELLED.fullmatch(line):
        return _meant(labelled[1])
    if _BEGINS_WITH_QUOTA.match(line) and not _OF_MAIL.search(line):
        return {"quota_bytes"}
    for size in _A_SIZE.finditer(line):
        near = line[max(size.start() - _BEFORE, 0) : size.end() + _AFTER]
        if _QUOTA.search(near) and not _OF_MAIL.search(near):
            return {"quota_bytes"}
    return set()


def _meant(label: str) -> set[str]:
    """What a label means; one that names neither may mean both."""
    if _QUOTA.search(label):
        return {"quota_bytes"}
    return {"max_file_size_bytes"} if _FILE.search(label) else set(SIZES)
