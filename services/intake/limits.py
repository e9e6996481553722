"""Limits on what one person may hand in, and on the acknowledgements to one address.

They apply to requests of applicants and to messages that no officer has looked at. Anybody can write such
messages, and each is acknowledged to an address that it names. Rates are counted in this process.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from bmt.chassis.http.limits import RateLimit
from bmt.contracts.problems import Refused
from services.intake.domain.errors import Excess, NotTheirs
from services.intake.domain.submission import Submission, directory_email, faults, require_theirs
from services.intake.queries import OpenRequests

_AN_HOUR: Final = 3600
_A_MINUTE: Final = 60
MOST_OPEN: Final = 10
"""An account needs one application or one termination at a time; the rest is room for mistakes."""
SUBMISSIONS_A_MINUTE: Final = 30
"""One every two seconds is faster than anybody fills in the form."""


class SubmissionLimits:
    """The limits of an installation."""

    def __init__(
        self,
        open_requests: OpenRequests,
        *,
        acknowledgements_per_hour: int,
        most_open: int = MOST_OPEN,
        submissions_per_minute: int = SUBMISSIONS_A_MINUTE,
    ) -> None:
        """Open requests and submissions are limited for each account, acknowledgements for each address."""
        self._open_requests = open_requests
        self._most_open = most_open
        self._submissions = RateLimit(submissions_per_minute / _A_MINUTE, submissions_per_minute)
        # Counted apart, so that strangers cannot use up the limit of the address that they name.
        self._by_applicants, self._by_anybody = (
            RateLimit(acknowledgements_per_hour / _AN_HOUR, acknowledgements_per_hour)
            for _ in range(2)
        )

    async def excess(self, submission: Submission, *, is_new: bool) -> Excess | None:
        """Why a submission exceeds a limit; None: it does not, and counts from now on.

        A submission that is refused in any case does not count. `is_new` is False for a correction.
        """
        of_applicant = submission.caller.role == "applicant"
        if not (of_applicant or _unseen(submission)) or _is_refused(submission):
            return None
        if of_applicant and is_new and await self._has_enough(submission):
            return Excess("too_many_open", _AN_HOUR, {"maximum": self._most_open})
        try:
            if of_applicant:
                self._submissions.take(submission.caller.subject.casefold())
            if is_new:
                self._take_addresses(_acknowledged_at(submission), of_applicant=of_applicant)
        except Refused as refused:
            seconds = int(str(refused.extra["retry_after_seconds"]))
            return Excess("too_many_of_one", seconds)
        return None

    async def _has_enough(self, submission: Submission) -> bool:
        requested, most = submission.requested, self._most_open
        return (
            await self._open_requests.count(requested.agency, requested.applicant.account, most)
            >= most
        )

    def _take_addresses(self, addresses: Sequence[str], *, of_applicant: bool) -> None:
        if of_applicant:
            _take_all(self._by_applicants, addresses)
            with suppress(Refused):
                _take_all(self._by_anybody, addresses)
        else:
            _take_all(self._by_anybody, addresses)


def _take_all(limit: RateLimit, addresses: Sequence[str]) -> None:
    """Take one for each address, or none at all.

    Raises:
        Refused: as `RateLimit.take`.
    """
    for number, address in enumerate(addresses):
        try:
            limit.take(address)
        except Refused:
            for taken in addresses[:number]:
                limit.give_back(taken)
            raise


def _acknowledged_at(submission: Submission) -> Sequence[str]:
    """The addresses of the acknowledgement, each once."""
    addresses = (submission.requested.applicant.email, directory_email(submission))
    return list(dict.fromkeys(_mailbox(address) for address in addresses if address))


def _mailbox(address: str) -> str:
    """The common form of `siti+bmt@…` and `Siti@…` (RFC 5233): most mail servers deliver both to one mailbox."""
    local, _, domain = address.casefold().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


def _is_refused(submission: Submission) -> bool:
    """Whether it is refused for another reason."""
    try:
        require_theirs(submission)
    except NotTheirs:
        return True
    return bool(faults(submission))


def _unseen(submission: Submission) -> bool:
    """Whether it is a message that no administrator has looked at."""
    return submission.sender is not None and submission.caller.role != "administrator"
