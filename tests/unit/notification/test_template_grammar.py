"""What a template's text may hold: words, and variables in braces; nothing in it is ever run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notification.domain.template import (
    MEANINGS,
    NO_VALUE,
    Literal,
    StrayBrace,
    Variable,
    parts,
    written,
)

NAMES = st.sampled_from(sorted(MEANINGS))
WORDS = st.text(st.characters(exclude_characters="{}"))
TOKENS = st.one_of(
    WORDS, NAMES.map(lambda name: f"{{{name}}}"), st.sampled_from(["{{", "}}", "{", "}", "{ }"])
)
ANYTHING = st.lists(TOKENS).map("".join)


@given(ANYTHING)
def test_every_character_of_a_text_belongs_to_one_part(text):
    said = {"{": "{{", "}": "}}"}
    again = ""
    for part in parts(text):
        match part:
            case Literal(text=words):
                again += said.get(words, words)
            case Variable(name=name):
                again += f"{{{name}}}"
            case StrayBrace(brace=brace, position=position):
                assert text[position - 1] == brace
                again += brace
    assert again == text


@given(WORDS)
def test_words_without_braces_stand_as_they_are(text):
    assert written(text, {}) == text.strip()


@given(st.text())
def test_braces_written_twice_are_the_braces_themselves(text):
    doubled = text.replace("{", "{{").replace("}", "}}")
    assert written(doubled, {}) == text.strip()
    assert not any(isinstance(part, StrayBrace) for part in parts(doubled))


@given(ANYTHING, st.dictionaries(NAMES, st.none() | st.text()))
def test_writing_never_fails_and_a_value_is_never_looked_at_again(text, values):
    marked = {name: value and f"\N{BULLET}{value}" for name, value in values.items()}
    said = written(text, marked)
    for part in parts(text):
        if isinstance(part, Variable) and marked.get(part.name):
            assert marked[part.name].strip() in said


@pytest.mark.parametrize(
    ("text", "brace", "position"),
    [
        ("Ruj. {rujukan", "{", 6),
        ("rujukan}", "}", 8),
        ("{rujukan.__class__}", "{", 1),
        ("{rujukan[0]}", "{", 1),
        ("{rujukan!r}", "{", 1),
        ("{rujukan:>10}", "{", 1),
        ("{0}", "{", 1),
        ("{}", "{", 1),
        ("{ rujukan }", "{", 1),
        ("{RUJUKAN}", "{", 1),
        ("{{{rujukan}}", "}", 12),
    ],
)
def test_a_brace_that_belongs_to_no_variable_is_told_by_its_place(text, brace, position):
    found = [part for part in parts(text) if isinstance(part, StrayBrace)]
    assert found[0] == StrayBrace(brace, position)


def test_a_variable_without_a_value_is_a_dash_and_a_sentence_that_is_not_said_leaves_no_gap():
    values = {"kuota": None, "piagam": "", "nama": "{rujukan}"}
    assert written("Kuota {kuota}, {nama}.", values) == f"Kuota {NO_VALUE}, {{rujukan}}."
    assert written("Satu. {piagam} Dua.", values) == "Satu. Dua."
    assert written("{piagam}", values) == ""
    assert written("{tiada}", values) == NO_VALUE
