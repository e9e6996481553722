"""Notification's composition root: `python -m services.notification.main`."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

import httpx
from fastapi import FastAPI

from bmt.agencies import assignments, register
from bmt.agencies.assignments import Assignments
from bmt.agencies.register import Agencies, RulesInForce, overdue_sampler
from bmt.chassis.http import app
from bmt.chassis.messaging.dispatch import Table, bind
from bmt.chassis.runtime import clock
from bmt.chassis.runtime.background import LruCache
from bmt.chassis.runtime.service import ServiceBuilder
from bmt.chassis.runtime.settings import machines_tls
from bmt.chassis.work import WorkProjection, each, together
from bmt.contracts import topics
from bmt.contracts.events import (
    Approved,
    ConfigurationFailed,
    Configured,
    ConfirmationsAwaited,
    Rejected,
    RequestReceived,
    ReturnedForCorrection,
    ReviewOpened,
    Withdrawn,
)
from bmt.contracts.values import ReplyChannel
from services import notification
from services.notification import api, channels, domain, handlers, templates, webhooks, worker
from services.notification.channels import Render, render_with_code
from services.notification.domain.events import PRIVATE
from services.notification.handlers import AT_HAND, composing
from services.notification.ports import Ports
from services.notification.reminding import OfficeMail
from services.notification.settings import Settings
from services.notification.smtp import AT_ONCE, LIST_SECONDS, SmtpPost
from services.notification.views import (
    FAILURES,
    NOTICES,
    PREPARE,
    REMIND,
    SMTP,
    TEMPLATES,
    overdue,
    own_words,
    work_of,
)
from services.notification.webhooks import Deliveries, Receiver
from services.notification.wording.composer import Composer

TOPICS: Final = (topics.REQUESTS, topics.DECISIONS, topics.CONFIGURATIONS)

TABLE: Final[Table] = {
    RequestReceived: handlers.acknowledge,
    ReviewOpened: handlers.await_decision,
    Approved: handlers.await_configuration,
    Rejected: handlers.notify_of_decision,
    ReturnedForCorrection: handlers.notify_of_decision,
    Withdrawn: handlers.notify_of_decision,
    Configured: handlers.notify_of_configuration,
    ConfirmationsAwaited: handlers.await_confirmations,
    ConfigurationFailed: handlers.report_failure_to_office,
}
"""The events that notification consumes, with their handlers.

An approval alone sends nothing to the applicant; `Configured` does. Where the configuration fails, an administrator may.
"""


def build(settings: Settings) -> FastAPI:
    """The service, inside the running event loop. Nothing connects before the lifespan.

    Raises:
        AgenciesFileWrong: the agencies' rules cannot be used.
    """
    agencies = register.read(settings.agencies_file)
    builder = ServiceBuilder(
        settings,
        deciders={**domain.DECIDERS, **assignments.DECIDERS},
        publishes={topics.NOTIFICATIONS: topics.EVENTS[topics.NOTIFICATIONS]},
        private=(*PRIVATE, *assignments.PRIVATE),
        # Its own, too: a delivery that waits for an operator is read like a consumed event.
        consumes=[event for topic in topics.PUBLIC for event in topics.EVENTS[topic]],
        dead_letters=topics.DEAD_LETTERS,
    )
    rules_in_force = RulesInForce(agencies, builder.shared.store, clock.now)
    builder.prepares(rules_in_force.refresh)
    builder.runs(rules_in_force.run)
    notices = builder.view(NOTICES)
    saved = builder.view(TEMPLATES)
    taken = Assignments(builder.execution, builder.view(assignments.VIEW), clock.now)
    renders = _renders(settings)
    at_hand: LruCache[str, bytes] = LruCache(AT_HAND)
    _work(builder, settings, agencies, renders, at_hand)
    deliveries = _webhooks(builder, webhooks.receivers(agencies, settings))
    handlers = bind(TABLE, agencies=agencies, clock=clock.now)
    composer = Composer(agencies, settings.mail_domain, settings.status_url)
    builder.subscribes(
        TOPICS,
        webhooks.without_deliveries(handlers) if deliveries else handlers,
        deliveries,
        complete=composing(
            builder.execution,
            builder.documents,
            composer,
            partial(own_words, saved),
            renders["email"],
            at_hand,
        ),
    )
    builder.samples(
        overdue_sampler(
            builder.registry,
            "notify",
            agencies,
            lambda: overdue(notices, clock.now()),
        )
    )
    return builder.app(
        title="BMT notification",
        description=notification.__doc__ or "",
        routers=[api.router, api.assignment, templates.router],
        ports=Ports(
            execution=builder.execution,
            notices=notices,
            assignments=taken,
            templates=saved,
            documents=builder.documents,
            work=builder.work,
            composer=composer,
            renders=renders,
            agencies=agencies,
            clock=clock.now,
            new_id=clock.new_id,
        ),
    )


def _renders(settings: Settings) -> Mapping[ReplyChannel, Render]:
    """The functions that make a message of a notice, by channel."""
    renders: Mapping[ReplyChannel, Render] = {
        "email": partial(channels.render_email, settings.smtp_sender),
        "letter": partial(channels.render_paper, "letter"),
        "memo": partial(channels.render_paper, "memo"),
        "form": partial(channels.render_paper, "form"),
    }
    if settings.status_page_url and settings.status_code_key:
        page, key = settings.status_page_url, settings.status_code_key.get_secret_value()
        renders = {
            name: partial(render_with_code, render, page, key) for name, render in renders.items()
        }
    return renders


def _work(
    builder: ServiceBuilder,
    settings: Settings,
    agencies: Agencies,
    renders: Mapping[ReplyChannel, Render],
    at_hand: LruCache[str, bytes],
) -> None:
    """The workers that compose, send and remind. Each kind has its own, so none delays another."""
    execution, documents = builder.execution, builder.documents
    builder.parts.note("mail", up=True)  # until a message finds it otherwise
    post = SmtpPost(settings, builder.registry, builder.parts.noting("mail"))
    sender = worker.Sender(
        execution,
        documents,
        post,
        clock.now,
        at_hand,
        AT_ONCE,
    )
    offices = OfficeMail(
        execution, agencies, post, clock.now, settings.smtp_sender, settings.console_url
    )
    builder.works_on(
        work_of,
        [
            builder.worker(PREPARE, each(worker.preparing(execution, documents, renders))),
            builder.worker(SMTP, together(sender.perform, LIST_SECONDS)),
            builder.worker(REMIND, each(offices.remind, 2, LIST_SECONDS)),
            builder.worker(FAILURES, each(offices.report_failure, 2, LIST_SECONDS)),
        ],
    )


def _webhooks(builder: ServiceBuilder, receivers: Sequence[Receiver]) -> list[WorkProjection]:
    """The workers of the webhooks. The projection makes their work, of consumed events and of own ones; none without any."""
    client = httpx.AsyncClient(
        follow_redirects=False,
        trust_env=False,
        verify=machines_tls(),
        timeout=webhooks.TIMEOUT_SECONDS,
    )
    builder.closes(client.aclose)
    deliveries = Deliveries(client, builder.lot, builder.registry, clock.now)
    if not receivers:
        return []
    builder.samples(deliveries.measuring(receivers, builder.work))
    workers = [
        builder.worker(one.target, each(partial(deliveries.deliver, one), at_once=webhooks.AT_ONCE))
        for one in receivers
    ]
    return [builder.works_on(webhooks.work_of(receivers), workers)]


if __name__ == "__main__":
    app.main(Settings, build)
