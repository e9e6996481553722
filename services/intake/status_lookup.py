"""Where a request stands, for people who have its reference and the code of its acknowledgement.

Others learn nothing, not even that the request exists.
"""

from typing import Final

from bmt.agencies.register import Agencies
from bmt.contracts import values
from bmt.contracts.http.intake import PublicStatus, PublicStep, ReferenceAndCode
from bmt.contracts.values import is_same_code, status_code
from services.intake.charter import due_at
from services.intake.domain.errors import NoSuchStatus
from services.intake.queries import Requests
from services.intake.views import RequestDocument

_INTERNAL: Final = frozenset({"notification_prepared"})
"""Steps that mean nothing to the applicant."""
_NOBODYS: Final = "00000000-0000-7000-8000-000000000000"
"""The request whose code is computed for an unknown reference, so that both answers take as long."""


class StatusLookup:
    """Looks requests up by reference and code."""

    def __init__(self, requests: Requests, agencies: Agencies, key: str | None) -> None:
        """`key` makes the codes; without one there are none, and nothing is found."""
        self._requests = requests
        self._agencies = agencies
        self._codes = tuple(one.code for one in agencies)
        self._key = key

    async def find(self, given: ReferenceAndCode) -> PublicStatus:
        """Where the request stands.

        Raises:
            NoSuchStatus: for an unknown reference and for a wrong code alike.
        """
        name = values.read_reference(given.reference, self._codes) or given.reference.strip()
        found = None
        for one in await self._requests.referred_to(name) or (None,):
            request_id = one.facts.request_id if one else _NOBODYS
            is_right = self._key is not None and is_same_code(
                status_code(self._key, request_id), given.code
            )
            if is_right and one is not None:
                found = one
        if found is None:
            raise NoSuchStatus
        return self._shown(found)

    def _shown(self, found: RequestDocument) -> PublicStatus:
        steps = (one for one in found.steps if one.step not in _INTERNAL)
        facts, due = found.facts, due_at(found, self._agencies)
        return PublicStatus(
            reference=facts.reference,
            status=found.status,
            steps=tuple(PublicStep(step=one.step, at=one.at) for one in steps),
            decision_due_at=due if found.status == "received" else None,
            due_at=due,
            kind=facts.kind,
            agency=facts.agency,
            reply_through=facts.reply_through,
        )
