"""One request on the console, as five services tell of it: its failures, and who may not decide it."""

import json
import re

import httpx
import pytest
from console_pages import browser, problem

from bmt.contracts.http.approval import OwnAgency, RequestUnderReview, Ruling
from web.console.deciding import unusual

GB = 10**9
ID = "019ac0de-0000-7000-8000-000000000001"
AT = "2026-12-01T01:00:00Z"
AMINAH = {"subject": "aminah", "name": "Aminah binti Yusof", "role": "administrator"}
REVIEW = {
    "request_id": ID,
    "reference": "BMT-MAMPU-2026-7K3QF9ZT",
    "kind": "application",
    "agency": "MAMPU",
    "applicant": {"account": "ahmad", "name": "Ahmad bin Daud", "email": "ahmad@mampu.gov.my"},
    "channel": "form",
    "reply_through": "email",
    "quota_bytes": 10 * GB,
    "max_file_size_bytes": GB,
    "received_at": AT,
    "policy_version": "MAMPU-0123456789ab",
    "submitted_by": {"subject": "ahmad", "role": "applicant"},
    "justification": "Fail besar.",
    "documents": [],
    "warnings": [],
    "due_at": "2026-12-04T09:00:00Z",
    "status": "received",
    "decision": None,
    "history": [{"step": "received", "at": AT, "by": None, "detail": None}],
}
DECISION = {
    "decision": "approve",
    "decided_by": AMINAH,
    "decided_at": AT,
    "reason": None,
    "version": 2,
    "approved": {"quota_bytes": 15 * GB, "max_file_size_bytes": GB},
}
APPROVED = {
    **REVIEW,
    "status": "approved",
    "decision": DECISION,
    "history": [
        *REVIEW["history"],
        {"step": "approved", "at": AT, "by": "aminah", "by_name": AMINAH["name"], "detail": None},
    ],
}
FAILED = {
    "request_id": ID,
    "reference": REVIEW["reference"],
    "agency": "MAMPU",
    "kind": "application",
    "status": "configuration_failed",
    "approved_at": AT,
    "due_at": "2026-12-02T09:00:00Z",
    "waiting_for": "IPMS has no such account",
    "retryable": True,
    "target": "ipms",
    "failed_at": "2026-12-01T02:00:00Z",
    "failures": 2,
    "last_retry": {"by": AMINAH, "at": AT, "reason": "Sudah dibaiki."},
}
OBSTACLE = {"target": "ipms", "reason": "not registered", "code": "not_registered_there"}


def status(now, *steps):
    told = ["received:ahmad", "approved:Aminah binti Yusof", *steps]
    taken = [
        {"step": step, "at": AT, "by": by or "provisioning", "detail": ""}
        for step, _, by in (one.partition(":") for one in told)
    ]
    kept = {name: REVIEW[name] for name in ("request_id", "reference", "kind", "agency")}
    more = ("applicant", "received_at", "channel", "reply_through", "quota_bytes", "warnings")
    kept |= {name: REVIEW[name] for name in (*more, "max_file_size_bytes")}
    return {**kept, "status": now, "steps": taken}


class Services:
    """Five services; a call that nothing is said of is refused as unknown, those `away` are down."""

    def __init__(self, review=APPROVED, away=(), **answers):
        self.answers = {"approval:": review, **answers}
        self.away = away
        self.posted = []

    def __call__(self, call):
        host = call.url.host
        if host in self.away:
            raise httpx.ConnectError("down", request=call)
        if call.url.path == "/v1/request-checks":
            found = {"errors": [], "warnings": self.answers.get("checked")}
            return (
                problem("not_found", 404)
                if found["warnings"] is None
                else httpx.Response(200, json=found)
            )
        if call.method == "POST":
            self.posted.append((host, call.url.path, json.loads(call.content)))
            return self.answers.get("posted") or httpx.Response(202, json={"request_id": ID})
        rest = call.url.path.rpartition(ID)[2].strip("/")
        answer = self.answers.get(f"{host}:{rest}")
        return problem("not_found", 404) if answer is None else httpx.Response(200, json=answer)


def failing(configuration=FAILED, plan=(), **more):
    told = {"intake:": status("configuration_failed", "configuring", "configuration_failed")}
    outlook = {
        "request_id": ID,
        "kind": "application",
        "account": "ahmad",
        "status": "configuration_failed",
        "plan": [],
        "obstacles": list(plan),
    }
    told |= {"provisioning:configuration": configuration, "provisioning:plan": outlook}
    return Services(**{**told, **more})


