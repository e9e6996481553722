"""Intake's composition root: `python -m services.intake.main`."""

from collections.abc import Awaitable, Callable
from typing import Final

import httpx
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, Counter, Gauge

from bmt.agencies import assignments, register
from bmt.agencies.assignments import Assignments
from bmt.agencies.register import Agencies, RulesInForce
from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.eventsourcing.event_store import type_of
from bmt.chassis.http import app
from bmt.chassis.http.bodies import ChangeSignal
from bmt.chassis.http.limits import ClientAddress
from bmt.chassis.messaging.dispatch import Table, bind
from bmt.chassis.runtime import clock
from bmt.chassis.runtime.service import ServiceBuilder
from bmt.chassis.work import each
from bmt.contracts import events, topics
from bmt.contracts.events import RequestSubmitted
from services import intake
from services.intake import api, domain, inbox_api, integrators, status, views
from services.intake.blank_papers import BlankPapers
from services.intake.directory import CONNECTOR, Directory, DirectoryInvalidation, ScimDirectory
from services.intake.documents import LAY, Scans, Uploads, work_of
from services.intake.domain.events import PRIVATE
from services.intake.domain.submission import Caller
from services.intake.emails import Emails
from services.intake.handlers import Approval, Corrections, Reception, SubmissionLimits
from services.intake.integrators import (
    Refusals,
    address_of,
    completing,
    follow_request,
    receive_submission,
    receive_termination,
)
from services.intake.mailbox import collect
from services.intake.ports import Ports
from services.intake.queries import Requests
from services.intake.readers import Readers, codes_of
from services.intake.settings import Settings
from services.intake.views import SUBMISSIONS

TABLE: Final[Table] = {
    events.RequestSubmitted: receive_submission,
    events.TerminationProposed: receive_termination,
    events.ReturnedForCorrection: follow_request,
    events.Approved: follow_request,
    events.Rejected: follow_request,
    events.Withdrawn: follow_request,
    events.ConfigurationStarted: follow_request,
    events.AwaitingOperator: follow_request,
    events.Configured: follow_request,
    events.ConfigurationFailed: follow_request,
    events.Notified: follow_request,
    events.Filed: follow_request,
}
"""The events that intake decides on, with their handlers. Its views take in all events of `TOPICS`."""

TOPICS: Final = (
    topics.DECISIONS,
    topics.CONFIGURATIONS,
    topics.NOTIFICATIONS,
    topics.RECORDS,
)
"""The topics that a request's status depends on, besides intake's own events."""


def build(settings: Settings) -> FastAPI:
    """The application, ready to start.

    Raises:
        WrongConfiguration: the agencies' file is wrong, or an integrator is for an unknown agency.
    """
    agencies = register.read(settings.agencies_file)
    inbound = _inbound(settings, agencies)
    builder = ServiceBuilder(
        settings,
        deciders={**domain.DECIDERS, **assignments.DECIDERS},
        publishes={topics.REQUESTS: topics.EVENTS[topics.REQUESTS]},
        private=(*PRIVATE, *topics.ANSWERS, *assignments.PRIVATE),
        consumes=[
            *(event for topic in TOPICS for event in topics.EVENTS[topic]),
            RequestSubmitted,
        ],
        dead_letters=topics.DEAD_LETTERS,
    )
    rules_in_force = RulesInForce(agencies, builder.shared.store, clock.now)
    builder.prepares(rules_in_force.refresh)
    builder.runs(rules_in_force.run)
    requests_view = builder.view(views.REQUESTS)
    inbox = builder.view(views.INBOX)
    change_signal = ChangeSignal()
    requests = Requests(requests_view, builder.execution.catch_up)
    directory = _directory(settings, builder)
    builder.projects(builder.shared.view(views.UPLOADS))
    builder.projects(builder.shared.view(views.HOLDERS))
    builder.prepares(builder.shared.prepare)
    builder.projects(change_signal)
    reception = Reception(
        agencies=agencies,
        directory=directory,
        requests=requests,
        rights=builder.document_rights,
        limits=SubmissionLimits(requests, settings.acknowledgements_per_hour),
        new_id=clock.new_id,
        clock=clock.now,
    )
    execution, documents = builder.execution, builder.documents
    emails = Emails(
        reception=reception,
        execution=execution,
        commits=builder.store,
        documents=documents,
        readers=_readers(builder, agencies, at_once=2),
        authserv_id=settings.emails_authserv_id,
        most_bytes=settings.email_max_bytes,
    )
    scans = Scans(execution, agencies, documents, requests, clock.new_id, clock.now)
    builder.works_on(work_of, [builder.worker(LAY, each(scans.perform, at_once=2))])
    callers = {settings.topic_prefix + topic: caller for topic, caller in inbound.items()}
    builder.subscribes(
        [*TOPICS, *inbound],
        bind(TABLE, integrators=callers, new_id=clock.new_id),
        [requests_view, DirectoryInvalidation(directory), change_signal],
        only={
            **{topic: topics.EVENTS[topic] for topic in TOPICS},
            **dict.fromkeys(inbound, (RequestSubmitted,)),
        },
        outside=inbound,
        on_dead=Refusals(execution, callers, clock.now).answer,
        complete=completing(execution, reception),
    )
    answer_types = [type_of(model) for model in topics.ANSWERS]
    builder.relay.addresses(
        answer_types,
        address_of(settings.topic_prefix),
        [settings.topic_prefix + topics.outbound(name) for name in settings.integrators],
    )
    builder.samples(sampler(builder.registry, requests, directory, agencies))
    collect(settings, builder, agencies, _readers(builder, agencies, at_once=1), emails)
    approval = Approval(settings.approval_url)
    builder.closes(approval.close)
    key = settings.status_code_key
    here = Ports(
        agencies=agencies,
        execution=execution,
        requests=requests,
        inbox=inbox,
        assignments=Assignments(execution, builder.view(assignments.VIEW), clock.now),
        submissions=builder.view(SUBMISSIONS),
        documents=documents,
        reception=reception,
        directory=directory,
        corrections=Corrections(execution, approval, reception),
        uploads=Uploads(execution, documents, clock.now),
        emails=emails,
        scans=scans,
        blanks=BlankPapers(agencies),
        status_code_key=key.get_secret_value() if key else None,
        client_address=ClientAddress(settings.client_address_header, settings.trusted_proxies),
        change_signal=change_signal,
        clock=clock.now,
    )
    return builder.app(
        title="BMT intake",
        description=intake.__doc__ or "",
        routers=[
            api.documents(settings.document_max_bytes),
            api.router,
            inbox_api.emails(settings.email_max_bytes),
            inbox_api.router,
            inbox_api.assignment,
            inbox_api.scans(settings.document_max_bytes),
            api.forms,
            integrators.router,
            api.submissions,
            api.accounts,
            status.router,
        ],
        ports=here,
        former_pages=("/my", "/status"),
    )


