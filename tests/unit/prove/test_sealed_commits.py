"""What records seals in its store is compared with what it says as far as it lies open, and no further."""

from dataclasses import replace

import pytest
from alter import first, holds, with_commit

from prove.books import Books
from prove.invariants import delivery

NAME = "/request/applicant/name"


def sealed(evidence, **changes):
    """Filed as records stores it: the applicant's name is beside it, sealed."""
    commit = first(evidence, holds("Filed"))
    events = []
    for event in commit.events:
        data = dict(event.data)
        if event.type.endswith(".Filed.v1"):
            applicant = {**data["request"]["applicant"], "name": None}
            request = {**data["request"], "applicant": applicant}
            data |= {"request": request, "sealed": {"places": [NAME], "text": b""}, **changes}
        events.append(replace(event, data=data))
    return with_commit(evidence, commit, replace(commit, events=tuple(events)))


def test_what_is_sealed_is_not_said_otherwise(sound):
    assert delivery.check_applied_once(Books(sealed(sound))).violations == ()


@pytest.mark.parametrize("changes", [{"volume": 99}, {"sealed": {"places": [], "text": b""}}])
def test_what_lies_open_is_compared(sound, changes):
    violations = delivery.check_applied_once(Books(sealed(sound, **changes))).violations
    assert ["said otherwise" in str(one) for one in violations] == [True]
