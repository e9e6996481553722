"""What records notes of requests for the client charter: from what happened, by the rules of MAMPU."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

from fixtures.procedure import approved, configured, notified, numbered, opened
from fixtures.samples import MONDAY, facts, received
from folds import folded
from unit.records.filings import AGENCIES, filing, told

from services.records.charter.cases import milestone_of
from services.records.charter.figures import Counting
from services.records.views import FILES

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BY_NOON, THURSDAY_NIGHT = MONDAY + 2 * HOUR, MONDAY + 3 * DAY + 12 * HOUR


def at(moment, event):
    """The event, as it happened then."""
    said = {name: moment for name in ("decided_at", "configured_at") if hasattr(event, name)}
    return moment, event.model_copy(update=said)


def case_of(*happened, agencies=AGENCIES):
    """The case after these events, each with its moment; in whatever order they are given."""
    in_time = [event for _, event in sorted(happened, key=lambda one: one[0])]
    sequences = {id(event): sequence for event, sequence in numbered(*in_time)}
    filings = [
        replace(
            filing(event, sequences[id(event)], leaf),
            occurred_at=moment,
            milestone=milestone_of(event, moment, agencies),
        )
        for leaf, (moment, event) in enumerate(happened, start=1)
    ]
    return folded(FILES, [SimpleNamespace(data=event) for event in told(*filings)])


def asked(request):
    return [at(MONDAY, received(request, documents=())), at(MONDAY, opened_on_monday(request))]


def opened_on_monday(request):
    due = AGENCIES.get(request.agency).rules.due_at("decide", MONDAY)
    return opened(request).model_copy(update={"due_at": due})


def undecided(request=None):
    return case_of(*asked(request or facts()))


def decided(when=BY_NOON, request=None, event=approved):
    request = request or facts()
    return case_of(*asked(request), at(when, event(request)))


def whole(decision=BY_NOON, configuration=BY_NOON, notice=BY_NOON, request=None):
    """A request that went all the way."""
    return case_of(*way_of(request or facts(), decision, configuration, notice))


def way_of(request, decision=BY_NOON, configuration=BY_NOON, notice=BY_NOON):
    return [
        *asked(request),
        at(decision, approved(request)),
        at(configuration, configured(request)),
        at(notice, notified(request, "configured")),
    ]


def figures(*cases, now=BY_NOON, agency="MAMPU", agencies=AGENCIES):
    counting = Counting(agencies, now)
    for case in cases:
        counting.add(case)
        if case.open:
            counting.add_open(case)
    return counting.figures(agency, MONDAY - DAY, MONDAY + 30 * DAY)


def tally(made, step):
    """`kept, late, overdue, pending` of a step."""
    (found,) = [one for one in made.steps if one.step == step]
    return found.kept, found.late, found.overdue, found.pending
