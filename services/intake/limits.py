"""How much one person may hand in, and how often one address is written to for it.

Requests of applicants, and messages that no officer looked at: anybody can write those, and each is
answered with a message to an address that it names. Rates are counted in this process.
"""

from typing import Final, Protocol

from bmt.chassis.rate_limit import RateLimit
from bmt.contracts.problems import Refused
from services.intake.domain.rules import faults
from services.intake.domain.submission import Excess, Submission

_AN_HOUR: Final = 3600
_A_MINUTE: Final = 60


class Count(Protocol):
    """How many requests are open."""

    async def count(self, agency: str, account: str, at_most: int) -> int:
        """Of this account at this agency; nobody counts beyond `at_most`."""
        ...


class SubmissionLimits:
    """The limits of an installation."""

    def __init__(
        self,
        open_requests: Count,
        *,
        most_open: int,
        submissions_per_minute: int,
        acknowledgements_per_hour: int,
    ) -> None:
        """Of each account: open requests and submissions; of each address: acknowledgements."""
        self._open_requests = open_requests
        self._most_open = most_open
        self._submissions = RateLimit(submissions_per_minute / _A_MINUTE, submissions_per_minute)
        self._acknowledgements = RateLimit(
            acknowledgements_per_hour / _AN_HOUR, acknowledgements_per_hour
        )

    async def excess(self, submission: Submission, *, is_new: bool) -> Excess | None:
        """Why a submission is one too many; None: it is not, and counts from now on.

        What is refused anyway counts for nothing. `is_new`: it is no correction.
        """
        of_applicant = submission.caller.role == "applicant"
        if not (of_applicant or _unseen(submission)) or faults(submission):
            return None
        if of_applicant and is_new and await self._has_enough(submission):
            return Excess(
                f"You have {self._most_open} open requests: withdraw one, or wait until one is done.",
                _AN_HOUR,
            )
        try:
            if of_applicant:
                self._submissions.take(submission.caller.subject.casefold())
            if is_new:
                self._acknowledgements.take(submission.wish.applicant.email.casefold())
        except Refused as refused:
            seconds = int(str(refused.extra["retry_after_seconds"]))
            return Excess(
                f"There are too many requests of one person or for one address; try again in {seconds} s.",
                seconds,
            )
        return None

    async def _has_enough(self, submission: Submission) -> bool:
        wish, most = submission.wish, self._most_open
        return await self._open_requests.count(wish.agency, wish.applicant.account, most) >= most


def _unseen(submission: Submission) -> bool:
    """A message of a mailbox or a gateway; one that an administrator hands in was looked at."""
    return submission.sender is not None and submission.caller.role != "administrator"
