"""Approval's composition root: `python -m services.approval.main`."""

from functools import partial

from fastapi import FastAPI

from bmt.agencies import register
from bmt.agencies.overdue import overdue_sampler
from bmt.chassis.messaging.subscriptions import bind
from bmt.chassis.runtime import clock, run
from bmt.chassis.runtime.service import Foundation
from bmt.contracts import topics
from services import approval
from services.approval import api, comments, rules, rules_api, views
from services.approval.console.site import site
from services.approval.domain import DECIDER
from services.approval.domain.events import PRIVATE
from services.approval.settings import Settings
from services.approval.subscriptions import TABLE


def build(settings: Settings) -> FastAPI:
    """The service, inside the running event loop; nothing connects before the lifespan.

    Raises:
        AgenciesFileWrong: the agencies' rules cannot be used.
    """
    agencies = register.read(settings.agencies_file)
    foundation = Foundation(
        settings,
        decider=DECIDER,
        said={topics.DECISIONS: topics.EVENTS[topics.DECISIONS]},
        private=PRIVATE,
        heard=topics.EVENTS[topics.REQUESTS],
        dead_letters=topics.DEAD_LETTERS,
    )
    reviews = foundation.view(views.REVIEWS)
    versions = foundation.view(rules.VERSIONS)
    foundation.prepares(partial(rules.record, agencies, foundation.execution, clock.now))
    foundation.hears([topics.REQUESTS], bind(TABLE, agencies=agencies))
    foundation.samples(
        overdue_sampler(
            foundation.registry, "decide", agencies, lambda: views.overdue(reviews, clock.now())
        )
    )
    return foundation.app(
        title="BMT approval",
        description=approval.__doc__ or "",
        routers=[
            api.routes(foundation.execution, reviews, agencies, clock.now),
            comments.routes(foundation.execution, foundation.document_rights, clock.now),
            rules_api.routes(versions, agencies, clock.now),
            site(settings, foundation, reviews, versions, agencies),
        ],
    )


if __name__ == "__main__":
    run.main(Settings, build)