async def page(services, **asked):
    answer = await browser(services).get(f"/requests/{ID}", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.text


def steps(text):
    return re.findall(
        r'<li class="(\w+)"', re.search(r'<ol class="steps".*?</ol>', text, re.DOTALL)[0]
    )


async def test_a_failure_says_what_where_since_when_and_what_to_do():
    text = await page(failing(plan=[OBSTACLE]))
    assert steps(text) == ["done", "done", "failed", "ahead", "ahead"]
    for told in ("Konfigurasi gagal: IPMS", "Sejak", "Bilangan kegagalan: 2", "Sudah dibaiki."):
        assert told in text
    assert "Sekarang masih terhalang" in text
    assert "Semak ejaannya; jika sudah betul, daftarkan akaun itu di sana dahulu." in text
    known = await page(failing({**FAILED, "code": OBSTACLE["code"]}, plan=[OBSTACLE]))
    assert known.count("Semak ejaannya") == 1
    assert "IPMS has no such account" not in text
    assert "IPMS has no such account" in await page(failing(), lang="en")
    assert "Sekarang tiada halangan lagi" in await page(failing())
    assert 'value="retry"' in text
    assert 'value="by-hand"' in text
    assert "Diluluskan, 15 GB · konfigurasi gagal" in text


async def test_where_no_retry_helps_it_says_so_in_its_place():
    text = await page(failing({**FAILED, "retryable": False, "target": "storage"}))
    assert "permohonan baharu diperlukan" in text
    assert 'value="retry"' not in text
    storage = await page(failing({**FAILED, "target": "storage"}))
    assert 'value="retry"' in storage
    assert 'value="by-hand"' not in storage


@pytest.mark.parametrize(
    ("now", "shown"),
    [
        ("approved", ["done", "done", "now", "ahead", "ahead"]),
        ("configured", ["done", "done", "done", "now", "ahead"]),
    ],
)
async def test_a_retry_that_intake_has_not_seen_yet_is_shown_as_provisioning_knows_it(now, shown):
    text = await page(failing({**FAILED, "status": now, "retryable": False}), retried="1")
    assert steps(text) == shown
    assert "Arahan anda telah diterima." in text
    for told in ("Konfigurasi gagal: IPMS", "permohonan baharu", 'value="retry"'):
        assert told not in text


@pytest.mark.parametrize(
    ("target", "since", "words"),
    [
        ("storage", AT, "storan pemindahan, yang tidak menjawab"),
        ("ipms", None, "IPMS, yang tidak menjawab"),
    ],
)
async def test_what_waits_for_a_target_says_which_and_since_when(target, since, words):
    waiting = {**FAILED, "status": "approved", "away": target, "away_since": since}
    text = await page(
        Services(**{"intake:": status("approved"), "provisioning:configuration": waiting})
    )
    assert words in text
    assert ("sejak <time" in text) == bool(since)


async def test_a_correction_is_shown_at_once_though_approval_has_not_received_it():
    last = {name: REVIEW[name] for name in ("request_id", "kind", "agency", "channel")}
    last |= {"applicant": {**REVIEW["applicant"], "name": "Ahmad bin Dawud"}, "documents": []}
    last |= {"reply_through": "email", "justification": "Fail amat besar.", "came_with": []}
    last |= {"quota_bytes": 5 * GB, "max_file_size_bytes": GB}
    services = Services(REVIEW, **{"intake:submission": last})
    text = await page(services, corrected="1")
    for told in ("Ahmad bin Dawud · permohonan · 5 GB", "Fail amat besar."):
        assert told in text
    assert "Ahmad bin Daud" not in text
    assert "Ahmad bin Daud" in await page(services)


async def test_a_failure_is_loud_though_its_service_is_away():
    text = await page(failing(away=("provisioning", "notification")))
    assert "Konfigurasi gagal" in text
    assert "Butirannya tidak dapat dibaca sekarang" in text


@pytest.mark.parametrize(("do", "by_hand"), [("retry", False), ("by-hand", True)])
async def test_a_retry_needs_a_reason_and_goes_to_provisioning(do, by_hand):
    services = failing()
    place = f"/requests/{ID}/retry"
    answer = await browser(services).post(place, data={"do": do, "retry_reason": " "})
    assert answer.status_code == 422
    assert 'id="retry_reason-fault"' in answer.text
    assert services.posted == []
    answer = await browser(services).post(place, data={"do": do, "retry_reason": "IPMS dibaiki."})
    assert answer.headers["location"] == f"/requests/{ID}?retried=1"
    body = {"reason": "IPMS dibaiki.", "by_hand": by_hand}
    assert services.posted == [("provisioning", f"/v1/requests/{ID}/retry", body)]


async def test_an_applicant_is_told_of_a_delay_with_the_reason():
    answer = {"request_id": ID, "notification_id": "n-1", "about": "approved", "channel": "email"}
    services = failing(posted=httpx.Response(202, json=answer))
    assert "Beritahu pemohon" in await page(services)
    told = {"do": "tell", "retry_reason": "Portal IPMS sedang diselenggara."}
    answer = await browser(services).post(f"/requests/{ID}/retry", data=told)
    assert answer.headers["location"] == f"/requests/{ID}?retried=1"
    body = {"reason": "Portal IPMS sedang diselenggara."}
    assert services.posted == [("notification", f"/v1/requests/{ID}/notifications", body)]


async def test_a_notice_that_did_not_arrive_is_loud_and_can_be_sent_again():
    notice = {
        "notification_id": "n-1",
        "about": "configured",
        "channel": "email",
        "status": "failed",
        "document_id": None,
        "due_at": "2026-12-03T09:00:00Z",
    }
    told = status("configured", "configured", "notification_prepared", "notification_failed")
    services = Services(
        **{
            "intake:": told,
            "notification:notifications": {"items": [notice], "next_cursor": None},
            "posted": httpx.Response(202, json={"request_id": ID, "notification_id": "n-1"}),
        }
    )
    text = await page(services)
    assert steps(text) == ["done", "done", "done", "failed", "ahead"]
    assert "Makluman tidak sampai: perkhidmatan diaktifkan" in text
    await browser(services).post(f"/requests/{ID}/resend", data={"notification_id": "n-1"})
    assert services.posted == [("notification", "/v1/notifications/n-1/resend", {})]


@pytest.mark.parametrize(
    ("withheld", "why", "may_reject"),
    [
        ("own_request", "milik anda sendiri", False),
        ("approved_before", "Anda telah meluluskan permohonan ini", True),
        ("registrar", "Anda sendiri yang mendaftarkan permohonan ini", True),
    ],
)
async def test_who_may_not_approve_sees_why_in_the_place_of_the_form(withheld, why, may_reject):
    text = await page(Services({**REVIEW, "withheld": withheld}))
    assert why in text
    assert 'value="approve"' not in text
    assert ('value="reject"' in text) == may_reject


async def test_after_an_approval_that_is_not_the_last_comes_the_next_in_ones_list():
    review = {**REVIEW, "withheld": "approved_before", "levels": {"given": 1, "needed": 2}}
    kept = ("reference", "kind", "applicant", "received_at", "due_at", "warnings")
    waiting = {"request_id": ID[:-1] + "2", **{name: REVIEW[name] for name in kept}}
    worklist = {"items": [waiting], "next_cursor": None}
    text = await page(Services(review, **{"approval:v1/worklist": worklist}), decided="1")
    assert text.index("Seterusnya dalam senarai saya") < text.index('value="reject"')


async def test_what_other_services_do_is_told_live_too():
    def intake(call):
        assert (call.url.host, call.url.path) == ("intake", f"/v1/requests/{ID}/live")
        step = {"step": "configured", "at": AT, "by": "x", "detail": ""}
        return httpx.Response(200, text=f"event: changed\ndata: {json.dumps(step)}\n\n")

    answer = await browser(intake).get(f"/requests/{ID}/live", params={"known": 3})
    assert '{"what":"Dikonfigurasi"}' in answer.text.replace(": ", ":")


def test_what_an_earlier_approver_granted_is_not_asked_again():
    rules = OwnAgency.model_construct(usual_quota_bytes=10 * GB)
    granted = {"quota_bytes": 30 * GB, "max_file_size_bytes": GB}
    before = {"level": 1, "endorsed_by": AMINAH, "endorsed_at": AT, "approved": granted}
    review = RequestUnderReview.model_validate({**REVIEW, "endorsements": [before]})
    assert unusual(Ruling(decision="approve"), review, rules) is None
    more = unusual(Ruling(decision="approve", quota_bytes=31 * GB), review, rules)
    assert more is not None
    assert more.sure == f"{31 * GB}/{GB}"
    assert unusual(Ruling(decision="reject", reason="Tidak."), review, rules) is None


WARNED = {**REVIEW, "warnings": ["not_registered", "sender_differs"]}


async def test_warnings_are_checked_again_when_an_open_request_is_shown():
    assert "tidak lagi" not in await page(Services(WARNED))
    assert "tidak lagi" not in await page(Services(WARNED, checked=["not_registered"]))
    text = await page(Services(WARNED, checked=["not_serving", "open_request_exists"]))
    assert text.count("Disemak semula sekarang: tidak lagi.") == 1
    assert re.search(r"Baharu sejak diterima:</strong> Akaun ini tidak aktif", text)
    assert text.count("Baharu sejak diterima:") == 1


@pytest.mark.parametrize(
    ("checked", "told"),
    [
        ([], "Tiada."),
        (["not_registered"], "Akaun ini tiada dalam direktori. Pastikan pemohon telah berdaftar."),
        (["directory_unavailable"], "Tidak dapat disemak sekarang."),
        (None, "Tidak dapat disemak sekarang."),
    ],
)
async def test_a_decision_shows_the_warnings_then_and_now(checked, told):
    review = {**APPROVED, "warnings": ["not_registered"]}
    text = await page(Services(review, checked=checked))
    then, now = (
        re.search(rf"<dt>{label}</dt><dd>(.*?)</dd>", text)[1]
        for label in ("Amaran ketika itu", "Amaran sekarang")
    )
    assert "tiada dalam direktori" in then
    assert now == told


async def test_what_a_request_brought_about_itself_is_no_warning_now():
    told = {"intake:": status("configured", "configuring", "configured")}
    services = Services({**APPROVED, "warnings": []}, checked=["already_active"], **told)
    assert "Amaran sekarang" not in await page(services)


async def test_a_change_alarms_only_who_has_a_decision_to_make():
    assert '<div class="banner wait" data-live' in await page(Services(REVIEW))
    assert '<div class="banner" data-live' in await page(failing(FAILED))
