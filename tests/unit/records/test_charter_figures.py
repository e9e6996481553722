"""Given what happened to requests, when the charter is counted, then this much was kept: nothing undecided ever is."""

from datetime import timedelta
from itertools import permutations

import pytest
from eventually import eventually
from fixtures.memory_view_store import MemoryViewStore
from fixtures.procedure import notified, rejected, returned, withdrawn
from fixtures.samples import MONDAY, facts, received
from prometheus_client import CollectorRegistry
from unit.records.charters import (
    AGENCIES,
    BY_NOON,
    DAY,
    HOUR,
    THURSDAY_NIGHT,
    asked,
    at,
    case_of,
    decided,
    figures,
    opened_on_monday,
    tally,
    undecided,
    way_of,
    whole,
)

from bmt.agencies.register import Agencies
from bmt.chassis.readmodels.view_store import ViewDocument
from bmt.chassis.readmodels.views import ViewProjection
from bmt.chassis.runtime import background
from bmt.chassis.runtime.clock import new_id
from bmt.contracts.http.records import Tally
from services.records.charter.cases import spans_of
from services.records.charter.figures import measuring
from services.records.views import FILES

RULES = AGENCIES.get("MAMPU").rules
CLOSES = MONDAY.replace(hour=9, minute=0) + 3 * DAY
"""Thursday, 17:00 in Malaysia: three working days after the receipt."""
REQUEST = facts()


def test_an_undecided_request_is_pending_until_its_due_time_and_overdue_after_it_and_never_kept():
    assert tally(figures(undecided(), now=BY_NOON), "decide") == (0, 0, 0, 1)
    assert tally(figures(undecided(), now=CLOSES), "decide") == (0, 0, 0, 1)
    made = figures(undecided(), now=CLOSES + timedelta(milliseconds=1))
    assert tally(made, "decide") == (0, 0, 1, 0)
    assert made.steps[0].kept_percent == 0.0
    assert figures(undecided()).steps[0].kept_percent is None


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ({}, [(1, 0, 0, 0)] * 3),
        ({"notice": MONDAY + 2 * DAY}, [(1, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0)]),
        (
            {"configuration": MONDAY + 2 * DAY, "notice": MONDAY + 2 * DAY},
            [(1, 0, 0, 0), (0, 1, 0, 0), (1, 0, 0, 0)],
        ),
        (
            dict.fromkeys(("decision", "configuration", "notice"), THURSDAY_NIGHT),
            [(0, 1, 0, 0), (1, 0, 0, 0), (1, 0, 0, 0)],
        ),
    ],
    ids=["in time", "told late", "configured late", "decided late"],
)
def test_each_step_is_judged_by_its_own_due_time(steps, expected):
    made = figures(whole(**steps), now=MONDAY + 30 * DAY)
    assert [tally(made, step) for step in ("decide", "configure", "notify")] == expected


def test_a_refusal_is_told_and_not_configured():
    made = figures(case_of(*asked(REQUEST), at(BY_NOON, rejected(REQUEST))), now=MONDAY + 30 * DAY)
    counted = [tally(made, step) for step in ("decide", "configure", "notify")]
    assert counted == [(1, 0, 0, 0), (0, 0, 0, 0), (0, 0, 1, 0)]


def with_rules(**changes):
    rules = RULES.model_copy(update=changes)
    return Agencies([AGENCIES.get("MAMPU").model_copy(update={"rules": rules})])


def corrected(decision=None, again=MONDAY + 10 * DAY, first=BY_NOON):
    """Returned, corrected after ten days, and perhaps decided."""
    back = opened_on_monday(REQUEST).model_copy(update={"due_at": RULES.due_at("decide", again)})
    more = [] if decision is None else [at(decision, rejected(REQUEST))]
    return case_of(
        *asked(REQUEST),
        at(first, returned(REQUEST)),
        at(again, received(REQUEST, documents=())),
        at(again, back),
        *more,
    )


def test_a_returned_request_waits_for_its_applicant_whose_time_is_not_the_agencys():
    given = case_of(*asked(REQUEST), at(BY_NOON, returned(REQUEST)))
    made = figures(given, now=MONDAY + 30 * DAY)
    assert tally(made, "decide") == (0, 0, 0, 1)
    assert sum(one.applicant for one in made.open) == 1
    assert sum(one.overdue for one in made.open) == 0
    again = figures(corrected(MONDAY + 10 * DAY + HOUR), now=MONDAY + 11 * DAY)
    assert tally(again, "decide") == (1, 0, 0, 0)
    assert again.steps[0].median_seconds == 3 * 3600
    assert tally(figures(corrected(), now=MONDAY + 30 * DAY), "decide") == (0, 0, 1, 0)
    late = corrected(MONDAY + 10 * DAY + HOUR, first=THURSDAY_NIGHT)
    assert tally(figures(late, now=MONDAY + 11 * DAY), "decide") == (0, 1, 0, 0)


def test_a_correction_that_nobody_asked_for_moves_nothing():
    given = case_of(*asked(REQUEST), at(MONDAY + DAY, opened_on_monday(REQUEST)))
    (span,) = spans_of(given, RULES)
    assert (span.since, span.due_at) == (MONDAY, CLOSES)


