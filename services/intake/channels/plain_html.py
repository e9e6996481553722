"""The text of an HTML message, as a reader sees it: what is hidden is left out."""

import re
from html.parser import HTMLParser
from typing import Final

_BLOCKS: Final = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "br",
        "dd",
        "div",
        "dl",
        "dt",
        "fieldset",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "tr",
        "ul",
    ]
)
_CELLS: Final = frozenset(("td", "th"))
_UNSEEN: Final = frozenset(
    ["head", "math", "noscript", "object", "script", "style", "svg", "template", "title"]
)
_VOID: Final = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "source",
        "track",
        "wbr",
    ]
)
_UNCLOSED: Final = re.compile(r"<(?=[^<>]*(?:<|\Z))")
"""What begins like a tag and is none. The standard library takes quadratic time to find that out."""

_HIDDEN_STYLE: Final = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)


def text_of(html: str) -> str:
    """The visible text: a line a block, a tab between the cells of a row."""
    reader = _Reader()
    reader.feed(_UNCLOSED.sub("&lt;", _without_comments(html)))
    reader.close()
    lines = (re.sub(r"[^\S\t]+", " ", line).strip() for line in "".join(reader.pieces).split("\n"))
    return "\n".join(lines)


def _without_comments(html: str) -> str:
    """A comment that never ends hides the rest."""
    kept, place = [], 0
    while (begin := html.find("<!--", place)) >= 0:
        kept.append(html[place:begin])
        end = html.find("-->", begin)
        if end < 0:
            return "".join(kept)
        place = end + len("-->")
    return "".join((*kept, html[place:]))


class _Reader(HTMLParser):
    """Collects text; an element that is hidden hides all within it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        if self._hidden:
            if tag not in _VOID and tag == self._hidden[0]:
                self._hidden.append(tag)
        elif tag not in _VOID and (tag in _UNSEEN or _is_hidden(dict(attrs))):
            self._hidden.append(tag)
        elif tag in _BLOCKS:
            self.pieces.append("\n")
        elif tag in _CELLS:
            self.pieces.append("\t")

    def handle_endtag(self, tag: str) -> None:
        """Close an element; the hidden one ends with its own tag, counting those within."""
        if self._hidden:
            if tag == self._hidden[-1]:
                self._hidden.pop()
        elif tag in _BLOCKS:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        """Take in text; line breaks in the source mean nothing."""
        if not self._hidden:
            self.pieces.append(re.sub(r"\s+", " ", data))


def _is_hidden(attributes: dict[str, str | None]) -> bool:
    return "hidden" in attributes or bool(_HIDDEN_STYLE.search(attributes.get("style") or ""))
