"""Failures and differences that wait for an administrator, who retries, sets by hand, accepts, or tells the applicant."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from bmt.chassis.errors import Unavailable
from bmt.chassis.http.routes import Id, Page
from bmt.contracts.http.notification import (
    ResendAccepted,
    TellOfDelay,
    ToldOfDelay,
    WaitingNotification,
)
from bmt.contracts.http.provisioning import (
    Drift,
    DriftRuled,
    DriftRuling,
    Failure,
    RetryAccepted,
    RetryOrder,
)
from bmt.contracts.problems import FieldError, Refused
from web.clients import address, part
from web.console import desk, wording
from web.console.desk import Listing, PageQuery, Paging
from web.console.request_page import Answer, RefusedRetry, request_page
from web.console.worklist import named
from web.forms import Form, FormWrong, SubmittedForm, new_key, refusal, validated
from web.ports import Administrator

router = APIRouter()

_CONFIGURATIONS: Final = address("failures")
_DRIFT: Final = address("drift")
_NOTICES: Final = address("notifications")


@dataclass(frozen=True, slots=True)
class FailureListing(Listing):
    """The order of both lists."""

    order: Annotated[Literal["due_at", "name"], Query()] = "due_at"

    def notice_params(self) -> Mapping[str, Any]:
        """The parameters of notification's list, which calls the order otherwise."""
        order = "recipient" if self.order == "name" else "wanted_since"
        return {**self.params(), "order": order, "status": "failed"}


ListQuery = Annotated[FailureListing, Depends()]


@router.get("/failures")
async def listed(visit: Administrator, listing: ListQuery, paging: PageQuery) -> Response:
    """Shows the first differences and notices; their file and their list have all."""
    return await _list(visit, listing, paging)


async def _list(
    visit: Administrator,
    listing: FailureListing,
    paging: Paging,
    form: SubmittedForm | None = None,
    refused: Refused | None = None,
) -> Response:
    first = {**listing.notice_params(), "limit": desk.COUNTED}
    is_open = {"status": "open", "limit": desk.COUNTED}
    page, drift, notices, tabs = await asyncio.gather(
        visit.client.get(
            "provisioning", _CONFIGURATIONS, Page[Failure], {**listing.params(), **asdict(paging)}
        ),
        part(visit.client.get("provisioning", _DRIFT, Page[Drift], is_open)),
        part(visit.client.get("notification", _NOTICES, Page[WaitingNotification], first)),
        desk.tabs(visit.client),
    )
    about = {one.request_id for one in (*page.items, *(notices.items if notices else ()))}
    return visit.page(
        "failures.html",
        found=page.items,
        drift=drift,
        form=form,
        refused=refused,
        new_key=new_key,
        notices=notices,
        names=await named(visit.client, sorted(about)),
        more=page.next_cursor,
        listing=listing,
        tabs=tabs,
        now=visit.here.clock(),
    )


@router.post("/failures")
async def rule_on_drift(visit: Administrator, form: Form, listing: ListQuery) -> Response:
    try:
        body = {"decision": form.text("do"), "reason": form.text("reason").strip()}
        ruling = validated(DriftRuling, body).model_dump(mode="json")
        path = address("requests", form.text("request_id"), "drift")
        await visit.client.post("provisioning", path, ruling, DriftRuled, form.key)
    except (Refused, Unavailable) as error:
        # The command may have succeeded if the service was down: the form keeps its key.
        return await _list(visit, listing, Paging(), form, refusal(error))
    return visit.redirect(f"{visit.request.url.path}#drift")


@router.get("/failures/drift.csv")
async def drift_report(visit: Administrator) -> Response:
    return await visit.client.forward("provisioning", address("drift", "report"))


@router.get("/failures.csv")
async def exported(visit: Administrator, listing: ListQuery) -> Response:
    language = visit.language
    found, notices = await asyncio.gather(
        desk.list_all(
            visit.client, "provisioning", _CONFIGURATIONS, Page[Failure], listing.params()
        ),
        desk.list_all(
            visit.client,
            "notification",
            _NOTICES,
            Page[WaitingNotification],
            listing.notice_params(),
        ),
    )
    ids = {one.request_id for one in found} | {one.request_id for one in notices}
    names = await named(visit.client, sorted(ids))

    def row(one: Failure | WaitingNotification, what: str, where: str | None) -> tuple[object, ...]:
        name = names[one.request_id].applicant.name if one.request_id in names else None
        return (
            *(language.text(what), name, one.due_at, language.text(where) if where else None),
            *(language.sentence(one.code) if one.code else None, one.reference),
        )

    rows = [
        *(
            row(one, "Konfigurasi gagal", one.target and wording.TARGET[one.target])
            for one in found
        ),
        *(row(one, "Makluman tidak sampai", wording.CHANNEL[one.channel]) for one in notices),
    ]
    return desk.as_file("failures", wording.EXPORTED["failures"], rows, language)


@router.get("/requests/{request_id}/retry")
@router.get("/requests/{request_id}/resend")
async def forms(visit: Administrator) -> Response:
    """These forms are part of the request's page."""
    return visit.redirect(visit.request.url.path.rpartition("/")[0])


@router.post("/requests/{request_id}/retry")
async def retry(visit: Administrator, request_id: Id, form: Form) -> Response:
    reason = form.text("retry_reason").strip()
    try:
        if not reason:
            raise FormWrong(errors=(FieldError.of("/retry_reason", "blank"),))
        if form.text("do") == "tell":
            delay = validated(TellOfDelay, {"reason": reason})
            path = address("requests", request_id, "notifications")
            body = delay.model_dump(mode="json")
            await visit.client.post("notification", path, body, ToldOfDelay, form.key)
        else:
            order = {"reason": reason, "by_hand": form.text("do") == "by-hand"}
            path = address("requests", request_id, "retry")
            body = validated(RetryOrder, order).model_dump(mode="json")
            await visit.client.post("provisioning", path, body, RetryAccepted, form.key)
    except (Refused, Unavailable) as error:
        refused = refusal(error)
    else:
        return visit.redirect(f"{visit.request.url.path.rpartition('/')[0]}?retried=1")
    answer = Answer(refused_retry=RefusedRetry(reason, refused, form.key_after(refused)))
    return await request_page(visit, request_id, answer)


@router.post("/requests/{request_id}/resend")
async def resend(visit: Administrator, form: Form) -> Response:
    """`Refused` and `Unavailable` show an error page: nothing that was typed is lost."""
    path = address("notifications", form.text("notification_id"), "resend")
    await visit.client.post("notification", path, {}, ResendAccepted, form.key)
    return visit.redirect(f"{visit.request.url.path.rpartition('/')[0]}?retried=1")
