"""What approving would change, seen before it is done: the real IPMS and the real file server tell."""

import signal
from collections.abc import Sequence
from typing import Any

import pytest
from eventually import eventually
from fixtures.problems import assert_problem, pointers
from fixtures.procedure import approved, opened, rejected, returned, withdrawn
from fixtures.samples import APPLICANT, facts

from bmt.chassis.runtime import clock
from bmt.contracts import topics
from bmt.contracts.events import Granted, RequestEvent, RequestFacts
from services.provisioning.connectors import targets
from services.provisioning.connectors.volume_files import VolumeFiles

pytestmark = pytest.mark.integration

QUOTA, LARGEST = 5000, 2000
OPENING = [
    ("storage", "enabled", False, True),
    ("storage", "quota_bytes", None, QUOTA),
    ("storage", "max_file_size_bytes", None, LARGEST),
]
GIVING = [("ipms", "bmt_enabled", False, True), ("ipms", "max_file_size_bytes", None, LARGEST)]


def request_of(account: str, **changes: Any) -> RequestFacts:
    applicant = APPLICANT.model_copy(update={"account": account})
    sizes = {"quota_bytes": QUOTA, "max_file_size_bytes": LARGEST}
    if changes.get("kind") == "termination":
        sizes = dict.fromkeys(sizes)
    return facts(applicant=applicant, **{**sizes, **changes})


@pytest.fixture
def wire(shared):
    return shared.wire


@pytest.fixture
async def account(ipms) -> str:
    """Somebody whom IPMS knows."""
    account = f"p{clock.new_id()[-12:]}.mampu@mygovuc.gov.my"
    await ipms.register(account)
    return account


