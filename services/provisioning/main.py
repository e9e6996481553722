"""Provisioning's composition root: `python -m services.provisioning.main`."""

# First of all: it looks through all loaded modules for each field of its models, which later takes a second.
import scim2_client  # noqa: F401

# isort: split
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

import httpx
import httpx2
from fastapi import FastAPI

from bmt.agencies import register
from bmt.agencies.register import Agencies, RulesInForce, overdue_sampler
from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.http import app
from bmt.chassis.messaging.dispatch import Table, bind
from bmt.chassis.runtime import clock
from bmt.chassis.runtime.observability import Parts
from bmt.chassis.runtime.service import ServiceBuilder
from bmt.chassis.runtime.settings import machines_tls
from bmt.chassis.work import IN_HAND, WorkQueue, together
from bmt.contracts import topics
from bmt.contracts.events import Approved
from services import provisioning
from services.provisioning import (
    api,
    bulk_changes,
    daily,
    domain,
    drift,
    handlers,
    queries,
    recertification,
    tasks,
    views,
)
from services.provisioning.connectors import copyparty, nextcloud, rest_storage, scim, sftpgo
from services.provisioning.connectors.connector import Breaker, ConnectorMetrics, Maintenance, Pace
from services.provisioning.connectors.copyparty import Copyparty
from services.provisioning.connectors.nextcloud import Nextcloud
from services.provisioning.connectors.rest_storage import RestStorage
from services.provisioning.connectors.scim import NAME as SCIM
from services.provisioning.connectors.scim import Scim
from services.provisioning.connectors.sftpgo import Sftpgo
from services.provisioning.connectors.targets import PlanReader, Targets
from services.provisioning.connectors.volume_files import VolumeFiles
from services.provisioning.domain.events import PRIVATE
from services.provisioning.domain.order import WORKLIST
from services.provisioning.ports import Ports
from services.provisioning.queries import Turns
from services.provisioning.settings import Settings
from services.provisioning.worker import Configurer

TABLE: Final[Table] = {
    Approved: handlers.request_configuration,
}
"""The events that provisioning acts on. Of reviews it only keeps a view."""


def build(settings: Settings) -> FastAPI:
    """The application, inside the running event loop; nothing connects before the lifespan.

    Raises:
        WrongConfiguration: the agencies' rules are invalid, or name a connector that is not configured.
    """
    agencies = register.read(settings.agencies_file)
    _require_addresses(settings, agencies)
    builder = ServiceBuilder(
        settings,
        deciders=domain.DECIDERS,
        publishes={topics.CONFIGURATIONS: topics.EVENTS[topics.CONFIGURATIONS]},
        private=PRIVATE,
        consumes=topics.EVENTS[topics.DECISIONS],
        dead_letters=topics.DEAD_LETTERS,
    )
    rules_in_force = RulesInForce(agencies, builder.shared.store, clock.now)
    builder.prepares(rules_in_force.refresh)
    builder.runs(rules_in_force.run)
    configurations = builder.view(views.CONFIGURATIONS)
    entitlements = builder.view(views.ENTITLEMENTS)
    by_hand = builder.view(views.TASKS)
    drifts = builder.view(views.DRIFT)
    confirmations = builder.view(views.CONFIRMATIONS)
    reviews = builder.view(views.REVIEWS, of_own_events=False)
    targets = _targets(settings, builder)
    configurer = Configurer(
        claims=agencies.claims,
        execution=builder.execution,
        turns=Turns(configurations),
        targets=targets,
        clock=clock.now,
        new_id=clock.new_id,
    )
    drift_runs = queries.DriftRuns(builder.database[queries.RUNS])
    drift_planned = WorkQueue(builder.database[daily.PLANNED])
    campaigns = recertification.Campaigns(
        execution=builder.execution,
        entitlements=entitlements,
        confirmations=confirmations,
        targets=targets,
        agencies=agencies,
        clock=clock.now,
        new_id=clock.new_id,
        most_percent=settings.drift_most_percent,
        held_back=recertification.held_back_gauge(builder.registry),
    )
    builder.samples(
        recertification.confirmations_sampler(builder.registry, confirmations, agencies, clock.now)
    )
    comparison = drift.Comparison(
        execution=builder.execution,
        entitlements=entitlements,
        configurations=configurations,
        drifts=drifts,
        targets=targets,
        agencies=agencies,
        runs=drift_runs,
        clock=clock.now,
        new_id=clock.new_id,
        most_percent=settings.drift_most_percent,
    )
    every_day = daily.DailyRun(
        parts=[comparison.run, campaigns.run],
        incomplete=builder.views_incomplete,
        queue=drift_planned,
        targets=targets,
        clock=clock.now,
        interval=timedelta(seconds=settings.drift_interval_seconds),
    )
    builder.prepares(every_day.plan)
    builder.runs(every_day.run)
    builder.samples(drift.drift_sampler(builder.registry, drifts, drift_runs))
    # Two workers, so that work for officers and the storage does not wait for IPMS.
    storage, ipms = settings.storage_calls_a_second, settings.ipms_calls_a_second
    workers = [
        builder.worker(SCIM, together(configurer.perform), _at_once(IN_HAND, ipms, storage)),
        builder.worker(WORKLIST, together(configurer.perform), _at_once(IN_HAND, storage)),
    ]
    builder.works_on(views.work_of, workers)
    builder.subscribes([topics.DECISIONS], bind(TABLE, agencies=agencies), [reviews])
    builder.samples(
        overdue_sampler(
            builder.registry,
            "configure",
            agencies,
            lambda: queries.overdue(configurations, clock.now()),
        )
    )
    return builder.app(
        title="BMT provisioning",
        description=provisioning.__doc__ or "",
        routers=[
            api.plan_router,
            api.router,
            bulk_changes.router,
            tasks.router,
            drift.router,
            recertification.router,
        ],
        ports=Ports(
            execution=builder.execution,
            configurations=configurations,
            entitlements=entitlements,
            tasks=by_hand,
            drifts=drifts,
            drift_runs=drift_runs,
            drift_planned=drift_planned,
            confirmations=confirmations,
            reviews=reviews,
            work=builder.work,
            targets=targets,
            plan_reader=PlanReader(targets),
            document_rights=builder.document_rights,
            documents=builder.documents,
            agencies=agencies,
            clock=clock.now,
        ),
    )


