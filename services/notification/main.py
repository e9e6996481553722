"""Notification's composition root: `python -m services.notification.main`."""

from collections.abc import Mapping
from datetime import timedelta

from fastapi import FastAPI

from bmt.agencies import register
from bmt.agencies.overdue import overdue_sampler
from bmt.agencies.register import Agencies
from bmt.chassis.messaging.subscriptions import bind
from bmt.chassis.runtime import clock, run
from bmt.chassis.runtime.lru_cache import LruCache
from bmt.chassis.runtime.service import ServiceBuilder
from bmt.chassis.work.worker import each, together
from bmt.contracts import topics
from bmt.contracts.values import ReplyChannel
from services import notification
from services.notification import api, worker
from services.notification.channels import email
from services.notification.channels.paper import Press
from services.notification.channels.rendered import Render
from services.notification.channels.smtp import SmtpPost
from services.notification.channels.status_link import telling_code
from services.notification.composing import AT_HAND, composing
from services.notification.domain import DECIDER, STREAMS
from services.notification.domain.events import PRIVATE
from services.notification.reminding import Reminders, reminding, telling_of_failures
from services.notification.settings import Settings
from services.notification.subscriptions import TABLE, TOPICS
from services.notification.templates import api as templates_api
from services.notification.templates.desk import TemplateDesk
from services.notification.views.notices import NOTICES, overdue
from services.notification.views.templates import TEMPLATES, SavedWords
from services.notification.views.work import FAILURES, PREPARE, REMIND, SMTP, work_of
from services.notification.wording.composer import Composer


def build(settings: Settings) -> FastAPI:
    """The service, inside the running event loop; nothing connects before the lifespan.

    Raises:
        AgenciesFileWrong: the agencies' rules cannot be used.
    """
    agencies = register.read(settings.agencies_file)
    builder = ServiceBuilder(
        settings,
        deciders=dict.fromkeys(STREAMS, DECIDER),
        publishes={topics.NOTIFICATIONS: topics.EVENTS[topics.NOTIFICATIONS]},
        private=PRIVATE,
        consumes=[event for topic in TOPICS for event in topics.EVENTS[topic]],
        dead_letters=topics.DEAD_LETTERS,
    )
    notices = builder.view(NOTICES)
    templates = builder.view(TEMPLATES)
    renders = _renders(settings)
    at_hand: LruCache[str, bytes] = LruCache(AT_HAND)
    _work(builder, settings, agencies, renders, at_hand)
    composer = Composer(agencies, settings.mail_domain, settings.status_url)
    builder.subscribes(
        TOPICS,
        bind(TABLE, agencies=agencies, clock=clock.now),
        complete=composing(
            builder.execution,
            builder.documents,
            composer,
            SavedWords(templates),
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
        routers=[
            api.routes(builder.execution, notices, builder.documents, clock.now),
            api.queue_routes(notices, builder.work),
            templates_api.routes(
                TemplateDesk(builder.execution, templates, composer, agencies, clock.now),
                renders,
            ),
        ],
    )


def _renders(settings: Settings) -> Mapping[ReplyChannel, Render]:
    """How a notice becomes a message, by channel."""
    press = Press()
    renders: Mapping[ReplyChannel, Render] = {
        "email": email.rendering(settings.smtp_sender),
        "letter": press.rendering("letter"),
        "memo": press.rendering("memo"),
        "form": press.rendering("form"),
    }
    if settings.status_page_url and settings.status_code_key:
        page, key = settings.status_page_url, settings.status_code_key.get_secret_value()
        renders = {name: telling_code(render, page, key) for name, render in renders.items()}
    return renders


def _work(
    builder: ServiceBuilder,
    settings: Settings,
    agencies: Agencies,
    renders: Mapping[ReplyChannel, Render],
    at_hand: LruCache[str, bytes],
) -> None:
    """Composing, sending and reminding: each by workers of its own, so that none holds up another."""
    execution, documents = builder.execution, builder.documents
    post = SmtpPost(settings, builder.registry)
    sender = worker.Sender(
        execution,
        documents,
        post,
        timedelta(days=settings.smtp_give_up_days),
        clock.now,
        at_hand,
        settings.smtp_concurrency,
    )
    reminders = Reminders(settings.smtp_sender, settings.console_url)
    builder.works_on(
        work_of,
        [
            builder.worker(PREPARE, each(worker.preparing(execution, documents, renders))),
            builder.worker(SMTP, together(sender.perform)),
            builder.worker(
                REMIND, each(reminding(execution, agencies, reminders, post, clock.now), at_once=2)
            ),
            builder.worker(
                FAILURES,
                each(telling_of_failures(execution, agencies, reminders, post), at_once=2),
            ),
        ],
    )


if __name__ == "__main__":
    run.main(Settings, build)
