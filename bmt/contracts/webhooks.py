"""How a webhook is signed: Standard Webhooks (github.com/standard-webhooks), with symmetric keys."""

import base64
import hashlib
import hmac
from typing import Final

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
"""The headers. The id is the event's; the timestamp, in seconds, is of this try."""
PREFIX: Final = "whsec_"
SHORTEST, LONGEST = 24, 64


def key_of(secret: str) -> bytes:
    """The key in a secret, `whsec_` and base64 of 24 to 64 bytes. Raises ValueError, which does not repeat it."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except ValueError:
        key = b""
    if not secret.startswith(PREFIX) or not SHORTEST <= len(key) <= LONGEST:
        raise ValueError(
            f"a webhook's secret is {PREFIX} and base64 of {SHORTEST} to {LONGEST} bytes"
        )
    return key


def signature(key: bytes, event_id: str, timestamp: int, body: bytes) -> str:
    signed = f"{event_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