def settings_of(plan: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [(one["target"], one["setting"], one["from"], one["to"]) for one in plan["plan"]]


class Reader:
    """An administrator who looks at plans."""

    def __init__(self, client, wire, headers) -> None:
        self._client = client
        self._wire = wire
        self.headers = headers

    async def say(self, *history: RequestEvent) -> None:
        for sequence, event in enumerate(history, 1):
            await self._wire.say(event, sequence=sequence)

    async def plan(self, request: RequestFacts, status: str = "if_approved", **sizes: int) -> Any:
        """The plan once the request has this status."""

        async def shown() -> Any:
            answer = await self.look(request, **sizes)
            assert answer.status_code == 200, answer.text
            assert answer.json()["status"] == status
            return answer.json()

        return await eventually(shown)

    async def look(self, request: RequestFacts, headers: Any = None, **sizes: int) -> Any:
        path = f"/v1/requests/{request.request_id}/plan"
        return await self._client.get(path, params=sizes, headers=headers or self.headers)

    async def configured(self, request: RequestFacts, *names: str) -> None:
        """It is approved as asked, and said to be in force."""
        granted = Granted(
            quota_bytes=request.quota_bytes, max_file_size_bytes=request.max_file_size_bytes
        )
        said = approved(request, approved=granted, decided_at=clock.now())
        await self._wire.say(said, sequence=2)
        names = names or ("ConfigurationStarted", "Configured")
        await self._wire.hear(topics.CONFIGURATIONS, request.request_id, *names)


@pytest.fixture
def reader(wire, as_):
    return lambda client, agency="MAMPU": Reader(client, wire, as_("administrator", agency))


async def test_what_approving_will_change_is_what_the_approval_then_changes(
    client, reader, wire, ipms, storage, account
):
    aminah = reader(client)
    await aminah.say(opened(request := request_of(account)))

    before = await aminah.plan(request)

    assert settings_of(before) == OPENING + GIVING
    assert (before["leads_to"], before["obstacles"]) == ("configured", [])
    assert before["granted"] == {"quota_bytes": QUOTA, "max_file_size_bytes": LARGEST}
    assert (before["by_hand"], before["waits_for_earlier"]) == ([], False)
    assert before["read_at"]
    assert await ipms.service(account) == {}
    assert await storage.visit(account) == 401
    assert not (storage.part.volumes / f"{account}.conf").exists()
    await wire.hear(topics.CONFIGURATIONS, request.request_id)

    await aminah.configured(request)
    started, _ = await wire.hear(
        topics.CONFIGURATIONS, request.request_id, "ConfigurationStarted", "Configured"
    )
    assert started.data["plan"] == before["plan"]
    after = await aminah.plan(request, "configured")
    assert (after["plan"], after["leads_to"], after["read_at"]) == ([], None, None)

    await aminah.say(opened(again := request_of(account)))
    assert settings_of(await aminah.plan(again)) == []
    more = await aminah.plan(again, quota_bytes=QUOTA + 1)
    assert settings_of(more) == [("storage", "quota_bytes", QUOTA, QUOTA + 1)]
    assert more["granted"]["quota_bytes"] == QUOTA + 1

    await aminah.say(opened(end := request_of(account, kind="termination")))
    ending = await aminah.plan(end)
    assert settings_of(ending) == [
        ("ipms", "bmt_enabled", True, False),
        ("ipms", "max_file_size_bytes", LARGEST, None),
        ("storage", "enabled", True, False),
        ("storage", "quota_bytes", QUOTA, None),
        ("storage", "max_file_size_bytes", LARGEST, None),
    ]
    metrics = (await client.get("/metrics")).text
    assert (
        'bmt_connector_calls_total{connector="scim",operation="plan",outcome="answered"}' in metrics
    )


async def test_an_account_that_is_not_registered_would_fail_and_nothing_would_be_changed(
    client, reader
):
    stranger = f"p{clock.new_id()[-12:]}.mampu@mygovuc.gov.my"
    aminah = reader(client)
    await aminah.say(opened(request := request_of(stranger)))

    plan = await aminah.plan(request)

    assert (plan["plan"], plan["leads_to"]) == ([], "configuration_failed")
    (obstacle,) = plan["obstacles"]
    assert obstacle["target"] == "ipms"
    assert "not registered" in obstacle["reason"]
    await aminah.configured(request, "ConfigurationFailed")


async def test_where_people_set_ipms_the_plan_has_what_they_will_be_asked(client, reader, wire):
    account = f"p{clock.new_id()[-12:]}.jpa@mygovuc.gov.my"
    faridah = reader(client, "JPA")
    await faridah.say(opened(request := request_of(account, agency="JPA")))

    plan = await faridah.plan(request)

    unknown = [(target, setting, None, to) for target, setting, _, to in GIVING]
    assert settings_of(plan) == OPENING + unknown
    assert plan["leads_to"] == "awaiting_operator"
    (by_hand,) = plan["by_hand"]
    await faridah.configured(request, "ConfigurationStarted", "AwaitingOperator")
    _, asked = await wire.hear(
        topics.CONFIGURATIONS, request.request_id, "ConfigurationStarted", "AwaitingOperator"
    )
    assert by_hand == {name: asked.data[name] for name in by_hand}
    awaiting = await faridah.plan(request, "awaiting_operator")
    assert awaiting["by_hand"] == [by_hand]
    assert settings_of(awaiting) == unknown

    await faridah.say(opened(end := request_of(account, agency="JPA", kind="termination")))
    ending = await faridah.plan(end)
    assert ending["waits_for_earlier"] is True
    (off,) = ending["by_hand"]
    assert [one["to"] for one in off["settings"]] == [False]
    assert settings_of(ending)[0] == ("ipms", "bmt_enabled", None, False)
    assert {target for target, *_ in settings_of(ending)[1:]} == {"storage"}
    assert "Matikan perkhidmatan" in off["instructions"]


@pytest.mark.parametrize(
    ("ended", "status"),
    [(rejected, "rejected"), (withdrawn, "withdrawn"), (returned, "returned")],
)
async def test_a_request_that_will_not_be_configured_changes_nothing(
    client, reader, account, ended, status
):
    aminah = reader(client)
    await aminah.say(opened(request := request_of(account)), ended(request))

    plan = await aminah.plan(request, status)

    assert (plan["plan"], plan["obstacles"], plan["read_at"]) == ([], [], None)


async def test_who_sees_the_plan_of_a_request_under_review(client, reader, account, as_):
    aminah = reader(client)
    await aminah.say(opened(request := request_of(account)))
    await aminah.plan(request)

    seen: Sequence[tuple[tuple[str, ...], int]] = [
        (("administrator", "JPA"), 404),
        (("administrator", ""), 404),
        (("auditor", "KPM"), 404),
        (("auditor", "MAMPU"), 200),
        (("auditor", ""), 200),
        (("operator", "JPA"), 200),
        (("applicant", "MAMPU", account), 403),
    ]
    for who, status in seen:
        answer = await aminah.look(request, as_(*who))
        assert answer.status_code == status, who


async def test_sizes_that_no_decision_could_grant_are_refused(client, reader, account):
    aminah = reader(client)
    await aminah.say(opened(request := request_of(account)))
    await aminah.plan(request)

    beyond = await aminah.look(request, quota_bytes=100_000_000_001)
    assert assert_problem(beyond, "quota_exceeds_maximum")["maximum"] == 100_000_000_000
    for wrong in (
        {"max_file_size_bytes": 2_000_000_001},
        {"max_file_size_bytes": 0},
        {"max_file_size_bytes": 2**53},
        {"max_file_size_bytes": "2GB"},
    ):
        problem = assert_problem(await aminah.look(request, **wrong), "validation_failed")
        assert pointers(problem) == {"/query/max_file_size_bytes"}
    await aminah.say(opened(end := request_of(account, kind="termination")))
    await aminah.plan(end)
    problem = assert_problem(await aminah.look(end, quota_bytes=1), "validation_failed")
    assert pointers(problem) == {"/query/quota_bytes"}


@pytest.mark.parametrize("part", ["ipms", "storage"])
async def test_while_a_target_is_away_nothing_is_guessed(
    client, reader, account, part, request, monkeypatch
):
    process = request.getfixturevalue(part).process
    monkeypatch.setattr(targets, "PLAN_SECONDS", 0.5)
    aminah = reader(client)
    await aminah.say(opened(asked := request_of(account)))
    await aminah.plan(asked)
    process.signal(signal.SIGSTOP)
    try:
        began = clock.now()
        away = await aminah.look(asked)
        assert (clock.now() - began).total_seconds() < 8
    finally:
        process.signal(signal.SIGCONT)
    assert_problem(away, "unavailable")
    assert int(away.headers["retry-after"]) > 0
    assert settings_of(await aminah.plan(asked)) == OPENING + GIVING


async def test_looking_loads_no_volume_that_a_crash_left_unloaded(client, reader, storage, account):
    files = VolumeFiles(storage.part.volumes)
    aminah = reader(client)
    await aminah.say(opened(request := request_of(account)))
    await aminah.plan(request)
    files.replace({account: f"[accounts]\n  {account}: xxxxxxxxxxxxxxxx\n"})

    assert_problem(await aminah.look(request), "unavailable")

    assert files.owes_reload(account)
    await aminah.configured(request)
    assert not files.owes_reload(account)
