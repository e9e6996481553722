"""What the clients of the benches send."""

import json
import uuid

from bench.directory import account
from bench.http_client import post
from bench.system import AGENCY


def body(number: int) -> bytes:
    """An application for one account of the directory, of the size that people write."""
    requested = {
        "kind": "application",
        "agency": AGENCY,
        "channel": "email",
        "applicant": {
            "account": account(number),
            "name": f"Pegawai Bernombor {number}",
            "email": account(number),
        },
        "justification": "Menghantar lukisan projek yang melebihi had saiz lampiran e-mel biasa.",
    }
    return json.dumps(requested).encode()


def submission(number: int, token: str) -> bytes:
    """Its POST."""
    return post("/v1/requests", body(number), token, str(uuid.uuid4()))


def approvals(request_ids: list[str], token: str) -> bytes:
    """One POST that approves them all."""
    items = [{"request_id": each, "decision": "approve"} for each in request_ids]
    return post("/v1/decisions", json.dumps({"items": items}).encode(), token, str(uuid.uuid4()))
