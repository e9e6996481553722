"""schemathesis against the five OpenAPI documents of a running system, with every check it has.

No answer of 5xx, none that its document does not describe, nothing accepted that the document forbids, no
way around the token. Short here: what is wrong in what changes something. With BMT_LONG=1 every call, with many more examples, and
calls that follow from each other.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from eventually import eventually
from fixtures.outside import SECONDS, Caller, application, registered
from fixtures.thoroughness import LONG

from evaluation.issuer import Holder, mint

pytestmark = pytest.mark.e2e

SERVICES = ("intake", "approval", "provisioning", "notification", "records")
SEED = "20261124"
EXTENT = (
    ("--max-examples", "500", "--phases", "coverage,fuzzing,stateful")
    if LONG
    else ("--phases", "coverage", "--mode", "negative", "--exclude-method", "GET")
)
ASKED_FOR_OPERATIONS = "records"
"""What operators call is the same code in each service: in the short form it is called of one."""
ROLES = ("applicant", "administrator", "operator", "auditor", "integrator")

# A 422 for what the schema allows is a rule of the procedure that no schema can say: a reason that a
# rejection needs, an agency's channels, control characters in a name.
CONFIGURATION = """
[checks]
positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "422"]

[phases.stateful]
max-steps = 6

[phases.coverage]
unexpected-methods = {methods}

# A stream of events lasts as long as somebody looks: one call would take a third of a minute.
[[operations]]
include-path-regex = "{left_out}"
enabled = false

[dictionaries]
{dictionaries}

[parameters]
{parameters}
"""


@pytest.fixture(scope="module")
def everything(ready) -> str:
    """A token with every role, so that what lies behind the door is reached."""
    minter = mint(ready["issuer"], Path(ready["data"]) / "issuer" / "key.json")
    return minter.token(Holder("ujian@mygovuc.gov.my", "Ujian", "JPA", ROLES))


@pytest.fixture(scope="module")
async def known(ready, http, everything) -> dict[str, str]:
    """What the path's parameters may be, so that half of the calls are about something."""
    caller = Caller(http, ready, everything)
    account = await registered(http, ready, "jpa")
    body = application(account, agency="JPA", reply_through="form")
    answer = await caller.post("intake", "/v1/requests", body)
    request_id = answer.json()["request_id"]
    message = {"content": b"Subject: x\r\n\r\nx", "headers": {"Content-Type": "message/rfc822"}}
    item = (await caller.post("intake", "/v1/emails", **message)).json()["inbox_item_id"]
    notice = await eventually(lambda: _notice(caller, request_id), SECONDS)
    return {
        "request_id": request_id,
        "account": account,
        "inbox_item_id": item,
        "notification_id": notice["notification_id"],
        "document_id": notice["document_id"],
    }


async def _notice(caller: Caller, request_id: str) -> dict[str, Any]:
    answer = await caller.get("notification", f"/v1/requests/{request_id}/notifications")
    notices = answer.json().get("items", [])
    assert notices
    assert notices[0]["status"] == "prepared"
    return notices[0]


def configured(service: str, known: dict[str, str]) -> str:
    short_of_operations = not LONG and service != ASKED_FOR_OPERATIONS
    more = {
        "left_out": "/live$|^/v1/operations/" if short_of_operations else "/live$",
        "methods": ["PUT", "DELETE", "PATCH", "TRACE"] if LONG else ["TRACE"],
    }
    lines = {
        "dictionaries": [f'{name} = {{values = ["{value}"]}}' for name, value in known.items()],
        "parameters": [
            f'"path.{name}" = {{dictionary = "{name}", probability = 0.5}}' for name in known
        ],
    }
    return CONFIGURATION.format(**more, **{name: "\n".join(text) for name, text in lines.items()})


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_does_what_its_document_says_whatever_it_is_sent(
    ready, everything, known, tmp_path, service
):
    file = tmp_path / "schemathesis.toml"
    file.write_text(configured(service, known))
    address = f"{ready['services'][service]['url']}/openapi.json"
    child = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).with_name("st")), "--config-file", str(file)),
        *("run", address, "--checks", "all", "--no-color", "--seed", SEED, *EXTENT),
        *("--header", f"Authorization: Bearer {everything}"),
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[1] / "fixtures"),
            "SCHEMATHESIS_HOOKS": "schemathesis_hooks",
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await child.communicate()
    assert child.returncode == 0, said.decode()[-8000:]