def _targets(settings: Settings, builder: ServiceBuilder) -> Targets:
    """The configured connectors, each behind its breaker."""
    metrics = ConnectorMetrics(builder.registry)
    ipms = _ipms(settings)
    storage = _storage(settings)
    closed: list[Scim | Copyparty | RestStorage] = [*ipms.values(), *storage.values()]
    for connector in closed:
        builder.closes(connector.close)
    return Targets(
        ipms=ipms,
        storage=storage,
        breakers={
            name: Breaker(name, turned=_turned(name, part, metrics, builder.parts))
            for part, named in (("ipms", ipms), ("storage", storage))
            for name in named
        }
        | {WORKLIST: Breaker(WORKLIST, turned=metrics.turned(WORKLIST))},
        metrics=metrics,
        maintenance={
            name: Maintenance.of(daily)
            for daily, named in (
                (settings.maintenance_of_ipms, ipms),
                (settings.maintenance_of_storage, storage),
            )
            for name in named
            if daily
        },
    )


def _turned(
    connector: str, part: str, metrics: ConnectorMetrics, parts: Parts
) -> Callable[[bool], None]:
    metric = metrics.turned(connector)

    def turned(is_open: bool) -> None:  # noqa: FBT001  as the breaker calls it
        metric(is_open)
        parts.note(part, up=not is_open)

    return turned


def _ipms(settings: Settings) -> Mapping[str, Scim]:
    """Both targets are called directly, without the environment's proxy."""
    if settings.ipms_url is None or settings.ipms_token is None:
        return {}
    http = httpx2.AsyncClient(
        base_url=settings.ipms_url,
        headers={"Authorization": f"Bearer {settings.ipms_token.get_secret_value()}"},
        timeout=settings.target_timeout_seconds,
        event_hooks=Pace(SCIM, settings.ipms_calls_a_second).hooks,
        trust_env=False,
        verify=machines_tls(),
    )
    most = _at_once(scim.CALLS_AT_ONCE, settings.ipms_calls_a_second)
    return {SCIM: Scim(http, clock.now, most)}


def _storage(settings: Settings) -> Mapping[str, Copyparty | RestStorage]:
    found: dict[str, Copyparty | RestStorage] = {}

    def http(name: str, url: str, **options: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=url,
            timeout=settings.target_timeout_seconds,
            event_hooks=Pace(name, settings.storage_calls_a_second).hooks,
            trust_env=False,
            verify=machines_tls(),
            **options,
        )

    if settings.storage_url and settings.storage_volumes and settings.storage_password:
        found[copyparty.NAME] = Copyparty(
            http(copyparty.NAME, settings.storage_url),
            VolumeFiles(settings.storage_volumes),
            settings.storage_user,
            settings.storage_password.get_secret_value(),
            clock.now,
            _at_once(copyparty.CALLS_AT_ONCE, settings.storage_calls_a_second),
        )
    of_users_at_once = _at_once(rest_storage.CALLS_AT_ONCE, settings.storage_calls_a_second)
    if settings.sftpgo_url and settings.sftpgo_key:
        key = {"X-SFTPGO-API-KEY": settings.sftpgo_key.get_secret_value()}
        found[sftpgo.NAME] = Sftpgo(
            http(sftpgo.NAME, settings.sftpgo_url, headers=key), clock.now, of_users_at_once
        )
    if settings.nextcloud_url and settings.nextcloud_password:
        found[nextcloud.NAME] = Nextcloud(
            http(
                nextcloud.NAME,
                settings.nextcloud_url,
                headers=nextcloud.HEADERS,
                auth=(settings.nextcloud_user, settings.nextcloud_password.get_secret_value()),
                cookies=nextcloud.no_cookies(),
            ),
            clock.now,
            of_users_at_once,
        )
    return found


def _at_once(most: int, *calls_a_second: int | None) -> int:
    """No more than a second's calls, so that each soon has its turn, and a list is answered within its time."""
    return min([most, *(calls for calls in calls_a_second if calls)])


def _require_addresses(settings: Settings, agencies: Agencies) -> None:
    for variable, target, name in (
        ("ipms_url", "ipms", scim.NAME),
        ("storage_url", "storage", copyparty.NAME),
        ("sftpgo_url", "storage", sftpgo.NAME),
        ("nextcloud_url", "storage", nextcloud.NAME),
    ):
        users = [one.code for one in agencies if getattr(one.rules.connectors, target) == name]
        if users and getattr(settings, variable) is None:
            raise WrongConfiguration(
                f"BMT_{variable.upper()} is missing: {', '.join(sorted(users))} set {target} by {name}"
            )


if __name__ == "__main__":
    app.main(Settings, build)
