"""What a request would be warned of today: intake checks it again whenever it is shown."""

from typing import Final

from bmt.contracts.events import SubmitRequest
from bmt.contracts.http.approval import RequestUnderReview
from bmt.contracts.http.intake import RequestChecked
from bmt.contracts.values import RequestWarning, Status
from web.clients import VisitorClient, address
from web.forms import new_key, validated

CHECKED: Final[frozenset[RequestWarning]] = frozenset(
    {
        *("not_registered", "not_serving", "no_active_service", "already_active"),
        *("agency_unknown", "email_differs_from_directory"),
    }
)
"""What can be told again: not what was of a message, nor that another request is open, as this one may be."""

_OF_ITSELF: Final[frozenset[RequestWarning]] = frozenset({"already_active", "no_active_service"})
"""What a request that was carried out brings about itself."""
_CARRIED_OUT: Final[frozenset[Status]] = frozenset({"configured", "notified", "filed"})


async def warnings_now(
    client: VisitorClient, review: RequestUnderReview, reached: Status
) -> tuple[RequestWarning, ...] | None:
    """Those of `CHECKED` that it would have now; None: the directory does not answer.

    Raises:
        Refused, Unavailable: as intake.
    """
    told = {
        "kind": review.kind,
        "agency": review.agency,
        "channel": "form" if review.channel == "event" else review.channel,
        "reply_through": review.reply_through,
        "applicant": review.applicant.model_dump(),
        "justification": review.justification,
        "quota_bytes": review.quota_bytes,
        "max_file_size_bytes": review.max_file_size_bytes,
    }
    body = validated(SubmitRequest, told).model_dump(mode="json", exclude_none=True)
    found = await client.post("intake", address("request-checks"), body, RequestChecked, new_key())
    if "directory_unavailable" in found.warnings:
        return None
    left = CHECKED - _OF_ITSELF if reached in _CARRIED_OUT else CHECKED
    return tuple(one for one in found.warnings if one in left)
