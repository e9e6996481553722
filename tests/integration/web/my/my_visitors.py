"""Forms of the users' pages, filled in and sent as a browser does."""

import re
from html import unescape

from fixtures.web import HERE, key_of

__all__ = ("HERE", "PDF", "documents_in", "key_of", "received", "send")

PDF = b"%PDF-1.7\n% a memo"


async def send(browser, address="/my/new/application", *, files=(), key="", **fields):
    kind = "termination" if "termination" in address else "application"
    data = {
        "key": key or await key_of(browser, address),
        "kind": kind,
        "justification": "Menghantar lukisan.",
        **fields,
    }
    parts = [("attached", file) for file in files] or [("attached", ("", b""))]
    return await browser.post(address, data=data, files=parts)


async def received(browser, **fields):
    """The id of a request that was taken in."""
    answer = await send(browser, **fields)
    assert answer.status_code == 303, answer.text
    return re.fullmatch(r"/my/requests/([^?]+)\?new=1", answer.headers["location"]).group(1)


def documents_in(page):
    """The documents that a form keeps, as it sends them."""
    return [unescape(one) for one in re.findall(r'name="documents" value="([^"]+)" checked', page)]
