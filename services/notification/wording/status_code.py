"""What an acknowledgement says of its code, with which who has no account can see where the request stands."""

from typing import Final
from urllib.parse import urlencode

from services.notification.domain.notice import Fact, Notice, Text

_LABELS: Final = ("Kod semakan", "Status code")


def with_code(notice: Notice, page: str, reference: str, code: str) -> Notice:
    """The notice with the code; its QR code leads to the page, where the reference is filled in already.

    The code is in no address: those are kept in histories and in the logs of proxies.
    """
    in_malay = (
        f"Tanpa log masuk, status boleh disemak di {page} dengan rujukan {reference} dan kod semakan "
        "di atas. Sesiapa yang memegang kedua-duanya boleh melihat status permohonan ini."
    )
    in_english = (
        f"Without signing in, the status can be seen at {page} with the reference {reference} and the "
        "status code above. Whoever holds both can see how this application stands."
    )
    malay, english = _LABELS
    content = notice.content.model_copy(
        update={
            "malay": _with(notice.content.malay, Fact(label=malay, value=code), in_malay),
            "english": _with(notice.content.english, Fact(label=english, value=code), in_english),
        }
    )
    address = f"{page}?{urlencode({'reference': reference})}"
    return notice.model_copy(update={"content": content, "status_address": address})


def _with(text: Text, code: Fact, onward: str) -> Text:
    """Before whom to ask, which ends every notice."""
    *before, contact = text.paragraphs
    return text.model_copy(
        update={"facts": (*text.facts, code), "paragraphs": (*before, onward, contact)}
    )
