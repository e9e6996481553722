"""The visible text of an HTML message, line by line.

The tree is built as browsers build it (HTML5, by Lexbor); styles count as far as they hide text, in
attributes and style sheets. A label and its value in cells of one row are on one line, with a tab between.
Quoted lines begin with `> `. A line `MARK` means that all that follows is the answered message.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import tinycss2
from selectolax.lexbor import LexborHTMLParser

from services.intake.channels.html_looks import (
    LINK,
    MOST_CSS,
    Declarations,
    Look,
    TooComplex,
    declarations,
    sheets,
    styled,
)
from services.intake.channels.labels import is_label

MARK: Final = "\N{INFORMATION SEPARATOR TWO}"
QUOTE: Final = "> "

_MOST_NODES: Final = 150_000
_MOST_LEVELS: Final = 250

_PARAGRAPHS: Final = frozenset(
    ["blockquote", "dl", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "ol", "p", "pre", "table", "ul"]
)
"""They have a blank line around them."""
_BLOCKS: Final = _PARAGRAPHS | frozenset((
    "address", "article", "aside", "body", "center", "dd", "div", "dt", "fieldset", "footer",
    "form", "header", "html", "legend", "li", "main", "section", "tr", "caption", "details",
    "summary", "figure", "figcaption", "nav",
))  # fmt: skip
_UNSEEN: Final = frozenset((
    "applet", "audio", "canvas", "datalist", "head", "iframe", "math", "noscript", "object",
    "script", "style", "svg", "template", "title", "video",
))  # fmt: skip
_STRUCK: Final = frozenset(["del", "s", "strike"])
"""Struck-out text: `permohonan / <s>penamatan</s>` asks for the former."""
_RAISED: Final = frozenset(["sub", "sup"])
_TICKS: Final = ("checkbox", "radio")
_TYPED: Final = ("", "email", "number", "search", "tel", "text", "url")
_REVERSES: Final = "\N{RIGHT-TO-LEFT OVERRIDE}"
_ENDS_REVERSE: Final = "\N{POP DIRECTIONAL FORMATTING}"
_TEXT: Final = "-text"
_NESTING: Final = re.compile(r"<(/?)[a-z]", re.IGNORECASE)
_VOID: Final = re.compile(
    r"<(?:br|p|img|hr|input|meta|link|li|td|tr|th|col|wbr|dt|dd|option|area)\b", re.IGNORECASE
)
_MOST_OPEN: Final = 5_000
"""The deepest nesting that the parser is given: its time grows with the square."""

_QUOTES: Final = re.compile(
    r"gmail_quote|gmail_extra|yahoo_quoted|protonmail_quote|zmail_extra|tutanota_quote|"
    r"ms-outlook-mobile-reference-message|mail-editor-reference-message"
)
"""Classes and ids around an answered message."""
_REST: Final = re.compile(r"divrplyfwdmsg|outlookmessageheader|replysplit")
"""Those before an answered message, without an end."""
_REST_STYLE: Final = re.compile(
    r"border:none;border-top:solid#?[0-9a-z]{3,12}1\.0pt;padding:3\.0pt0"
)
"""Outlook's line above the header of an answered message."""
_INDENTED: Final = re.compile(r"border(?:-left)?:(?:none|0|medium none)")
"""An indented block quotes nobody."""

_SPACE: Final = re.compile(r"\s+")


@dataclass(slots=True)
class _Lines:
    done: list[str] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    def end(self, *, blank: bool = False) -> None:
        """End the line if it has text; then leave one blank line if there is none."""
        if text := "".join(self.pieces).strip(" "):
            self.done.append(text)
        self.pieces.clear()
        if blank and self.done and self.done[-1]:
            self.done.append("")

    def broken(self) -> None:
        """End the line, even if it is empty."""
        self.done.append("".join(self.pieces).strip(" "))
        self.pieces.clear()


