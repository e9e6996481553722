"""What a server cannot do now is `unavailable`, never an error of ours."""

import pytest
from pymongo.errors import BulkWriteError, OperationFailure, WriteConcernError, WTimeoutError

from bmt.chassis.errors import StoreUnavailable
from bmt.chassis.runtime.mongodb import store_errors

SHUTDOWN = {"code": 91, "codeName": "ShutdownInProgress", "errmsg": "Replication is shut down"}


@pytest.mark.parametrize("error", [WriteConcernError("91", 91, SHUTDOWN), WTimeoutError("64", 64)])
def test_a_write_that_the_majority_did_not_promise_is_unavailable(error):
    with pytest.raises(StoreUnavailable), store_errors():
        raise error


def test_a_batch_that_the_majority_did_not_promise_is_unavailable():
    details = {"writeErrors": [], "writeConcernErrors": [SHUTDOWN], "nInserted": 2}
    with pytest.raises(StoreUnavailable), store_errors():
        raise BulkWriteError(details)


def test_the_duplicates_of_a_batch_are_for_its_writer_to_judge():
    details = {"writeErrors": [{"index": 0, "code": 11000}], "writeConcernErrors": []}
    with pytest.raises(BulkWriteError), store_errors():
        raise BulkWriteError(details)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (43, "CursorNotFound"),
        (134, "ReadConcernMajorityNotAvailableYet"),
        (211, "KeyNotFound"),
        (11601, "Interrupted"),
    ],
)
def test_a_read_that_a_server_cannot_answer_yet_is_unavailable(code, name):
    with pytest.raises(StoreUnavailable), store_errors():
        raise OperationFailure(name, code)


def test_what_the_server_says_of_a_question_of_ours_is_our_own_error():
    with pytest.raises(OperationFailure), store_errors():
        raise OperationFailure("BadValue", 2)