def test_what_was_withdrawn_in_time_counts_nowhere_and_later_as_late():
    early = figures(case_of(*asked(REQUEST), at(BY_NOON, withdrawn(REQUEST))))
    assert (early.withdrawn, tally(early, "decide")) == (1, (0, 0, 0, 0))
    late = figures(case_of(*asked(REQUEST), at(THURSDAY_NIGHT, withdrawn(REQUEST))))
    assert (late.withdrawn, tally(late, "decide")) == (0, (0, 1, 0, 0))
    assert late.steps[0].median_seconds is None


def test_whatever_order_the_topics_deliver_the_figures_are_the_same():
    expected = figures(whole(request=REQUEST))
    for order in permutations(way_of(REQUEST)):
        assert figures(case_of(*order)) == expected


def test_a_case_is_open_until_the_outcome_is_told():
    acknowledged = at(MONDAY, notified(REQUEST, "acknowledgement"))
    assert case_of(*asked(REQUEST), acknowledged).open
    assert not whole().open


def test_the_due_times_are_those_of_the_rules_then_and_todays_where_none_are_on_record():
    nine = dict.fromkeys(("decide", "configure", "notify"), 9)
    slower = RULES.charter_working_days.model_copy(update=nine)
    today = with_rules(charter_working_days=slower)
    given = whole(THURSDAY_NIGHT, THURSDAY_NIGHT, THURSDAY_NIGHT)
    assert tally(figures(given, agencies=today), "decide") == (0, 1, 0, 0)
    bare = [one.model_copy(update={"due_at": None}) for one in given.noted]
    before = figures(given.model_copy(update={"noted": tuple(bare)}), agencies=today)
    assert (before.judged_by_todays_rules, tally(before, "decide")) == (1, (1, 0, 0, 0))


def test_steps_take_office_hours_of_working_days():
    over_a_weekend = whole(*[MONDAY + 7 * DAY] * 3)
    made = figures(*[whole(*[MONDAY + n * HOUR] * 3) for n in range(1, 10)], over_a_weekend)
    decide = made.steps[0]
    assert (decide.median_seconds, decide.p90_seconds) == (5 * 3600, 27_000)
    assert made.steps[1].p90_seconds == 0


def test_figures_are_told_apart_by_month_channel_kind_and_agency():
    other = facts(agency="JPA", channel="email", kind="termination", received_at=MONDAY + 10 * DAY)
    made = figures(whole(), undecided(other), agency=None)
    assert [(one.month, one.requests, one.decide.kept) for one in made.months] == [
        ("2025-11", 1, 1),
        ("2025-12", 1, 0),
    ]
    assert [(one.channel, one.requests) for one in made.channels] == [("email", 1), ("form", 1)]
    assert [one.kind for one in made.kinds] == ["application", "termination"]
    assert [(one.agency, one.decide.pending) for one in made.agencies] == [("JPA", 1), ("MAMPU", 0)]
    assert figures(whole()).agencies == ()


def test_what_is_open_is_told_by_age_in_working_days_and_by_what_it_waits_for():
    waits = undecided(), decided(MONDAY + 8 * DAY), decided(MONDAY + 8 * DAY, event=rejected)
    made = figures(*waits, now=MONDAY + 8 * DAY + HOUR)
    (row,) = [one for one in made.open if one.from_days == 6]
    assert (row.decide, row.configure, row.notify, row.overdue) == (1, 1, 1, 1)


def test_a_return_is_told_by_the_prepared_reason_alone():
    prepared = RULES.prepared_reasons.model_copy(update={"return_": ("Sila lampirkan memo.",)})
    agencies = with_rules(prepared_reasons=prepared)

    def returned_for(reason):
        given = returned(REQUEST).model_copy(update={"reason": reason})
        return case_of(*asked(REQUEST), at(BY_NOON, given), agencies=agencies)

    own = "Cik Siti salah akaun."
    said = ("Sila lampirkan memo.", f"Sila lampirkan memo.\n{own}", own)
    made = figures(*map(returned_for, said))
    assert [(one.reason, one.returns) for one in made.returns] == [(said[0], 2), (None, 1)]
    assert own not in repr([returned_for(one) for one in said])


async def test_what_became_of_the_last_months_promises_is_a_gauge():
    store, registry = MemoryViewStore(), CollectorRegistry()
    cases = (
        whole(),
        decided(request=facts(request_id=new_id())),
        undecided(facts(request_id=new_id())),
    )
    await store.save(
        FILES.name,
        [ViewDocument(one.request_id, one.model_dump(), {}, 1) for one in cases],
    )
    measured = measuring(ViewProjection(FILES, store), AGENCIES, registry, lambda: THURSDAY_NIGHT)

    def told(agency, step, verdict):
        labels = {"agency": agency, "step": step, "verdict": verdict}
        return registry.get_sample_value("bmt_charter_steps", labels)

    async with background.running([measured]):
        await eventually(lambda: told("MAMPU", "decide", "kept") == 2)
    assert told("MAMPU", "decide", "overdue") == 1
    assert told("MAMPU", "configure", "overdue") == 1
    assert told("MAMPU", "notify", "kept") == 1
    assert told("JPA", "decide", "kept") == 0


def test_a_share_is_rounded_down_so_that_one_late_request_is_never_all_in_time():
    assert Tally(kept=9_999, late=1).kept_percent == 99.9
    assert Tally(kept=3).kept_percent == 100.0
