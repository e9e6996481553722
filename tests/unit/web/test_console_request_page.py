"""One request on the console, as five services tell of it: its failures, and who may not decide it."""

import re

import httpx
import pytest
from console_pages import ABOUT, AT, FAILED, ID, Services, browser, shown

from bmt.contracts.http.approval import OwnAgency, RequestUnderReview, Ruling
from web.console.deciding import unusual

GB = 10**9
AMINAH = {"subject": "aminah", "name": "Aminah binti Yusof", "role": "administrator"}
FACTS = {
    **ABOUT,
    "agency": "MAMPU",
    "applicant": {"account": "ahmad", "name": "Ahmad bin Daud", "email": "ahmad@mampu.gov.my"},
    "received_at": AT,
    "channel": "form",
    "reply_through": "email",
    "quota_bytes": 10 * GB,
    "max_file_size_bytes": GB,
    "warnings": [],
}
REVIEW = {
    **FACTS,
    "policy_version": "MAMPU-0123456789ab",
    "submitted_by": {"subject": "ahmad", "role": "applicant"},
    "justification": "Fail besar.",
    "documents": [],
    "due_at": "2026-12-04T09:00:00Z",
    "status": "received",
    "decision": None,
    "history": [{"step": "received", "at": AT, "by": None, "detail": None}],
}
APPROVED = {
    **REVIEW,
    "status": "approved",
    "decision": {
        "decision": "approve",
        "decided_by": AMINAH,
        "decided_at": AT,
        "reason": None,
        "version": 2,
        "approved": {"quota_bytes": 15 * GB, "max_file_size_bytes": GB},
    },
    "history": [
        *REVIEW["history"],
        {"step": "approved", "at": AT, "by": "aminah", "by_name": AMINAH["name"], "detail": None},
    ],
}
WAITING = {**FAILED, "waiting_for": FAILED["reason"]}
RETRIED = {**WAITING, "last_retry": {"by": AMINAH, "at": AT, "reason": "Sudah dibaiki."}}
OBSTACLE = {"target": "ipms", "reason": "not registered", "code": "not_registered_there"}
HERE = f"/requests/{ID}"


def status(now, *steps):
    told = ["received:ahmad", "approved:Aminah binti Yusof", *steps]
    taken = [
        {"step": step, "at": AT, "by": by or "provisioning", "detail": ""}
        for step, _, by in (one.partition(":") for one in told)
    ]
    return {**FACTS, "status": now, "steps": taken}


def about(review=APPROVED, checked=None, posted=None, away=(), **answers):
    """Services that know of one request: `approval` of its review, `intake_submission` of its submission, and so on."""
    known = {}
    for name, told in {"approval": review, **answers}.items():
        service, _, part = name.partition("_")
        known[f"{service} requests/{ID}/{part}".rstrip("/")] = told
    if checked is not None:
        known["request-checks"] = {"errors": [], "warnings": checked}
    for command in ("retry", "notifications"):
        done = posted or httpx.Response(202, json={"request_id": ID})
        known[f"POST requests/{ID}/{command}"] = done
    return Services(known, otherwise=None, away=away)


def failing(configuration=RETRIED, obstacles=(), **more):
    plan = {**{name: FAILED[name] for name in ("request_id", "kind", "status")}, "plan": []}
    told = {
        "intake": status("configuration_failed", "configuring", "configuration_failed"),
        "provisioning_configuration": configuration,
        "provisioning_plan": {**plan, "account": "ahmad", "obstacles": list(obstacles)},
    }
    return about(**{**told, **more})


def commands(services):
    return [one for one in services.sent if one[1] != "/v1/request-checks"]


async def page(services, **asked):
    return await shown(services, HERE, **asked)


def steps(text):
    return re.findall(r'<li class="(\w+)"', re.search(r'<ol class="steps".*?</ol>', text)[0])


async def test_a_failure_says_what_where_since_when_and_what_to_do():
    text = await page(failing(obstacles=[OBSTACLE]))
    assert steps(text) == ["done", "done", "failed", "ahead", "ahead"]
    for told in (
        *("Konfigurasi gagal: IPMS", "Sejak", "Bilangan kegagalan: 2", "Sudah dibaiki."),
        "Sekarang masih terhalang",
        "Semak ejaannya; jika sudah betul, daftarkan akaun itu di sana dahulu.",
        *('value="retry"', 'value="by-hand"', "Diluluskan, 15 GB · konfigurasi gagal"),
    ):
        assert told in text
    known = await page(failing({**RETRIED, "code": OBSTACLE["code"]}, [OBSTACLE]))
    assert known.count("Semak ejaannya") == 1
    assert FAILED["reason"] not in text
    assert FAILED["reason"] in await page(failing(), lang="en")
    assert "Sekarang tiada halangan lagi" in await page(failing())


async def test_where_no_retry_helps_it_says_so_in_its_place():
    text = await page(failing({**WAITING, "retryable": False, "target": "storage"}))
    assert "permohonan baharu diperlukan" in text
    assert 'value="retry"' not in text
    storage = await page(failing({**WAITING, "target": "storage"}))
    assert 'value="retry"' in storage
    assert 'value="by-hand"' not in storage


@pytest.mark.parametrize(
    ("now", "looks"),
    [
        ("approved", ["done", "done", "now", "ahead", "ahead"]),
        ("configured", ["done", "done", "done", "now", "ahead"]),
    ],
)
async def test_a_retry_that_intake_has_not_seen_yet_is_shown_as_provisioning_knows_it(now, looks):
    text = await page(failing({**WAITING, "status": now, "retryable": False}), retried="1")
    assert steps(text) == looks
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
    waiting = {**WAITING, "status": "approved", "away": target, "away_since": since}
    text = await page(about(intake=status("approved"), provisioning_configuration=waiting))
    assert words in text
    assert ("sejak <time" in text) == bool(since)


