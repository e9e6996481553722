"""A reference is read as it is meant, however people type it."""

import pytest

from bmt.chassis.readmodels.view_store import search_terms, words_of
from bmt.contracts.values import read_reference

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
