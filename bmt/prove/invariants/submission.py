"""What a submission asks for, as the client sent it and as the log has it, so that both can be compared."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bmt.prove.client_log import Call

_FACTS: Final = ("kind", "agency", "quota_bytes", "max_file_size_bytes")


@dataclass(frozen=True, slots=True)
class Submission:
    """Enough of it to know it again. An e-mail is known by its text alone."""

    account: str = ""
    justification: str = ""
    reference: str = ""
    message: str = ""

    @classmethod
    def of_event(cls, data: Mapping[str, Any]) -> "Submission":
        """As RequestReceived tells it."""
        applicant = (data.get("request") or {}).get("applicant") or {}
        return cls(
            account=str(applicant.get("account", "")).casefold(),
            justification=str(data.get("justification", "")),
            reference=str(data.get("source_reference") or ""),
        )

    def explains(self, received: "Submission") -> bool:
        """Whether this call can have led to that request."""
        if self.message:
            return received.account in self.message.casefold()
        if self.reference or received.reference:
            return self.reference == received.reference
        same = (received.account, received.justification)
        return (self.account, self.justification) == same


def asked(call: Call) -> Submission:
    """What the call asks for."""
    sent = call.sent if isinstance(call.sent, dict) else {}
    if "message" in sent:
        return Submission(message=str(sent["message"]))
    body = _record_body(sent) if "topic" in sent else sent
    return Submission(
        account=str((body.get("applicant") or {}).get("account", "")).casefold(),
        justification=str(body.get("justification", "")),
        reference=str(body.get("source_reference") or ""),
    )


def filled_alike(sent: Any, stored: Mapping[str, Any]) -> bool:
    """Whether what was sent stands in what was stored; what was left out may be anything."""
    if not isinstance(sent, dict) or "applicant" not in sent:
        return True
    request = stored.get("request") or {}
    facts = _FACTS if sent.get("kind") == "application" else _FACTS[:2]
    return (
        request.get("applicant") == sent["applicant"]
        and stored.get("justification") == sent.get("justification")
        and all(request.get(name) == sent[name] for name in facts if sent.get(name) is not None)
    )


def _record_body(sent: Mapping[str, Any]) -> Mapping[str, Any]:
    """The data of a record in binary or structured mode."""
    try:
        body = json.loads(base64.b64decode(sent.get("value") or ""))
    except ValueError:
        return {}
    if not isinstance(body, dict):
        return {}
    data = body.get("data", body)
    return data if isinstance(data, dict) else {}
