"""The paper, read back from its PDF: its text, its bytes, what it promises to readers and archives."""

import json
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import cast

import pypdfium2
import pytest
from fixtures.procedure import OFFICER
from fixtures.samples import MONDAY
from hypothesis import given as for_all
from hypothesis import strategies as st
from notices import COMPOSER, REQUEST, SAYS, SENDER, command, outgoing
from pypdf import PdfReader
from words import own_words

from bmt.agencies.charter import MALAYSIA
from bmt.agencies.register import Agencies
from bmt.contracts.events import Rejected
from bmt.contracts.values import in_groups, status_code
from services.notification import channels
from services.notification.channels import render_with_code
from services.notification.domain.notice import OutgoingNotice
from services.notification.wording.composer import OwnWords

PAPERS = ("letter", "memo", "form")

ABOUTS = ("acknowledgement", "rejected", "returned", "withdrawn", "configured", "terminated")

NAMES = json.loads((Path(__file__).parents[2] / "cases" / "names" / "names.json").read_text())

MARGIN = 2.1 * 72 / 2.54

"""Points; the form's is 2.2 cm."""


async def paper(channel: str, about: str = "configured", **changes) -> bytes:
    kind = "termination" if about == "terminated" else "application"
    request = REQUEST.model_copy(update={"reply_through": channel, "kind": kind, **changes})
    return channels.pdf(channel, await outgoing(about, request))


async def with_reason(channel: str, reason: str) -> bytes:
    request = REQUEST.model_copy(update={"reply_through": channel})
    event = Rejected(request=request, decided_by=OFFICER, decided_at=MONDAY, reason=reason)
    notice = (await command(event, "e1")).notice
    return channels.pdf(channel, OutgoingNotice(request, notice, None, notice.at))


def called(name: str) -> dict:
    return {"applicant": REQUEST.applicant.model_copy(update={"name": name})}


def _unpacked(pdf: bytes) -> bytes:
    """Its objects, readable."""
    reader = PdfReader(BytesIO(pdf))
    return b"\n".join(
        repr(reader.get_object(number)).encode()
        for number in range(1, int(reader.trailer["/Size"]))
    )


def words(pdf: bytes) -> str:
    text = "\n".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)
    return " ".join(text.split())


async def test_a_letter_is_laid_out_as_official_letters_are():
    text = words(await paper("letter"))
    order = [
        "UNIT PEMODENAN TADBIRAN DAN PERANCANGAN PENGURUSAN MALAYSIA",
        "Ruj. Kami : MAMPU/2025/000001",
        "Tarikh : 24 November 2025",
        "Ahmad bin Daud",
        "Tuan/Puan,",
        "MAKLUMAN STATUS PERMOHONAN PERKHIDMATAN BIG MAIL TRANSFER (BMT): DILULUSKAN",
        "Dengan hormatnya dimaklumkan bahawa",
        "Kuota storan : 10 GB (10,000,000,000 bait)",
        "2. Fail yang melebihi",
        "3. Sekiranya",
        "Sekian, terima kasih.",
        "“BERKHIDMAT UNTUK NEGARA”",
        "Saya yang menjalankan amanah,",
        "PENTADBIR UC AGENSI",
        "STATUS OF THE APPLICATION FOR THE BIG MAIL TRANSFER (BMT) SERVICE: APPROVED",
        "We are pleased to inform you",
    ]
    places = [text.find(part) for part in order]
    assert -1 not in places, [part for part, place in zip(order, places, strict=True) if place < 0]
    assert places == sorted(places)


@pytest.mark.parametrize("channel", PAPERS)
async def test_a_paper_leads_to_where_the_user_sees_the_request(channel):
    """Its address in words; the QR code beside the letterhead has it as its alternative text (PDF/UA)."""
    leading = replace(COMPOSER, status_url="https://bmt.example/my")
    request = REQUEST.model_copy(update={"reply_through": channel})
    event = Rejected(request=request, decided_by=OFFICER, decided_at=MONDAY, reason="Belum.")
    notice = (await command(event, "e1", leading)).notice
    printed = channels.pdf(channel, OutgoingNotice(request, notice, None, notice.at))
    address = f"https://bmt.example/my/requests/{request.request_id}"
    assert len(PdfReader(BytesIO(printed)).pages) == 1
    plain = await paper(channel, "rejected")
    figures = [pdf.count(b"/Figure") for pdf in map(_unpacked, (printed, plain))]
    assert figures[0] == figures[1] + 1
    assert address in words(printed).replace(" ", "")


