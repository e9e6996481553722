"""What a server cannot do now is `unavailable`, never an error of ours."""

import pytest
from pymongo.errors import BulkWriteError, OperationFailure, WriteConcernError, WTimeoutError

from bmt.chassis.errors import StoreUnavailable
from bmt.chassis.runtime.mongodb import store_errors

SHUTDOWN = {"code": 91, "codeName": "ShutdownInProgress", "errmsg": "Replication is shut down"}
NOT_PROMISED = {"writeErrors": [], "writeConcernErrors": [SHUTDOWN], "nInserted": 2}
TWICE = {"writeErrors": [{"index": 0, "code": 11000}], "writeConcernErrors": []}


@pytest.mark.parametrize(
    ("error", "seen_as"),
    [
        (WriteConcernError("91", 91, SHUTDOWN), StoreUnavailable),
        (WTimeoutError("64", 64), StoreUnavailable),
        (BulkWriteError(NOT_PROMISED), StoreUnavailable),
        (OperationFailure("CursorNotFound", 43), StoreUnavailable),
        (OperationFailure("ReadConcernMajorityNotAvailableYet", 134), StoreUnavailable),
        (OperationFailure("KeyNotFound", 211), StoreUnavailable),
        (OperationFailure("Interrupted", 11601), StoreUnavailable),
        (BulkWriteError(TWICE), BulkWriteError),
        (OperationFailure("BadValue", 2), OperationFailure),
    ],
    ids=str,
)
def test_what_a_server_does_not_promise_or_answer_yet_is_unavailable_and_nothing_else(
    error, seen_as
):
    with pytest.raises(seen_as), store_errors():
        raise error
