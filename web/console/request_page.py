"""The page of one request, with the data of five services. Only approval must answer."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, get_args

from starlette.responses import Response

from bmt.chassis.http.routes import Page
from bmt.contracts.events import SubmitRequest
from bmt.contracts.http.approval import OwnAgency, RequestUnderReview, WorklistItem
from bmt.contracts.http.assignments import Whose
from bmt.contracts.http.intake import LastSubmission, RequestChecked, RequestStatus
from bmt.contracts.http.notification import Notification
from bmt.contracts.http.provisioning import ConfigurationState, Plan
from bmt.contracts.problems import STATUS, Refused
from bmt.contracts.values import RequestWarning, Status, in_gigabytes
from web.clients import Address, Received, VisitorClient, address, part
from web.console import wording
from web.console.deciding import Unusual, directory_names, later, names_of, next_of, own_rules
from web.console.forms import CommentForm, DecisionForm
from web.forms import faults_of, field_faults, new_key, validated
from web.my.drafts import Draft
from web.ports import Visit
from web.steps import Due, Facts, Happened, StepName, away_of, due_of, outcome_of, person, steps_of

CHECKED: Final[frozenset[RequestWarning]] = frozenset(
    {
        *("not_registered", "not_serving", "no_active_service", "already_active"),
        *("agency_unknown", "email_differs_from_directory"),
    }
)
"""The warnings that can be checked again: not those about the message, nor that another request is open, which may be this one."""

_OF_ITSELF: Final[frozenset[RequestWarning]] = frozenset({"already_active", "no_active_service"})
"""The warnings that a request causes itself once it is carried out."""
_CARRIED_OUT: Final[frozenset[Status]] = frozenset({"configured", "notified", "filed"})


async def warnings_now(
    client: VisitorClient, review: RequestUnderReview, reached: Status
) -> tuple[RequestWarning, ...] | None:
    """The warnings of `CHECKED` that the request would have now; None: the directory does not answer.

    Raises:
        Refused, Unavailable: as intake.
    """
    fields = {
        "kind": review.kind,
        "agency": review.agency,
        "channel": "form" if review.channel == "event" else review.channel,
        "reply_through": review.reply_through,
        "applicant": review.applicant.model_dump(),
        "justification": review.justification,
        "quota_bytes": review.quota_bytes,
        "max_file_size_bytes": review.max_file_size_bytes,
    }
    body = validated(SubmitRequest, fields).model_dump(mode="json", exclude_none=True)
    found = await client.post("intake", address("request-checks"), body, RequestChecked, new_key())
    if "directory_unavailable" in found.warnings:
        return None
    checkable = CHECKED - _OF_ITSELF if reached in _CARRIED_OUT else CHECKED
    return tuple(one for one in found.warnings if one in checkable)


PLAN_SECONDS: Final = 4.0
"""The longest a page waits for the preview."""
MAY_CORRECT: Final[tuple[Status, ...]] = ("received", "returned")
"""The statuses that allow a correction."""

_CORRECTED: Final = (
    *("applicant", "channel", "reply_through"),
    *("justification", "quota_bytes", "max_file_size_bytes"),
)
"""The details that a correction may change, besides the documents."""

_MOST_LISTED: Final = 20
"""How much of the worklist is searched for the visitor's next request."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a form of this page, and what was typed in it.

    Attributes:
        form: the decision.
        comment: the comment.
        refused: why the decision was refused.
        unusual: what the visitor must confirm before the decision is sent.
        refused_retry: why a retry was refused, and its reason.
    """

    form: DecisionForm | None = None
    comment: CommentForm | None = None
    refused: Refused | None = None
    unusual: Unusual | None = None
    refused_retry: "RefusedRetry | None" = None


@dataclass(frozen=True, slots=True)
class RefusedRetry:
    """A retry that was refused."""

    reason: str
    refused: Refused
    key: str


_NOTHING: Final = Answer()


def draft_of(request_id: str) -> str:
    """The name of a visitor's draft on this request."""
    return f"decision/{request_id}"


async def review_of(client: VisitorClient, request_id: str) -> RequestUnderReview:
    """A request of the visitor's agency. Raises `Refused` (`not_found`) if there is none."""
    return await client.get("approval", address("requests", request_id), RequestUnderReview)


