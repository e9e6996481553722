"""An agency's words: what may be saved, by whom it is overtaken, and what users read then."""

import pytest
from decider_specification import given
from fixtures.procedure import rejected
from fixtures.samples import received
from notices import COMPOSER, NOW, REQUEST, SITI, command
from words import own_words

from services.notification.domain.errors import SavedMeanwhile, TemplateWrong
from services.notification.domain.events import TemplateSaved
from services.notification.domain.template import ALLOWED, DECIDER, REQUIRED, SaveWords, faults
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
    for own, default in (
        (told.words.malay, plain.content.malay),
        (told.words.english, plain.content.english),
    ):
        frame = ("title", "status", "salutation", "facts", "quoted", "signatory")
        assert [getattr(own, one) for one in frame] == [getattr(default, one) for one in frame]


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
