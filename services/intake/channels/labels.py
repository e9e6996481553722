"""Labelled lines such as `Jenis: permohonan`, in Malay, English or both.

A value may follow its label, be in the next cell of the row, or on the next line. The justification may have
several lines, up to the next label, the closing words or the signature.
"""

import re
from dataclasses import dataclass, field
from typing import Final

LABELS: Final = {
    "kind": ("jenis", "kind"),
    "agency": ("agensi", "agency"),
    "name": ("nama", "name"),
    "account": ("akaun", "account"),
    "email": ("e-mel", "e-mail", "emel", "email"),
    "justification": ("justifikasi", "justification"),
    "quota_bytes": ("kuota", "quota"),
    "max_file_size_bytes": ("saiz fail", "file size"),
}
"""The labels of each field; the contract names the first two."""

FREE_TEXT: Final = "justification"
MOST_CHARACTERS: Final = 1024 * 1024
"""A longer text is no form."""
_LONGEST_LINE: Final = 20_000
"""The rest of a longer line is not read: no value may be so long, so it is refused in any case."""

_FIELD_OF: Final = {label: name for name, labels in LABELS.items() for label in labels}
_LABEL: Final = "|".join(re.escape(label) for label in sorted(_FIELD_OF, key=len, reverse=True))
_NAMED: Final = rf"(?P<label>{_LABEL})[*_]*(?:\s\*)?(?:\s?/\s?[*_]*(?P<other>{_LABEL})[*_]*|\s?\((?P<aside>{_LABEL})\)[*_]*)?"
_HINT: Final = (
    r"(?:\s?\((?:wajib|pilihan|jika (?:ada|perlu)|required|optional|if any|huruf besar|penuh|full|rasmi|official|pemohon|applicant|maksimum|maximum"
    r"|(?:1|my)govuc|ipms|seperti (?:dalam|di) [a-z. ]{1,25}|permohonan ?/ ?penamatan|application ?/ ?termination|(?P<unit>[mg]b))\))?"
)
"""What forms say of a value beside its label."""
_BARE: Final = re.compile(_NAMED + _HINT, re.IGNORECASE)
_LINE: Final = re.compile(
    _NAMED + _HINT + r"\s?(?:[:=：][-–]?|\.{3,60}+|…{1,20}+)[\s:*_]*(?P<value>.*)", re.IGNORECASE
)
_SIGNS: Final = "•·▪▫■●○◦‣⁃∙➢➤►▶→❖◆◇§\uf0a7\uf0b7\uf0d8\uf076"
"""What word processors put before an item; the last are those of Wingdings."""
_BULLETS: Final = f"-*_# \t{_SIGNS}"
_NUMBER: Final = re.compile(r"\(?(?:\d{1,2}|[a-z]|[ivx]{1,4})[.)]\s?[*_]*", re.IGNORECASE)
_NUMBERED: Final = re.compile(
    rf"\(?\d{{1,2}}[.)]?|\(?(?:[a-z]|[ivx]{{1,4}})[.)]|bil\.?|no\.?|[#o{_SIGNS}]", re.IGNORECASE
)
"""A row's number or bullet, or the heading of that column."""
_SPACES: Final = re.compile(r"[^\S\n\t]+")
_CELLS: Final = re.compile(r"[\t|│║┃]")
_BORDER: Final = re.compile(r"[-+=|:\s─-╿]{4,}+")
"""The line between two rows of a table in plain text."""
_WIDE: Final = "   "
_GAP: Final = re.compile(r"[^\S\n\t]{3,40}")
_DASHES: Final = ("-", "–")
_ONLY_COLON: Final = (":", "：", "=", *_DASHES)
_PAIR: Final = 2
_MOST_CELLS: Final = 60
_LEAST_COLUMNS: Final = 3

