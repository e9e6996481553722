"""What speaks against a filled form: words beside it, or in its justification, that a person must read first."""

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Final, Literal

from bmt.contracts.values import size_in_bytes
from services.intake.channels.phrases import SPELLINGS, expressions

Doubt = Literal["words_beside_form", "line_contradicted", "names_a_request"]

SIZES: Final = ("quota_bytes", "max_file_size_bytes")

_MOST_CHARACTERS: Final = 50_000
_LONGEST_SAID: Final = 1_000


_MONTH: Final = (
    r"(?:januari|january|jan|februari|february|feb|mac|march|april|apr|mei|june?|julai|july|jul|ogos|august|aug|september|sept?|oktober|october|okt|oct"
    r"|november|nov|disember|december|dis|dec)\b"
)
_WHEN: Final = (
    rf"(?:(?:[12][0-9]|3[01]|0?[1-9])\s?(?:hb\b|/\s?[01]?[0-9]\b|[.-][01]?[0-9][.-]20[0-9]{{2}}\b|may\b)|(?:[12][0-9]|3[01]|0?[1-9])?\s?{_MONTH}"
    r"|20[2-9][0-9]\b(?!\s?[kmgt]i?b)"
    r"|(?:[0-9]{1,3}|satu|dua|tiga|enam|one|two|three|six)\s?(?:hari|minggu|bulan|tahun|days?|weeks?|months?|years?)\b"
    r"|se(?:hari|minggu|bulan|tahun)\b|(?:hari|minggu|bulan|tahun) (?:ini|depan|hadapan|berikutnya)\b|(?:this|next) (?:week|month|year)\b)"
)
_COUNTED: Final = r"(?:dua|tiga|empat|lima|enam|tujuh|lapan|sembilan|sepuluh|beberapa|two|three|four|five|several)"
_SEVERAL: Final = rf"(?:[2-9]|[1-9][0-9]{{1,2}}|{_COUNTED})(?:\s\([^()\n]{{1,20}}\))?"

_SAYS: Final = {
    name: re.compile(each, re.MULTILINE)
    for name, each in expressions(
        "doubts", r"[^.!\n]", WHEN=_WHEN, COUNTED=_COUNTED, SEVERAL=_SEVERAL, NUMBER="[0-9]{1,4}"
    ).items()
}
_BESIDE: Final = ("no_request", "not_now", "from_when", "none_of_its_own", "several_people", "another_request")  # fmt: skip

_REFERENCE: Final = re.compile(r"\bBMT-[A-Z][A-Z0-9_-]{0,31}-[0-9]{4}-[0-9A-Z]{8}\b", re.IGNORECASE)
"""Of a request of before, as the subject of an answer to our notice has it: the form may be its correction."""
_ALSO_FOR: Final = re.compile(
    r"\b(?:juga|also)\b[^.\n]{0,20}\b(?:untuk|bagi|for)\b[^@\n]{0,120}@", re.IGNORECASE
)
_OF_BOTH_KINDS: Final = re.compile(
    r"\b(?:unit|bahagian|seksyen|cawangan|division|section) (?:penamatan|termination)\b"
    r"|(?:permohonan|application)\s{0,3}(?:/|&|,|dan|atau|and|or)\s{0,3}(?:penamatan|termination)"
    r"|(?:penamatan|termination)\s{0,3}(?:/|&|,|dan|atau|and|or)\s{0,3}(?:permohonan|application)",
    re.IGNORECASE,
)
"""The heading of a form for both; an office."""
_NOT_CHOSEN: Final = re.compile(r"/ ?tidak \w{1,20}", re.IGNORECASE)
"""A choice that is not made: `disokong / tidak disokong`."""
_X: Final = re.compile(
    r"(?<![\d)\]] )\bx(?=(?:jadi|jd|payah|nak|perlu|mahu|guna|dapat|boleh)| [a-z]{2,})"
)
_SHORT: Final = re.compile(rf"\b(?:{'|'.join(SPELLINGS)})\b")
_JAWI: Final = re.compile(r"[\u0620-\u064a\u0671-\u06d3]{2,}")
_SENTENCE: Final = re.compile(r"[^.!?\n]*(?:[.!?](?!\s)[^.!?\n]*)*[.!?]?")
_QUESTION: Final = re.compile(r"(\w{1,40})\s?\?(?!\w)")


def doubt(
    subject: str, beside: Iterable[str], justification: str, *, kind: str, is_answer: bool
) -> Doubt | None:
    """Why a filled form may not be meant as it stands; None: nothing speaks against it.

    `beside` are the lines that belong to no label, `kind` is what the form asks for.
    """
    words = _NOT_CHOSEN.sub(" ", _without_notices([subject, "", *beside]))
    reason = _spelt(justification[:_MOST_CHARACTERS])
    if _says("taken_back", words, reason) or _ALSO_FOR.search(reason):
        return "words_beside_form"
    # Who ends a service names the request that gave it; the answer to a notice means its request all the same.
    if (kind == "application" or is_answer) and (
        _REFERENCE.search(words) or _REFERENCE.search(reason)
    ):
        return "names_a_request"
    if any(_says(each, words) for each in _BESIDE) or (is_answer and _says("about_another", words)):
        return "words_beside_form"
    sentences = words.split("\n")
    if any(map(_asks, sentences)) or _JAWI.search(_SAYS["salam"].sub("", words)):
        return "words_beside_form"
    if _contradicted(kind, _OF_BOTH_KINDS.sub(" ", words), reason):
        return "line_contradicted"
    is_against = kind == "application" and (
        _says("ends", words)
        or any(_says("negated", each) and not _says("of_other_means", each) for each in sentences)
    )
    return "words_beside_form" if is_against else None


