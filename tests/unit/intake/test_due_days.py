"""By when the client charter promises what a request waits for, to its applicant."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bmt.agencies import register
from services.intake.status import due_at
from services.intake.views import RequestDocument, StepTaken

AGENCIES = register.read(Path(__file__).parents[3] / "deploy" / "embedded" / "agencies.yaml")
STEPS = {"received": 2, "review_opened": 2, "approved": 3, "configured": 4}
"""The days of November 2026, a Monday and the two after it, each at nine in the morning in Malaysia."""


def known(status, steps=STEPS, agency="MAMPU"):
    taken = [
        StepTaken(
            step=step,
            at=datetime(2026, 11, day, 1, tzinfo=UTC),
            by="",
            detail="",
            rank=0,
            position=0,
        )
        for step, day in steps.items()
    ]
    return RequestDocument.model_construct(status=status, steps=tuple(taken), agency=agency)


@pytest.mark.parametrize(
    ("status", "day"),
    [
        ("received", 5),
        ("returned", None),
        ("approved", 4),
        ("configuring", 4),
        ("configuration_failed", 4),
        ("configured", 5),
        ("notified", None),
        ("filed", None),
    ],
)
def test_each_status_has_the_promise_of_its_next_step(status, day):
    expected = datetime(2026, 11, day, 9, tzinfo=UTC) if day else None
    assert due_at(known(status), AGENCIES) == expected


def test_nothing_is_promised_by_an_unknown_agency_or_before_the_step_is_known():
    assert due_at(known("received", agency="NONE"), AGENCIES) is None
    assert due_at(known("approved", {"received": 2}), AGENCIES) is None