_UNSEEN: Final = {
    ord(char): None
    for char in "\N{SOFT HYPHEN}\N{ZERO WIDTH SPACE}\N{WORD JOINER}\ufeff\N{MONGOLIAN VOWEL SEPARATOR}"
    "\N{LEFT-TO-RIGHT MARK}\N{LEFT-TO-RIGHT EMBEDDING}\N{POP DIRECTIONAL FORMATTING}"
    "\N{LEFT-TO-RIGHT ISOLATE}\N{FIRST STRONG ISOLATE}\N{POP DIRECTIONAL ISOLATE}"
}
"""Invisible characters, which are ignored. Those that change the direction of text stay, and are refused."""
_HYPHENS: Final = {ord(char): "-" for char in "\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{FIGURE DASH}"}
_HYPHENS_OF_LABELS: Final = _HYPHENS | {ord("\N{EN DASH}"): "-", ord("\N{MINUS SIGN}"): "-"}

_BREAK: Final = re.compile("\r\n|[\n\r\v\f\x85\u2028\u2029]")

_SIGNATURE: Final = re.compile(r"--\s?")
_RULE: Final = re.compile(r"[-_=*~—–]{4,}+.*")
_THANKS: Final = (
    r"sekian|dimaklumkan|disudahi|terima kasih|ribuan terima kasih|tkasih|tq|thanks?|thank you(?: very much)?|"
    r"many thanks|wassalam|wasalam|salam(?: hormat| mesra| sejahtera)?|(?:best |kind |warm )?regards|"
    r"yours (?:sincerely|faithfully|truly)|sincerely|cheers|yang benar|yang menurut perintah|"
    r"saya yang menjalankan amanah|saya yang menurut perintah|dengan hormatnya|hormat saya|"
    r"berkhidmat untuk negara|malaysia madani|hatur nuhun|谢谢|謝謝|此致|敬礼"
)
_CLOSING: Final = re.compile(
    rf"[\"“”']?(?:{_THANKS})(?:[\s,.!;&]{{1,4}}(?:(?:dan|and|harap maklum|untuk makluman|untuk tindakan|atas perhatian|atas kerjasama|di\s?atas|tuan|puan|tuan/puan|{_THANKS})\b)?){{0,6}}[\"“”']?",
    re.IGNORECASE,
)
_SENT_FROM: Final = re.compile(
    r"(?:sent (?:from|via)|dihantar (?:daripada|dari|melalui)|get outlook for|dapatkan outlook)\b.{0,120}",
    re.IGNORECASE,
)
_DISCLAIMER: Final = re.compile(
    r"(?:(?:notis|e-?mel|e-?mail|legal) )?(?:penafian|disclaimer|confidentiality notice|notis kerahsiaan)\b.*"
    r"|=ybegin .*",
    re.IGNORECASE,
)
"""Mail gateways append these; also files within the text."""
_OTHER_LABEL: Final = re.compile(r"[^\s:：][^:：]{0,40}[:：](?:\s.*)?")
"""An unknown label begins something else."""
_LINK: Final = re.compile(r"[<\[(](?:mailto:|https?://)[^<>\[\]()]*+[>\])]", re.IGNORECASE)
_OF_SIGNATURES: Final = frozenset({"name", "email", "agency", "kind"})
"""Labels that also occur in signatures, such as `Kind: regards`; the other labels belong to a form."""
_OF_WORDS: Final = ("name", FREE_TEXT)
_OF_SIZES: Final = ("quota_bytes", "max_file_size_bytes")
"""A dash behind them leaves them to the agency."""
_LEADERS: Final = re.compile(r"^[.…_]{3,}+|(?<![.…_])[.…_]{3,}+$")
"""The dotted line of a form: `Nama: ..............` has no value."""
_WRAPPED_AT: Final = 65
"""Mail programs wrap lines at 72 to 78 characters, some a little earlier."""


@dataclass(slots=True)
class Labelled:
    """The labelled values of a text.

    Attributes:
        values: the different values by field.
        unclear: fields whose value may go on in the next line.
        beside: the lines that belong to no label.
    """

    values: dict[str, set[str]] = field(default_factory=dict)
    unclear: set[str] = field(default_factory=set)
    beside: list[str] = field(default_factory=list)

    def add(self, other: "Labelled") -> None:
        for name, values in other.values.items():
            self.values.setdefault(name, set()).update(values)
        self.unclear |= other.unclear
        self.beside += ["", *other.beside]


