"""Values as people type them: sizes, references and status codes are each read in the one way that they can be meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmt.chassis.readmodels.view_store import search_terms, words_of
from bmt.contracts.values import (
    ALPHABET,
    CODE_CHARACTERS,
    as_meant,
    in_groups,
    is_same_code,
    read_reference,
    size_in_bytes,
    status_code,
)

GB = 10**9

MB = 10**6


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("10 GB", 10 * GB),
        ("10gb", 10 * GB),
        ("10000000000", 10 * GB),
        ("10,000,000,000", 10 * GB),
        ("10.000.000.000", 10 * GB),
        ("10 000 000 000 bait", 10 * GB),
        ("1.5 GiB", 3 * 2**29),
        ("2 GiB.", 2**31),
        ("500 MB", 500 * MB),
        ("20 gigabait", 20 * GB),
        ("20 Gigabyte", 20 * GB),
        ("500 megabait", 500 * MB),
        ("2 terabait", 2000 * GB),
        ("20G", 20 * GB),
        ("1,5 GB", 1500 * MB),
        ("10,25 GB", 10_250 * MB),
        ("1,500 MB", 1500 * MB),
        ("1 500 MB", 1500 * MB),
        ("1.500.000 KB", 1500 * MB),
        ("1,500.50 MB", 1_500_500_000),
        ("1.500,50 MB", 1_500_500_000),
        ("1 500,25 MB", 1_500_250_000),
        ("0.500 GB", 500 * MB),
        ("0,500 GB", 500 * MB),
        ("1.2345 GB", 1_234_500_000),
        ("２０ GB", 20 * GB),
        ("２０ＧＢ", 20 * GB),
        ("１．５\u3000ＧＢ", 1500 * MB),
        ("20\N{NO-BREAK SPACE}GB", 20 * GB),
    ],
)
def test_what_can_be_meant_in_one_way_is_read(text, size):
    assert size_in_bytes(text) == size


@pytest.mark.parametrize(
    "text",
    [
        "1.500 MB",
        "2.000 GB",
        "1.500 GiB",
        "1,50,000",
        "12,34,567 KB",
        "1,2500 GB",
        "1.500,250 MB",
        "1,500,5 MB",
        "1 5 GB",
        "1'500 MB",
        "20",
        "1.5",
        "10⁹ bytes",
        "2 GB²",
        "½ GB",
        "1½ GB",
        "٢٠ GB",
        "-1 GB",
        "0",
        "0 GB",
        "10 GB atau lebih",
        "20 Gbit",
        "dua puluh GB",
        "9999999999 TB",
        "1.0000000001 GB",
        "",
        "GB",
    ],
)
def test_what_could_mean_several_sizes_or_none_is_not_read(text):
    assert size_in_bytes(text) is None


@pytest.mark.parametrize(
    ("text", "size"), [("20", 20 * GB), ("2,5", 2500 * MB), ("500 MB", 500 * MB), ("1.500", None)]
)
def test_where_a_unit_stands_beside_the_field_it_need_not_be_written(text, size):
    assert size_in_bytes(text, unit="gb") == size


MEANT = "BMT-MAMPU-2026-7K0QF1ZT"

TYPED = [
    "BMT-MAMPU-2026-7K0QF1ZT",
    "bmt-mampu-2026-7k0qf1zt",
    "  BMT-MAMPU-2026-7K0QF1ZT\n",
    "BMT MAMPU 2026 7K0Q F1ZT",
    "BMTMAMPU20267K0QF1ZT",
    "bmtmampu20267k0qf1zt",
    "BMT/MAMPU/2026/7K0QF1ZT",
    "BMT_MAMPU_2026_7K0QF1ZT",
    "BMT–MAMPU—2026‑7K0QF1ZT",
    "BMT - MAMPU - 2026 - 7K0QF1ZT",
    "BMT-MAMPU-2O26-7KOQFIZT",
    "BMT-MAMPU-2026-7koqflzt",
    "ＢＭＴ－ＭＡＭＰＵ－２０２６－７Ｋ０ＱＦ１ＺＴ",
    "BMT-MAMPU-２０２６-7K0QF1ZT",
    "BMT-MAM\u200bPU-2026-7K0QF\u00ad1ZT",
    "No. rujukan: BMT-MAMPU-2026-7K0QF1ZT",
    "No. rujukan : bmt mampu 2026 7koqf1zt.",
    "(BMT-MAMPU-2026-7K0QF1ZT)",
    "Re: [BMT-MAMPU-2026-7K0QF1ZT] Permohonan anda",
    "Reference BMT-MAMPU-2026-7K0QF1ZT, please",
    "BMT-MAMPU-2026-7K0QF1ZT terima kasih",
    "BMT\u00a0MAMPU\u00a02026\u00a07K0QF1ZT",
]

NONE = [
    "",
    "BMT",
    "7K0QF1ZT",
    "BMT-MAMPU-2026",
    "BMT-MAMPU-2026-7K0QF1Z",
    "BMT-MAMPU-2026-7K0QF1ZTX",
    "BMT-MAMPU-2026-7K0QF1ZU",
    "BMT-MAMPU-1999-7K0QF1ZT",
    "XBMT-MAMPU-2026-7K0QF1ZT",
    "MAMPU-2026-7K0QF1ZT",
    "Permohonan BMT untuk tahun 2026",
    "BMT" + " " * 5000,
]


@pytest.mark.parametrize("typed", TYPED)
def test_a_reference_is_read_as_it_is_meant(typed):
    assert read_reference(typed) == MEANT
    assert read_reference(typed, ["JPA", "MAMPU"]) == MEANT


@pytest.mark.parametrize("typed", NONE)
def test_what_is_no_reference_is_none(typed):
    assert read_reference(typed) is None


@pytest.mark.parametrize(
    ("typed", "agencies", "meant"),
    [
        ("bmt jp0 2026 7k0qf1zt", ["JPO", "MAMPU"], "BMT-JPO-2026-7K0QF1ZT"),
        ("BMT-JPO-2026-7K0QF1ZT", ["JPO", "JP0"], "BMT-JPO-2026-7K0QF1ZT"),
        ("BMT-JPO-2026-7K0QF1ZT", ["JP0"], "BMT-JP0-2026-7K0QF1ZT"),
        ("bmtkpmnegeri20267k0qf1zt", ["KPM", "KPM-NEGERI"], "BMT-KPM-NEGERI-2026-7K0QF1ZT"),
        ("bmt kpm negeri 2026 7k0qf1zt", ["KPM-NEGERI"], "BMT-KPM-NEGERI-2026-7K0QF1ZT"),
        ("BMT-LAMA-2026-7K0QF1ZT", ["MAMPU"], "BMT-LAMA-2026-7K0QF1ZT"),
    ],
)
def test_an_agency_is_one_of_those_that_there_are(typed, agencies, meant):
    assert read_reference(typed, agencies) == meant


@pytest.mark.parametrize("typed", TYPED)
def test_auditors_find_a_file_by_its_reference_however_they_type_it(typed):
    assert set(search_terms(typed)) <= set(words_of([MEANT]))


def test_other_words_are_looked_for_as_before():
    assert search_terms("Siti mampu") == ["siti", "mampu"]


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
