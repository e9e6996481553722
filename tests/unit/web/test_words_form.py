"""The form of a notice's words: what people type, and what the API takes."""

import pytest
from starlette.datastructures import FormData

from bmt.contracts.http.notification import Template, TemplateVersion
from web.console import area
from web.console.agency import Difference
from web.console.notices import WordsForm, field_of, history
from web.forms import FormWrong, SubmittedForm
from web.layout import Languages

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
    return WordsForm.of(SubmittedForm(FormData(typed), "key"))


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
    assert {"malay-opening", "english-onward", "why"} <= {
        field_of(one.pointer) for one in wrong.value.errors
    }


def version(number, **changes):
    words = {"malay": {**WORDING, **changes}, "english": WORDING}
    return TemplateVersion(version=number, is_default=not number, words=words)


def test_each_version_tells_what_differs_from_the_one_before():
    languages = Languages([area.AREA.folder / "locale"])
    newest_first = [version(2, onward=["Satu.", "Tiga."]), version(1), version(0, signatory="S")]
    second, first = history(newest_first, languages._by_code["en"])
    assert second.differences == [Difference("Malay: Further paragraphs", ["Dua."], ["Tiga."])]
    assert first.differences == [Difference("Malay: Signatory", ["S"], [])]
    assert history(newest_first[-1:], languages._by_code["ms"]) == []