async def test_a_memo_says_to_whom_from_whom_and_about_what():
    text = words(await paper("memo", "rejected"))
    for part in (
        "MEMO",
        "KEPADA : Ahmad bin Daud (ahmad.mampu@mygovuc.gov.my)",
        "DARIPADA : Pentadbir UC Agensi, Unit Pemodenan",
        "RUJUKAN : MAMPU/2025/000001",
        "TARIKH : 24 November 2025",
        "PERKARA : MAKLUMAN STATUS PERMOHONAN PERKHIDMATAN BIG MAIL TRANSFER (BMT): DITOLAK",
        "Sebab : Permohonan tidak lengkap.",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("about", "crossed"),
    [
        ("acknowledgement", "Diterima"),
        ("rejected", "Ditolak"),
        ("terminated", "Diluluskan dan ditamatkan"),
    ],
)
async def test_a_form_crosses_the_status(about, crossed):
    text = words(await paper("form", about))
    assert "BORANG MAKLUMAN STATUS PERMOHONAN" in text
    assert f"X {crossed}" in text
    assert text.count("X ") == 2  # its kind and its status
    assert "D. AKUAN TERIMA" in text


@pytest.mark.parametrize("channel", PAPERS)
@pytest.mark.parametrize("about", ABOUTS)
async def test_every_paper_fits_one_page(channel, about):
    assert len(PdfReader(BytesIO(await paper(channel, about))).pages) == 1


@pytest.mark.parametrize("channel", PAPERS)
async def test_it_is_made_for_archives_and_for_screen_readers(channel):
    pdf = PdfReader(BytesIO(await paper(channel)))
    root = pdf.trailer["/Root"]
    metadata = root["/Metadata"].get_data().decode()
    assert "<pdfaid:part>2</pdfaid:part>" in metadata
    assert "<pdfaid:conformance>B</pdfaid:conformance>" in metadata
    assert "<pdfuaid:part>1</pdfuaid:part>" in metadata
    assert root["/MarkInfo"]["/Marked"]
    assert str(root["/Lang"]) == "ms-MY"
    assert pdf.metadata is not None
    assert pdf.metadata.title.startswith("Makluman status permohonan")
    assert pdf.metadata.creation_date == datetime(2025, 11, 24, tzinfo=UTC)


async def test_what_looks_like_markup_is_only_text():
    reason = "*tebal* _senget_ #panic() $x$ <label> @rujukan \\u{1} // [x] = tajuk\n- satu\n+ dua"
    text = words(await with_reason("letter", reason))
    for part in reason.split("\n"):
        assert part in text


@pytest.mark.parametrize("channel", PAPERS)
async def test_a_long_reason_takes_more_pages_and_loses_nothing(channel):
    reason = "\n".join(f"Perkara {number} belum lengkap." for number in range(150))
    text = words(await with_reason(channel, reason))
    assert all(f"Perkara {number} belum" in text for number in range(150))


@pytest.mark.parametrize(
    ("channel", "name"),
    [
        *(("letter", name) for name in NAMES["drawn"].values()),
        *((channel, max(NAMES["drawn"].values(), key=len)) for channel in ("memo", "form")),
    ],
)
async def test_a_name_of_any_script_is_drawn_within_the_paper(channel, name):
    with pypdfium2.PdfDocument(await paper(channel, **called(name))) as document:
        page = document[0]
        text = page.get_textpage()
        written = text.get_text_range()
        boxes = [text.get_charbox(number) for number in range(text.count_chars())]
        assert max(right for _, _, right, _ in boxes) <= page.get_width() - MARGIN
    assert "□" not in written
    letters = set(written)
    # A reader may give what is composed, or presented, as another form of the same letters.
    drawn = letters | set(unicodedata.normalize("NFKC", written))
    drawn |= set(unicodedata.normalize("NFD", written))
    assert not {one for one in name if one.isalpha()} - drawn


async def test_right_to_left_letters_join_and_run_from_right_to_left():
    """Three times sin: one stroke, shorter than three letters that stand alone."""
    word = await _drawn("سسس")
    ((left, _, right, _),) = await _drawn("س")
    assert [box[0] for box in word] == sorted((box[0] for box in word), reverse=True)
    assert word[0][2] - word[-1][0] < 0.9 * 3 * (right - left)


