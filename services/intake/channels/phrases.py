"""The phrases of `phrases.ini` as regular expressions of lower-case text: its first lines say how phrases are written."""

import re
from collections.abc import Mapping
from configparser import ConfigParser
from pathlib import Path
from typing import Final

_SIGNS: Final = {
    "(": "(?:", ")": ")?", "[": "(?:", "]": ")", "/": "|", "_": " ", "*": r"\w{0,20}", "'": "['’]?",
}  # fmt: skip
_OTHERS: Final = {
    "^": r"^[^\w\n]{0,5}", "$": r"[\W\d]{0,5}$", ":": r"\s?[:：]", "..": r"\s(?:[a-z]{1,15}\s){0,3}?",
}  # fmt: skip
_REGISTER: Final = ConfigParser(delimiters="=", interpolation=None)
_REGISTER.optionxform = str  # type: ignore[assignment,method-assign]  # capitals name parts
_REGISTER.read(Path(__file__).with_name("phrases.ini"), "utf-8")


SPELLINGS: Final = {
    short.strip(): word
    for word, shorts in _REGISTER["spellings"].items()
    for short in shorts.split(",")
    if short.strip() != "x"
}


def expressions(section: str, between: str, **parts: str) -> dict[str, str]:
    """The expression of each name's phrases; `parts` are expressions that phrases may name, too.

    `between` matches the characters that may stand between words.
    """
    found = {"...": rf"\b{between}{{0,%s}}?", **parts}
    for name, phrases in _REGISTER[section].items():
        each = (phrase.split() for phrase in re.split(r"[,\n]", phrases))
        made = [_phrase(words, found) for words in each if words]
        # One test of where a word begins, for all of them: that is faster.
        begun = "|".join(one[2:] for one in made if one.startswith(r"\b")) or "(?!)"
        others = [f"|{one}" for one in made if not one.startswith(r"\b")]
        found[name] = rf"(?:\b(?:{begun}){''.join(others)})"
    return {name: found[name] for name in _REGISTER[section]}


def _phrase(words: list[str], parts: Mapping[str, str]) -> str:
    made, needs_space = "", False
    for word in words:
        if word.startswith("!"):
            made += rf"(?! {_word(word[1:])}\b)" if made else _not_after(word[1:])
        elif word in _OTHERS or word.startswith("..."):
            made += _OTHERS.get(word) or parts["..."] % (word[3:] or 40)
            needs_space = False
        elif word.startswith("(") and word.find(")") == len(word) - 1:
            one_of = parts.get(word[1:-1]) or _word(word[1:-1])
            made += f"(?: {one_of})?" if needs_space else rf"\b(?:{one_of} )?"
        else:
            made += (" " if needs_space else r"\b") + (
                parts[word] if word.isupper() else _word(word)
            )
            needs_space = True
    return made + r"\b" if needs_space and not words[-1].endswith("*") else made


def _word(word: str) -> str:
    written = "".join(_SIGNS.get(sign) or re.escape(sign) for sign in word)
    return f"(?:{written})" if "/" in word else written


def _not_after(word: str) -> str:
    return "".join(f"(?<!{_word(each)} )" for each in word.split("/"))
