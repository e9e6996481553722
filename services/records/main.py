"""Records' composition root: `python -m services.records.main`."""

from datetime import timedelta
from typing import Final

from fastapi import FastAPI

from bmt.agencies import register
from bmt.agencies.register import RulesInForce
from bmt.chassis.http import app
from bmt.chassis.messaging.dispatch import Table, bind
from bmt.chassis.runtime import clock, mongodb
from bmt.chassis.runtime.service import ServiceBuilder
from bmt.chassis.work import each
from bmt.contracts import topics
from services import records
from services.records import api, disposal_api, domain, views
from services.records.audited_queries import AuditedQueries
from services.records.bundle import Exporter, RecordPaper
from services.records.charter import api as charter_api
from services.records.charter import figures as charter_figures
from services.records.conformance import api as conformance_api
from services.records.conformance.examination import Examination
from services.records.disposing import DisposalService
from services.records.domain.events import PRIVATE
from services.records.handlers import entering, file_event
from services.records.ledger import leaves
from services.records.ledger.leaves import FileNumbers, Leaves, measuring
from services.records.ports import Ports
from services.records.sealing.keys import PersonKeys, master_keys
from services.records.sealing.sealed_event_store import SealedEventStore
from services.records.sealing.sealed_folios import SealedFolios
from services.records.settings import Settings
from services.records.tree import checkpoints as checkpoints_
from services.records.tree.checkpoints import Checkpoints, Signer, TreeReading
from services.records.tree.sequencer import Lease, Sequencer, Unsequenced
from services.records.tree.tree_store import TreeStore
from services.records.views import DISPOSALS
from services.records.worker import Filing

TABLE: Final[Table] = {
    event: file_event for topic in topics.PUBLIC for event in topics.EVENTS[topic]
}
"""Records consumes every event that the other four services publish about requests."""


def build(settings: Settings) -> FastAPI:
    """The application of records."""
    client = mongodb.connect(settings.mongodb_uri.get_secret_value(), **settings.mongodb_tls())
    masters = master_keys(settings.records_key.get_secret_value())
    remembered = timedelta(seconds=settings.seal_memory_seconds)
    people = PersonKeys(client[settings.database], masters, clock.now, remembered)
    builder = ServiceBuilder(
        settings,
        deciders=domain.DECIDERS,
        publishes={topics.RECORDS: topics.EVENTS[topics.RECORDS]},
        private=PRIVATE,
        consumes=list(TABLE),
        dead_letters=topics.DEAD_LETTERS,
        client=client,
        around_store=lambda store: SealedEventStore(store, people),
    )
    ledger = Leaves(builder.database[leaves.COLLECTION], clock.now, people)
    numbers = FileNumbers(builder.database[leaves.NUMBERS], settings.file_series)
    folios = SealedFolios(builder.database, people)
    for store in (people, ledger, numbers, folios):
        builder.prepares(store.prepare)
    files = builder.view(views.FILES)
    filing = Filing(
        builder.execution,
        builder.documents,
        builder.document_rights,
        folios,
        clock.now,
    )
    agencies = register.read(settings.agencies_file)
    rules_in_force = RulesInForce(agencies, builder.shared.store, clock.now)
    builder.prepares(rules_in_force.refresh)
    builder.runs(rules_in_force.run)
    disposal = DisposalService(builder.execution, ledger, people, agencies, clock.now)
    workers = [
        builder.worker(views.FOLIOS, each(filing.perform)),
        builder.worker(views.DISPOSAL, each(disposal.perform, at_once=1)),
    ]
    builder.works_on(views.work_of, workers)
    disposals = builder.view(DISPOSALS)
    builder.subscribes(
        topics.PUBLIC, bind(TABLE), complete=entering(ledger, numbers, filing, agencies, clock.now)
    )
    builder.samples(measuring(ledger, builder.registry))
    builder.runs(charter_figures.measuring(files, agencies, builder.registry, clock.now))
    signer = Signer.from_pem(settings.ledger_origin, settings.ledger_keys.get_secret_value())
    tree, sequencer = _tree(builder, settings, ledger, signer)
    builder.closes(people.close)
    queries = AuditedQueries(builder.execution, files, ledger, folios, clock.now)
    paper = RecordPaper(settings.web_url, signer)
    exporter = Exporter(queries, ledger, tree, sequencer, folios, signer, paper, clock.now)
    examination = Examination(queries, files, ledger, agencies, clock.now)
    return builder.app(
        title="BMT records",
        description=records.__doc__ or "",
        routers=[
            api.router,
            disposal_api.router,
            conformance_api.router,
            charter_api.router,
            api.tree_router,
            api.verification_router,
        ],
        former_pages=("/audit",),
        ports=Ports(
            queries=queries,
            exporter=exporter,
            examination=examination,
            disposal=disposal,
            disposals=disposals,
            tree=tree,
            signer=signer,
            agencies=agencies,
            files=files,
            clock=clock.now,
        ),
    )


def _tree(
    builder: ServiceBuilder, settings: Settings, ledger: Leaves, signer: Signer
) -> tuple[TreeReading, Sequencer]:
    """The tree over the ledger, with the sequencer that extends it in the background."""
    database = builder.database
    queue, tree, signed = Unsequenced(database), TreeStore(database), Checkpoints(database)
    sequencer = Sequencer(
        leaves=ledger,
        queue=queue,
        tree=tree,
        checkpoints=signed,
        lease=Lease(database, clock.now),
        signer=signer,
        origin=settings.ledger_origin,
        clock=clock.now,
        after=timedelta(seconds=settings.checkpoint_seconds),
    )
    builder.prepares(tree.prepare)
    builder.projects(queue)
    builder.runs(sequencer.run)
    builder.samples(checkpoints_.measuring(signed, builder.registry, clock.now))
    builder.closes(sequencer.close)
    return TreeReading(tree, signed), sequencer


if __name__ == "__main__":
    app.main(Settings, build)
