"""Words: what people type finds what was written, whatever its case, accents and marks."""

import pytest

from bmt.chassis.readmodels.view_store import LONGEST_WORD, MOST_WORDS, search_terms, words_of

FILE = words_of(
    [
        "BMT-MAMPU-2026-ZB48NNFV",
        "siti.mampu@mygovuc.gov.my",
        "Siti Nurhaliza binti Ahmad",
        "MAMPU.BMT.600-1/2/17",
        "Menghantar lukisan kejuruteraan, surat-menyurat (Cafe\u0301).",
    ]
)


@pytest.mark.parametrize(
    "text",
    [
        "siti", "SITI nurhaliza", "nurhal", "siti.mampu", "siti.mampu@mygovuc.gov.my", "mygovuc", "zb48", "ZB48NNFV",
        "bmt-mampu-2026-zb48nnfv", "MAMPU.BMT.600-1/2/17", "kejuruteraan.", "surat", "menyurat", "surat-menyurat",
        "café", "(cafe)", "ahmad lukisan", "",
    ],
)  # fmt: skip
def test_what_begins_a_word_finds_it(text):
    assert all(any(word.startswith(each) for word in FILE) for each in search_terms(text))


@pytest.mark.parametrize("text", ["haliza", "siti lukis gajah", "600-1/2/18", "mampu@j", "era"])
def test_what_begins_none_does_not(text):
    assert not all(any(word.startswith(each) for word in FILE) for each in search_terms(text))


def test_words_are_few_and_short_however_long_the_text():
    assert len(words_of([" ".join(map(str, range(20_000)))])) == MOST_WORDS
    assert max(map(len, words_of(["a" * 10_000]))) == LONGEST_WORD
    assert search_terms("a" * 10_000) == ["a" * LONGEST_WORD]


@pytest.mark.parametrize("text", [".*", "?", "- -", "$"])
def test_signs_alone_find_nothing(text):
    assert not any(any(word.startswith(each) for word in FILE) for each in search_terms(text))
    assert search_terms(text)
    assert search_terms("  ") == []
