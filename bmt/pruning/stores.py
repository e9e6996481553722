"""Where the working copies are: one literal table."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

COMMITS: Final = "commits"
STREAM_OF: Final = "request-{request_id}"
RECORDS: Final = "records"
DOCUMENTS: Final = "documents"
UPLOADS: Final = "uploads"
HOLDERS: Final = "holders"
"""Intake's views in the documents' database: uploaders, and holders by the request's id."""
FILES: Final = "files"
"""Records' view of filed requests, with the time of filing."""


@dataclass(frozen=True, slots=True)
class WorkingStore:
    """What one service keeps of requests.

    Attributes:
        requests: the view that has every request. It is removed last, so that an aborted run is repeated.
        others: further views, by the field that names the request in them.
        listed_too: which of the others has one document a request as well, by its `_id`. It may hold requests
            that `requests` never has.
        named_by: the field that names the request in `requests`, which may have several documents of one.
        entitlements: the view of what is in force, whose latest request must stay.
        documents_held: whether `HOLDERS` is about its requests.
        passing: prefixes of streams that belong to no request's file, such as a bulk call's. Their age alone
            decides. Each has the view that shows them and the field of its time, if there is one.
    """

    requests: str
    others: Mapping[str, str]
    named_by: str = "_id"
    entitlements: str | None = None
    listed_too: str | None = None
    passing: Mapping[str, tuple[str, str] | None] | None = None
    documents_held: bool = False

    @property
    def lists(self) -> Mapping[str, str]:
        """The views that together have every request, with the field that names it."""
        also = {self.listed_too: "_id"} if self.listed_too else {}
        return {self.requests: self.named_by, **also}

    def collections(self) -> Iterator[str]:
        """Everything that pruning removes from, or reads for that."""
        yield from (COMMITS, self.requests, *self.others)
        if self.entitlements is not None:
            yield self.entitlements
        yield from (shown_in[0] for shown_in in (self.passing or {}).values() if shown_in)


STORES: Final[Mapping[str, WorkingStore]] = {
    "notification": WorkingStore(
        "told",
        # Two views of an earlier version, which are still pruned.
        {"correspondences": "_id", "notices": "request_id"},
        named_by="request_id",
        listed_too="correspondences",
    ),
    "provisioning": WorkingStore(
        "configurations",
        {"tasks": "request_id", "reviews": "_id"},
        entitlements="entitlements",
        listed_too="reviews",
    ),
    "approval": WorkingStore("reviews", {}, passing={"bulk-": None}),
    "intake": WorkingStore(
        "requests",
        {"inbox": "_id", "submissions": "request_id"},
        passing={
            # An earlier version had the view of uploads in this database.
            "upload-": ("uploads", "uploaded_at"),
            "delivery-": None,
            "scan-": None,
            "refusal-": ("submissions", "refused_at"),
        },
        documents_held=True,
    ),
}
"""By service. Intake is the last: until then a user can still query the request."""
