"""The page with the form, as new requests and corrections show it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from bmt.agencies.agency import AgencyRules
from bmt.chassis.http.auth import Principal
from bmt.chassis.http.routes import Page
from bmt.contracts.http.intake import RequestStatus, SizesGiven
from bmt.contracts.problems import Refused
from bmt.contracts.values import Document, Kind, in_gigabytes
from web.clients import VisitorClient, address, part
from web.forms import all_told, faults_of
from web.my import wording
from web.my.requests import MAY_CORRECT, line_of
from web.my.submission_form import SubmissionForm
from web.ports import Ports
from web.uploads import MOST

_MOST_OTHERS: Final = 10
"""How many open requests are told of; nobody has more."""


@dataclass(frozen=True, slots=True)
class Correcting:
    """A request that is being corrected.

    Attributes:
        reason: of the return; None: the request is open.
        came_with: the papers that it came by, which stay with it.
    """

    request_id: str
    reference: str
    kind: Kind
    reason: str | None
    came_with: Sequence[Document] = ()


async def form_page(
    here: Ports,
    client: VisitorClient,
    request: Request,
    visitor: Principal,
    kind: Kind,
    form: SubmissionForm,
    refused: Refused | None = None,
    correcting: Correcting | None = None,
) -> Response:
    """The form, and beforehand all that it will be held to, as far as intake answers."""
    known = visitor.agency in here.agencies
    rules = here.agencies.get(visitor.agency).rules if known else None
    limits, others, sizes = await asyncio.gather(
        here.uploads.limits(client),
        _nothing() if correcting else _still_open(client),
        _sizes(client, rules),
    )
    return here.layout.page(
        request,
        "form.html",
        kind=kind,
        form=form,
        refused=refused,
        faults=faults_of(refused),
        told=all_told(refused),
        correcting=correcting,
        others=[line_of(here, request, one) for one in others],
        may_correct=MAY_CORRECT,
        agency=here.agencies.name_of(visitor.agency),
        rules=rules,
        usual={
            "quota_bytes": in_gigabytes(sizes.quota_bytes) if sizes else "",
            "max_file_size_bytes": in_gigabytes(sizes.max_file_size_bytes) if sizes else "",
        },
        sizes=sizes,
        limits=limits,
        most_documents=MOST,
        wording=wording,
    )


async def _sizes(client: VisitorClient, rules: AgencyRules | None) -> SizesGiven | None:
    """Those in force; where intake is down, the sizes of the file: the form can still be filled in.

    No days then: the agency may promise others by now.
    """
    given = await part(client.get("intake", address("sizes"), SizesGiven))
    if given is not None or rules is None:
        return given
    return SizesGiven(
        quota_bytes=rules.quota_bytes.default,
        largest_quota_bytes=rules.quota_bytes.maximum,
        max_file_size_bytes=rules.max_file_size_bytes,
    )


async def _still_open(client: VisitorClient) -> Sequence[RequestStatus]:
    asked = {"mine": True, "open": True, "limit": _MOST_OTHERS}
    found = await part(client.get("intake", address("requests"), Page[RequestStatus], asked))
    return found.items if found else ()


async def _nothing() -> Sequence[RequestStatus]:
    return ()
