"""Names as people have them, at every door: taken byte for byte, or refused with the character named.

Which names, tests/contract/test_drawn.py says.
"""

import json
from pathlib import Path

import pytest
from fixtures.problems import assert_problem
from intake_callers import ADMINISTRATOR, FILLED, OUTBOUND, SITI, asked, email, submission

pytestmark = pytest.mark.integration

NAMES = json.loads((Path(__file__).parents[2] / "cases" / "names" / "names.json").read_text())
EMOJI = "Aisyah 🌸 binti Ali"
NO_FONT = "Ali ᠮᠣᠩᠭᠣᠯ"

each_refused = pytest.mark.parametrize(
    ("name", "said"),
    [
        (EMOJI, "Emoji are not allowed in names: 🌸 (U+1F338)."),
        (NO_FONT, "No font of letters and forms has this character: ᠮ (U+182E)."),
    ],
)


def named(name):
    return {"account": SITI, "name": name, "email": SITI}


async def test_a_name_of_any_script_is_on_the_request_as_it_was_given(submit, intake, as_):
    name = NAMES["drawn"]["606-beyond-bmp"]
    answer = await submit(applicant=named(name))
    assert answer.status_code == 201, answer.text
    found = await intake.get(answer.headers["location"], headers=as_(*ADMINISTRATOR))
    assert found.json()["applicant"]["name"] == name


async def test_what_no_paper_shows_is_refused_with_its_field_and_character(submit):
    name, character = next(iter(NAMES["refused"].values()))
    problem = assert_problem(await submit(applicant=named(name)), "validation_failed")
    (error,) = problem["errors"]
    assert error["pointer"] == "/applicant/name"
    assert f"{character} (U+{ord(character):04X})" in error["detail"]


@each_refused
async def test_an_e_mail_with_such_a_name_waits_and_says_why(deliver, intake, as_, name, said):
    answer = await deliver(email(FILLED.replace("Siti Nurhaliza binti Ahmad", name)))
    assert answer.status_code == 202, answer.text
    where = f"/v1/inbox/{answer.json()['inbox_item_id']}"
    item = (await intake.get(where, headers=as_(*ADMINISTRATOR))).json()
    (missing,) = item["missing"]
    assert missing["field"] == "name"
    assert said[1:-1] in missing["detail"]
    body = asked(channel="email", applicant=named(name))
    refused = await intake.post(f"{where}/registration", json=body, headers=as_(*ADMINISTRATOR))
    problem = assert_problem(refused, "validation_failed")
    assert {"pointer": "/applicant/name", "detail": said}.items() <= problem["errors"][0].items()


@each_refused
async def test_an_event_with_such_a_name_is_refused_with_it(say, wire, name, said):
    body = submission(applicant=named(name))
    await say(body, event_id := body["source_reference"])
    (refusal,) = await wire.hear(OUTBOUND, event_id, "SubmissionRefused")
    assert said in {one["detail"] for one in refusal.data["errors"]}


@each_refused
async def test_a_correction_to_such_a_name_is_refused(submit, intake, as_, name, said):
    request = (await submit()).json()
    where = f"/v1/requests/{request['request_id']}/correction"
    body = asked(applicant=named(name))
    answer = await intake.post(where, json=body, headers=as_(*ADMINISTRATOR))
    assert said in answer.text
