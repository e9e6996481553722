"""A write that one node took and nobody promises is `unavailable`, never an error of ours."""

import pytest
from pymongo.errors import BulkWriteError, WriteConcernError, WTimeoutError

from bmt.chassis.errors import StoreUnavailable
from bmt.chassis.mongodb import store_errors

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
