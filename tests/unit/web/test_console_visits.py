"""When the visitor was here before, as their browser remembers it."""

from datetime import UTC, datetime

import pytest
from starlette.requests import Request
from starlette.responses import Response

from web.console import worklist

NOW = 1_800_000_000


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.setattr(worklist.time, "time", lambda: NOW)


def asked(kept=None):
    headers = [(b"cookie", f"{worklist.COOKIE}={kept}".encode())] if kept else []
    return Request({"type": "http", "scheme": "http", "path": "/console/", "headers": headers})


@pytest.mark.parametrize(
    ("kept", "since"),
    [
        (None, None),
        (f"0.{NOW - 86_400}", NOW - 86_400),  # was here yesterday
        (f"{NOW - 86_400}.{NOW - 60}", NOW - 86_400),  # is still here
        (f"0.{NOW - 60}", None),  # still the first visit
        (f"0.{NOW + 60}", None),  # a clock that was wrong, or a forgery
        ("1.2.3", None),
        ("-5.7", None),
        ("9" * 40 + ".1", None),
    ],
)
def test_the_visit_before_this_one_is_known(kept, since):
    assert worklist.last_visit(asked(kept)) == (
        datetime.fromtimestamp(since, UTC) if since else None
    )


@pytest.mark.parametrize(
    ("kept", "remembered"),
    [
        (None, f"0.{NOW}"),
        (f"0.{NOW - 86_400}", f"{NOW - 86_400}.{NOW}"),
        (f"{NOW - 86_400}.{NOW - 60}", f"{NOW - 86_400}.{NOW}"),
    ],
)
def test_a_look_belongs_to_its_visit(kept, remembered):
    answer = Response()
    worklist.remember(asked(kept), answer, "/console", over_tls=True)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{worklist.COOKIE}={remembered};")
    assert {"HttpOnly", "Path=/console", "SameSite=lax", "Secure"} <= set(cookie.split("; "))
