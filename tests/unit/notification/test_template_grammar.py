"""What a template's text may hold: words, and variables in braces; nothing in it is ever run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notification.domain.template import MEANINGS, NO_VALUE, TOKEN, written

NAMES = st.sampled_from(sorted(MEANINGS))
WORDS = st.text(st.characters(exclude_characters="{}"))
TOKENS = st.one_of(
    WORDS, NAMES.map(lambda name: f"{{{name}}}"), st.sampled_from(["{{", "}}", "{", "}", "{ }"])
)
ANYTHING = st.lists(TOKENS).map("".join)


def stray(text):
    """The braces that belong to no variable, each with its place."""
    tokens = TOKEN.finditer(text)
    return [(token[0], token.start() + 1) for token in tokens if token[0] in ("{", "}")]


@given(ANYTHING)
def test_every_brace_of_a_text_is_of_a_token(text):
    assert not set("{}") & set(TOKEN.sub("", text))


@given(WORDS)
def test_words_without_braces_stand_as_they_are(text):
    assert written(text, {}) == text.strip()


@given(st.text())
def test_braces_written_twice_are_the_braces_themselves(text):
    doubled = text.replace("{", "{{").replace("}", "}}")
    assert written(doubled, {}) == text.strip()
    assert not stray(doubled)


@given(ANYTHING, st.dictionaries(NAMES, st.none() | st.text()))
def test_writing_never_fails_and_a_value_is_never_looked_at_again(text, values):
    marked = {name: value and f"\N{BULLET}{value}" for name, value in values.items()}
    said = written(text, marked)
    for token in TOKEN.finditer(text):
        if marked.get(token["name"]):
            assert marked[token["name"]].strip() in said


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
    assert stray(text)[0] == (brace, position)


def test_a_variable_without_a_value_is_a_dash_and_a_sentence_that_is_not_said_leaves_no_gap():
    values = {"kuota": None, "piagam": "", "nama": "{rujukan}"}
    assert written("Kuota {kuota}, {nama}.", values) == f"Kuota {NO_VALUE}, {{rujukan}}."
    assert written("Satu. {piagam} Dua.", values) == "Satu. Dua."
    assert written("{piagam}", values) == ""
    assert written("{tiada}", values) == NO_VALUE