def text_of(html: str) -> str:
    """The visible text.

    Raises:
        TooComplex: it has more, or deeper, elements than any mail program writes.
    """
    if _deepest(html) > _MOST_OPEN:
        raise TooComplex
    page = LexborHTMLParser(html)
    if page.root is None:
        return ""
    return "\n".join(_Reader(sheets(page)).lines_of(page.root, Look(), 0))


def _deepest(html: str) -> int:
    """The deepest nesting, without elements that end by themselves."""
    deepest = depth = 0
    for tag in _NESTING.finditer(_VOID.sub("", html)):
        depth = max(depth - 1, 0) if tag[1] else depth + 1
        deepest = max(deepest, depth)
    return deepest


class _Reader:
    """Reads a page with the declarations `styles` of its style sheets."""

    def __init__(self, styles: Mapping[int, Declarations]) -> None:
        self._styles = styles
        self._known: dict[str, Declarations] = {}
        self._nodes = 0

    def lines_of(self, element: Any, look: Look, level: int) -> list[str]:
        """The lines within an element that begins a line."""
        lines = _Lines()
        self._read(element, look, lines, level)
        lines.end()
        while lines.done and not lines.done[-1]:
            lines.done.pop()
        return lines.done

    def _read(self, element: Any, look: Look, lines: _Lines, level: int) -> None:
        if level > _MOST_LEVELS:
            raise TooComplex
        for node in _children(element):
            self._nodes += 1
            if self._nodes > _MOST_NODES:
                raise TooComplex
            tag = str(node.tag)
            if tag == _TEXT:
                _write(node.text_content or "", look, lines)
            elif tag == "br":
                lines.broken()
            elif tag[0] != "-" and tag not in _UNSEEN and tag not in _STRUCK:
                self._read_element(node, tag, look, lines, level + 1)

    def _read_element(self, node: Any, tag: str, look: Look, lines: _Lines, level: int) -> None:
        attributes = node.attributes
        seen = self._looks(node, tag, attributes, look)
        if seen is None:
            return
        if tag in ("input", "select"):
            _write(_entered(node, tag, attributes), seen, lines)
            return
        if tag in _RAISED and (node.text() or "").strip()[:1].isdigit():
            _write("^", seen, lines)  # 20 with a footnote 2 is not 202
        if tag not in _BLOCKS:
            self._read(node, seen, lines, level)
            return
        if _ends_own_text(attributes):
            lines.end()
            lines.done.append(MARK)
        lines.end(blank=tag in _PARAGRAPHS)
        if tag == "table":
            lines.done += self._table(node, seen, level)
        elif _is_quote(tag, attributes):
            lines.done += [QUOTE + line for line in self.lines_of(node, seen, level)]
        elif tag == "dd" and lines.done and is_label(lines.done[-1]):
            lines.pieces += [lines.done.pop(), "\t"]
            self._read(node, seen, lines, level)
        else:
            self._read(node, seen, lines, level)
        lines.end(blank=tag in _PARAGRAPHS)

    def _parsed(self, style: str) -> Declarations:
        """A parsed style attribute; programs repeat the same ones."""
        if (found := self._known.get(style)) is None:
            found = self._known[style] = declarations(tinycss2.parse_blocks_contents(style))
        return found

    def _table(self, table: Any, look: Look, level: int) -> list[str]:
        found: list[str] = []
        for row, of_row in self._rows(table, look, level):
            cells = []
            for cell in _children(row):
                if cell.tag not in ("td", "th"):
                    continue
                seen = self._looks(cell, str(cell.tag), cell.attributes, of_row)
                cells.append([] if seen is None else self.lines_of(cell, seen, level + 1))
            found += _row(cells)
        return found

    def _rows(self, table: Any, look: Look, level: int) -> Iterator[tuple[Any, Look]]:
        if level > _MOST_LEVELS:
            raise TooComplex
        for node in _children(table):
            tag = str(node.tag)
            if tag not in ("tr", "tbody", "thead", "tfoot"):
                continue
            seen = self._looks(node, tag, node.attributes, look)
            if seen is None:
                continue
            if tag == "tr":
                yield node, seen
            else:
                yield from self._rows(node, seen, level + 1)

    def _looks(
        self, node: Any, tag: str, attributes: Mapping[str, str | None], look: Look
    ) -> Look | None:
        """The look of text within; None if it is not visible."""
        if "hidden" in attributes:
            return None
        declared: Declarations = dict(self._styles.get(node.mem_id, {}))
        if style := attributes.get("style"):
            declared |= self._parsed(style[:MOST_CSS])
        for attribute, name in (("color", "color"), ("text", "color"), ("bgcolor", "background")):
            if (value := attributes.get(attribute)) and name not in declared:
                declared[name] = tinycss2.parse_component_value_list(value)
        if tag == "a" and "color" not in declared and attributes.get("href"):
            look = replace(look, ink=LINK)
        if tag == "bdo":
            look = replace(look, is_reversed=True)
        if tag in ("pre", "textarea"):
            look = replace(look, keeps_lines=True)
        return styled(declared, look) if declared else look


