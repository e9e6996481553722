"""What changes while a page is open: approval's events in the visitor's words, as long as their session lasts."""

import asyncio
import json
from dataclasses import replace

import anyio
import httpx
import pytest
from console_pages import VISITOR, browser, problem

from bmt.contracts.http.approval import WorklistChanged
from web.console import live
from web.console.live import forward_changes

STEP = {
    "step": "rejected",
    "at": "2026-11-28T01:00:00Z",
    "by": "aminah",
    "by_name": "Aminah",
    "detail": "Tidak.",
}
CORRECTED = {**STEP, "step": "received", "by": VISITOR.subject, "corrected": True}
CONFIGURED = {"step": "configured", "at": STEP["at"], "by": "x", "detail": ""}
ENDORSED = {**STEP, "step": "received", "levels": {"given": 1, "needed": 2}}


def events(*told):
    return "".join(f"event: changed\ndata: {json.dumps(one)}\n\n" for one in told)


def told(answer):
    """The data of all events of a stream."""
    data = (line.partition("data: ")[2] for line in answer.text.splitlines())
    return [told for one in data if one and "who" not in (told := json.loads(one))]


async def for_ever():
    return True


@pytest.mark.parametrize(
    ("service", "seen", "step", "language", "what"),
    [
        ("approval", "steps", STEP, "ms", "Ditolak · Aminah"),
        ("approval", "steps", STEP, "en", "Rejected · Aminah"),
        ("approval", "steps", CORRECTED, "ms", f"Pembetulan direkodkan · {VISITOR.name}"),
        ("approval", "steps", ENDORSED, "ms", "Kelulusan 1 daripada 2 · Aminah"),
        ("intake", "known", CONFIGURED, "ms", "Dikonfigurasi"),
    ],
    ids=["Malay", "English", "a correction", "a first approval", "once it is decided, of intake"],
)
async def test_what_happened_is_told_in_the_visitors_language(service, seen, step, language, what):
    def answers(call):
        assert (call.url.host, call.url.path) == (service, "/v1/requests/r/live")
        assert call.url.params["steps"] == "3"
        return httpx.Response(200, text=f": open\nretry: 500\n\n{events(step)}: ping\n\n")

    answer = await browser(answers).get("/requests/r/live", params={seen: 3, "lang": language})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert told(answer) == [{"what": what}]


async def test_who_else_looks_is_told_to_colleagues_and_not_to_another_agency():
    answers = lambda _: httpx.Response(200, text=": open\n\n")  # noqa: E731
    visitor = replace(VISITOR, subject="aminah", name="Aminah")
    here, colleague = browser(answers, visitor), browser(answers)
    stranger = browser(answers, replace(visitor, subject="x", agency="JPA"))
    colleague.presence.looked = stranger.presence.looked = here.presence.looked
    for one in (here, stranger):
        assert "looking" in (await one.get("/requests/r/live", params={"steps": 1})).text
    text = (await colleague.get("/requests/r/live", params={"steps": 1, "lang": "en"})).text
    assert '{"who":"Looking at this request now: Aminah"}' in text.replace('": "', '":"', 1)


@pytest.mark.parametrize("answer", [problem("not_found", 404), httpx.Response(502)])
async def test_a_browser_that_gets_nothing_comes_again_later(answer):
    shown = await browser(lambda _: answer).get("/requests/r/live", params={"steps": 1})
    assert (shown.status_code, shown.text.count("event: changed")) == (200, 0)
    assert f"retry: {live.RETRY_LATER_MILLISECONDS}" in shown.text


class Changes:
    """Approval's stream: one change, then silence."""

    def __init__(self):
        self.closed = asyncio.Event()

    async def __aiter__(self):
        try:
            yield WorklistChanged(count=1)
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)  # no time: a connection is closed by others' turn of the loop
            self.closed.set()

    def told(self, goes_on=for_ever):
        return forward_changes(aiter(self), lambda one: {"count": str(one.count)}, goes_on)


async def test_a_stream_ends_with_the_session_and_tells_nothing_more(monkeypatch):
    monkeypatch.setattr(live, "LOOKS_EVERY_SECONDS", 0.01)
    signed_in, changes = [True], Changes()

    async def goes_on():
        return signed_in[0]

    stream = changes.told(goes_on)
    assert (await anext(stream)).comment == "open"
    assert (await anext(stream)).data == {"count": "1"}
    signed_in[0] = False
    assert [one async for one in stream] == []
    await asyncio.wait_for(changes.closed.wait(), 5)


async def test_a_browser_that_leaves_ends_approvals_stream_too():
    changes = Changes()
    with anyio.move_on_after(0.1) as left:  # as the server ends what a browser left
        async for _ in changes.told():
            pass
    assert left.cancelled_caught
    await asyncio.wait_for(changes.closed.wait(), 5)
