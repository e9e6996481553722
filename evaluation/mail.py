"""A mail server that only receives: each message becomes one RFC 5322 file in a maildir.

An address at `REFUSED` is refused, so that a notice that does not arrive can be seen.
Messages are in `<maildir>/new`, with their envelope on top: `Return-Path` and one `Delivered-To` a recipient. A
message is answered once it is on disk.
Run as `python -m evaluation.mail --port N --maildir FOLDER`.
"""

import argparse
import asyncio
import mailbox
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiosmtpd.smtp import SMTP, Envelope, Session

from evaluation.ports import HOST, listening
from evaluation.supervisor import Program

REFUSED: Final = "ditolak.bmt.invalid"
LARGEST_MESSAGE_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True)
class Mail:
    """One mail server; `port` is for SMTP, on loopback."""

    maildir: Path
    port: int

    @property
    def smtp(self) -> str:
        return f"{HOST}:{self.port}"

    def program(self) -> Program:
        return Program(
            name="mail",
            command=(
                *(sys.executable, "-m", "evaluation.mail"),
                *("--port", str(self.port), "--maildir", str(self.maildir)),
            ),
            ready=self._ready,
        )

    async def _ready(self) -> bool:
        return await listening(self.port)


class Sink:
    """Accepts every message for a recipient that it knows (the hooks of aiosmtpd)."""

    def __init__(self, maildir: Path) -> None:
        self._maildir = mailbox.Maildir(maildir)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd looks it up by this name
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        options: Sequence[str],
    ) -> str:
        if address.casefold().endswith(f"@{REFUSED}"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd looks it up by this name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        content = envelope.content or b""
        data = content if isinstance(content, bytes) else content.encode()
        await asyncio.to_thread(self._maildir.add, _envelope_lines(envelope) + data)
        return "250 2.0.0 stored"


def _envelope_lines(envelope: Envelope) -> bytes:
    recipients = "".join(f"Delivered-To: {recipient}\r\n" for recipient in envelope.rcpt_tos)
    return f"Return-Path: <{envelope.mail_from or ''}>\r\n{recipients}".encode()


async def _serve(maildir: Path, host: str, port: int) -> None:
    sink = Sink(maildir)

    def connection() -> SMTP:
        return SMTP(
            sink,
            hostname="mail.bmt.invalid",
            data_size_limit=LARGEST_MESSAGE_BYTES,
            enable_SMTPUTF8=True,
        )

    server = await asyncio.get_running_loop().create_server(connection, host, port)
    await server.serve_forever()


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.mail")
    parser.add_argument("--host", default=HOST)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--maildir", type=Path, required=True)
    chosen = parser.parse_args()
    asyncio.run(_serve(chosen.maildir, chosen.host, chosen.port))


if __name__ == "__main__":
    main()
