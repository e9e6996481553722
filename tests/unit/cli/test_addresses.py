"""Where an operator's commands look for Kafka and MongoDB."""

import pytest

from bmt.cli import addresses
from bmt.cli.outcome import NotRunning


@pytest.mark.parametrize("whose", [addresses.kafka, addresses.mongodb, addresses.pruner])
def test_where_no_system_runs_and_none_is_named_that_is_said(whose, tmp_path):
    with pytest.raises(NotRunning, match="no system runs on"):
        whose(tmp_path)
