"""Both languages: every text of the pages has an English one, and none is left over."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import get_args

import jinja2.ext
import pytest
from babel.messages.pofile import read_po
from starlette.requests import Request

from bmt.contracts.values import Channel, Kind, RequestWarning, Status
from web import wording as shared_wording
from web.audit import wording as of_auditors
from web.console import wording as of_administrators
from web.error_pages import TEXTS
from web.health import wording as of_operators
from web.layout import ROOM, Languages
from web.my import wording as of_users
from web.status import wording as of_anybody


def texts_of(wording):
    return [text for table in wording.ALL for text in table.values()]


SITES = {
    ROOM: [*TEXTS, "bait", *texts_of(shared_wording)],
    Path(of_auditors.__file__).parent: texts_of(of_auditors),
    Path(of_administrators.__file__).parent: texts_of(of_administrators),
    Path(of_operators.__file__).parent: texts_of(of_operators),
    Path(of_users.__file__).parent: texts_of(of_users),
    Path(of_anybody.__file__).parent: texts_of(of_anybody),
}


def written(folder):
    """What the templates say in Malay."""
    for template in sorted((folder / "templates").glob("*.html")):
        with template.open("rb") as source:
            for _, _, text, _ in jinja2.ext.babel_extract(source, {"_": None}, [], {}):
                if isinstance(text, str):
                    yield text


def english(folder):
    with (folder / "locale" / "en.po").open("rb") as file:
        return {message.id: message.string for message in read_po(file) if message.id}


@pytest.mark.parametrize("folder", SITES, ids=lambda folder: folder.parent.name)
def test_every_text_has_an_english_one_and_none_is_left_over(folder):
    texts = {*written(folder), *SITES[folder]}
    known = english(folder)
    shared = english(ROOM)
    assert texts - {text for text in known if known[text]} - set(shared) == set()
    assert set(known) - texts - (of_several_areas() if folder == ROOM else set()) == set()


def of_several_areas():
    """What the pages of more than one area say has its English once, in the shared catalogue."""
    areas = [{*written(folder), *texts} for folder, texts in SITES.items() if folder != ROOM]
    return {text for area in areas for text in area if sum(text in one for one in areas) > 1}


def test_no_area_says_again_what_the_shared_catalogue_says():
    shared = english(ROOM).items()
    again = {folder.name: shared & english(folder).items() for folder in SITES if folder != ROOM}
    assert {area: texts for area, texts in again.items() if texts} == {}


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (of_administrators.WARNING, RequestWarning),
        (shared_wording.CHANNEL, Channel),
        (shared_wording.KIND, Kind),
        (shared_wording.STATUS, Status),
        (shared_wording.NEXT, Status),
    ],
    ids=["warnings", "channels", "kinds", "statuses", "what comes next"],
)
def test_every_value_of_the_contract_has_words(table, values):
    assert set(table) == set(get_args(values))


def asked(query=b"", cookie=b""):
    headers = [(b"cookie", cookie)] if cookie else []
    return Request({"type": "http", "query_string": query, "headers": headers})


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (asked(), "ms"),
        (asked(b"lang=en"), "en"),
        (asked(b"", b"lang=en"), "en"),
        (asked(b"lang=ms", b"lang=en"), "ms"),
        (asked(b"lang=fr", b"lang=en"), "en"),
        (asked(b"lang=", b"lang=xx"), "ms"),
    ],
)
def test_malay_comes_first_and_a_choice_is_kept(request_, expected):
    assert Languages([ROOM / "locale"]).of(request_).code == expected


def test_moments_are_told_as_in_malaysia_and_sizes_in_the_largest_unit():
    languages = Languages([ROOM / "locale"])
    malay, in_english = languages.of(asked()), languages.of(asked(b"lang=en"))
    late = datetime(2026, 8, 31, 17, 5, 6, tzinfo=UTC)
    assert malay.moment(late) == "1 Sep 2026, 01:05:06"
    assert in_english.brief(late, late) == "1 Sept, 01:05"
    assert malay.day(date(2026, 8, 31)) == "31 Ogos 2026"
    assert in_english.day(late) == "1 September 2026"
    assert [malay.size(each) for each in (999, 1500, 2 * 10**9)] == ["999 bait", "1.5 KB", "2 GB"]
    assert in_english.size(12) == "12 bytes"
    assert [malay.size(each) for each in (1_250_000_000, 25 * 2**20)] == ["1.25 GB", "25 MiB"]
