"""The form of a notice's words: what people type, and what the API takes."""

import pytest
from starlette.datastructures import FormData

from bmt.contracts.http.notification import Template
from bmt.contracts.problems import FieldError, Refused
from web.console.notices import WordsForm, faults_of
from web.forms import FormWrong, Sent

WORDING = {
    "opening": "Permohonan {rujukan}.",
    "onward": ["Satu.", "Dua."],
    "closing": ["Sekian,", "terima kasih."],
}
TEMPLATE = Template(
    agency="MAMPU",
    about="configured",
    version=3,
    is_default=False,
    words={"malay": WORDING, "english": {**WORDING, "signatory": "Administrator"}},
    variables=(),
)


def sent(**typed):
    return WordsForm.of(Sent(FormData(typed), "key"))


def test_what_is_shown_and_sent_back_unchanged_is_the_same_words():
    shown = WordsForm.of_template(TEMPLATE)
    assert shown.value("malay-onward") == "Satu.\n\nDua."
    again = sent(**shown.typed, version="3", why="Lebih ringkas.")
    body = again.saved()
    assert body["words"]["malay"] == {**WORDING, "signatory": None}
    assert body["words"]["english"]["signatory"] == "Administrator"
    assert (body["version"], body["why"]) == (3, "Lebih ringkas.")


def test_breaks_within_a_paragraph_and_empty_lines_are_no_words():
    form = sent(
        **{"malay-onward": "Satu\r\nbaris.\r\n\r\n\r\n\r\nDua.", "malay-closing": "A\n\nB\n"}
    )
    words = form.words()["malay"]
    assert words["onward"] == ["Satu baris.", "Dua."]
    assert words["closing"] == ["A", "B"]


def test_what_is_missing_is_told_by_its_field():
    typed = {**WordsForm.of_template(TEMPLATE).typed, "malay-opening": " ", "english-onward": ""}
    with pytest.raises(FormWrong) as wrong:
        sent(**typed, version="x").saved()
    assert {"malay-opening", "english-onward", "why"} <= set(faults_of(wrong.value))


def test_a_fault_of_a_line_belongs_to_its_part():
    faults = (
        FieldError.of("/words/malay/onward/1", "too_long", maximum=1500),
        FieldError.of("/words/malay/onward/2", "blank"),
        FieldError.of("", "required"),
    )
    assert faults_of(Refused(errors=faults)) == {"malay-onward": faults[0], "": faults[2]}
