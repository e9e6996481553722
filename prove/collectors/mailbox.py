"""The messages that the mail server took: one file each, with the envelope on top."""

import email
import hashlib
from email.policy import default
from pathlib import Path

from prove.evidence import Endpoints, Mail

_ENVELOPE = (b"return-path:", b"delivered-to:")


def gather(where: Endpoints) -> tuple[Mail, ...]:
    """Every message in the order of arrival."""
    folder = Path(where.ready["mail"]["maildir"])
    files = [file for part in ("new", "cur") for file in (folder / part).glob("*")]
    return tuple(sorted((_mail(file) for file in files), key=lambda mail: mail.at))


def _mail(file: Path) -> Mail:
    content = file.read_bytes()
    message = email.message_from_bytes(content, policy=default)
    return Mail(
        file=file.name,
        message_id=_text(message["Message-ID"]),
        recipients=tuple(str(each) for each in message.get_all("Delivered-To", ())),
        subject=str(message["Subject"] or ""),
        at=file.stat().st_mtime,
        digest=hashlib.sha256(_as_sent(content)).hexdigest(),
    )


def _text(header: object) -> str | None:
    return str(header).strip() if header is not None else None


def _as_sent(content: bytes) -> bytes:
    lines = content.splitlines()
    while lines and lines[0].lower().startswith(_ENVELOPE):
        lines.pop(0)
    return b"\n".join(lines)