async def _drawn(name: str) -> list[tuple[float, ...]]:
    """Where the letters of a Jawi name are on the paper (left, bottom, right, top), as they are read."""
    with pypdfium2.PdfDocument(await paper("form", **called(name))) as document:
        text = document[0].get_textpage()
        written = text.get_text_range(errors="replace")
        return [
            text.get_charbox(number)
            for number in range(text.count_chars())
            if "\u0600" <= written[number : number + 1] <= "\u06ff"
        ]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Ali ᠮᠣᠩᠭᠣᠯ", "Ali □□□□□□"),
        ("Siti 😀👨‍👩‍👧 binti Ali", "binti Ali"),
        ("Ali \U000f0000 \ufdd0\u0f00", "Ali □ □□"),
        ("Sun 林 தமிழ் 한글 ไทย ひらがな ᠮ ქართული", "ひらがな □"),
        ("Lima 5\ufe0f\u20e3 林", "林"),
    ],
)
async def test_an_old_name_that_no_font_shows_holds_up_no_paper(name, shown):
    """It was taken before such names were refused; so are reasons, that may say anything."""
    assert shown in words(await paper("letter", **called(name)))


OUTLOOK_ID = f"<SG2PR04MB{'1234567890ABCDEF' * 4}@SG2PR04MB1234.apcprd04.prod.outlook.com>"


def parsed(content: bytes) -> EmailMessage:
    return cast("EmailMessage", message_from_bytes(content, policy=default))


async def test_headers_say_who_writes_to_whom_about_what():
    mail = parsed(channels.message(await outgoing("configured"), SENDER))
    assert mail["From"] == "Perkhidmatan BMT MAMPU <bmt@mygovuc.gov.my>"
    assert mail["To"] == "ahmad@mampu.gov.my"
    assert mail["Subject"] == (
        "[MAMPU/2025/000001] Status permohonan BMT: "
        "diluluskan dan dikonfigurasikan / approved and configured"
    )
    assert mail["Date"].datetime == datetime(2025, 11, 24, 9, 30, tzinfo=MALAYSIA)
    assert mail["Message-ID"] == "<019349f0-2222-7b3c-8d4e-5f60718293a4@mygovuc.gov.my>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "ms, en"
    assert mail["MIME-Version"] == "1.0"
    assert mail["In-Reply-To"] is None
    assert mail.defects == []


async def test_the_text_arrives_as_it_was_written():
    one = await outgoing("rejected")
    mail = parsed(channels.message(one, SENDER))
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content() == channels.body(one).replace("\n", "\r\n")


async def test_it_is_ascii_in_short_enough_lines():
    content = channels.message(await outgoing("rejected", in_reply_to=OUTLOOK_ID), SENDER)
    assert content.isascii()
    lines = content.split(b"\r\n")
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    assert max(map(len, lines)) <= 998
    text = content.partition(b"\r\n\r\n")[2]
    assert max(map(len, text.split(b"\r\n"))) <= 78


@pytest.mark.parametrize("asked", ["<a@b.example>", "a@b.example", OUTLOOK_ID])
async def test_it_answers_in_the_thread_of_the_applicants_own_e_mail(asked):
    mail = parsed(channels.message(await outgoing("acknowledgement", in_reply_to=asked), SENDER))
    wanted = asked if asked.startswith("<") else f"<{asked}>"
    assert mail["In-Reply-To"] == wanted
    assert mail["References"] == wanted
    assert mail["Auto-Submitted"] == "auto-replied"


@pytest.mark.parametrize("asked", ["", "no id", "<a@b>\r\nBcc: x@y.example", "<é@b.example>"])
async def test_what_is_no_message_id_is_not_answered(asked):
    content = channels.message(await outgoing("acknowledgement", in_reply_to=asked), SENDER)
    mail = parsed(content)
    assert mail["In-Reply-To"] is None
    assert b"Bcc" not in content


async def test_a_reference_cannot_add_a_header():
    request = REQUEST.model_copy(update={"reference": "MAMPU\r\nBcc: spy@evil.example\r\n\r\nx"})
    mail = parsed(channels.message(await outgoing("rejected", request), SENDER))
    assert mail["Bcc"] is None
    assert mail["Subject"].startswith("[MAMPU Bcc: spy@evil.example x] Status")


@for_all(name=st.text(st.characters(blacklist_categories=["C"]), min_size=1, max_size=200))
async def test_whatever_the_applicant_is_called_only_the_text_says_it(name):
    applicant = REQUEST.applicant.model_copy(update={"name": name})
    request = REQUEST.model_copy(update={"applicant": applicant})
    mail = parsed(channels.message(await outgoing("acknowledgement", request), SENDER))
    assert name in mail.get_content()
    assert mail["To"] == "ahmad@mampu.gov.my"
    assert set(mail.keys()) == {
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version"),
        *("Content-Type", "Content-Transfer-Encoding", "Content-Language"),
    }


KEY = "a key of at least thirty-two characters"

PAGE = "https://intake.example/status/"

CODE = in_groups(status_code(KEY, REQUEST.request_id))

COMPOSING = replace(COMPOSER, status_url="https://intake.example/my")


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
    return words(rendered.content)


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
