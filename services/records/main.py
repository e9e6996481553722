"""Puts records together and runs it."""

from fastapi import FastAPI

from bmt.chassis import clock, run
from bmt.chassis.documents import DocumentStore
from bmt.chassis.foundation import Foundation
from bmt.chassis.subscriptions import bind
from bmt.contracts import topics
from services import records
from services.records import api, domain, views
from services.records.domain.events import PRIVATE
from services.records.ledger import file_numbers, leaves
from services.records.ledger.file_numbers import FileNumbers
from services.records.ledger.leaves import Leaves
from services.records.ledger.measure import measuring
from services.records.reading_room import ReadingRoom
from services.records.settings import Settings
from services.records.subscriptions import TABLE
from services.records.worker import filing

FOLIOS = "folios"
"""The bucket of the documents as filed."""


def build(settings: Settings) -> FastAPI:
    """The application of records."""
    foundation = Foundation(
        settings,
        decider=domain.DECIDER,
        said={topics.RECORDS: topics.EVENTS[topics.RECORDS]},
        private=PRIVATE,
        heard=list(TABLE),
        dead_letters=topics.DEAD_LETTERS,
    )
    ledger = Leaves(foundation.database[leaves.COLLECTION], clock.now)
    numbers = FileNumbers(foundation.database[file_numbers.COLLECTION], settings.file_series)
    folios = DocumentStore(foundation.database, FOLIOS)
    for store in (ledger, numbers, folios):
        foundation.prepares(store.prepare)
    files = foundation.view(views.FILES)
    perform = filing(
        foundation.execution, foundation.documents, folios, settings.folios_a_volume, clock.now
    )
    foundation.works_on(views.work_of, [foundation.worker(views.FOLIOS, perform)])
    foundation.hears(topics.PUBLIC, bind(TABLE, ledger=ledger, register=numbers, clock=clock.now))
    foundation.samples(measuring(ledger, foundation.registry))
    foundation.closes(ledger.close)
    foundation.closes(numbers.close)
    room = ReadingRoom(foundation.execution, files, ledger, folios, clock.now)
    return foundation.app(
        title="BMT records",
        description=records.__doc__ or "",
        routers=[api.routes(room)],
    )


if __name__ == "__main__":
    run.main(Settings, build)
