"""The composition root of approval: `python -m services.approval.main`."""

from functools import partial
from typing import Final

from fastapi import FastAPI

from bmt.agencies import assignments, register
from bmt.agencies.assignments import Assignments
from bmt.agencies.register import RulesInForce, overdue_sampler
from bmt.chassis.http import app
from bmt.chassis.http.bodies import ChangeSignal
from bmt.chassis.messaging.dispatch import Table, bind
from bmt.chassis.runtime import clock
from bmt.chassis.runtime.service import ServiceBuilder
from bmt.contracts import topics
from bmt.contracts.events import RequestReceived, WithdrawalRequested
from services import approval
from services.approval import api, domain, handlers, rules, views
from services.approval.domain.events import PRIVATE
from services.approval.ports import Ports
from services.approval.settings import Settings

TABLE: Final[Table] = {
    RequestReceived: handlers.open_review,
    WithdrawalRequested: handlers.withdraw,
}
"""The events that approval consumes, with their handlers."""


def build(settings: Settings) -> FastAPI:
    """The application. Call it inside the event loop; connections are made in the lifespan.

    Raises:
        AgenciesFileWrong: the agencies' rules cannot be used.
    """
    agencies = register.read(settings.agencies_file)
    builder = ServiceBuilder(
        settings,
        deciders={**domain.DECIDERS, **assignments.DECIDERS},
        publishes={topics.DECISIONS: topics.EVENTS[topics.DECISIONS]},
        private=(*PRIVATE, *assignments.PRIVATE),
        consumes=topics.EVENTS[topics.REQUESTS],
        dead_letters=topics.DEAD_LETTERS,
    )
    reviews = builder.view(views.REVIEWS)
    versions = builder.view(rules.VERSIONS)
    taken = Assignments(builder.execution, builder.view(assignments.VIEW), clock.now)
    change_signal = ChangeSignal()
    builder.projects(change_signal)
    builder.projects(builder.shared.view(rules.SHARED))
    rules_in_force = RulesInForce(agencies, builder.shared.store, clock.now)
    builder.prepares(builder.shared.prepare)
    builder.prepares(partial(rules.record, tuple(agencies), builder.execution, clock.now))
    builder.prepares(rules_in_force.refresh)
    builder.runs(rules_in_force.run)
    builder.subscribes([topics.REQUESTS], bind(TABLE, agencies=agencies))
    builder.samples(
        overdue_sampler(
            builder.registry, "decide", agencies, lambda: views.overdue(reviews, clock.now())
        )
    )
    return builder.app(
        title="BMT approval",
        description=approval.__doc__ or "",
        routers=[api.router, api.assignment, rules.router],
        former_pages=("/console",),
        ports=Ports(
            execution=builder.execution,
            reviews=reviews,
            versions=versions,
            assignments=taken,
            documents=builder.documents,
            document_rights=builder.document_rights,
            change_signal=change_signal,
            agencies=agencies,
            rules_in_force=rules_in_force,
            clock=clock.now,
        ),
    )


if __name__ == "__main__":
    app.main(Settings, build)
