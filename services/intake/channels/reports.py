"""Messages of machines: mail systems' reports about other messages (RFC 3464 and older), and automatic replies."""

import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.utils import parseaddr
from functools import partial
from itertools import islice
from typing import Any, Final

from flufl.bounce import all_failures

from services.intake.channels.parts import content_of
from services.intake.channels.phrases import expressions

_OURS: Final = re.compile(
    r"<[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}(?:\.[a-z]{1,20}){0,2}"
)


@dataclass(frozen=True, slots=True)
class OwnNotices:
    """Recognises the Message-IDs of our notices; `sender` is the address that notification sends from.

    A notice has `<event id>@<domain of the sender>`, a reminder `<request id>.<step>.<level>@…`.
    """

    sender: str

    def __call__(self, message_id: str) -> bool:
        """Whether a notice of ours has this Message-ID (in angle brackets).

        Ours are UUIDs of version 7 (RFC 9562) in lower case. Mail programs in the same domain use random ones (version
        4), or capitals.
        """
        name, at, domain = message_id.partition("@")
        own = f"{self.sender.rpartition('@')[2]}>"
        return bool(at) and domain == own and _OURS.fullmatch(name) is not None


logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)  # its log contains addresses

_HEADERS: Final = ("from", "subject", "x-failed-recipients")
_MOST_LINES: Final = 400
_LONGEST_LINE: Final = 400
_MOST_TEXTS: Final = 6
_FAILED_ADDRESS: Final = re.compile(r"[^\s<>@]{1,64}@[^\s<>@]{1,190}")


