"""Intake's composition root: `python -m services.intake.main`."""

from functools import partial

import httpx
from fastapi import FastAPI
from prometheus_client import Counter, Gauge

from bmt.agencies import register
from bmt.agencies.register import Agencies
from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.eventsourcing.vocabulary import type_of
from bmt.chassis.messaging.subscriptions import bind
from bmt.chassis.runtime import clock, run
from bmt.chassis.runtime.service import ServiceBuilder
from bmt.chassis.work.worker import each
from bmt.contracts import topics
from bmt.contracts.events import RequestSubmitted
from services import intake
from services.intake import (
    api,
    documents_api,
    domain,
    forms_api,
    handlers,
    inbox_api,
    inbox_text_api,
    scans_api,
    subscriptions,
    views,
)
from services.intake.channels.email_form import codes_of
from services.intake.correcting import Approval, Corrections
from services.intake.delivering import Deliveries
from services.intake.directory.scim import ScimDirectory
from services.intake.directory.snapshot import Directory, DirectoryInvalidation
from services.intake.domain.events import PRIVATE
from services.intake.domain.submission import Caller
from services.intake.drafts import DRAFTS, MongoDrafts
from services.intake.integrators import api as submissions_api
from services.intake.integrators.handlers import address_of, completing
from services.intake.integrators.refusals import Refusals
from services.intake.integrators.submissions import SUBMISSIONS, Submissions
from services.intake.limits import UNCOUNTED, SubmissionLimits
from services.intake.mailbox.collector import collect
from services.intake.metrics import Gauges
from services.intake.pages.site import public_site, site
from services.intake.printing.blank_papers import BlankPapers
from services.intake.queries import Inbox, OpenRequests, Requests
from services.intake.reading.readers import Readers
from services.intake.scanning.reception import LAY, Layer, Scans, work_of
from services.intake.settings import Settings


