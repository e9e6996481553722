"""A message is sent twice, the second time under a Message-ID of its own."""

import re
import uuid

from services.notification.smtp import SmtpPost

SERVICE = "notification"
FOUND_BY = ("I5",)


def plant() -> None:
    send = SmtpPost.send

    async def twice(self, message, recipient, **more):
        await send(self, message, recipient, **more)
        new = f"Message-ID: <{uuid.uuid4()}@mygovuc.gov.my>".encode()
        await send(
            self, re.sub(rb"(?im)^message-id: <[^>]*>", new, message, count=1), recipient, **more
        )

    SmtpPost.send = twice
