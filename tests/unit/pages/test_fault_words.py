"""What is wrong with a field, in the reader's language."""

import ast
from pathlib import Path

import pytest
from pydantic import ValidationError
from starlette.requests import Request

from bmt.chassis.field_errors import ALLOWED, field_errors
from bmt.contracts.requests import SubmitRequest
from bmt.pages.fault_words import MALAY
from bmt.pages.language import Languages
from bmt.pages.layout import ROOM

SCANNING = Path(__file__).parents[3] / "services" / "intake" / "scanning"
LANGUAGES = Languages([ROOM / "locale"])


def reader(code):
    return LANGUAGES.of(
        Request({"type": "http", "query_string": f"lang={code}".encode(), "headers": []})
    )


def test_every_rule_that_a_field_may_break_is_told_in_malay():
    assert set(ALLOWED.values()) - MALAY.keys() == set()


@pytest.mark.parametrize(
    ("english", "malay"),
    [
        ("This is needed.", "Ini perlu diisi."),
        ("At least 1 characters are needed.", "Ini perlu diisi."),
        ("Must not be blank.", "Ini perlu diisi."),
        ("At most 200 characters are allowed.", "Paling banyak 200 aksara dibenarkan."),
        ("A number of GB is needed.", "Nombor GB diperlukan, contohnya 2 atau 2,5."),
        ("At most 100000000000 is allowed.", "Paling banyak 100 GB dibenarkan."),
        (
            "One of these is needed: 'email' or 'form'.",
            "Salah satu daripada ini diperlukan: 'email' atau 'form'.",
        ),
        ("At most 50 is allowed.", "Paling banyak 50 dibenarkan."),
        ("At most 2500000000 bytes can be approved.", "Paling banyak 2.5 GB boleh diluluskan."),
        ("One of these is needed: MAMPU, JPA.", "Salah satu daripada ini diperlukan: MAMPU, JPA."),
        (
            "20261128.pdf: The content is not application/pdf.",
            "20261128.pdf: kandungannya bukan application/pdf.",
        ),
    ],
)
def test_a_fault_is_told_in_malay_with_its_limit_as_people_read_it(english, malay):
    assert reader("ms").detail(english) == (malay, "ms")
    assert reader("en").detail(english) == (english, "en")


def test_every_fault_of_a_scan_is_told_in_malay():
    faults = [each for source in SCANNING.glob("*.py") for each in _faults(source)]
    assert len(faults) > 10
    assert [each for each in faults if reader("ms").detail(each)[1] != "ms"] == []


def _faults(source):
    """What is said of scans that are not taken in, with 7 for each value."""
    for call in ast.walk(ast.parse(source.read_text())):
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in {
            "Unreadable",
            "ScanWrong",
        }:
            said = call.args[0]
            parts = said.values if isinstance(said, ast.JoinedStr) else [said]
            if isinstance(parts[0], ast.Constant | ast.FormattedValue):
                yield "".join(
                    getattr(part, "value", "") if isinstance(part, ast.Constant) else "7"
                    for part in parts
                )


@pytest.mark.parametrize(
    "english",
    [
        "Emoji are not allowed in names: 🌸 (U+1F338).",
        "No font of letters and forms has this character: ᠮ (U+182E).",
    ],
)
def test_a_character_of_a_name_is_named_in_malay(english):
    told, language = reader("ms").detail(english)
    assert language == "ms"
    assert english.partition(": ")[2].removesuffix(".") in told


def test_what_has_no_malay_sentence_is_told_in_english_and_says_so():
    assert reader("ms").detail("Nobody foresaw this.") == ("Nobody foresaw this.", "en")


def test_all_that_can_be_wrong_with_a_request_is_told_in_malay():
    told = {
        "kind": "x",
        "agency": "?",
        "channel": "pigeon",
        "reply_through": "pigeon",
        "applicant": {"account": "?", "name": "a\u202eb", "email": "x"},
        "justification": "\x01",
        "quota_bytes": 10**20,
        "documents": ["x"],
    }
    with pytest.raises(ValidationError) as wrong:
        SubmitRequest.model_validate(told)
    found = [{**one, "loc": ("body", *one["loc"])} for one in wrong.value.errors()]
    details = {
        fault.pointer: reader("ms").detail(fault.detail) for fault in field_errors(found, told)
    }
    assert len(details) == 10
    assert {pointer for pointer, told in details.items() if told.lang != "ms"} == set()
    assert details["/applicant/email"].text.startswith("Alamat e-mel diperlukan")