def labelled(text: str) -> Labelled:
    entries, below, beside = _entries(text[:MOST_CHARACTERS])
    if {entry.name for entry in below} - _OF_SIGNATURES:
        entries += below
    found = Labelled(beside=beside)
    for entry in entries:
        if value := _value(entry):
            found.values.setdefault(entry.name, set()).add(value)
        if entry.is_unclear:
            found.unclear.add(entry.name)
    return found


def is_label(line: str) -> bool:
    """Whether a line begins with a label, whatever follows it."""
    first = _CELLS.split(_clean(line[:_LONGEST_LINE]), maxsplit=1)[0]
    return _named(first, _BARE) is not None or _named(first, _LINE) is not None


def lines_of(text: str) -> list[str]:
    """The lines, also where a word processor broke them: Word with a vertical tab, others with what Unicode has for it."""
    return _BREAK.split(text)


@dataclass(slots=True)
class _Entry:
    """A label with its lines; `width` is that of the last line as written."""

    name: str
    lines: list[str]
    width: int
    is_open: bool = True
    is_unclear: bool = False


def _entries(text: str) -> tuple[list[_Entry], list[_Entry], list[str]]:
    """The labelled values before the closing words or the signature, those after them, and the other lines."""
    entries: list[_Entry] = []
    below: list[_Entry] = []
    beside: list[str] = []
    found = entries
    columns: list[str] = []
    raw_lines = lines_of(text)
    bare_labels = len({name for raw in raw_lines if (name := _bare_label(raw))}) >= _LEAST_COLUMNS
    for raw in raw_lines:
        line = _clean(raw[:_LONGEST_LINE])
        last = found[-1] if found else None
        if ("+" in line or "|" in line or not line.isascii()) and _BORDER.fullmatch(line):
            if last is not None and any(last.lines):
                last.is_open = False
        elif pairs := _pairs(line, bare_labels=bare_labels):
            columns = [name for name, value in pairs if not value] if len(pairs) > 1 else []
            found += [_entry(name, value, raw) for name, value in pairs]
            beside.append("")
        elif found and ends(line):
            found = below
            beside += ["", line]
        elif len(columns) >= _LEAST_COLUMNS and len(cells := _row(line, columns)) == len(columns):
            found += [_entry(*pair, raw) for pair in zip(columns, cells, strict=True)]
        elif last is None or not last.is_open or not _goes_on(last, line, len(raw.rstrip())):
            beside.append(line)
    return entries, below, beside


def _row(line: str, columns: list[str]) -> list[str]:
    """The cells under these headings, without the row's number."""
    cells = _filled(line)
    is_numbered = len(cells) == len(columns) + 1 and _NUMBERED.fullmatch(cells[0])
    return cells[1:] if is_numbered else cells


def ends(line: str) -> bool:
    """Whether the letter ends here."""
    bare = line.strip()
    return any(
        each.fullmatch(bare) for each in (_SIGNATURE, _CLOSING, _RULE, _SENT_FROM, _DISCLAIMER)
    )


def _goes_on(entry: _Entry, line: str, width: int) -> bool:
    """Add an unlabelled line if it is the value, or may continue it."""
    if entry.name == FREE_TEXT:
        entry.lines.append(line)
        return True
    said = any(entry.lines)
    if not line or _LINK.fullmatch(line):
        entry.is_open = not said and len(entry.lines) < _LEAST_COLUMNS
        entry.lines += [] if said else [line]
    elif not said:
        entry.lines.append(line)
        entry.width = width
    elif _OTHER_LABEL.fullmatch(line) or _RULE.fullmatch(line):
        entry.is_open = False
        return False
    else:
        if entry.width + 1 + len(line.split(maxsplit=1)[0]) <= _WRAPPED_AT:
            entry.is_unclear = True
        entry.lines.append(line)
        entry.width = width
    return True


