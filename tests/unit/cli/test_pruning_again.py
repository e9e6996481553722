"""`bmt prune --every-hours`: again each time, and soon where MongoDB was away."""

import pytest
from typer.testing import CliRunner

from bmt.chassis.errors import StoreUnavailable
from bmt.cli import jobs
from bmt.cli.main import app
from bmt.pruning import PrunedDocuments

A_DAY = 24 * 3600.0


class Stopped(BaseException):
    """Somebody ended the process."""


@pytest.fixture
def pauses(monkeypatch):
    """MongoDB is away the second time; somebody ends the process after the third."""
    pauses = []

    async def pruned(*_):
        if len(pauses) == 1:
            raise StoreUnavailable
        return {}, PrunedDocuments(removed=2, bytes=10)

    def sleep(seconds):
        pauses.append(seconds)
        if len(pauses) == 3:
            raise Stopped

    monkeypatch.setattr(jobs, "_pruned", pruned)
    monkeypatch.setattr(jobs.time, "sleep", sleep)
    return pauses


def test_it_is_done_again_each_time_and_soon_where_mongodb_was_away(pauses, tmp_path, capsys):
    touched = tmp_path / "pruned"
    with pytest.raises(Stopped):
        jobs.prune(older_than_days=90, every_hours=24, touch=touched)
    assert pauses == [A_DAY, jobs.AGAIN_AFTER_SECONDS, A_DAY]
    assert touched.exists()
    said = capsys.readouterr()
    assert said.out.count("documents: 2 removed, 10 bytes") == 2
    assert "cannot be reached: again in 300 s" in said.err


def test_once_is_once_and_an_error_is_its_exit_code(pauses, tmp_path):
    touched = tmp_path / "pruned"
    runner = CliRunner()
    assert runner.invoke(app, ["prune", "--touch", str(touched)]).exit_code == 0
    assert touched.exists()
    assert pauses == []
    pauses.append(0.0)
    assert runner.invoke(app, ["prune"]).exit_code == 3
