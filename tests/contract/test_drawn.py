"""What names may be made of is what the fonts of the press draw: the table says so of every character."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError
from record_drawn import drawn, table

from bmt.contracts.values import TABLE, PersonName
from bmt.press.typesetter import Typesetter

NAMES = json.loads((Path(__file__).parents[1] / "cases" / "names" / "names.json").read_text())
NAME = TypeAdapter(PersonName)
EACH = 20
"""Of the Han characters and Hangul syllables, which one font draws, so many are passed over."""
MANY = (range(0x3400, 0x9FFF + 1), range(0xAC00, 0xD7A3 + 1), range(0x20000, 0x3FFFF))
TEMPLATE = """\
#import "@local/press:1.0.0": any-script
#set document(title: "Semua aksara")
#set text(font: any-script, size: 8pt, lang: "ms")
#for words in json(bytes(sys.inputs.paper)).words [#words #parbreak()]
"""


def test_the_table_is_what_the_fonts_have():
    """Else: PYTHONPATH=tests python tests/contract/record_drawn.py"""
    assert TABLE.read_text() == table()


def test_the_press_draws_every_character_of_the_table(tmp_path):
    """PDF/A has no missing glyphs: typst refuses to write one, and the press would draw a square."""
    (tmp_path / "all.typ").write_text(TEMPLATE)
    points = sorted(set().union(*drawn().values()))
    many = [each for each in points if any(each in of for of in MANY)]
    shown = sorted(set(points) - set(many)) + many[::EACH]
    words = [" ".join(map(chr, shown[at : at + 200])) for at in range(0, len(shown), 200)]
    lacking = []
    Typesetter(tmp_path).pdf("all", {"words": words}, lambda: lacking.append(True))
    assert len(shown) > 12_000
    assert not lacking


@pytest.mark.parametrize("name", NAMES["drawn"].values(), ids=NAMES["drawn"])
def test_a_name_of_any_script_is_kept_byte_for_byte(name):
    assert NAME.validate_python(name) == name


@pytest.mark.parametrize(("name", "character"), NAMES["refused"].values(), ids=NAMES["refused"])
def test_what_no_paper_shows_is_refused_by_name(name, character):
    with pytest.raises(ValidationError) as refused:
        NAME.validate_python(name)
    (fault,) = refused.value.errors()
    assert f"{character} (U+{ord(character):04X})" in fault["msg"]


def test_names_in_plain_letters_do_not_wait_for_the_table():
    program = (
        "from pydantic import TypeAdapter; from bmt.contracts import values;"
        "TypeAdapter(values.PersonName).validate_python('Siti binti Ali');"
        "assert values._ranges.cache_info().misses == 0"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
