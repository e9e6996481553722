"""Sends messages to the mail server (RFC 5321), and distinguishes why it does not accept one."""

import asyncio
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import aiosmtplib
from aiosmtplib import SMTPRecipientsRefused, SMTPResponse, SMTPResponseException
from prometheus_client import CollectorRegistry, Counter

from bmt.chassis.errors import Unavailable
from bmt.chassis.work import IN_HAND
from services.notification.settings import Settings

AT_ONCE: Final = 8
"""Messages that are sent at the same time."""
TIMEOUT_SECONDS: Final = 10
"""Until the server asks for a message's content. One that is slower waits for something; the message is tried again."""
ANSWER_SECONDS: Final = 100
"""For the answer to the content: a server may look through it first, and has it already."""
LIST_SECONDS: Final = IN_HAND / AT_ONCE * (TIMEOUT_SECONDS + ANSWER_SECONDS)
"""How long a message may wait for its turn, and be sent: cut off by a shorter limit, it would be sent twice."""
_PERMANENT: Final = 500
_LONGEST_REASON: Final = 300


class MailRefused(Exception):  # noqa: N818  named for what is so
    """The server will never accept this message. `str` is its answer, which may contain the address."""


class MailPutOff(Exception):  # noqa: N818  named for what is so
    """The server does not accept this message now. `str` is its answer, which may contain the address."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class MailServerAway(Unavailable):
    """The mail server cannot be reached, or does not serve us at all."""

    def __init__(self) -> None:
        super().__init__("smtp")


class SmtpPost:
    """Sends each message over its own connection, so a broken connection affects one message only."""

    def __init__(
        self,
        settings: Settings,
        registry: CollectorRegistry,
        note: Callable[[bool], None] = lambda _: None,
    ) -> None:
        """`note` is told of each message whether the server was there."""
        self._note = note
        self._settings = settings
        self._at_once = asyncio.Semaphore(AT_ONCE)
        password = settings.smtp_password
        self._options: dict[str, Any] = {
            "hostname": settings.smtp_host,
            "port": settings.smtp_port,
            "local_hostname": socket.gethostname(),
            "timeout": float(TIMEOUT_SECONDS),
            "use_tls": settings.smtp_security == "tls",
            "start_tls": {"if-offered": None, "starttls": True}.get(settings.smtp_security, False),
            "cert_bundle": str(settings.smtp_ca_file) if settings.smtp_ca_file else None,
            "username": settings.smtp_username,
            "password": password.get_secret_value() if password else None,
        }
        self._calls = Counter(
            "bmt_connector_calls",
            "Calls to the mail server, by what came of them.",
            ["connector", "operation", "outcome"],
            registry=registry,
        )

    async def send(self, message: bytes, recipient: str, *, copy_to: str | None = None) -> None:
        """Return once the server accepted the message.

        A message accepted for `copy_to` alone counts as refused, not as put off. Retries would send
        the copy again and again.

        Raises:
            MailRefused: the server will never accept it, or not for this recipient.
            MailPutOff: the server does not accept it now.
            MailServerAway: the server cannot be reached.
        """
        recipients = [recipient, *([copy_to] if copy_to else [])]
        try:
            await self._send(message, recipients)
        except MailRefused:
            self._count("refused")
            raise
        except MailPutOff:
            self._count("put_off")
            raise
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            self._count("away")
            raise MailServerAway from error
        self._count("answered")

    async def _send(self, message: bytes, recipients: Sequence[str]) -> None:
        try:
            async with self._at_once, asyncio.timeout(TIMEOUT_SECONDS) as given_up:
                client = _PatientClient(given_up, self._options)
                async with client:
                    sender = self._settings.smtp_sender
                    refused, _ = await client.sendmail(sender, recipients, message)
        except SMTPRecipientsRefused as error:
            raise _verdict(error.recipients[0]) from error
        except aiosmtplib.SMTPDataError as error:
            raise _verdict(error) from error
        if recipients[0] in refused:
            code, answer = refused[recipients[0]]
            raise MailRefused(_reason(code, answer))

    def _count(self, outcome: str) -> None:
        self._note(outcome != "away")
        self._calls.labels("smtp", "send", outcome).inc()


class _PatientClient(aiosmtplib.SMTP):
    """Gives the content of a message up much later than a command: the server may deliver it twice else (RFC 5321, 4.5.3.2.6)."""

    def __init__(self, given_up: asyncio.Timeout, options: Mapping[str, Any]) -> None:
        super().__init__(**options)
        self._given_up = given_up

    async def data(self, message: str | bytes, /, **_: Any) -> SMTPResponse:
        self._given_up.reschedule(asyncio.get_running_loop().time() + ANSWER_SECONDS)
        answer = await super().data(message, timeout=ANSWER_SECONDS)
        self._given_up.reschedule(None)  # the server has it, whatever it says to QUIT
        return answer


def _verdict(answer: SMTPResponseException) -> MailRefused | MailPutOff:
    """What the server's answer about one message means (RFC 5321, 4.2.1)."""
    reason = _reason(answer.code, answer.message)
    if answer.code >= _PERMANENT:
        return MailRefused(reason)
    return MailPutOff(answer.code, reason)


def _reason(code: int, answer: str) -> str:
    words = " ".join(f"{code} {answer}".split())
    return "".join(character for character in words if character.isprintable())[:_LONGEST_REASON]
