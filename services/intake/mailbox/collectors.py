"""The mailboxes of an installation, put together."""

from collections.abc import Callable
from functools import partial

import structlog
from pydantic import SecretStr

from bmt.agencies.register import Agencies
from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.runtime import clock
from bmt.chassis.runtime.service import Foundation
from services.intake import handlers
from services.intake.channels.own_notices import OwnNotices
from services.intake.handlers import Noticed, Weigh
from services.intake.mailbox.begun import BEGUN, BegunReadings
from services.intake.mailbox.collector import Collector
from services.intake.mailbox.gauges import MailboxGauges
from services.intake.mailbox.session import Session
from services.intake.mailbox.settings import mailboxes
from services.intake.mailbox.taking import Taking
from services.intake.reading.readers import Readers

log = structlog.get_logger(__name__)


def collect(
    given: SecretStr | None,
    sender: str | None,
    foundation: Foundation,
    agencies: Agencies,
    readers: Readers,
    requests: Noticed,
    weigh: Weigh,
    most_bytes: int,
) -> None:
    """Read every mailbox while the service runs; none where none is `given`.

    `sender` is the address that notices come from.

    Raises:
        WrongConfiguration: BMT_MAILBOXES is wrong, or BMT_SMTP_SENDER is missing beside it.
    """
    if given is None:
        return
    if sender is None:
        raise WrongConfiguration(
            "BMT_SMTP_SENDER is missing: BMT_MAILBOXES needs the address that notification sends from, "
            "to know our own notices when they come back"
        )
    found = mailboxes(given.get_secret_value(), agencies)
    for code, mailbox in found.items():
        if mailbox.security == "none":
            log.warning("not_encrypted", variable="BMT_MAILBOXES", agency=code)
    receive = partial(
        handlers.receive_mailbox_message,
        is_ours=OwnNotices(sender),
        requests=requests,
        agencies=agencies,
        documents=foundation.documents,
        weigh=weigh,
        new_id=clock.new_id,
        clock=clock.now,
        authserv_ids={
            code: mailbox.authserv_id for code, mailbox in found.items() if mailbox.authserv_id
        },
    )
    begun = BegunReadings(foundation.database[BEGUN], clock.new_id, clock.now)
    foundation.prepares(begun.prepare)
    take = Taking(foundation.execution, foundation.store, begun, readers, receive, most_bytes)
    gauges = MailboxGauges(foundation.registry)
    for code, mailbox in found.items():
        session: Callable[[], Session] = partial(Session, mailbox)
        gauges.waiting(code, 0)
        gauges.looked(code)
        collector = Collector(agencies.get(code), session, take, gauges, mailbox.every_seconds)
        foundation.runs(collector.run)
