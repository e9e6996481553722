"""An agency's words: what may be saved, by whom it is overtaken, and what users read then."""

from email import message_from_bytes
from email.policy import default
from io import BytesIO

import pytest
from decider_specification import given
from fixtures.procedure import rejected
from fixtures.samples import received
from fixtures.thoroughness import LONG
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from notices import COMPOSER, NOW, REQUEST, SENDER, SITI, command
from pydantic import ValidationError
from pypdf import PdfReader
from words import ESSENTIAL, own_words

from services.notification import channels
from services.notification.domain.errors import SavedMeanwhile, TemplateWrong
from services.notification.domain.events import TemplateSaved
from services.notification.domain.template import (
    ALLOWED,
    DECIDER,
    MEANINGS,
    NO_VALUE,
    REQUIRED,
    TOKEN,
    SaveWords,
    faults,
    written,
)
from services.notification.templates import sample_notice, variables
from services.notification.wording.composer import DEFAULT, OwnWords

WORDS = own_words()

WHY = "Nombor telefon baharu."


def save(words=WORDS, seen: int = 0) -> SaveWords:
    return SaveWords("MAMPU", "rejected", words, WHY, seen, SITI, NOW)


def saved(words=WORDS, version: int = 1) -> TemplateSaved:
    return TemplateSaved(
        agency="MAMPU",
        about="rejected",
        version=version,
        words=words,
        why=WHY,
        saved_by=SITI,
        saved_at=NOW,
    )


def test_words_are_saved_as_the_next_version():
    given(DECIDER).when(save()).then(saved())
    given(DECIDER, saved()).when(save(seen=1)).then(saved(version=2))


@pytest.mark.parametrize("seen", [0, 2])
def test_who_read_another_version_than_that_in_force_is_told_which_is(seen):
    given(DECIDER, saved()).when(save(seen=seen)).then_refused(SavedMeanwhile, version=1)


def wrong(**malay) -> dict[str, str]:
    refused = given(DECIDER).when(save(own_words(malay=malay))).then_refused(TemplateWrong)
    return {error.pointer: error.detail for error in refused.errors}


def test_an_unknown_variable_is_refused_with_those_there_are():
    assert wrong(closing=("Gaji {gaji}",)) == {
        "/words/malay/closing/0": "The variable at character 6 is none of this notice's, which are "
        "rujukan, keputusan, permohonan, nama, akaun, agensi, tarikh_terima, tarikh, selanjutnya, semakan."
    }


def test_what_the_user_must_read_is_named_where_it_is_missing():
    assert wrong(opening="Ditolak {tarikh}.") == {
        "/words/malay": "The user must read these somewhere: {rujukan}, {keputusan}."
    }


def test_a_brace_that_belongs_to_nothing_is_refused_with_its_place():
    told = wrong(onward=("Sekian {{terima}} kasih {",))
    assert told["/words/malay/onward/0"].startswith("The { at character 25 belongs to no variable")


def test_a_sentence_that_may_be_left_out_stands_where_a_paragraph_may_be():
    assert "further paragraphs alone" in wrong(signatory="{semakan}")["/words/malay/signatory"]
    given(DECIDER).when(save(own_words(malay={"onward": ("{semakan}",)}))).then(
        saved(own_words(malay={"onward": ("{semakan}",)}))
    )


def test_all_that_is_wrong_is_said_at_once():
    words = own_words(malay={"opening": "{x} {"}, english={"signatory": "}"})
    places = [fault.pointer for fault in faults("rejected", words)]
    assert places == [
        *["/words/malay/opening"] * 2,
        "/words/malay",
        "/words/english/signatory",
    ]


@pytest.mark.parametrize("about", ALLOWED)
def test_the_words_that_bmt_brings_are_words_that_could_be_saved(about):
    assert DEFAULT.keys() == ALLOWED.keys()
    assert faults(about, DEFAULT[about]) == []
    assert set(REQUIRED[about]) <= set(ALLOWED[about])


OWN = {"rejected": OwnWords(WORDS, 7)}

"""The agency has words of its own for one notice."""


async def test_a_notice_has_the_words_in_force_and_says_which_they_are():
    told = (await command(rejected(REQUEST), **OWN)).notice
    assert told.template_version == 7
    assert told.words.malay.opening == (
        "permohonan tuan/puan bagi perkhidmatan Big Mail Transfer (BMT) (MAMPU/2025/000001) "
        f"ditolak {told.words.malay.opening[-17:]}"
    )
    assert told.words.malay.paragraphs == (
        "Hubungi Unit Pemodenan Tadbiran dan Perancangan Pengurusan Malaysia di 03-8000 8000.",
    )
    assert told.words.malay.closing == ()
    assert told.words.english.opening.startswith("your application for the Big Mail")


async def test_what_is_not_the_agencys_to_word_stays_as_it_is():
    plain = (await command(rejected(REQUEST))).notice
    told = (await command(rejected(REQUEST), **OWN)).notice
    assert told.words.subject == plain.content.subject
    for own, brought in (
        (told.words.malay, plain.content.malay),
        (told.words.english, plain.content.english),
    ):
        frame = ("title", "status", "salutation", "facts", "quoted", "signatory")
        assert [getattr(own, one) for one in frame] == [getattr(brought, one) for one in frame]


