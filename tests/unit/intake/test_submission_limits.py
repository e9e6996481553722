"""How much one person may hand in; officers and integrators as much as they have."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from submissions import ADMINISTRATOR, APPLICANT, HRMIS, SITI, submission

from services.intake.domain.submission import AccountStatus, Caller, Sender
from services.intake.handlers import MOST_OPEN, SUBMISSIONS_A_MINUTE, SubmissionLimits

GATEWAY = Caller("gateway", "operator", frozenset({"MAMPU"}))
FORM = {"caller": replace(APPLICANT, email=SITI), "channel": "form"}


def limits(open_requests: int = 0, *, acknowledgements: int = 100):
    async def count_open(_agency, _account, at_most):
        return min(open_requests, at_most)

    return SubmissionLimits(SimpleNamespace(count_open=count_open), acknowledgements)


def by_mail(caller: Caller = GATEWAY, **changes):
    return replace(submission(caller=caller, channel="email", **changes), sender=Sender(SITI))


def naming(address: str):
    """What is asked for, with this address for the answers."""
    return {"applicant": {"account": SITI, "name": "Siti binti Ahmad", "email": address}}


async def passed(limit, *ones, is_new=True, tries=10) -> int:
    """How many pass of so many tries of one, or of each of many."""
    tried = ones if len(ones) > 1 else ones * tries
    return [await limit.excess(one, is_new=is_new) for one in tried].count(None)


async def test_an_applicant_has_few_open_requests_and_may_still_correct_them():
    own = submission(**FORM)
    assert await passed(limits(MOST_OPEN - 1), own) == 10
    excess = await limits(MOST_OPEN).excess(own, is_new=True)
    assert excess is not None
    assert (excess.code, excess.values) == ("too_many_open", {"maximum": MOST_OPEN})
    assert await limits(MOST_OPEN).excess(own, is_new=False) is None


async def test_an_applicant_hands_in_slowly():
    own = submission(**FORM)
    assert await passed(limits(), own, tries=40) == SUBMISSIONS_A_MINUTE
    assert await passed(limits(), own, is_new=False, tries=40) == SUBMISSIONS_A_MINUTE


async def test_an_address_is_told_of_so_many_requests_whoever_names_it():
    limit = limits(acknowledgements=3)
    assert await passed(limit, submission(**FORM)) == 3
    assert await passed(limit, by_mail()) == 0
    excess = await limit.excess(by_mail(), is_new=True)
    assert excess is not None
    assert excess.retry_after_seconds > 60


async def test_messages_of_strangers_take_nothing_from_whose_address_it_is():
    limit = limits(acknowledgements=3)
    assert await passed(limit, by_mail()) == 3
    assert await passed(limit, submission(**FORM)) == 3


async def test_the_directorys_address_is_written_to_as_well_and_counts_as_well():
    limit = limits(acknowledgements=3)
    known = AccountStatus(registered=True, serving=True, emails=("siti@mampu.gov.my",))
    strangers = (by_mail(standing=known, **naming(f"a{n}@luar.example")) for n in range(10))
    assert await passed(limit, *strangers) == 3
    assert await passed(limit, by_mail(**naming("a9@luar.example"))) == 3, "it was not written to"


async def test_what_follows_a_plus_makes_no_other_mailbox():
    limit = limits(acknowledgements=3)
    mails = (by_mail(**naming(f"mangsa+{number}@luar.example")) for number in range(10))
    assert await passed(limit, *mails) == 3


@pytest.mark.parametrize("one", [submission(), submission(caller=HRMIS, channel="event")])
async def test_officers_and_integrators_hand_in_what_they_have(one):
    assert await passed(limits(MOST_OPEN, acknowledgements=1), one, tries=40) == 40


async def test_a_message_that_an_administrator_hands_in_was_looked_at():
    assert await passed(limits(acknowledgements=1), by_mail(ADMINISTRATOR)) == 10


async def test_what_is_refused_anyway_counts_for_nothing():
    limit = limits()
    wrong = submission(**FORM, reply_through="email", quota_bytes=10**12)
    assert await passed(limit, wrong, tries=40) == 40
    assert await passed(limit, submission(**FORM), tries=40) == SUBMISSIONS_A_MINUTE


async def test_who_applies_for_somebody_else_uses_up_nothing_of_theirs():
    limit = limits(acknowledgements=2)
    known = AccountStatus(registered=True, serving=True, emails=(SITI,))
    caller = Caller("penipu.mampu@mygovuc.gov.my", "applicant", frozenset({"MAMPU"}))
    theirs = submission(caller=caller, channel="form", standing=known)
    assert await passed(limit, theirs) == 10, "the decider refuses it"
    assert await passed(limit, submission(**FORM)) == 2
