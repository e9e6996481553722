"""What an acknowledgement says of its code, with which who has no account can see where the request stands."""

from urllib.parse import urlencode

from services.notification.domain.notice import Fact, Notice, Text


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
    malay, english = notice.content.malay, notice.content.english
    before = notice.status_address
    content = notice.content.model_copy(
        update={
            "malay": _with(malay, Fact(label="Kod semakan", value=code), in_malay, before),
            "english": _with(english, Fact(label="Status code", value=code), in_english, before),
        }
    )
    address = f"{page}?{urlencode({'reference': reference})}"
    return notice.model_copy(update={"content": content, "status_address": address})


def _with(text: Text, code: Fact, onward: str, address: str | None) -> Text:
    """Before whom to ask, which ends every notice."""
    *others, contact = (one for one in text.paragraphs if address is None or address not in one)
    return text.model_copy(
        update={"facts": (*text.facts, code), "paragraphs": (*others, onward, contact)}
    )