async def read(client: VisitorClient, request_id: str, document_id: str) -> Received:
    """A document of a request, whole."""
    return await client.read("approval", document_address(request_id, document_id))


def document_address(request_id: str, document_id: str) -> Address:
    return address("requests", request_id, "documents", document_id)


async def request_page(visit: Visit, request_id: str, answer: Answer = _NOTHING) -> Response:
    """One request, with the form of a decision while it is open.

    Raises:
        Refused: as `review_of`.
    """
    review, own, status, notices, configuration, draft = await asyncio.gather(
        review_of(visit.client, request_id),
        own_rules(visit.client),
        part(visit.client.get("intake", address("requests", request_id), RequestStatus)),
        part(_notices(visit.client, request_id)),
        part(_configuration(visit.client, request_id)),
        visit.here.drafts.find(visit.visitor.subject, draft_of(request_id)),
    )
    corrected = visit.request.query_params.get("corrected") == "1"
    if corrected and (last := await part(_submission(visit.client, request_id))):
        # Approval may not have received the correction yet.
        review = review.model_copy(update={name: getattr(last, name) for name in _CORRECTED})
    agency = review.agency
    now = visit.here.clock()
    reached, history = _reached(review, status)
    if reached == "configuration_failed" and configuration:
        # Provisioning is the first to know of a retry and its success.
        reached = configuration.status
    why_not = review.withheld
    is_sent = visit.request.query_params.get("decided") == "1"
    # Approval's view may not show the decision yet.
    pending = is_sent and review.status == "received" and why_not is None
    deciding = review.status == "received" and why_not != "own_request" and not pending
    plan, shown, upcoming, viewers, warned, names = await asyncio.gather(
        _plan(visit.client, review, reached),
        visit.here.pictures.shown(review.documents, partial(read, visit.client, request_id)),
        part(_next(visit.client, review)) if is_sent or not deciding else _nothing(),
        part(visit.here.presence.others(visit.visitor, request_id)),
        part(warnings_now(visit.client, review, reached), PLAN_SECONDS),
        directory_names(visit.client, _accounts(review, history), names_of(review, visit.visitor)),
    )
    outcome_notice = _outcome_notice(notices)
    form, comment = _forms(answer, review, draft)
    failed = reached == "configuration_failed"
    approved = review.decision.approved if review.decision else None
    facts = Facts(
        names=names,
        dues=_dues(review, configuration, outcome_notice, now, own),
        on_paper=bool(outcome_notice and outcome_notice.channel != "email"),
        more_approvals=bool(review.endorsements),
        hopeless=bool(failed and configuration and not configuration.retryable),
        away=away_of(configuration),
    )
    refused = answer.refused
    problem = refused or comment.refused or (answer.refused_retry and answer.refused_retry.refused)
    return visit.page(
        "request.html",
        STATUS[problem.problem] if problem else None,
        review=review,
        reached=reached,
        steps=steps_of(reached, history, facts),
        result=outcome_of(reached, history, approved.quota_bytes if approved else None),
        follows=_follows(review, status),
        later=later(status, review.history[0].at),
        complete=status is not None,
        person=partial(_person, names),
        configuration=configuration,
        notice_failed=next((one for one in notices or () if one.status == "failed"), None),
        refused_retry=answer.refused_retry,
        retry_key=answer.refused_retry.key if answer.refused_retry else new_key(),
        comment=comment,
        may_correct=review.status in MAY_CORRECT,
        viewers=viewers_sentence(viewers or (), visit.language.text),
        corrected=corrected,
        retried=visit.request.query_params.get("retried") == "1",
        decided=is_sent,
        pending=pending,
        deciding=deciding,
        why_not=why_not,
        upcoming=upcoming,
        rules=own,
        plan=plan,
        warned=warned,
        checked=CHECKED,
        shown=shown,
        agency=visit.here.agencies.name_of(agency),
        form=form,
        unusual=answer.unusual,
        refused=refused,
        faults=faults_of(refused),
        field_faults=field_faults(refused),
        requested_sizes=requested_sizes(review),
        now=now,
    )


def requested_sizes(review: RequestUnderReview) -> Mapping[str, str]:
    """The sizes that were requested, or approved last: granted unless the administrator types others."""
    last = review.endorsements[-1].approved if review.endorsements else review
    return {
        "quota_bytes": in_gigabytes(last.quota_bytes),
        "max_file_size_bytes": in_gigabytes(last.max_file_size_bytes),
    }


