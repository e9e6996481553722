"""What users read, word for word: see `golden/`, one file a notice."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from fixtures.procedure import configured, rejected
from fixtures.samples import GB, received
from notices import COMPOSER, REQUEST, command, outgoing

from bmt.agencies.register import Agencies
from bmt.contracts.events import Effective, EffectiveIpms, EffectiveStorage
from services.notification.channels import body
from services.notification.wording.composer import Composer, readable
from services.notification.wording.phrases import english_date, malay_date, size

GOLDEN = Path(__file__).parent / "golden"
TERMINATION = REQUEST.model_copy(
    update={"kind": "termination", "quota_bytes": None, "max_file_size_bytes": None}
)
NOTICES = [
    *((about, REQUEST) for about in ("acknowledgement", "rejected", "returned", "withdrawn")),
    ("configured", REQUEST),
    *((about, TERMINATION) for about in ("acknowledgement", "rejected", "returned", "withdrawn")),
    ("terminated", TERMINATION),
]


@pytest.mark.parametrize(
    ("about", "request_"), NOTICES, ids=[f"{about}-{request.kind}" for about, request in NOTICES]
)
async def test_a_notice_reads_word_for_word(about, request_):
    one = await outgoing(about, request_)
    written = f"{one.notice.words.subject}\n\n{body(one)}"
    assert written == (GOLDEN / f"{about}-{request_.kind}.txt").read_text()


async def test_a_notice_leads_to_where_the_user_sees_the_request_and_to_nowhere_without_an_address():
    leading = Composer(COMPOSER.agencies, COMPOSER.mail_domain, "https://bmt.example/my/")
    address = f"https://bmt.example/my/requests/{REQUEST.request_id}"
    for event in (received(REQUEST), rejected(REQUEST)):
        told = (await command(event, composer=leading)).notice
        assert told.status_address == address
        for text in (told.words.malay, told.content.english):
            assert sum(address in paragraph for paragraph in text.paragraphs) == 1
        assert (await command(event)).notice.status_address is None


async def test_an_outcome_tells_what_is_in_force_and_that_something_else_was_asked():
    effective = Effective(
        ipms=EffectiveIpms(bmt_enabled=True, max_file_size_bytes=2 * GB),
        storage=EffectiveStorage(enabled=True, quota_bytes=5 * GB, max_file_size_bytes=1 * GB),
    )
    told = await command(configured(REQUEST, effective=effective))
    asked = REQUEST.quota_bytes, REQUEST.max_file_size_bytes
    assert asked == (10 * GB, 1 * GB)
    content = told.notice.words
    assert [(fact.label, fact.value) for fact in content.malay.facts] == [
        ("Akaun", "ahmad.mampu@mygovuc.gov.my"),
        ("Kuota storan", "5 GB (5,000,000,000 bait)"),
        ("Kuota storan dipohon", "10 GB (10,000,000,000 bait)"),
        ("Saiz fail terbesar", "1 GB (1,000,000,000 bait)"),
    ]
    assert "diluluskan dengan saiz yang berbeza daripada yang dipohon" in content.malay.opening
    assert "approved with other sizes than requested" in content.english.opening


async def test_what_was_granted_as_asked_is_told_once():
    content = (await outgoing("configured")).notice.words
    assert len(content.malay.facts) == 3
    assert "diluluskan dan dikonfigurasikan" in content.malay.opening


async def test_the_applicant_is_not_told_of_warnings_nor_of_officers():
    told = [
        await command(received(REQUEST, warnings=("not_serving",))),
        await command(rejected(REQUEST)),
        await command(configured(REQUEST)),
    ]
    for one in told:
        words = one.notice.model_dump_json()
        assert "Aminah" not in words
        assert "aminah" not in words
        assert "not_serving" not in words


async def test_an_agency_without_rules_still_tells_its_users():
    composer = Composer(Agencies([]), COMPOSER.mail_domain, "")
    told = (await command(received(REQUEST), composer=composer)).notice
    assert told.agency_name == "MAMPU"
    assert "Piagam Pelanggan" not in told.words.model_dump_json()
    outcome = (await command(rejected(REQUEST), composer=composer)).notice
    assert outcome.due_at is not None


@pytest.mark.parametrize(
    ("size_bytes", "words"),
    [
        (1, "1 bait"),
        (999, "999 bait"),
        (1_000, "1 kB (1,000 bait)"),
        (1_500_000, "1.5 MB (1,500,000 bait)"),
        (2_000_000_000, "2 GB (2,000,000,000 bait)"),
        (1_073_741_824, "1.07 GB (1,073,741,824 bait)"),
        (1_250_000_000_000, "1.25 TB (1,250,000,000,000 bait)"),
    ],
)
def test_a_size_is_told_for_people_and_exactly(size_bytes, words):
    assert size(size_bytes, "bait") == words


def test_a_day_is_told_as_in_malaysia():
    evening = datetime(2026, 7, 31, 17, tzinfo=UTC)  # already the first of August there
    assert malay_date(evening) == "1 Ogos 2026"
    assert english_date(evening) == "1 August 2026"
    assert malay_date(datetime(2026, 3, 9, tzinfo=UTC)) == "9 Mac 2026"


def test_a_persons_words_keep_their_lines_and_lose_what_is_no_text():
    assert readable("\nsatu\r\ndua\rtiga\t4\x00\x1b[31m \n\n") == "satu\ndua\ntiga    4[31m"
