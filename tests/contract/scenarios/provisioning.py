"""Configurations by the connector and by hand, with failures and retries."""

from dataclasses import replace

from fixtures.samples import GB
from unit.provisioning.orders import (
    JPA,
    NOW,
    ON,
    SITI,
    TASK,
    TERMINATION,
    accept,
    approved,
    claim,
    complete,
    correct,
    evidence,
    fail,
    observe,
    record,
    request_configuration,
    retry,
    start,
    take_over,
)

from services.provisioning.domain.configuration import (
    AnswerGrant,
    AskConfirmation,
    AwaitOperator,
    RemindOffice,
    SupersedeConfirmation,
)
from services.provisioning.domain.order import NOTHING_IN_FORCE

DUE = request_configuration()
BY_HAND = request_configuration(policy=replace(JPA, approver_may_configure=True))
ASKED = AwaitOperator(TASK, "ipms", "Hidupkan BMT. Turn BMT on.")
OTHER = ON.model_copy(update={"ipms": NOTHING_IN_FORCE.ipms})
LARGER = {"max_file_size_bytes": 2 * GB}
DRIFTED = [DUE, start(), record(), observe(ipms=LARGER, storage={})]
ASK = AskConfirmation("2026-12", "not_serving", NOW, NOW, NOW)
ANSWER = AnswerGrant(SITI, "MAMPU", "Masih perlu.", NOW)
PROPOSED = AnswerGrant(SITI, "MAMPU", "Bersara.", NOW, "019b0000-0000-7000-8000-000000000001")
CONFIRMED = [DUE, start(), record(), ASK, RemindOffice("2026-12", "reminder", NOW, 1)]
SCENARIOS = {
    "configured": [DUE, start(), record()],
    "termination": [
        request_configuration(approved(TERMINATION)),
        start(),
        record(NOTHING_IN_FORCE),
    ],
    "by-hand": [BY_HAND, start(), ASKED, claim(), complete(), record()],
    "by-hand-taken-over": [BY_HAND, start(), ASKED, claim(), take_over(), complete(SITI), record()],
    "by-hand-unclaimed-then-refused": [BY_HAND, start(), ASKED, complete(), fail(), retry()],
    "shows-something-else": [DUE, start(), record(OTHER)],
    "failed-and-retried": [DUE, fail(), retry(), start(), fail(), retry(), start(), record()],
    "retried-with-a-reason": [DUE, fail(), retry(reason="IPMS is mended."), start(), record()],
    "confirmed-by-hand": [
        BY_HAND,
        start(),
        ASKED,
        complete(),
        replace(record(), evidence=evidence("worklist")),
    ],
    "drifted": DRIFTED,
    "drifted-and-cleared": [*DRIFTED, observe(ipms={}, storage={})],
    "drifted-and-accepted": [*DRIFTED, accept()],
    "drifted-and-corrected": [*DRIFTED, correct(), fail(), correct(), start(), record()],
    "confirmed": [*CONFIRMED, ANSWER],
    "termination-proposed": [*CONFIRMED, PROPOSED],
    "asked-and-superseded": [*CONFIRMED, SupersedeConfirmation(NOW)],
    "confirmed-while-corrected": [*DRIFTED, ASK, correct(), start(), ANSWER, record()],
    "failed-for-good": [DUE, start(), fail(retryable=False), retry()],
}