def _children(element: Any) -> Iterator[Any]:
    child = element.first_child
    while child is not None:
        yield child
        child = child.next


def _entered(node: Any, tag: str, attributes: Mapping[str, str | None]) -> str:
    """What a control of a form shows."""
    if tag == "select":
        options = node.css("option")
        chosen = [one for one in options if "selected" in one.attributes] or options[:1]
        return ", ".join((one.text() or "").strip() for one in chosen)
    kind = (attributes.get("type") or "").lower()
    if kind in _TICKS:
        return " [x] " if "checked" in attributes else " [ ] "
    return attributes.get("value") or "" if kind in _TYPED else ""


def _write(text: str, look: Look, lines: _Lines) -> None:
    if not look.can_be_read:
        return
    if look.is_reversed and text.strip():
        text = f"{_REVERSES}{text}{_ENDS_REVERSE}"
    if not look.keeps_lines:
        lines.pieces.append(_SPACE.sub(" ", text))
        return
    first, *others = text.replace("\r\n", "\n").split("\n")
    lines.pieces.append(first)
    for line in others:
        lines.broken()
        lines.pieces.append(line)


def _row(cells: list[list[str]]) -> list[str]:
    """A row's lines: a label and its value on one line, otherwise one cell after the other."""
    filled = [[line for line in cell if line] for cell in cells]
    with_text = [index for index, cell in enumerate(filled) if cell]
    if (
        len(with_text) == 1 < len(cells)
        and with_text[0] < len(cells) - 1
        and is_label(filled[with_text[0]][-1])
    ):
        return [*filled[with_text[0]][:-1], f"{filled[with_text[0]][-1]}:"]
    if len(with_text) < 2:  # noqa: PLR2004  nothing stands beside anything
        return [line for index in with_text for line in cells[index]]
    if all(len(cell) <= 1 for cell in filled):
        return ["\t".join(cell[0] if cell else "" for cell in filled)]
    *before, last = (filled[index] for index in with_text)
    if all(len(cell) == 1 for cell in before) and is_label(before[0][0]):
        return ["\t".join((*(cell[0] for cell in before), last[0])), *last[1:]]
    first = before[0]
    if len(before) == 1 and len(first) == len(last) and all(map(is_label, first)):
        return [f"{label}\t{value}" for label, value in zip(first, last, strict=True)]
    return [line for index in with_text for line in (*cells[index], "")]


def _ends_own_text(attributes: Mapping[str, str | None]) -> bool:
    named, style = _named(attributes)
    return bool(_REST.search(named) or _REST_STYLE.search(style))


def _is_quote(tag: str, attributes: Mapping[str, str | None]) -> bool:
    named, style = _named(attributes)
    if _QUOTES.search(named):
        return True
    is_cited = (attributes.get("type") or "").lower() == "cite"
    return tag == "blockquote" and (is_cited or not _INDENTED.search(style))


def _named(attributes: Mapping[str, str | None]) -> tuple[str, str]:
    """Id and classes, and the style without blanks."""
    named = f"{attributes.get('id') or ''} {attributes.get('class') or ''}".lower()[:500]
    return named, _SPACE.sub("", (attributes.get("style") or "")[:500]).lower()
