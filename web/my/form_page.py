"""The page with the form, as new requests and corrections show it."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from bmt.agencies.agency import AgencyRules
from bmt.chassis.errors import Unavailable
from bmt.chassis.http.auth import Principal
from bmt.contracts.http.intake import SizesGiven
from bmt.contracts.problems import Refused
from bmt.contracts.sizes import in_gigabytes
from bmt.contracts.values import Document, Kind
from web.clients import VisitorClient, address
from web.forms import all_told, faults_of
from web.my import wording
from web.my.submission_form import SubmissionForm
from web.ports import Ports


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
    known = visitor.agency in here.agencies
    rules = here.agencies.get(visitor.agency).rules if known else None
    sizes = await _sizes(client, rules)
    return here.layout.page(
        request,
        "form.html",
        kind=kind,
        form=form,
        refused=refused,
        faults=faults_of(refused),
        told=all_told(refused),
        correcting=correcting,
        agency=here.agencies.name_of(visitor.agency),
        rules=rules,
        usual={
            "quota_bytes": in_gigabytes(sizes.quota_bytes) if sizes else "",
            "max_file_size_bytes": in_gigabytes(sizes.max_file_size_bytes) if sizes else "",
        },
        wording=wording,
    )


async def _sizes(client: VisitorClient, rules: AgencyRules | None) -> SizesGiven | None:
    """Those in force; where intake is down, those of the file: the form can still be filled in."""
    try:
        return await client.get("intake", address("sizes"), SizesGiven)
    except (Refused, Unavailable):
        if rules is None:
            return None
        return SizesGiven(
            quota_bytes=rules.quota_bytes.default,
            largest_quota_bytes=rules.quota_bytes.maximum,
            max_file_size_bytes=rules.max_file_size_bytes,
        )
