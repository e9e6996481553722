"""YAML has one meaning: that of YAML 1.2's core schema."""

import pytest

from bmt.chassis.runtime.settings import NotYaml, read_yaml


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("no", "no"),
        ("NO", "NO"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("0123", 123),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b11", "0b11"),
        ("12:30", "12:30"),
        ("190:20:30", "190:20:30"),
        ("1_000", "1_000"),
        ("10000000000", 10_000_000_000),
        ("1e3", 1000.0),
        ("2026-11-28", "2026-11-28"),
        ("2026-11-28T09:00:00Z", "2026-11-28T09:00:00Z"),
        ("null", None),
        ("~", None),
        ("", None),
        ("=", "="),
        ("<<", "<<"),
    ],
)
def test_a_value_reads_as_yaml_1_2_says(written, value):
    found = read_yaml(f"key: {written}")["key"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("key", ["on", "yes", "no", "off"])
def test_a_word_of_yaml_1_1_is_a_key_like_any_other(key):
    assert read_yaml(f"{key}: 1") == {key: 1}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3: a stands there twice, first in line 1"),
        ("a: {b: 1, b: 2}\n", "line 1: b stands there twice, first in line 1"),
        ("JPA: {}\n'JPA': {}\n", "line 2: JPA stands there twice, first in line 1"),
        ("a: [1\n", "line 2: "),
        ("a: 1\n b: 2\n", "line 2: "),
        ("a: *nowhere\n", "line 1: "),
        ("a: !!python/object:os.system {}\n", "line 1: "),
        ("a: 1\n---\nb: 2\n", "line 2: "),
        ("a: \x07\n", "control characters"),
    ],
)
def test_what_has_no_one_meaning_is_refused_with_its_line(text, says):
    with pytest.raises(NotYaml) as refused:
        read_yaml(text)
    assert says in str(refused.value) or says.startswith("control")
    assert "\n" not in str(refused.value)
