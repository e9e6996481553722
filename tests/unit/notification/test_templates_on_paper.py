"""Whatever words an agency may save, every notice of it can be told: by e-mail and on each paper."""

from email import message_from_bytes
from email.policy import default
from io import BytesIO

import pytest
from fixtures.thoroughness import LONG
from hypothesis import given, settings
from hypothesis import strategies as st
from notices import COMPOSER, SENDER
from pydantic import ValidationError
from pypdf import PdfReader
from words import ESSENTIAL, own_words

from services.notification import channels
from services.notification.domain.template import faults
from services.notification.templates import sample_notice

BARE = own_words({"onward": ("{semakan}",)}, {"onward": ("{semakan}",)})
MARKED = "#panic() $x$ *a* _b_ `c` <d> @e \\ // /* = - + [f] \"g\" 'h' ~ %"
LONGEST = "x" * 1500
WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60)


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
@given(WORDS, WORDS)
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
