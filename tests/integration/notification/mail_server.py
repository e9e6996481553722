"""A mail server in this process, which answers as a test wants it to."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

from aiosmtpd.smtp import SMTP, Envelope

from bmt.embedded.ports import HOST, any_free_port


@dataclass
class MailServer:
    """Keeps what it took over, by recipient; `answers` are said first, one a RCPT or DATA."""

    port: int = field(default_factory=any_free_port)
    taken: dict[str, list[EmailMessage]] = field(default_factory=lambda: defaultdict(list))
    raw: dict[str, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    rcpt_answers: dict[str, list[str]] = field(default_factory=dict)
    data_answers: dict[str, list[str]] = field(default_factory=dict)
    breaks_off: set[str] = field(default_factory=set)
    senders: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    refuses_senders: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: SMTP(self, **self.options), HOST, self.port)

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def handle_MAIL(  # noqa: N802 - aiosmtpd looks it up by this name
        self, _server: Any, _session: Any, envelope: Envelope, address: str, options: Any
    ) -> str:
        if self.refuses_senders:
            return "550 5.7.1 you may not send as this"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - as above
        self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if address in self.silent:
            await asyncio.Event().wait()
        if self.rcpt_answers.get(address):
            return self.rcpt_answers[address].pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - as above
        self, server: SMTP, _session: Any, envelope: Envelope
    ) -> str:
        (address,) = envelope.rcpt_tos
        if self.data_answers.get(address):
            return self.data_answers[address].pop(0)
        content = cast("bytes", envelope.content)
        self.senders.add(str(envelope.mail_from))
        self.raw[address].append(content)
        mail = message_from_bytes(content, policy=default)
        self.taken[address].append(cast("EmailMessage", mail))
        if address in self.breaks_off:
            # As a crash between the server's word and our commit: it has the message, we do not know.
            self.breaks_off.remove(address)
            server.transport.abort()
        return "250 2.0.0 taken"