def build(settings: Settings) -> FastAPI:
    """The service, ready to be started.

    Raises:
        WrongConfiguration: the agencies' file is wrong, or an integrator is for an unknown agency.
    """
    agencies = register.read(settings.agencies_file)
    inbound = _inbound(settings, agencies)
    builder = ServiceBuilder(
        settings,
        deciders=dict.fromkeys(domain.STREAMS, domain.DECIDER),
        publishes={topics.REQUESTS: topics.EVENTS[topics.REQUESTS]},
        private=(*PRIVATE, *topics.ANSWERS),
        consumes=[
            *(event for topic in subscriptions.TOLD for event in topics.EVENTS[topic]),
            RequestSubmitted,
        ],
        dead_letters=topics.DEAD_LETTERS,
    )
    requests_view = builder.view(views.REQUESTS)
    inbox = Inbox(builder.view(views.INBOX))
    requests = Requests(requests_view, builder.execution.catch_up)
    directory = _directory(settings, builder)
    known = builder.document_rights
    builder.projects(builder.shared.view(views.UPLOADS))
    builder.projects(builder.shared.view(views.HOLDERS))
    builder.prepares(builder.shared.prepare)
    drafts = MongoDrafts(builder.database[DRAFTS], clock.now)
    builder.prepares(drafts.prepare)
    open_requests = OpenRequests(requests_view)
    assemble_submission = partial(
        handlers.assemble_submission,
        agencies=agencies,
        directory=directory,
        open_requests=open_requests,
        documents=known,
        limits=SubmissionLimits(
            open_requests,
            most_open=settings.applicant_open_requests,
            submissions_per_minute=settings.applicant_submissions_per_minute,
            acknowledgements_per_hour=settings.acknowledgements_per_hour,
        ),
        clock=clock.now,
    )
    scans = Scans(agencies, builder.documents, requests, clock.new_id, clock.now)
    layer = Layer(builder.execution)
    builder.works_on(work_of, [builder.worker(LAY, each(layer.perform, at_once=2))])
    integrators = {settings.topic_prefix + topic: caller for topic, caller in inbound.items()}
    builder.subscribes(
        [*subscriptions.TOLD, *inbound],
        bind(subscriptions.TABLE, integrators=integrators, new_id=clock.new_id),
        [requests_view, DirectoryInvalidation(directory)],
        only={
            **{topic: topics.EVENTS[topic] for topic in subscriptions.TOLD},
            **dict.fromkeys(inbound, (RequestSubmitted,)),
        },
        outside=inbound,
        on_dead=Refusals(builder.execution, integrators, clock.now).answer,
        complete=completing(builder.execution, assemble_submission),
    )
    answer_types = [type_of(model) for model in topics.ANSWERS]
    builder.relay.addresses(
        answer_types,
        address_of(settings.topic_prefix),
        [settings.topic_prefix + topics.outbound(name) for name in settings.integrators],
    )
    builder.samples(Gauges(builder.registry, requests, directory, agencies).sample)
    collect(
        settings.mailboxes,
        settings.smtp_sender,
        builder,
        agencies,
        _readers(builder, agencies, at_once=1),
        requests,
        assemble_submission,
        settings.email_max_bytes,
    )
    readers = _readers(builder, agencies, at_once=2)
    blanks = BlankPapers(agencies)
    execution, documents = builder.execution, builder.documents
    approval = Approval(settings.approval_url)
    builder.closes(approval.close)
    corrections = Corrections(execution, requests, approval, assemble_submission, clock.now)
    return builder.app(
        title="BMT intake",
        description=intake.__doc__ or "",
        routers=[
            documents_api.routes(execution, documents, clock.now, settings.document_max_bytes),
            api.routes(execution, requests, corrections, assemble_submission, clock.new_id),
            inbox_api.routes(
                execution,
                Deliveries(execution, builder.store, clock.now),
                inbox,
                documents,
                agencies,
                readers,
                assemble_submission=assemble_submission,
                new_id=clock.new_id,
                clock=clock.now,
                most_bytes=settings.email_max_bytes,
                authserv_id=settings.emails_authserv_id,
            ),
            inbox_text_api.routes(inbox, documents, readers, settings.email_max_bytes),
            scans_api.routes(execution, scans, layer, settings.document_max_bytes),
            forms_api.routes(blanks),
            submissions_api.routes(Submissions(builder.view(SUBMISSIONS))),
            site(
                settings,
                builder,
                requests,
                corrections,
                known,
                drafts=drafts,
                assemble_submission=assemble_submission,
                judge=partial(
                    handlers.judge,
                    assemble_submission=partial(assemble_submission, limits=UNCOUNTED),
                ),
                agencies=agencies,
                blanks=blanks,
            ),
            public_site(settings, requests, agencies),
        ],
    )


def _readers(builder: ServiceBuilder, agencies: Agencies, *, at_once: int) -> Readers:
    """Who reads messages; the mailboxes have their own, as anybody can write to those."""
    readers = Readers(codes_of(agencies), at_once)
    builder.closes(readers.close)
    return readers


def _directory(settings: Settings, builder: ServiceBuilder) -> Directory:
    """The directory, refreshed while the service runs."""
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
    source = ScimDirectory(client, calls, left_out)
    directory = Directory(source, settings.directory_refresh_seconds)
    builder.runs(directory.run)
    builder.closes(source.close)
    return directory


def _inbound(settings: Settings, agencies: Agencies) -> dict[str, Caller]:
    """Who submits on which topic, and for whom."""
    found = {}
    for name, codes in settings.integrators.items():
        if unknown := sorted(code for code in codes if code not in agencies):
            raise WrongConfiguration(
                f"BMT_INTEGRATORS is wrong: {name} is for {', '.join(unknown)}, "
                f"which {settings.agencies_file} does not know"
            )
        found[topics.inbound(name)] = Caller(name, "integrator", codes)
    return found


if __name__ == "__main__":
    run.main(Settings, build)