def _spelt(text: str) -> str:
    """The text in lower case, without the spellings of short messages."""
    plain = _X.sub("tidak ", text.lower())
    return _SHORT.sub(lambda word: SPELLINGS[word[0]], plain)


def _says(meaning: str, *texts: str) -> bool:
    return any(_SAYS[meaning].search(text.lower()) for text in texts)


def _asks(sentence: str) -> bool:
    """Whether it is a question that wants an answer."""
    last = _QUESTION.search(sentence)
    if last is None or _SAYS["offers"].fullmatch(last[1].lower()):
        return False
    return _says("asks_how", sentence) or not _says("polite", sentence)


def _contradicted(kind: str, words: str, reason: str) -> bool:
    if _says("changes", reason):
        return True
    if kind == "application":
        ends = _says("terminates", words) or _says("ends_a_service", words)
        return ends or _says("ends_this_service", reason)
    if _says("ends_nothing", words, reason):
        return True
    both = f"{words}\n{reason}"
    return _says("begins", both) and not (_says("terminates", both) or _says("ends", both))


def _without_notices(lines: Sequence[str]) -> str:
    """The sentences, each on one line, without those that stand in any letter."""
    text = "\n".join(line[:_LONGEST_SAID].strip() for line in lines)[:_MOST_CHARACTERS]
    text = _spelt(text)
    paragraphs = (" ".join(each.split()) for each in text.split("\n\n"))
    paragraph_sentences = (
        _SENTENCE.findall(each) for each in paragraphs if not _says("notice", each)
    )
    sentences = (sentence.strip() for paragraph in paragraph_sentences for sentence in paragraph)
    return "\n".join(each for each in sentences if each and not _says("courtesy", each))


_OF_APPLICANT: Final = re.compile(
    r"\W{0,8}(?:[0-9a-z]{1,2}[.)]\s?)?(?:(?P<label>nama|akaun|(?:alamat )?e-?mel)(?: (?:penuh|pemohon|pengguna|kakitangan|staf|rasmi|(?:1|my)govuc)){1,2}|(?P<bare>alamat e-?mel))\s?[:=\t]\s{0,9}(?P<value>.{1,300})"
    r"|\W{0,8}(?:[0-9a-z]{1,2}[.)]\s?)?(?:(?:full|(?:applicant|user|staff)(?:['’]?s)?) (?P<english>name|account|e-?mail)(?: address)?|(?P<address>e-?mail address))\s?[:=\t]\s{0,9}(?P<other>.{1,300})",
    re.IGNORECASE,
)
_FIELD_OF: Final = {"nama": "name", "name": "name", "akaun": "account", "account": "account"}


def said_of_applicant(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The fields of lines such as `Nama pemohon: Siti`, which are no labels, each with its value.

    Where `Nama: Ahmad` stands beside it, that may be another person.
    """
    for line in lines:
        if found := _OF_APPLICANT.fullmatch(line[:_LONGEST_SAID].strip()):
            label = (found["label"] or found["english"] or "").lower()
            yield _FIELD_OF.get(label, "email"), (found["value"] or found["other"]).strip()


_SIZE: Final = (
    r"(?:[0-9][0-9.,]{0,15}\s{0,2}(?:[kmgt]i?b?|(?:kilo|mega|giga|tera)(?:bait|bytes?)?|gig)"
    r"|\b(?:se|satu|dua|tiga|empat|lima|enam|tujuh|lapan|sembilan|sepuluh|belas|puluh|ratus|ribu|one|two|three|five|ten|twenty|fifty|hundred) (?:mega|giga|tera)(?:bait|bytes?))\b"
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
_BEFORE: Final = 40
_AFTER: Final = 25


def says_nothing(justification: str) -> bool:
    """Whether nobody could decide on it: a dash, `test`, or where it stands."""
    text = justification.strip()
    is_short = "\n" not in text and len(text) < _LONGEST_SAID
    says = any(map(str.isalpha, text)) and not text.endswith("?")
    return not says or (is_short and _says("says_nothing", text))


def sizes_elsewhere(lines: Iterable[str]) -> frozenset[str]:
    """The sizes that these lines seem to ask for, though no label of theirs begins the line."""
    found: set[str] = set()
    for line in lines:
        found |= _asked(line[:_LONGEST_SAID].strip())
    return frozenset(found)


def other_sizes(lines: Iterable[str], asked: Container[int | None]) -> bool:
    """Whether lines beside the form speak of a size that it does not ask for, and that is no limit of mail."""
    short = (line[:_LONGEST_SAID].strip() for line in lines)
    return any(
        size_in_bytes(size[0]) not in asked
        for line in short
        for size in _A_SIZE.finditer(line)
        if not (_says("as_it_is", line) or _says("of_mail", line) or _says("file", line))
        or _says("wants_quota", line)
    )


def _asked(line: str) -> set[str]:
    if not (any(map(str.isdigit, line)) or _A_SIZE.search(line)) or _says("as_it_is", line):
        return set()
    if labelled := _LABELLED.fullmatch(line) or _UNLABELLED.fullmatch(line):
        return _meant(labelled[1])
    if _BEGINS_WITH_QUOTA.match(line) and not _says("of_mail", line):
        return {"quota_bytes"}
    for size in _A_SIZE.finditer(line):
        near = line[max(size.start() - _BEFORE, 0) : size.end() + _AFTER]
        if _says("quota", near) and not _says("of_mail", near):
            return {"quota_bytes"}
    return set()


def _meant(label: str) -> set[str]:
    """What a label means; one that names neither may mean both."""
    if _says("quota", label):
        return {"quota_bytes"}
    return {"max_file_size_bytes"} if _says("file", label) else set(SIZES)
