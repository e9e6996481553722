"""Where the auditor's pages are."""

from typing import Final

PREFIX: Final = "/audit"


def verification(public_url: str, request_id: str) -> str:
    """Where a file is verified by whoever may see it: a paper's QR code leads there."""
    return f"{public_url.rstrip('/')}{PREFIX}/records/{request_id}/verification"