def _clean(line: str) -> str:
    """The line without invisible characters; a gap between columns stays wider than a space."""
    return _SPACES.sub(
        lambda gap: _WIDE if len(gap[0]) >= len(_WIDE) else " ", line.translate(_UNSEEN)
    ).rstrip()


def _filled(line: str) -> list[str]:
    cells = (cell.strip(" *_") for cell in _CELLS.split(line, maxsplit=_MOST_CELLS))
    filled = [cell for cell in cells if cell]
    # A dash behind a label is its value, one between them is not.
    value = [each for each in filled[1:][-1:] if each in _DASHES and len(filled) == _PAIR]
    return [cell for cell in filled if cell not in _ONLY_COLON] + value


def _pairs(line: str, *, bare_labels: bool) -> list[tuple[str, str]]:
    """The labels of a line, each with its value."""
    cells = _filled(line)
    if len(cells) > 1 and _NUMBERED.fullmatch(cells[0]):
        cells = cells[1:]
    if (
        len(cells) == 1
        and (gap := _GAP.search(cells[0].lstrip()))
        and _named(cells[0].lstrip()[: gap.start()], _BARE)
    ):
        bare = cells[0].lstrip()
        cells = [bare[: gap.start()], bare[gap.end() :].lstrip(":：= ")]
    pairs: list[tuple[str, str]] = []
    for cell in cells:
        if cell_pair := _labelled_cell(cell, alone=len(cells) > 1 or bare_labels):
            pairs.append(cell_pair)
        elif not pairs:
            return []
        elif not pairs[-1][1]:
            pairs[-1] = (pairs[-1][0], cell.lstrip(":：= "))
        else:
            pairs[-1] = (pairs[-1][0], f"{pairs[-1][1]}\t{cell}")
    return [(name, _SPACES.sub(" ", value)) for name, value in pairs]


def _entry(name: str, value: str, raw: str) -> _Entry:
    """A further cell of the row may or may not belong to the value."""
    is_unclear = "\t" in value and name != FREE_TEXT
    return _Entry(name, [value.replace("\t", " ")], len(raw.rstrip()), is_unclear=is_unclear)


def _labelled_cell(cell: str, *, alone: bool) -> tuple[str, str] | None:
    """The label and the value of a cell; `alone`: the label needs no colon."""
    if (match := _named(cell, _LINE)) is not None:
        return match[0], match[1]
    if alone and (match := _named(cell, _BARE)) is not None:
        return match[0], ""
    return None


def _bare_label(raw: str) -> str | None:
    if len(raw) > _WRAPPED_AT or ":" in raw or not raw.strip():
        return None
    named = _named(_clean(raw), _BARE)
    return named[0] if named else None


def _named(text: str, pattern: re.Pattern[str]) -> tuple[str, str] | None:
    """The field that labels a text, and its value if the pattern has one."""
    bare = text.strip().lstrip(_BULLETS)
    if not bare:
        return None
    if number := _NUMBER.match(bare):
        bare = bare[number.end() :]
    match = pattern.fullmatch(bare[:60].translate(_HYPHENS_OF_LABELS) + bare[60:])
    if match is None:
        return None
    name = _FIELD_OF[match["label"].lower()]
    second = match["other"] or match["aside"]
    if second and _FIELD_OF[second.lower()] != name:
        return None
    if pattern is _BARE:
        return name, ""
    value = match["value"]
    written = (bare[len(bare) - len(value) :] if value else "").strip()
    return name, f"{written} {match['unit']}" if match["unit"] and written[
        -1:
    ].isdigit() else written


def _value(entry: _Entry) -> str:
    if entry.name == FREE_TEXT:
        text = "\n".join(line.strip() for line in entry.lines).strip()
    else:
        text = " ".join(line.strip(" \t*_") for line in entry.lines if line.strip())
        text = _LEADERS.sub("", text).strip()
    if entry.name in _OF_SIZES and not text.strip("-–— "):
        return ""
    needs_words = entry.name in _OF_WORDS
    return "" if needs_words and not any(map(str.isalnum, text)) else text
