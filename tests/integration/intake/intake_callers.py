"""Who calls intake in its tests, and with what."""

import uuid
from typing import Any

from bmt.contracts import topics

INBOUND = topics.inbound("hrmis")
OUTBOUND = topics.outbound("hrmis")
SITI = "siti.mampu@mygovuc.gov.my"
AMINAH = "aminah.mampu@mygovuc.gov.my"

ADMINISTRATOR = ("administrator", "MAMPU", AMINAH, "Aminah")
OF_JPA = ("administrator", "JPA", "faridah.jpa@mygovuc.gov.my")
OF_KPM = ("administrator", "KPM", "zainab.kpm@mygovuc.gov.my")
APPLICANT = ("applicant", "MAMPU", SITI)
PDF = b"%PDF-1.7\n% a memo"

FILLED = """\
Jenis: permohonan
Agensi: MAMPU
Nama: Siti Nurhaliza binti Ahmad
Akaun: siti.mampu@mygovuc.gov.my
E-mel: siti.mampu@mygovuc.gov.my
Justifikasi: Menghantar lukisan kejuruteraan.
"""


def asked(**changes: Any) -> dict[str, Any]:
    """The body of an application that is right; None takes a field out."""
    body = {
        "kind": "application",
        "agency": "MAMPU",
        "channel": "memo",
        "applicant": {"account": SITI, "name": "Siti Nurhaliza binti Ahmad", "email": SITI},
        "justification": "Menghantar lukisan kejuruteraan.",
    }
    return {name: value for name, value in (body | changes).items() if value is not None}


def submission(**changes: Any) -> dict[str, Any]:
    """What an integrator publishes, under a reference that no other has."""
    reference = f"HR-{uuid.uuid4().hex[:8]}"
    return asked(channel=None, source_reference=reference, **changes)


def submitted_headers(event_id: str = "", **changes: str) -> dict[str, str]:
    """The attributes of such an event, in binary mode."""
    attributes = {
        "ce_specversion": "1.0",
        "ce_id": event_id or uuid.uuid4().hex,
        "ce_source": "urn:hrmis",
        "ce_type": "my.gov.bmt.RequestSubmitted.v1",
        "ce_time": "2026-11-24T04:00:00Z",
        "content-type": "application/json",
    }
    return attributes | changes


def person(account: str) -> dict[str, str]:
    """An applicant with this account."""
    return {"account": account, "name": "Seseorang", "email": "seseorang@mampu.gov.my"}


def email(text: str = FILLED, **headers: str) -> bytes:
    """An e-mail message."""
    lines = {
        "From": "Siti <siti.mampu@mygovuc.gov.my>",
        "Subject": "Permohonan BMT",
        "Message-ID": "<1@mampu.gov.my>",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return (head + "\r\n" + text.replace("\n", "\r\n")).encode()
