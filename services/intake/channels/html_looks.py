"""The look of text in an HTML page, as far as styles can hide it: hidden text does not count."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import tinycss2
from selectolax.lexbor import LexborHTMLParser, SelectolaxError
from tinycss2.color3 import RGBA, parse_color

MOST_CSS: Final = 300_000
_MOST_MATCHES: Final = 100_000

_PROPERTIES: Final = frozenset((
    "display", "visibility", "opacity", "font-size", "font", "color", "background",
    "background-color", "height", "max-height", "width", "max-width", "overflow", "overflow-x",
    "overflow-y", "left", "top", "right", "text-indent", "clip", "clip-path", "transform",
    "mso-hide", "white-space", "position", "translate", "scale", "zoom", "filter",
    "content-visibility", "line-height", "margin-left", "margin-top", "margin",
    "-webkit-text-fill-color", "unicode-bidi", "direction", "text-decoration", "text-decoration-line",
))  # fmt: skip
_SMALLEST: Final = 2.0
"""The smallest legible letters, in pixels."""
_AWAY: Final = -300.0
"""Pixels outside of the page."""
_PLACES: Final = ("left", "top", "right", "text-indent", "margin", "margin-left", "margin-top", "translate")  # fmt: skip
_LEAST_DIFFERENCE: Final = 0.12
_LEAST_OPACITY: Final = 0.1
_PIXELS: Final = {"px": 1.0, "pt": 4 / 3, "em": 16.0, "rem": 16.0, "in": 96.0, "cm": 37.8, "mm": 3.8, "ex": 8.0, "vw": 10.0}  # fmt: skip
_NOT_ALWAYS: Final = re.compile(r":(?!not\(|first-child|last-child|nth-)")
"""Selectors that apply only sometimes, or to no element."""
_ALWAYS: Final = ("", "all", "screen", "only all", "only screen")
"""Media that every reader has."""
_BLACK: Final = RGBA(0, 0, 0, 1)
_WHITE: Final = RGBA(1, 1, 1, 1)
LINK: Final = RGBA(0, 0, 1, 1)

Declarations = dict[str, list[Any]]


class TooComplex(Exception):  # noqa: N818  named for what is so
    """The page has more, or deeper, elements than any mail program writes."""


@dataclass(frozen=True, slots=True)
class Look:
    """The look of text, as elements inherit it; `is_reversed`: its characters stand in another order than written."""

    is_seen: bool = True
    pixels: float = 16.0
    ink: RGBA = _BLACK
    paper: RGBA = _WHITE
    keeps_lines: bool = False
    is_reversed: bool = False

    @property
    def can_be_read(self) -> bool:
        nearest = max(abs(a - b) for a, b in zip(self.ink[:3], self.paper[:3], strict=True))
        return (
            self.is_seen
            and self.pixels >= _SMALLEST
            and self.ink[3] >= _LEAST_OPACITY
            and nearest * self.ink[3] >= _LEAST_DIFFERENCE
        )


def sheets(page: LexborHTMLParser) -> dict[int, Declarations]:
    """The declarations of the style sheets for each element, by its id; the more specific rule wins."""
    css = "\n".join(
        style.text(deep=True)
        for style in page.css("style")
        if _is_for_all(style.attributes.get("media") or "")
    )[:MOST_CSS]
    found: dict[int, list[tuple[tuple[int, int], Declarations]]] = {}
    matches = 0
    for number, (selector, declared) in enumerate(_rules(css)):
        try:
            elements = page.css(selector)
        except SelectolaxError:  # an invalid selector selects nothing
            elements = []
        matches += len(elements) + 1
        if matches > _MOST_MATCHES:
            raise TooComplex
        for element in elements:
            found.setdefault(element.mem_id, []).append(((_weight(selector), number), declared))
    return {
        element: {name: value for _, each in sorted(rules, key=lambda rule: rule[0]) for name, value in each.items()}
        for element, rules in found.items()
    }  # fmt: skip


def _is_for_all(media: str) -> bool:
    return " ".join(media.lower().split()) in _ALWAYS


def _rules(css: str) -> Iterator[tuple[str, Declarations]]:
    """Each selector with its relevant declarations; rules for certain screens are left out."""
    waiting = tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True)
    for rule in waiting:
        if rule.type == "at-rule" and rule.at_keyword.lower() == "media" and rule.content:
            if _is_for_all(tinycss2.serialize(rule.prelude)):
                yield from _rules(tinycss2.serialize(rule.content))
        elif rule.type == "qualified-rule":
            declared = declarations(tinycss2.parse_blocks_contents(rule.content))
            selectors = tinycss2.serialize(rule.prelude)[:2000].split(",")
            for selector in selectors if declared else ():
                if not _NOT_ALWAYS.search(selector):
                    yield selector.strip(), declared


def _weight(selector: str) -> int:
    """An approximation of CSS's specificity."""
    return 10_000 * selector.count("#") + 100 * (selector.count(".") + selector.count("["))


def declarations(parsed: list[Any]) -> Declarations:
    """The relevant declarations of what tinycss2 parsed; important ones win."""
    found: Declarations = {}
    urgent: Declarations = {}
    for one in parsed:
        if one.type == "declaration" and one.lower_name in _PROPERTIES:
            value = [token for token in one.value if token.type not in ("whitespace", "comment")]
            (urgent if one.important else found)[one.lower_name] = value
    return found | urgent


