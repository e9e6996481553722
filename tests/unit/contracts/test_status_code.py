"""The code beside a reference: the same for ever, another for each request and key, forgiving to type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmt.contracts.values import (
    ALPHABET,
    CODE_CHARACTERS,
    as_meant,
    in_groups,
    is_same_code,
    status_code,
)

KEY = "a key of at least thirty-two characters"
REQUEST = "019349f0-1c2a-7b3c-8d4e-5f60718293a4"


def test_the_code_of_a_request_is_the_same_for_ever():
    """Those that were told must open the page after every change of this code."""
    assert in_groups(status_code(KEY, REQUEST)) == "CS8S-2009-50J2"


@given(st.uuids(), st.text(min_size=32))
def test_it_is_of_sixty_bits_in_groups_that_can_be_read_aloud(request_id, key):
    code = status_code(key, str(request_id))
    assert len(code) == CODE_CHARACTERS
    assert set(code) <= set(ALPHABET)
    assert [len(group) for group in in_groups(code).split("-")] == [4, 4, 4]


def test_another_request_and_another_key_have_another_code():
    codes = {status_code(key, one) for key in (KEY, KEY + " ") for one in (REQUEST, REQUEST[:-1])}
    assert len(codes) == 4


@given(st.text(ALPHABET, min_size=CODE_CHARACTERS, max_size=CODE_CHARACTERS))
def test_it_is_taken_however_it_is_typed(code):
    for typed in (
        code.lower(),
        in_groups(code),
        f" {in_groups(code)} ".replace("-", " – "),
        code.replace("0", "O").replace("1", "I"),
        code.lower().replace("0", "o").replace("1", "l"),
        f"Kod semakan: {in_groups(code)}",
        f"Kod semakan {in_groups(code).replace('-', ' ')}.",
        f"(check code: {code.lower()})",
        "".join(chr(ord(one) + 0xFEE0) for one in code),
    ):
        assert is_same_code(code, typed), typed


@pytest.mark.parametrize("typed", ["", "0" * 12, "7K3Q", "😀" * 12, "\ud800", "é" * 12])
def test_anything_else_is_another(typed):
    assert not is_same_code(status_code(KEY, REQUEST), typed)


def test_what_is_meant_has_neither_gaps_nor_letters_that_look_like_digits():
    assert as_meant("o-i l\t7k") == "0117K"
