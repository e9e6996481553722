"""An acknowledgement tells the code that opens the status page; nothing else does, and no event."""

from dataclasses import replace
from functools import partial
from io import BytesIO

import pytest
from notices import COMPOSER, REQUEST, SAYS, SENDER, command, outgoing
from pypdf import PdfReader
from words import own_words

from bmt.agencies.register import Agencies
from bmt.contracts.values import in_groups, status_code
from services.notification import channels
from services.notification.channels import render_with_code
from services.notification.domain.notice import OutgoingNotice
from services.notification.wording.composer import OwnWords

KEY = "a key of at least thirty-two characters"
PAGE = "https://intake.example/status/"
CODE = in_groups(status_code(KEY, REQUEST.request_id))
COMPOSING = replace(COMPOSER, status_url="https://intake.example/my")
PAPERS = ("letter", "memo", "form")


def rendering(channel):
    plain = (
        partial(channels.render_email, SENDER)
        if channel == "email"
        else partial(channels.render_paper, channel)
    )
    return partial(render_with_code, plain, PAGE, KEY)


async def text_of(channel, about="acknowledgement"):
    """An e-mail's text, or a paper's first page."""
    request = REQUEST.model_copy(update={"reply_through": channel})
    notice = (await command(SAYS[about](request), "e1", COMPOSING)).notice
    rendered = await rendering(channel)(OutgoingNotice(request, notice, None, notice.at))
    if channel == "email":
        return rendered.content.decode().replace("=\r\n", "")
    return " ".join(PdfReader(BytesIO(rendered.content)).pages[0].extract_text().split())


@pytest.mark.parametrize("channel", ["email", *PAPERS])
async def test_an_acknowledgement_tells_the_code_and_where_it_is_asked_for(channel):
    text = await text_of(channel)
    assert CODE in text
    assert "tanpa log masuk" in text
    assert "Kod semakan" in text
    assert PAGE in text.replace(" ", "")
    assert "/my/requests/" not in text


@pytest.mark.parametrize("channel", ["email", *PAPERS])
@pytest.mark.parametrize("about", ["rejected", "configured"])
async def test_no_other_notice_tells_it(channel, about):
    text = await text_of(channel, about)
    assert CODE not in text
    assert PAGE not in text


async def test_the_qr_code_leads_to_the_page_with_the_reference_and_without_the_code():
    told = []

    async def render(one):
        told.append(one.notice)

    await render_with_code(render, PAGE, KEY, await outgoing("acknowledgement"))
    assert told[0].status_address == f"{PAGE}?reference=MAMPU%2F2025%2F000001"


SENTENCE = (
    f"Status permohonan ini boleh disemak tanpa log masuk di {PAGE} dengan rujukan dan kod semakan di "
    "atas; simpan kedua-duanya."
)


@pytest.mark.parametrize(
    ("onward", "read"),
    [
        (("Hubungi kami. {semakan} Sekian.",), (f"Hubungi kami. {SENTENCE} Sekian.",)),
        (("{semakan}",), (SENTENCE,)),
        (("Satu.", "Hubungi kami."), ("Satu.", SENTENCE, "Hubungi kami.")),
        (("{piagam}",), (SENTENCE,)),
    ],
)
async def test_an_agencys_own_words_keep_all_that_they_say_beside_it(onward, read):
    told = []

    async def render(one):
        told.append(one.notice.words.malay.paragraphs)

    own = OwnWords(own_words(malay={"onward": onward}), 1)
    composer = replace(COMPOSING, agencies=Agencies([]))
    received = SAYS["acknowledgement"](REQUEST)
    notice = (await command(received, "e1", composer, acknowledgement=own)).notice
    await render_with_code(render, PAGE, KEY, OutgoingNotice(REQUEST, notice, None, notice.at))
    assert told == [read]