def styled(declared: Declarations, look: Look) -> Look | None:
    """The look of text in an element with these declarations; None if nothing in it is visible."""
    if _is_gone(declared) or _is_flat(declared) or _is_away(declared):
        return None
    visibility = _word(declared, "visibility")
    if visibility:
        look = replace(look, is_seen=visibility not in ("hidden", "collapse"))
    for name in ("font", "font-size"):
        if (pixels := _pixels(declared.get(name, ()), look.pixels)) is not None:
            look = replace(look, pixels=pixels)
    for name in ("color", "-webkit-text-fill-color"):
        if ink := _colour(declared.get(name, ()), look.ink):
            look = replace(look, ink=ink)
    for name in ("background", "background-color"):
        paper = _colour(declared.get(name, ()), look.ink)
        if paper and paper[3] > _LEAST_OPACITY:
            look = replace(look, paper=paper)
    spaces = _word(declared, "white-space")
    keeps_lines = spaces.startswith(("pre", "break-spaces")) if spaces else look.keeps_lines
    is_reversed = look.is_reversed or _word(declared, "unicode-bidi").endswith("override")
    return replace(look, keeps_lines=keeps_lines, is_reversed=is_reversed)


def _is_gone(declared: Declarations) -> bool:
    """Whether it is not displayed, struck out, or visible only as variables or formulas decide."""
    opacity = _number(declared, "opacity")
    computed = _tokens(declared, "display", "visibility", "opacity", "font-size", "zoom")
    lines = _tokens(declared, "text-decoration", "text-decoration-line")
    return (
        _word(declared, "display") == "none"
        or _word(declared, "mso-hide") == "all"
        or _word(declared, "content-visibility") == "hidden"
        or any(token.type == "function" for token in computed)
        or any(token.type == "ident" and token.lower_value == "line-through" for token in lines)
        or (opacity is not None and opacity < _LEAST_OPACITY)
    )


def _tokens(declared: Declarations, *names: str) -> Iterator[Any]:
    return (token for name in names for token in declared.get(name, ()))


def _is_flat(declared: Declarations) -> bool:
    """Whether it is a box without height or width that clips its contents, or is clipped away itself."""
    clipped = any(
        _word(declared, name) in ("hidden", "clip")
        for name in ("overflow", "overflow-x", "overflow-y")
    )
    names = ("height", "max-height", "width", "max-width", "line-height")
    sizes = (_number(declared, name) for name in names)
    cuts = _tokens(declared, "clip", "clip-path", "transform", "filter")
    return (
        (clipped and any(size is not None and size <= 1 for size in sizes))
        or any(_number(declared, name) == 0 for name in ("zoom", "scale"))
        or any(token.type == "function" and _hides(token) for token in cuts)
    )


def _hides(function: Any) -> bool:
    numbers = [one.value for one in function.arguments if hasattr(one, "int_value") or one.type == "percentage"]  # fmt: skip
    if function.lower_name == "inset":
        return bool(numbers) and numbers[0] >= 50  # noqa: PLR2004  half from each side
    if function.lower_name in ("circle", "ellipse"):
        return bool(numbers) and min(numbers) <= 1
    if function.lower_name == "opacity":
        percent = any(one.type == "percentage" for one in function.arguments)
        return bool(numbers) and numbers[0] < _LEAST_OPACITY * (100 if percent else 1)
    if function.lower_name in ("translate", "translatex", "translatey", "translate3d"):
        return bool(numbers) and min(numbers) < _AWAY
    if function.lower_name == "rect":
        return bool(numbers) and max(numbers) <= 1
    return bool(function.lower_name in ("scale", "scalex", "scaley", "scale3d") and 0 in numbers)


def _is_away(declared: Declarations) -> bool:
    return any(
        (number := _number(declared, name)) is not None and number < _AWAY for name in _PLACES
    )


def _word(declared: Declarations, name: str) -> str:
    value = declared.get(name, ())
    return str(value[0].lower_value) if value and value[0].type == "ident" else ""


def _number(declared: Declarations, name: str) -> float | None:
    """A length in pixels, or a plain number."""
    value = declared.get(name)
    if not value or value[0].type not in ("number", "dimension"):
        return None
    factor = _PIXELS.get(value[0].lower_unit, 1.0) if value[0].type == "dimension" else 1.0
    return float(value[0].value) * factor


def _pixels(value: Any, inherited: float) -> float | None:
    """The letter size of a `font` or `font-size`."""
    for token in value:
        if token.type == "percentage":
            return inherited * float(token.value) / 100
        if token.type == "dimension":
            if token.lower_unit == "em":
                return inherited * float(token.value)
            return float(token.value) * _PIXELS.get(token.lower_unit, 1.0)
        if token.type == "number" and token.value == 0:
            return 0.0
    return None


def _colour(value: Any, ink: RGBA) -> RGBA | None:
    for token in value:
        found = parse_color(token)
        if found == "currentColor":
            return ink
        if found is not None:
            return found
    return None
