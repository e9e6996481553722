"""Forms of the users' pages, filled in and sent as a browser does."""

import re

HERE = "http://127.0.0.1:8101"


async def key_of(browser, address):
    answer = await browser.get(address)
    assert answer.status_code == 200, answer.text
    return re.search(r'name="key" value="([^"]+)"', answer.text).group(1)


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
