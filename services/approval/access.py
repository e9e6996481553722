"""Who sees what of a request."""

from bmt.chassis.http.auth import Principal
from bmt.contracts.http.approval import RequestUnderReview


def is_own(review: RequestUnderReview, caller: Principal) -> bool:
    """Whether the caller is the applicant, whatever roles they have."""
    return review.applicant.account.casefold() == caller.subject.casefold()


def as_seen_by(review: RequestUnderReview, caller: Principal) -> RequestUnderReview:
    """Without what colleagues noted, for an administrator who looks at their own request."""
    return review.model_copy(update={"comments": ()}) if is_own(review, caller) else review
