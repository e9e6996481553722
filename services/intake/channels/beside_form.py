"""What the sender says beside the labelled lines: it may withdraw the form, replace another, or ask for another size.

A form that somebody only shows, takes back or asks about is not registered by a machine. The words are those of
offices, in Malay and English; what is not among them is read by whoever decides.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final, Literal

Doubt = Literal["words_beside_form", "line_contradicted", "names_a_request"]

SIZES: Final = ("quota_bytes", "max_file_size_bytes")

_MOST_CHARACTERS: Final = 50_000
_LONGEST_LINE: Final = 1_000

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
    text = "\n".join(line[:_LONGEST_LINE].strip() for line in lines)[:_MOST_CHARACTERS]
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
_BEGINS: Final = re.compile(
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
        found |= _asked(line[:_LONGEST_LINE].strip())
    return frozenset(found)


def _asked(line: str) -> set[str]:
    if not any(map(str.isdigit, line)) or _AS_IT_IS.search(line):
        return set()
    if labelled := _LABELLED.fullmatch(line) or _UNLABELLED.fullmatch(line):
        return _meant(labelled[1])
    if _BEGINS.match(line) and not _OF_MAIL.search(line):
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