def failed_recipients(
    message: EmailMessage, texts: Sequence[str], statuses: Sequence[Any]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The addresses that a report says failed for good, and those that are still tried; never raises.

    `flufl.bounce` knows how some twenty mail systems write. It reads every line as it stands, so it gets only the
    report's own words: its header, the beginnings of its decoded texts, and its parts message/delivery-status.
    """
    try:
        delayed, failed = all_failures(_short(message, texts, statuses))
    except Exception:  # noqa: BLE001  the library's detectors fail on what they do not expect
        return (), ()
    return _addresses(failed), _addresses(delayed)


def _short(message: EmailMessage, texts: Sequence[str], statuses: Sequence[Any]) -> Message:
    short = Message()
    for name in _HEADERS:
        if name in message:
            short[name] = str(message[name])[:_LONGEST_LINE].encode("ascii", "replace").decode()
    lines = [_lines(text) for text in texts[:_MOST_TEXTS]]
    if not message.is_multipart():
        short.set_payload("".join(lines))
        return short
    short["Content-Type"] = message.get_content_type()
    for text in lines:
        part = Message()
        part["Content-Type"] = "text/plain"
        part.set_payload(text)
        short.attach(part)
    for status in statuses:
        short.attach(status)
    return short


def _lines(text: str) -> str:
    lines = text.splitlines()[:_MOST_LINES]
    return "".join(f"{line[:_LONGEST_LINE]}\n" for line in lines)


def _addresses(found: frozenset[bytes]) -> tuple[str, ...]:
    addresses = (address.decode("ascii", "replace").strip() for address in found)
    return tuple(sorted(address for address in addresses if _FAILED_ADDRESS.fullmatch(address)))


MOST_FOUND: Final = 100
_MOST_REFERENCES: Final = 10
_MOST_CHARACTERS: Final = 1024 * 1024
_MOST_WORDS: Final = 50
_MOST_OWN_CHARACTERS: Final = 32 * 1024
_MOST_OWN_TEXTS: Final = 6
"""A report states in its first words what it is."""
_REPORTED: Final = re.compile(
    r"^[> \t]{0,8}message-id:[ \t]{0,8}(?:\r?\n[> \t]{1,8})?(<[^<>\s]{1,250}>)",
    re.IGNORECASE | re.MULTILINE,
)
_ID: Final = re.compile(r"<[0-9a-f]{8}-[0-9a-f-]{27}[.a-z]{0,42}@[a-z0-9.-]{1,190}>")
"""Looks like one of ours, in whatever header."""
_QUOTED_FROM: Final = re.compile(
    r"^[> \t]{0,8}from:[ \t]{0,8}([^\r\n]{1,400})$", re.IGNORECASE | re.MULTILINE
)
_REFERENCE: Final = re.compile(r"\bBMT-[A-Z][A-Z0-9_-]{0,31}-[0-9]{4}-[0-9A-HJKMNP-TV-Z]{8}\b")
_ADDRESS: Final = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}"
)
_ENCODED_WORD: Final = re.compile(r"=\?[\w-]{1,40}\?[bq]\?[!->@-~]{0,1000}\?=", re.IGNORECASE)
_SOFT_BREAK: Final = re.compile(r"=[ \t]*\r?\n")
_ACTION: Final = re.compile(r"^action:[ \t]{0,8}([a-z]{1,20})", re.IGNORECASE | re.MULTILINE)
_FAILED: Final = ("failed", "fail", "error")
_NO_FAILURE: Final = ("disposition-notification", "feedback-report")
"""Reports that a message was read, or is called spam (RFC 8098, 5965)."""
_MAIL_SYSTEM: Final = re.compile(
    r"(?:^|[<\s\"(])(?:mailer-daemon|postmaster|mail-daemon|mailerdaemon)(?:@|[\s>\")]|$)",
    re.IGNORECASE,
)
_SAYS: Final = {
    name: re.compile(each, re.MULTILINE)
    for name, each in expressions(
        "reports", r"[^\n]", STATUS=r"(?:5\.[0-9]{1,3}\.[0-9]{1,3}|55[0-9](?=[ -]))"
    ).items()
}
_CONDITION: Final = re.compile(
    r"\b(?:if|should|unless|until|jika|jikalau|sekiranya|sehingga)\b[^.\n]{0,160}", re.IGNORECASE
)
"""A condition: a warning may say `you will be told if it fails permanently`."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a message reports about another one.

    Attributes:
        failed: a mail system reports that a message was not delivered.
        delayed: a mail system reports that it still tries.
        doubtful: it has the null sender of reports, and no known words.
        message_ids: of the messages whose header its body quotes, in order.
        mentioned: other possible Message-IDs, and its own In-Reply-To and References.
        senders: the From addresses in quoted headers, in lower case.
        references: our references of requests, anywhere in it.
        recipients: those that the message did not reach.
    """

    failed: bool = False
    delayed: bool = False
    doubtful: bool = False
    message_ids: tuple[str, ...] = ()
    mentioned: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()


def report_of(message: EmailMessage, parts: Sequence[Any]) -> Report:
    if not _may_report(message):
        return Report()
    texts = [str(content_of(part)[:_MOST_CHARACTERS], "utf-8", "replace") for part in parts]
    statuses = [part for part in parts if part.get_content_type() == "message/delivery-status"]
    own = [text for part, text in zip(parts, texts, strict=True) if _is_own(part)]
    own = [text[:_MOST_OWN_CHARACTERS] for text in own[:_MOST_OWN_TEXTS]]
    lost, tried = failed_recipients(message, own, statuses)
    failed = _failed(message, texts, own, bool(lost))
    carries_mail = _is_mail_system(message) or _has_null_sender(message)
    delayed = (
        carries_mail and not failed and _is_delay(_field(message, "subject"), own, bool(tried))
    )
    doubtful = not (failed or delayed) and _is_doubtful(message, own)
    if not (failed or doubtful):
        return Report(delayed=delayed)
    decoded = [_field(message, "subject"), *(_decoded(text) for text in texts)]
    quoted_from = (found for text in texts for found in _QUOTED_FROM.findall(text))
    return Report(
        failed=failed,
        doubtful=doubtful,
        message_ids=_first(texts, _REPORTED),
        mentioned=_first(
            [*map(partial(_field, message), ("in-reply-to", "references")), *texts], _ID
        ),
        senders=tuple({parseaddr(each)[1].lower(): None for each in quoted_from})[:MOST_FOUND],
        references=_first(decoded, _REFERENCE)[:_MOST_REFERENCES],
        recipients=lost or _first(own, _ADDRESS),
    )


def _may_report(message: EmailMessage) -> bool:
    """Whether a mail system may have written it; no other messages are searched."""
    return (
        message.get_content_type() == "multipart/report"
        or "x-failed-recipients" in message
        or _is_mail_system(message)
        or _has_null_sender(message)
        or "auto-submitted" in message
        or ("precedence" in message and _says("failure", (_field(message, "subject"),)))
    )


def _failed(
    message: EmailMessage,
    texts: Sequence[str],
    own: Sequence[str],
    is_known_failure: bool,  # noqa: FBT001
) -> bool:
    kind = str(message.get_param("report-type", "")).lower()
    if message.get_content_type() == "multipart/report":
        if kind in _NO_FAILURE:
            return False
        actions = {action.lower() for text in texts for action in _ACTION.findall(text)}
        if actions:
            return not actions.isdisjoint(_FAILED)
        return not _is_delay(_field(message, "subject"), own, is_known=False)
    if "x-failed-recipients" in message or is_known_failure:
        return True
    return _says_failed(message, own)


def _says_failed(message: EmailMessage, own: Sequence[str]) -> bool:
    """Whether sender and words mean a failure; a mail system's report is one unless it states otherwise."""
    subject = _field(message, "subject")
    mail_system = _is_mail_system(message)
    if not mail_system and is_automatic_reply(message) and not _says("failure", (subject,)):
        return False
    if _is_delay(subject, own, is_known=False):
        return False
    says = _says("failure", (subject, *own))
    is_marked = _has_null_sender(message) or "auto-submitted" in message
    if mail_system and is_marked:
        return says or not (_says("success", (subject,)) or is_automatic_reply(message))
    if mail_system:
        return says
    if not _has_null_sender(message):
        return _says("failure", (subject,))
    return says or any(map(_REPORTED.search, own))


def _is_doubtful(message: EmailMessage, own: Sequence[str]) -> bool:
    """Whether it is neither an absence reply nor a report of a known form."""
    is_report = message.get_content_type() == "multipart/report"
    if is_report or not _has_null_sender(message) or is_automatic_reply(message):
        return False
    return not _says("away", (_field(message, "subject"), *own))


def _is_delay(subject: str, own: Sequence[str], is_known: bool) -> bool:  # noqa: FBT001
    """Whether it is only a warning; in doubt, it is a failure."""
    texts = (subject, *own)
    if _says("for_good", [_CONDITION.sub("", text) for text in texts]):
        return False
    return _says("promises", texts) or (
        (is_known or _says("delay", texts)) and not _says("undelivered", texts)
    )


def _says(meaning: str, texts: Iterable[str]) -> bool:
    return any(_SAYS[meaning].search(text.lower()) for text in texts)


def _is_mail_system(message: EmailMessage) -> bool:
    return bool(_MAIL_SYSTEM.search(str(message.get("from", ""))))


def _has_null_sender(message: EmailMessage) -> bool:
    return _field(message, "return-path") == "<>"


def _is_own(part: Any) -> bool:
    """Whether it is the report's own text, not the message that it is about."""
    return part.get_content_type() in ("text/plain", "text/html") and not part.get_filename()


def _decoded(text: str) -> str:
    """The text, and the decoded forms of quoted headers (RFC 2047) and bodies in it."""
    forms = [text, _SOFT_BREAK.sub("", text)]
    for word in islice(_ENCODED_WORD.finditer(text), _MOST_WORDS):
        with suppress(LookupError, ValueError):
            forms.append(str(make_header(decode_header(word[0]))))
    return "\n".join(forms)


def _first(texts: Iterable[str], pattern: re.Pattern[str]) -> tuple[str, ...]:
    """The matches of the pattern, each once, in order."""
    found = (each for text in texts for each in pattern.findall(text))
    return tuple(dict.fromkeys(found))[:MOST_FOUND]


def ours_at(report: Report, is_ours: OwnNotices) -> str | None:
    """The Message-ID of the notice of ours that a report quotes."""
    return next((each for each in (*report.message_ids, *report.mentioned) if is_ours(each)), None)


def is_of_others(report: Report, is_ours: OwnNotices) -> bool:
    """Whether it quotes a message of others: neither Message-ID nor sender is ours."""
    others = report.message_ids and report.senders and is_ours.sender.lower() not in report.senders
    return bool(others) and ours_at(report, is_ours) is None


_ANSWERS: Final = (
    *("x-autoreply", "x-autoreply-from", "x-autorespond", "x-autogenerated", "x-mail-autoreply"),
    *("x-mailer-autoreply", "x-amazon-auto-reply"),
)
_NOT_PERSONAL: Final = ("auto_reply", "auto-reply", "bulk", "junk", "list")
_LISTS: Final = ("list-id", "list-unsubscribe")


def why_automatic(message: EmailMessage, *, lists: bool) -> str:
    """Why a machine sent the message, as a code of `bmt.contracts.faults`; empty for a person's message.

    By RFC 3834 (Auto-Submitted), 5321 (null return path), 2919 (List-Id) and common custom. `lists`: messages of
    mailing lists count, too.
    """
    return next(_reasons(message, lists=lists), "")


def _reasons(message: EmailMessage, *, lists: bool) -> Iterator[str]:
    if message.get_content_type() == "multipart/report":
        yield "mail_report"
    if _auto_submitted(message) not in ("", "no"):
        yield "machine_sent"
    if _has_null_sender(message):
        yield "wants_no_answer"
    if _field(message, "precedence").lower() in _NOT_PERSONAL:
        yield "not_personal"
    if lists and any(name in message for name in _LISTS):
        yield "mailing_list"
    if _is_absence(message):
        yield "absence"


def is_automatic_reply(message: EmailMessage) -> bool:
    """Whether it states that it is an automatic reply."""
    return _auto_submitted(message) == "auto-replied" or _is_absence(message)


def _auto_submitted(message: EmailMessage) -> str:
    return _field(message, "auto-submitted").partition(";")[0].strip().lower()


def _is_absence(message: EmailMessage) -> bool:
    is_marked = any(name in message for name in _ANSWERS)
    return is_marked or _says("absence", (_field(message, "subject"),))


def _field(message: EmailMessage, name: str) -> str:
    return str(message.get(name, "")).strip()
