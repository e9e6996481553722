"""`bmt prove` as anybody runs it, in its short form; BMT_LONG=1 takes the long one, with five seeds."""

import json
import subprocess
import sys

import pytest
from fixtures.thoroughness import LONG, only_long

pytestmark = [pytest.mark.integration, pytest.mark.faults]

REQUESTS, FAULTS, SEEDS = (2000, 50, (1, 2, 3, 4, 5)) if LONG else (20, 7, (815,))
# Seed 815 strikes both Kafka and mongod, in all seven ways and soon, with each plot and channel under way.
SECONDS = 1500 if LONG else 300


SEVERAL = ("--replicas", "2", "--nodes", "3")
"""Two processes of each service, and three nodes of Kafka and of MongoDB."""


@pytest.mark.parametrize(
    ("seed", "scale"),
    [
        *(pytest.param(seed, (), id=str(seed)) for seed in SEEDS),
        pytest.param(833, SEVERAL, marks=only_long, id="833-of-several-each"),
    ],
)
def test_nothing_is_lost_and_nothing_happens_twice(seed, scale, tmp_path):
    data = tmp_path / "data"
    command = [sys.executable, "-m", "bmt.cli.main", "prove", "--json", "--data", str(data)]
    requests, faults = (200, 20) if scale else (REQUESTS, FAULTS)
    wanted = ["--requests", str(requests), "--faults", str(faults), "--seed", str(seed), *scale]
    ended = subprocess.run(
        [*command, *wanted], capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert ended.stdout, ended.stderr
    told = json.loads(ended.stdout)
    wrong = {name: each["violations"][:5] for name, each in told["invariants"].items()}
    assert (told["sound"], ended.returncode) == (True, 0), (
        {name: each for name, each in wrong.items() if each},
        {each: told[each] for each in ("unended", "surprises", "left", "answers")},
        ended.stderr[-500:],
    )
    assert told["stories"]["ended"] == told["stories"]["begun"] > 0
    assert all(each["checked"] for each in told["invariants"].values())
    assert not [statuses for statuses in told["answers"].values() if "500" in statuses]
