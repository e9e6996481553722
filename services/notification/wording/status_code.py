"""What an acknowledgement says of its code, with which who has no account can see where the request stands."""

from urllib.parse import urlencode

from services.notification.domain.notice import Fact, Notice, Text
from services.notification.wording import english, malay


def with_code(notice: Notice, page: str, reference: str, code: str) -> Notice:
    """The notice with the code and the way to the page, in the place of that to where people sign in.

    Its QR code leads to the page, where the reference is filled in already. The code is in no address: those are
    kept in histories and in the logs of proxies.
    """
    in_malay = (
        f"Status permohonan ini boleh disemak tanpa log masuk di {page} dengan rujukan dan kod semakan "
        "di atas; simpan kedua-duanya."
    )
    in_english = (
        f"You can see how this request stands without signing in at {page} with the reference and the "
        "status code above; keep both."
    )
    was = notice.status_address or ""
    content = notice.content.model_copy(
        update={
            "malay": _with(
                notice.content.malay,
                Fact(label="Kod semakan", value=code),
                malay.seen_at(was),
                in_malay,
            ),
            "english": _with(
                notice.content.english,
                Fact(label="Status code", value=code),
                english.seen_at(was),
                in_english,
            ),
        }
    )
    address = f"{page}?{urlencode({'reference': reference})}"
    return notice.model_copy(update={"content": content, "status_address": address})


def _with(text: Text, code: Fact, before: str, now: str) -> Text:
    """In the place of the sentence before, else in front of the last paragraph: an agency may have words of its own."""
    paragraphs = tuple(one.replace(before, now) for one in text.paragraphs)
    if paragraphs == text.paragraphs:
        paragraphs = (*paragraphs[:-1], now, *paragraphs[-1:])
    return text.model_copy(update={"facts": (*text.facts, code), "paragraphs": paragraphs})