async def _nothing() -> None:
    return None


async def _submission(client: VisitorClient, request_id: str) -> LastSubmission:
    return await client.get("intake", address("requests", request_id, "submission"), LastSubmission)


async def _notices(client: VisitorClient, request_id: str) -> Sequence[Notification]:
    path = address("requests", request_id, "notifications")
    return (await client.get("notification", path, Page[Notification], {"limit": 200})).items


async def _configuration(client: VisitorClient, request_id: str) -> ConfigurationState:
    path = address("requests", request_id, "configuration")
    return await client.get("provisioning", path, ConfigurationState)


async def _plan(client: VisitorClient, review: RequestUnderReview, reached: Status) -> Plan | None:
    """What an approval would change, or what blocks a configuration that failed."""
    if review.status != "received" and reached != "configuration_failed":
        return None
    granted = review.endorsements[-1].approved.model_dump() if review.endorsements else {}
    proposed = granted if review.status == "received" else {}
    path = address("requests", review.request_id, "plan")
    return await part(client.get("provisioning", path, Plan, proposed), PLAN_SECONDS)


async def _next(client: VisitorClient, review: RequestUnderReview) -> WorklistItem | None:
    """The first request that the visitor has taken, else the first that nobody has taken."""
    for whose in get_args(Whose):
        params = {"limit": _MOST_LISTED, "assigned": whose}
        found = await client.get("approval", address("worklist"), Page[WorklistItem], params)
        if upcoming := next_of(found.items, review.request_id):
            return upcoming
    return None


def _reached(
    review: RequestUnderReview, status: RequestStatus | None
) -> tuple[Status, Sequence[Happened]]:
    """The status of the request and its history. Intake has the steps of all services, approval has its own without delay."""
    behind = status is not None and status.status == "received" and review.status != "received"
    if status is None or behind:
        return review.status, review.history
    return status.status, status.steps


def _accounts(review: RequestUnderReview, history: Sequence[Happened]) -> Sequence[str | None]:
    """The accounts of the registrar and of everybody in the history."""
    registrar = review.submitted_by.subject if review.submitted_by else None
    return [registrar, *(one.by for one in (*review.history, *history))]


def _follows(review: RequestUnderReview, status: RequestStatus | None) -> str:
    """The query of the live page: approval's steps while the request is open, then those of all services."""
    if review.status == "received" or status is None:
        return f"steps={len(review.history)}"
    return f"known={len(status.steps)}"


def _dues(
    review: RequestUnderReview,
    configuration: ConfigurationState | None,
    notice: Notification | None,
    now: datetime,
    rules: OwnAgency | None,
) -> Mapping[StepName, Due]:
    dues: dict[StepName, Due] = {"decided": due_of(review.due_at, now, rules)}
    if configuration:
        dues["configured"] = due_of(configuration.due_at, now, rules)
    if notice and notice.due_at:
        dues["notified"] = due_of(notice.due_at, now, rules)
    return dues


def _outcome_notice(notices: Sequence[Notification] | None) -> Notification | None:
    """The last notice about an outcome, not about a step on the way."""
    between = ("acknowledgement", "approved")
    outcomes = [one for one in notices or () if one.about not in between]
    return outcomes[-1] if outcomes else None


def _forms(
    answer: Answer, review: RequestUnderReview, draft: Draft | None
) -> tuple[DecisionForm, CommentForm]:
    """The forms as submitted now, else as saved in the draft."""
    typed = draft.typed if draft else {}
    if draft and review.changed_at and draft.saved_at < review.changed_at:
        # The request has changed: its draft keeps the words, but not the choice and the sizes.
        anew = ("decision", *requested_sizes(review))
        typed = {name: text for name, text in typed.items() if name not in anew}
    form = answer.form or DecisionForm.of_draft(draft.key if draft else new_key(), typed)
    return form, answer.comment or CommentForm(text=typed.get("text", ""))


def viewers_sentence(names: Sequence[str], text: Callable[[str], str]) -> str:
    """A sentence that names the viewers; empty: there are none."""
    return text(wording.LOOKING).replace("{who}", ", ".join(names)) if names else ""


def _person(names: Mapping[str, str], account: str | None) -> str:
    """The name of a person, or the account if it has no name here; empty: no person did it."""
    return person(account, names) or ""
