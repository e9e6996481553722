"""Adds the status code to an acknowledgement: for checking the status without an account."""

from dataclasses import replace
from urllib.parse import urlencode

from bmt.contracts.status_code import in_groups, status_code
from services.notification.channels import Render, Rendered
from services.notification.domain.notice import Fact, Notice, OutgoingNotice, Text
from services.notification.wording.english import ENGLISH
from services.notification.wording.malay import MALAY


def with_code(notice: Notice, page: str, reference: str, code: str) -> Notice:
    """The notice with the code and the page's address, not the address that needs a login.

    Its QR code leads to the page with the reference filled in. The code itself is in no address,
    because addresses are kept in browser histories and proxy logs.
    """
    in_malay = (
        f"Status permohonan ini boleh disemak tanpa log masuk di {page} dengan rujukan dan kod semakan "
        "di atas; simpan kedua-duanya."
    )
    in_english = (
        f"You can see how this request stands without signing in at {page} with the reference and the "
        "status code above; keep both."
    )
    address = notice.status_address
    content = notice.content.model_copy(
        update={
            "malay": _with(
                notice.content.malay,
                Fact(label="Kod semakan", value=code),
                in_malay,
                MALAY.status_at(address),
            ),
            "english": _with(
                notice.content.english,
                Fact(label="Status code", value=code),
                in_english,
                ENGLISH.status_at(address),
            ),
        }
    )
    leads_to = f"{page}?{urlencode({'reference': reference})}"
    return notice.model_copy(update={"content": content, "status_address": leads_to})


def _with(text: Text, code: Fact, sentence: str, replaced: str) -> Text:
    """Replaces the sentence about the page that needs a login, wherever it is in a paragraph.

    If an agency's own words have no such sentence, the new one goes before the last paragraph,
    which says whom to contact.
    """
    if replaced and any(replaced in paragraph for paragraph in text.paragraphs):
        paragraphs = tuple(one.replace(replaced, sentence) for one in text.paragraphs)
    else:
        paragraphs = (*text.paragraphs[:-1], sentence, *text.paragraphs[-1:])
    return text.model_copy(update={"facts": (*text.facts, code), "paragraphs": paragraphs})


async def render_with_code(
    render: Render, page: str, key: str, outgoing: OutgoingNotice
) -> Rendered:
    """Render a notice. An acknowledgement also gets its status code and a link to `page`.

    The code is added to the stored message only. No event contains it.
    """
    if outgoing.notice.about != "acknowledgement":
        return await render(outgoing)
    request = outgoing.request
    code = in_groups(status_code(key, request.request_id))
    notice = with_code(outgoing.notice, page, request.reference, code)
    return await render(replace(outgoing, notice=notice))
