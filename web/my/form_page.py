"""The page with the form, as new requests and corrections show it."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from bmt.chassis.http.auth import Principal
from bmt.contracts.problems import Refused
from bmt.contracts.sizes import in_gigabytes
from bmt.contracts.values import Document, Kind
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


def form_page(
    here: Ports,
    request: Request,
    visitor: Principal,
    kind: Kind,
    form: SubmissionForm,
    refused: Refused | None = None,
    correcting: Correcting | None = None,
) -> Response:
    known = visitor.agency in here.agencies
    rules = here.agencies.get(visitor.agency).rules if known else None
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
            "quota_bytes": in_gigabytes(rules.quota_bytes.default) if rules else "",
            "max_file_size_bytes": in_gigabytes(rules.max_file_size_bytes) if rules else "",
        },
        wording=wording,
    )
