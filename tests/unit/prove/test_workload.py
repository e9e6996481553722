"""A seed tells the same stories and the same faults each time, and all kinds of both occur."""

from hypothesis import given
from hypothesis import strategies as st

from evaluation.ports import ONE_OF_EACH, Scale
from prove.workload import (
    AGENCY_OF,
    DEFECTS,
    PLOTS,
    PROGRAMS,
    ROUND,
    WIRES,
    poisons,
    programs,
    schedule,
    targets,
    workload,
)

seeds = st.integers(0, 2**32)


@given(seeds)
def test_the_same_seed_is_the_same_run(seed):
    assert workload(seed, 60) == workload(seed, 60)
    assert schedule(seed, 20) == schedule(seed, 20)
    assert poisons(seed, 60) == poisons(seed, 60)


@given(seeds, st.integers(1, 300))
def test_so_many_requests_are_handed_in_as_were_asked_for(seed, requests):
    assert sum(story.requests for story in workload(seed, requests)) == requests


@given(seeds)
def test_the_short_form_has_every_plot_by_every_channel_and_every_ailment(seed):
    stories = workload(seed, 200)
    assert {story.plot for story in stories} == set(PLOTS)
    assert {story.channel for story in stories} == set(AGENCY_OF)
    assert {story.resend for story in stories} == {"never", "same", "other"}
    assert {each.defect for each in poisons(seed, len(stories))} == set(DEFECTS)


@given(seeds)
def test_each_account_belongs_to_one_story(seed):
    stories = workload(seed, 200)
    assert len({story.account for story in stories}) == len(stories)
    assert all(story.agency in AGENCY_OF[story.channel] for story in stories)


@given(seeds)
def test_only_who_is_never_approved_may_be_unknown_to_ipms(seed):
    assert all(story.registered or story.plot == "rejected" for story in workload(seed, 200))


@given(seeds)
def test_the_long_form_kills_and_freezes_every_program_and_hinders_every_wire(seed):
    faults = schedule(seed, 50)
    assert {fault.kind for fault in schedule(seed, len(ROUND))} == set(targets(ONE_OF_EACH))
    for kind in ("kill", "freeze", "restart"):
        assert {fault.target for fault in faults if fault.kind == kind} == set(PROGRAMS)
    for kind in ("cut", "stall", "slow"):
        assert {fault.target for fault in faults if fault.kind == kind} == set(WIRES)


@given(seeds)
def test_of_several_each_process_is_killed_and_frozen(seed):
    several = Scale(replicas=2, nodes=3)
    faults = schedule(seed, 100, several)
    struck = {fault.target for fault in faults}
    assert struck == set(programs(several))
    assert {"intake", "intake-2", "kafka-3", "mongodb-2"} < struck
    assert {fault.kind for fault in faults} == {"kill", "freeze", "restart"}
