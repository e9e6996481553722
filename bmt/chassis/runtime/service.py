"""What a service's composition root builds on: everything between its own modules and the outside.

A service's main.py creates one `ServiceBuilder`, adds its views, work and subscriptions, and asks for the
application. Nothing connects before the lifespan. All of it must be built inside the event loop.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, TypeVar

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel

from bmt.chassis.eventsourcing.decider import Deciders, IncomingEvent
from bmt.chassis.eventsourcing.event_store import EventStore, MongoEventStore, Vocabulary, type_of
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.http.app import create_app, moved_pages
from bmt.chassis.http.auth import IssuerKeys, TokenVerifier
from bmt.chassis.http.limits import ClientAddress, ConcurrencyLimits, RateLimit
from bmt.chassis.messaging import consumer, republishing
from bmt.chassis.messaging.consumer import Consumer, Positions
from bmt.chassis.messaging.dead_letters import Actions, DeadLetterBox, OnDead, no_answer
from bmt.chassis.messaging.dispatch import Complete, Dispatcher, Handler, as_they_are
from bmt.chassis.messaging.kafka_client import KafkaPublisher
from bmt.chassis.messaging.operations import NEWEST, Operations, operations_routes
from bmt.chassis.messaging.relay import OwnProjections, Relay
from bmt.chassis.messaging.republishing import Jobs, Republishing
from bmt.chassis.readmodels import rebuilding
from bmt.chassis.readmodels.rebuilding import OwnStreams, Rebuilding, SharedViews
from bmt.chassis.readmodels.view_store import MongoViewStore
from bmt.chassis.readmodels.views import Projection, View, ViewProjection
from bmt.chassis.runtime import background, clock, mongodb
from bmt.chassis.runtime.documents import DocumentRights, DocumentStore
from bmt.chassis.runtime.observability import Parts, Sampler, ServiceMetrics, new_registry
from bmt.chassis.runtime.settings import ServiceSettings
from bmt.chassis.work import IN_HAND, PerformAll, WorkChange, Worker, WorkProjection, WorkQueue

D = TypeVar("D", bound=BaseModel)

COMMITS: Final = "commits"
WORK: Final = "work"


class ServiceBuilder:
    """One service's store, execution, views, relay, consumer, workers and application.

    Attributes:
        database: its own database, for what has a store of its own (a ledger).
        documents: the documents that all services read. `document_rights`: who may refer to them.
        shared: its views beside the documents, where all services read them.
        metrics: the chassis' metrics; `registry` takes the service's own.
        parts: which parts it can use; what it calls outside is noted there.
        issuer_keys: verify that the issuer signed a token.
        authenticator: gives the principal of a token.
        rate_limit: of each caller, over HTTP and pages together.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        *,
        deciders: Deciders,
        publishes: Mapping[str, Sequence[type[BaseModel]]],
        private: Sequence[type[BaseModel]] = (),
        consumes: Sequence[type[BaseModel]] = (),
        dead_letters: str,
        client: "mongodb.Client | None" = None,
        around_store: Callable[[EventStore], EventStore] | None = None,
    ) -> None:
        """Name what the service publishes (topic to events), keeps to itself, and consumes.

        `client` is the service's, if it needs one before; it is closed with the rest. `around_store` wraps the
        MongoDB store in one of the service's own.
        """
        self.settings = settings
        self.source = f"/bmt/{settings.service}"
        self.registry = new_registry()
        self.metrics = ServiceMetrics(settings.service, self.registry)
        self.parts = Parts(self.registry)
        own = [*(model for models in publishes.values() for model in models), *private]
        self._own = Vocabulary(own)
        self._consumed = Vocabulary(consumes)
        self._dead_letters = settings.topic_prefix + dead_letters
        client = client or mongodb.connect(
            settings.mongodb_uri.get_secret_value(), **settings.mongodb_tls()
        )
        self._client = client
        self.database = client[settings.database]
        self.documents = DocumentStore(client[settings.documents_database])
        self._commits = MongoEventStore(self.database[COMMITS], observe=self.metrics.appended)
        self.store = around_store(self._commits) if around_store else self._commits
        shared_database = client[settings.documents_database]
        self.shared = SharedViews(shared_database, self.store, self._own, self.source)
        self.document_rights = DocumentRights(self.shared.store, self.documents)
        self._views = MongoViewStore(self.database)
        self._indexes: dict[str, Sequence[Sequence[str]]] = {}
        self._operations = Operations(self.database)
        self.lot = self._operations.lot
        self.work = WorkQueue(self.database[WORK])
        self.publisher = KafkaPublisher(settings.kafka_client_options())
        self._positions = Positions(self.database[consumer.POSITIONS])
        self._streams = OwnStreams(self.store, self._own, self.source)
        self._rebuilding = Rebuilding(
            Jobs(self.database[rebuilding.COLLECTION]),
            self._streams,
            self._positions.pruned_before,
            clock.now,
        )
        self.views_incomplete = self._rebuilding.under_way
        self._own_projections: list[Projection] = []
        self._projections = OwnProjections(
            self._own_projections, self._own, self.source, self.metrics.views_left_behind.inc
        )
        topics = {
            type_of(model): settings.topic_prefix + topic
            for topic, models in publishes.items()
            for model in models
        }
        self._jobs = Jobs(self.database[republishing.COLLECTION])
        self._republishing = Republishing(
            jobs=self._jobs,
            positions=self._positions,
            store=self.store,
            topics=set(topics.values()),
            broker=self.publisher,
            clock=clock.now,
        )
        self.relay = Relay(
            store=self.store,
            projections=self._projections,
            publisher=self.publisher,
            kept=self._republishing,
            topics=topics,
            source=self.source,
            clock=clock.now,
        )
        self.execution: Execution[Any, Any] = Execution(
            store=self.store,
            deciders=deciders,
            vocabulary=self._own,
            published=topics.keys(),
            relayed=self.relay.carries,
            deliver=self.relay.deliver,
            catch_up=self.relay.catch_up,
            clock=clock.now,
            new_id=clock.new_id,
            count=self.metrics.command_executed,
        )
        self.issuer_keys = IssuerKeys(settings.issuer)
        self.authenticator = TokenVerifier(
            self.issuer_keys,
            settings.audience,
            audience_before=settings.audience_before,
            at_jwt_alone=settings.require_at_jwt,
        )
        self.rate_limit = RateLimit(settings.calls_per_second)
        self._consumer: Consumer | None = None
        self._tasks: list[background.Task] = [
            self.relay.run,
            partial(self._republishing.run, self.relay.publish_again),
            self._rebuilding.run,
        ]
        self._prepare: list[background.Task] = []
        self._samplers: list[Sampler] = [self._sample]
        self._close: list[background.Task] = []

    def view(self, view: View[D], *, of_own_events: bool = True) -> ViewProjection[D]:
        """A read model, by default filled from the service's own events."""
        projection = ViewProjection(
            view, self._views, self._streams.between if of_own_events else None
        )
        self._indexes[view.name] = view.indexes
        if of_own_events:
            self.projects(projection)
        return projection

    def worker(self, target: str, perform: PerformAll, most: int = IN_HAND) -> Worker:
        worker = Worker(target=target, queue=self.work, perform=perform, clock=clock.now, most=most)
        self._tasks.append(worker.run)
        return worker

    def works_on(
        self,
        change: Callable[[IncomingEvent[BaseModel]], Sequence[WorkChange]],
        workers: Sequence[Worker],
    ) -> WorkProjection:
        """`subscribes` may have the projection, too: then consumed events also promise work."""
        projection = WorkProjection(self.work, change, workers)
        self._own_projections.append(projection)
        return projection

    def projects(self, projection: Projection) -> None:
        """Apply the service's own events to this, each at least once."""
        self._own_projections.append(projection)
        if isinstance(projection, ViewProjection):
            self._rebuilding.add(projection)

    def subscribes(
        self,
        topics: Sequence[str],
        handlers: Mapping[type[BaseModel], Handler],
        projections: Sequence[Projection] = (),
        *,
        only: Mapping[str, Sequence[type[BaseModel]]] | None = None,
        outside: Collection[str] = (),
        on_dead: OnDead = no_answer,
        complete: Complete = as_they_are,
    ) -> None:
        """Subscribe to topics: commands by the table, views by the projections.

        On a topic named in `only`, all other events are dead letters. Other systems write the topics `outside`.
        `complete` adds to a wave's commands the data they need from outside.
        """
        dispatcher = Dispatcher(
            vocabulary=self._consumed,
            handlers=handlers,
            execution=self.execution,
            catch_up=self._projections.catch_up,
            projections=projections,
            lot=self.lot,
            publisher=self.publisher,
            dead_letters=self._dead_letters,
            service=self.settings.service,
            count=self.metrics.event_handled,
            clock=clock.now,
            only={
                self.settings.topic_prefix + topic: [type_of(model) for model in models]
                for topic, models in (only or {}).items()
            },
            outside=[self.settings.topic_prefix + topic for topic in outside],
            on_dead=on_dead,
            complete=complete,
        )
        group = f"{self.settings.topic_prefix}bmt.{self.settings.service}"
        self._consumer = Consumer(
            topics=[self.settings.topic_prefix + topic for topic in topics],
            group=group,
            client_options=self.settings.kafka_client_options(),
            dispatcher=dispatcher,
            positions=self._positions,
            missed=self.metrics.gone_unread,
        )
        self._tasks += [self._consumer.run, self._consumer.retry_parked]
        self._samplers.append(partial(self._sample_consumer, self._consumer, group))

    def runs(self, task: background.Task) -> None:
        """Run `task` until the service stops. If it ends or fails, the service ends."""
        self._tasks.append(task)

    def prepares(self, task: background.Task) -> None:
        """Await `task` before the service starts, once MongoDB is reachable."""
        self._prepare.append(task)

    def samples(self, sampler: Sampler) -> None:
        self._samplers.append(sampler)

    def closes(self, task: background.Task) -> None:
        self._close.append(task)

    def app(
        self,
        *,
        title: str,
        description: str,
        routers: Sequence[APIRouter],
        ports: object = None,
        former_pages: Sequence[str] = (),
    ) -> FastAPI:
        """The application.

        `ports` is what its routes get from `ports_of`; `former_pages` are prefixes that lead to the pages now.
        """
        return create_app(
            ports=ports,
            title=title,
            version="1",
            description=description,
            routers=[
                *routers,
                self._operators_routes(),
                moved_pages(self.settings.web_url, former_pages),
            ],
            authenticator=self.authenticator,
            registry=self.registry,
            readiness={"mongodb": self._mongodb_reachable, "kafka": self._kafka_reachable},
            parts=self.parts,
            samplers=self._samplers,
            rate_limit=self.rate_limit,
            concurrency=ConcurrencyLimits(
                client=ClientAddress(
                    self.settings.client_address_header, self.settings.trusted_proxies
                ),
            ),
            lifespan=self._lifespan,
        )

    def _operators_routes(self) -> APIRouter:
        box = DeadLetterBox(
            self.settings.kafka_client_options(),
            self._dead_letters,
            Actions(self._client, self.settings.database_prefix),
            {self.settings.service: self.lot},
            newest=NEWEST,
            tell=self.metrics.dead_letters,
        )
        self._tasks.append(box.watch)
        self._close.append(box.aclose)
        return operations_routes(self._operations, box, clock.now)

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        async with background.running([self._run]):
            yield
        await self.execution.close()
        for close in self._close:
            await close()
        await self.publisher.close()
        await self.issuer_keys.aclose()
        self._client.close()

    async def _run(self) -> None:
        await background.until_there(self._prepare_all)
        async with asyncio.TaskGroup() as group:
            for task in self._tasks:
                group.create_task(background.forever(task))

    async def _prepare_all(self) -> None:
        await mongodb.require_schema(self.database)
        await self._commits.prepare()
        await self.lot.prepare()
        await self.work.prepare()
        await self.documents.prepare()
        await self._views.prepare(self._indexes)
        await self._rebuilding.prepare()
        for prepare in self._prepare:
            await prepare()

    async def _mongodb_reachable(self) -> None:
        await mongodb.reachable(self.database)

    async def _kafka_reachable(self) -> None:
        await self.publisher.reachable()
        if self._consumer is not None:
            await self._consumer.reachable()

    async def _sample(self) -> None:
        pending, oldest = await self.store.outbox_size()
        age = (clock.now() - oldest).total_seconds() if oldest else 0.0
        self.metrics.outbox(pending, age)
        self.metrics.parked_events.set(await self.lot.count())
        self.metrics.republishing_jobs.set(len(await self._jobs.open()))

    async def _sample_consumer(self, consumer: Consumer, group: str) -> None:
        self.metrics.consumer_stalled_seconds.set(consumer.stalled_seconds())
        self.metrics.lag(group, await consumer.lag())