async def test_a_request_that_asked_for_nothing_has_a_dash_there():
    words = own_words(malay={"closing": ("Kuota: {kuota}",)})
    nothing = REQUEST.model_copy(update={"quota_bytes": None, "kind": "termination"})
    told = (await command(received(nothing), acknowledgement=OwnWords(words, 1))).notice
    assert told.words.malay.closing == ("Kuota: –",)


@pytest.mark.parametrize("about", ALLOWED)
async def test_a_preview_is_what_the_composer_of_real_notices_writes(about):
    outgoing = sample_notice(COMPOSER, "MAMPU", about, DEFAULT[about], "email")
    words = outgoing.notice.words.model_dump_json()
    assert "BMT-MAMPU-2026-7K3QF9ZT" in words
    for one in variables(COMPOSER, "MAMPU", about):
        assert one.meaning.malay
        assert one.meaning.english
        if one.required:
            assert one.sample.malay in words
            assert one.sample.english in words


NAMES = st.sampled_from(sorted(MEANINGS))

PLAIN = st.text(st.characters(exclude_characters="{}"))

TOKENS = st.one_of(
    PLAIN, NAMES.map(lambda name: f"{{{name}}}"), st.sampled_from(["{{", "}}", "{", "}", "{ }"])
)

ANYTHING = st.lists(TOKENS).map("".join)


def stray(text):
    """The braces that belong to no variable, each with its place."""
    tokens = TOKEN.finditer(text)
    return [(token[0], token.start() + 1) for token in tokens if token[0] in ("{", "}")]


@for_all(ANYTHING)
def test_every_brace_of_a_text_is_of_a_token(text):
    assert not set("{}") & set(TOKEN.sub("", text))


@for_all(PLAIN)
def test_words_without_braces_stand_as_they_are(text):
    assert written(text, {}) == text.strip()


@for_all(st.text())
def test_braces_written_twice_are_the_braces_themselves(text):
    doubled = text.replace("{", "{{").replace("}", "}}")
    assert written(doubled, {}) == text.strip()
    assert not stray(doubled)


@for_all(ANYTHING, st.dictionaries(NAMES, st.none() | st.text()))
def test_writing_never_fails_and_a_value_is_never_looked_at_again(text, values):
    marked = {name: value and f"\N{BULLET}{value}" for name, value in values.items()}
    said = written(text, marked)
    for token in TOKEN.finditer(text):
        if marked.get(token["name"]):
            assert marked[token["name"]].strip() in said


@pytest.mark.parametrize(
    ("text", "brace", "position"),
    [
        ("Ruj. {rujukan", "{", 6),
        ("rujukan}", "}", 8),
        ("{rujukan.__class__}", "{", 1),
        ("{rujukan[0]}", "{", 1),
        ("{rujukan!r}", "{", 1),
        ("{rujukan:>10}", "{", 1),
        ("{0}", "{", 1),
        ("{}", "{", 1),
        ("{ rujukan }", "{", 1),
        ("{RUJUKAN}", "{", 1),
        ("{{{rujukan}}", "}", 12),
    ],
)
def test_a_brace_that_belongs_to_no_variable_is_told_by_its_place(text, brace, position):
    assert stray(text)[0] == (brace, position)


def test_a_variable_without_a_value_is_a_dash_and_a_sentence_that_is_not_said_leaves_no_gap():
    values = {"kuota": None, "piagam": "", "nama": "{rujukan}"}
    assert written("Kuota {kuota}, {nama}.", values) == f"Kuota {NO_VALUE}, {{rujukan}}."
    assert written("Satu. {piagam} Dua.", values) == "Satu. Dua."
    assert written("{piagam}", values) == ""
    assert written("{tiada}", values) == NO_VALUE


BARE = own_words({"onward": ("{semakan}",)}, {"onward": ("{semakan}",)})

MARKED = "#panic() $x$ *a* _b_ `c` <d> @e \\ // /* = - + [f] \"g\" 'h' ~ %"

LONGEST = "x" * 1500

ANY_WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60)


@pytest.mark.parametrize("channel", ["letter", "memo", "form"])
@pytest.mark.parametrize(
    "words",
    [BARE, own_words({"onward": (MARKED, LONGEST), "closing": (MARKED,), "signatory": MARKED})],
)
async def test_a_paper_is_made_of_the_least_and_of_the_most(channel, words):
    outgoing = sample_notice(COMPOSER, "MAMPU", "rejected", words, channel)
    (page, *_) = PdfReader(BytesIO(channels.pdf(channel, outgoing))).pages
    text = "".join(page.extract_text().split())
    assert "ditolak7Januari2026." in text
    if words is not BARE:
        assert "#panic()$x$*a*_b_`c`<d>@e" in text


@settings(max_examples=500 if LONG else 40)
@for_all(ANY_WORDS, ANY_WORDS)
async def test_an_e_mail_is_made_of_any_words_that_may_be_saved(paragraph, line):
    try:
        words = own_words({"onward": (paragraph,), "closing": (line,), "opening": ESSENTIAL})
    except ValidationError:
        return
    if faults("rejected", words):
        return
    outgoing = sample_notice(COMPOSER, "MAMPU", "rejected", words, "email")
    mail = message_from_bytes(channels.message(outgoing, SENDER), policy=default)
    assert mail["Subject"].startswith("[BMT-MAMPU-2026-7K3QF9ZT] ")
    assert line.strip() in mail.get_content()