async def test_a_correction_is_shown_at_once_though_approval_has_not_received_it():
    last = {
        **FACTS,
        "applicant": {**FACTS["applicant"], "name": "Ahmad bin Dawud"},
        "justification": "Fail amat besar.",
        "quota_bytes": 5 * GB,
        "documents": [],
        "came_with": [],
    }
    for name in ("reference", "received_at", "warnings"):
        del last[name]
    services = about(REVIEW, intake_submission=last)
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
    answer = await browser(services).post(f"{HERE}/retry", data={"do": do, "retry_reason": " "})
    assert answer.status_code == 422
    assert 'id="retry_reason-fault"' in answer.text
    assert commands(services) == []
    typed = {"do": do, "retry_reason": "IPMS dibaiki."}
    answer = await browser(services).post(f"{HERE}/retry", data=typed)
    assert answer.headers["location"] == f"{HERE}?retried=1"
    body = {"reason": "IPMS dibaiki.", "by_hand": by_hand}
    assert commands(services) == [("provisioning", f"/v1{HERE}/retry", body)]


async def test_an_applicant_is_told_of_a_delay_with_the_reason():
    answer = {"request_id": ID, "notification_id": "n-1", "about": "approved", "channel": "email"}
    services = failing(posted=httpx.Response(202, json=answer))
    assert "Beritahu pemohon" in await page(services)
    typed = {"do": "tell", "retry_reason": "Portal IPMS sedang diselenggara."}
    answer = await browser(services).post(f"{HERE}/retry", data=typed)
    assert answer.headers["location"] == f"{HERE}?retried=1"
    body = {"reason": "Portal IPMS sedang diselenggara."}
    assert commands(services)[-1] == ("notification", f"/v1{HERE}/notifications", body)


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
    services = about(intake=told, notification_notifications=[notice])
    again = "notifications/n-1/resend"
    services.answers[again] = httpx.Response(202, json={"request_id": ID, "notification_id": "n-1"})
    text = await page(services)
    assert steps(text) == ["done", "done", "done", "failed", "ahead"]
    assert "Makluman tidak sampai: perkhidmatan diaktifkan" in text
    await browser(services).post(f"{HERE}/resend", data={"notification_id": "n-1"})
    assert commands(services) == [("notification", f"/v1/{again}", {})]


@pytest.mark.parametrize(
    ("withheld", "why", "may_reject"),
    [
        ("own_request", "milik anda sendiri", False),
        ("approved_before", "Anda telah meluluskan permohonan ini", True),
        ("registrar", "Anda sendiri yang mendaftarkan permohonan ini", True),
    ],
)
async def test_who_may_not_approve_sees_why_in_the_place_of_the_form(withheld, why, may_reject):
    text = await page(about({**REVIEW, "withheld": withheld}))
    assert why in text
    assert 'value="approve"' not in text
    assert ('value="reject"' in text) == may_reject


async def test_after_an_approval_that_is_not_the_last_comes_the_next_in_ones_list():
    review = {**REVIEW, "withheld": "approved_before", "levels": {"given": 1, "needed": 2}}
    kept = ("reference", "kind", "applicant", "received_at", "due_at", "warnings")
    services = about(review)
    services.answers["worklist"] = [
        {"request_id": ID[:-1] + "2", **{name: REVIEW[name] for name in kept}}
    ]
    text = await page(services, decided="1")
    assert text.index("Seterusnya dalam senarai saya") < text.index('value="reject"')


def test_what_an_earlier_approver_granted_is_not_asked_again():
    rules = OwnAgency.model_construct(usual_quota_bytes=10 * GB)
    granted = {"quota_bytes": 30 * GB, "max_file_size_bytes": GB}
    before = {"level": 1, "endorsed_by": AMINAH, "endorsed_at": AT, "approved": granted}
    review = RequestUnderReview.model_validate({**REVIEW, "endorsements": [before]})
    assert unusual(Ruling(decision="approve"), review, rules) is None
    more = unusual(Ruling(decision="approve", quota_bytes=31 * GB), review, rules)
    assert more.sure == f"{31 * GB}/{GB}"
    assert unusual(Ruling(decision="reject", reason="Tidak."), review, rules) is None


async def test_warnings_are_checked_again_when_an_open_request_is_shown():
    warned = {**REVIEW, "warnings": ["not_registered", "sender_differs"]}
    for checked in (None, ["not_registered"]):
        assert "tidak lagi" not in await page(about(warned, checked))
    text = await page(about(warned, ["not_serving", "open_request_exists"]))
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
    text = await page(about({**APPROVED, "warnings": ["not_registered"]}, checked))
    then, now = (
        re.search(rf"<dt>{label}</dt><dd>(.*?)</dd>", text)[1]
        for label in ("Amaran ketika itu", "Amaran sekarang")
    )
    assert "tiada dalam direktori" in then
    assert now == told


async def test_what_a_request_brought_about_itself_is_no_warning_now():
    told = status("configured", "configuring", "configured")
    assert "Amaran sekarang" not in await page(about(checked=["already_active"], intake=told))


async def test_a_change_alarms_only_who_has_a_decision_to_make():
    assert '<div class="banner wait" data-live' in await page(about(REVIEW))
    assert '<div class="banner" data-live' in await page(failing())
