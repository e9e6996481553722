"""The editor of notices names all that is wrong with the words at once, in front of a notification that a test plays."""

import json

import httpx
from console_pages import browser, problem

from bmt.contracts.http.notification import Words

TEXT = {"opening": "{rujukan}", "onward": ["Satu."], "closing": ["Sekian."], "signatory": None}
TEMPLATE = {
    "agency": "MAMPU",
    "about": "configured",
    "version": 3,
    "is_default": False,
    "words": {"malay": TEXT, "english": TEXT},
    "variables": [],
}


def notification(call):
    """Refuses words of a wrong shape before it looks at their variables, as the service does."""
    if call.url.path.endswith("/versions"):
        return httpx.Response(200, json={"items": [], "next_cursor": None})
    if not call.url.path.endswith("/preview"):
        return httpx.Response(200, json=TEMPLATE)
    words = json.loads(call.content)["words"]
    try:
        Words.model_validate(words)
    except ValueError:
        pointer, code = "/words/english/onward", "too_few_items"
    else:
        pointer, code = "/words/malay/opening", "unknown_variable"
    given = {"position": 1, "variables": "{rujukan}", "minimum": 1}
    fault = {"pointer": pointer, "code": code, "detail": "wrong", "values": given}
    return problem("validation_failed", 422, errors=[fault])


async def test_a_wrong_variable_is_named_beside_a_part_that_is_empty():
    typed = {
        "key": "k",
        "version": "3",
        "do": "save",
        "malay-opening": "{tiada}",
        "malay-onward": "Satu.",
        "malay-closing": "Sekian.",
        "english-opening": "{rujukan}",
        "english-onward": "",
        "english-closing": "Thank you.",
    }
    async with browser(notification) as console:
        answer = await console.post("/notices/configured", data=typed)
    assert answer.status_code == 422
    for field in ("malay-opening", "english-onward", "why"):
        assert f'href="#{field}"' in answer.text
