"""Sizes as people write them: each is read in the one way that it can be meant, or not at all."""

import pytest

from bmt.contracts.values import size_in_bytes

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
