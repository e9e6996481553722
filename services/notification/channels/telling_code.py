"""Puts the code of an acknowledgement into its message.

Here, where the message is made, and not where the notice is written: the message is stored as what was told, and no
event has the code.
"""

from dataclasses import replace

from bmt.contracts.status_code import in_groups, status_code
from services.notification.channels.rendered import Render, Rendered
from services.notification.domain.state import Slip
from services.notification.wording.status_code import with_code


def telling_code(render: Render, page: str, key: str) -> Render:
    """Makes messages as `render` does, each acknowledgement with its code and the way to `page`.

    Args:
        render: makes the message of a notice.
        page: where the status is shown to who has reference and code.
        key: what codes are made with.
    """

    async def rendered(slip: Slip) -> Rendered:
        if slip.notice.about != "acknowledgement":
            return await render(slip)
        request = slip.request
        code = in_groups(status_code(key, request.request_id))
        return await render(
            replace(slip, notice=with_code(slip.notice, page, request.reference, code))
        )

    return rendered
