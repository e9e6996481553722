"""What an acknowledgement says of its code, with which who has no account can see where the request stands."""

from dataclasses import replace
from urllib.parse import urlencode

from bmt.contracts.status_code import in_groups, status_code
from services.notification.channels.rendered import Render, Rendered
from services.notification.domain.notice import Fact, Notice, Text
from services.notification.domain.state import OutgoingNotice
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
    told, address = notice.content, notice.status_address
    content = told.model_copy(
        update={
            "malay": _with(
                told.malay,
                Fact(label="Kod semakan", value=code),
                in_malay,
                malay.status(address),
            ),
            "english": _with(
                told.english,
                Fact(label="Status code", value=code),
                in_english,
                english.status(address),
            ),
        }
    )
    leads_to = f"{page}?{urlencode({'reference': reference})}"
    return notice.model_copy(update={"content": content, "status_address": leads_to})


def _with(text: Text, code: Fact, sentence: str, replaced: str) -> Text:
    """In the place of the sentence about where people sign in, whatever else its paragraph says.

    Where an agency's own words have no such sentence: before the last paragraph, which says whom to ask.
    """
    if replaced and any(replaced in paragraph for paragraph in text.paragraphs):
        paragraphs = tuple(one.replace(replaced, sentence) for one in text.paragraphs)
    else:
        paragraphs = (*text.paragraphs[:-1], sentence, *text.paragraphs[-1:])
    return text.model_copy(update={"facts": (*text.facts, code), "paragraphs": paragraphs})


# Puts the code of an acknowledgement into its message.
#
# Here, where the message is made, and not where the notice is written: the message is stored as what was told, and no
# event has the code.


def telling_code(render: Render, page: str, key: str) -> Render:
    """Makes messages as `render` does, each acknowledgement with its code and the way to `page`.

    Args:
        render: makes the message of a notice.
        page: where the status is shown to who has reference and code.
        key: what codes are made with.
    """

    async def rendered(outgoing: OutgoingNotice) -> Rendered:
        if outgoing.notice.about != "acknowledgement":
            return await render(outgoing)
        request = outgoing.request
        code = in_groups(status_code(key, request.request_id))
        return await render(
            replace(outgoing, notice=with_code(outgoing.notice, page, request.reference, code))
        )

    return rendered