def _readers(builder: ServiceBuilder, agencies: Agencies, *, at_once: int) -> Readers:
    """Message readers. Mailboxes have their own, because anybody can write to a mailbox."""
    readers = Readers(codes_of(agencies), at_once)
    builder.closes(readers.close)
    return readers


def _directory(settings: Settings, builder: ServiceBuilder) -> Directory:
    calls = Counter(
        "bmt_connector_calls",
        "Calls of outside systems, by what became of them.",
        ["connector", "operation", "outcome"],
        registry=builder.registry,
    )
    client = httpx.AsyncClient(
        base_url=settings.ipms_url.rstrip("/") + "/",
        headers={"Authorization": f"Bearer {settings.ipms_token.get_secret_value()}"},
        timeout=10.0,
        trust_env=False,
    )
    left_out = Gauge(
        "bmt_directory_records_left_out",
        "Records of the directory that the last snapshot is without, by why.",
        ["reason"],
        registry=builder.registry,
    )
    source = ScimDirectory(client, calls, left_out, builder.parts.noting("ipms"))
    directory = Directory(source, settings.directory_refresh_seconds)
    builder.runs(directory.run)
    builder.closes(source.close)
    return directory


def _inbound(settings: Settings, agencies: Agencies) -> dict[str, Caller]:
    """The integrator that submits on each topic, and its agencies."""
    found = {}
    for name, codes in settings.integrators.items():
        if unknown := sorted(code for code in codes if code not in agencies):
            raise WrongConfiguration(
                f"BMT_INTEGRATORS is wrong: {name} is for {', '.join(unknown)}, "
                f"which {settings.agencies_file} does not know"
            )
        found[topics.inbound(name)] = Caller(name, "integrator", codes)
    return found


def sampler(
    registry: CollectorRegistry, requests: Requests, directory: Directory, agencies: Agencies
) -> Callable[[], Awaitable[None]]:
    """The function that sets the gauges; no label names a person or a request."""
    by_status = Gauge(
        "bmt_requests",
        "Requests by agency and status.",
        ["agency", "status"],
        registry=registry,
    )
    breaker = Gauge(
        "bmt_connector_breaker_open",
        "1 while calls are left out, because the last ones failed.",
        ["connector"],
        registry=registry,
    ).labels(CONNECTOR)
    codes = [agency.code for agency in agencies]

    async def sample() -> None:
        breaker.set(directory.paused)
        counted = await requests.count(codes)
        by_status.clear()
        for (agency, its_status), count in counted.items():
            by_status.labels(agency, its_status).set(count)

    return sample


if __name__ == "__main__":
    app.main(Settings, build)
