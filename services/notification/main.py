"""Notification's composition root: `python -m services.notification.main`."""

from datetime import timedelta

from fastapi import FastAPI

from bmt.agencies import register
from bmt.agencies.overdue import overdue_sampler
from bmt.chassis import clock, run
from bmt.chassis.foundation import Foundation
from bmt.chassis.subscriptions import bind
from bmt.contracts import topics
from bmt.contracts.values import ReplyChannel
from services import notification
from services.notification import api, views, worker
from services.notification.channels import email
from services.notification.channels.paper import Press
from services.notification.channels.rendered import Render
from services.notification.channels.smtp import SmtpPost
from services.notification.channels.telling_code import telling_code
from services.notification.domain import DECIDER
from services.notification.domain.events import PRIVATE
from services.notification.settings import Settings
from services.notification.subscriptions import TABLE, TOPICS
from services.notification.wording.composer import Composer


def build(settings: Settings) -> FastAPI:
    """The service, inside the running event loop; nothing connects before the lifespan.

    Raises:
        AgenciesFileWrong: the agencies' rules cannot be used.
    """
    agencies = register.read(settings.agencies_file)
    foundation = Foundation(
        settings,
        decider=DECIDER,
        said={topics.NOTIFICATIONS: topics.EVENTS[topics.NOTIFICATIONS]},
        private=PRIVATE,
        heard=[event for topic in TOPICS for event in topics.EVENTS[topic]],
        dead_letters=topics.DEAD_LETTERS,
    )
    correspondences = foundation.view(views.CORRESPONDENCES)
    _work(foundation, settings)
    composer = Composer(agencies, settings.mail_domain, settings.status_url)
    foundation.hears(TOPICS, bind(TABLE, composer=composer, clock=clock.now))
    foundation.samples(
        overdue_sampler(
            foundation.registry,
            "notify",
            agencies,
            lambda: views.overdue(correspondences, clock.now()),
        )
    )
    return foundation.app(
        title="BMT notification",
        description=notification.__doc__ or "",
        routers=[
            api.routes(foundation.execution, correspondences, foundation.documents, clock.now)
        ],
    )


def _work(foundation: Foundation, settings: Settings) -> None:
    """Composing, and sending: each by workers of its own, so that neither holds up the other."""
    execution, documents = foundation.execution, foundation.documents
    press = Press(settings.paper_fonts)
    renders: dict[ReplyChannel, Render] = {
        "email": email.rendering(settings.smtp_sender),
        "letter": press.rendering("letter"),
        "memo": press.rendering("memo"),
        "form": press.rendering("form"),
    }
    if settings.status_page_url and settings.status_code_key:
        page, key = settings.status_page_url, settings.status_code_key.get_secret_value()
        renders = {name: telling_code(render, page, key) for name, render in renders.items()}
    sending = worker.sending(
        execution,
        documents,
        SmtpPost(settings, foundation.registry),
        timedelta(days=settings.smtp_give_up_days),
        clock.now,
    )
    foundation.works_on(
        views.work_of,
        [
            foundation.worker(views.PREPARE, worker.preparing(execution, documents, renders)),
            foundation.worker(
                views.SMTP,
                sending,
                concurrency=settings.smtp_concurrency,
            ),
        ],
    )


if __name__ == "__main__":
    run.main(Settings, build)
