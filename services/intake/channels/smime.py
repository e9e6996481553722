"""Messages within S/MIME (RFC 8551): one that is only signed is opened, one that is encrypted says so.

What was signed stands in the clear within the signature. The signature itself is not checked here: it changes nothing
about whose message it is (`authentication` tells that).
"""

from email.message import EmailMessage
from typing import Any, Final

from asn1crypto import cms, pem

_TYPES: Final = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_ENDING: Final = ".p7m"
_SIGNED: Final = "signed_data"
_ENCRYPTED: Final = ("enveloped_data", "authenticated_enveloped_data", "encrypted_data")
_PGP: Final = "application/pgp-encrypted"
_LARGEST: Final = 64 * 1024 * 1024


class Closed(Exception):  # noqa: N818  named for what is so
    """What is within cannot be read; the text says why, as a code of `bmt.contracts.faults`."""


def is_sealed(part: EmailMessage) -> bool:
    """Whether the part holds a message that is signed or encrypted as a whole."""
    name = str(part.get_filename() or "").lower()
    return part.get_content_type() in (*_TYPES, _PGP) or name.endswith(_ENDING)


def unsealed(part: EmailMessage) -> bytes:
    """The message that was signed, with its own MIME header.

    Raises:
        Closed: it is encrypted, or no signed message.
    """
    if part.get_content_type() == _PGP:
        raise Closed("encrypted")
    raw: Any = part.get_payload(decode=True) or b""
    try:
        if pem.detect(raw):
            _, _, raw = pem.unarmor(raw)
        told = cms.ContentInfo.load(raw[:_LARGEST])
        kind = told["content_type"].native
        if kind in _ENCRYPTED:
            raise Closed("encrypted")
        content = (
            told["content"]["encap_content_info"]["content"].native if kind == _SIGNED else None
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Closed("signed_unopened") from None
    if not isinstance(content, bytes):
        raise Closed("signed_unopened")
    return content
