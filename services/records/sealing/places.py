"""Which values of an event are personal: every one that does not stand at a place known to be impersonal.

What a later version of an event adds is therefore sealed until somebody says that it need not be.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Final

from services.records.domain.disposals import GONE, GONE_DOCUMENT, GONE_EMAIL

Pointer = str
"""RFC 6901, into an event's data."""

_OFFICER: Final = ("subject", "name", "role")
"""Who decides or configures does so by office: that stays, so that the record can still be audited."""

_IMPERSONAL: Final = frozenset(
    {
        *(
            f"/request/{name}"
            for name in (
                *("request_id", "reference", "kind", "agency", "channel", "reply_through"),
                *("quota_bytes", "max_file_size_bytes", "received_at", "policy_version"),
            )
        ),
        *(f"/decided_by/{name}" for name in _OFFICER),
        *(f"/configured_by/{name}" for name in _OFFICER),
        *("/submitted_by/role", "/corrected_by/role", "/requested_by/role", "/handed_over_by/role"),
        *("/warnings/*", "/documents/*/size_bytes", "/not_shown/*/reason"),
        *("/while_open", "/due_at", "/decided_at", "/configured_at"),
        *("/approved/quota_bytes", "/approved/max_file_size_bytes"),
        *(f"/endorsements/*/endorsed_by/{name}" for name in _OFFICER),
        *("/endorsements/*/level", "/endorsements/*/endorsed_at"),
        *(f"/endorsements/*/approved/{name}" for name in ("quota_bytes", "max_file_size_bytes")),
        *(
            f"/{changes}/*/{name}"
            for changes in ("plan", "settings")
            for name in ("target", "setting", "from", "to")
        ),
        *("/effective/ipms/bmt_enabled", "/effective/ipms/max_file_size_bytes"),
        *(
            f"/effective/storage/{name}"
            for name in ("enabled", "quota_bytes", "max_file_size_bytes")
        ),
        *("/evidence/*/target", "/evidence/*/connector", "/evidence/*/read_back_at"),
        *(f"/evidence/*/confirmed_by/{name}" for name in _OFFICER),
        *(f"/retry/by/{name}" for name in _OFFICER),
        *("/evidence/*/confirmed_at", "/retry/at"),
        *("/target", "/task_id", "/retryable", "/about", "/channel"),
        *("/file_number", "/volume", "/folios", "/filed_at"),
    }
)
"""`*` stands for every place of a list. Everything else that an event of the topics says is personal."""

_OF_THE_FILE: Final = frozenset(
    {
        *("/opened_at", "/event_id", "/event_type", "/source", "/sequence", "/occurred_at"),
        *("/leaf_index", "/leaf_hash", "/number", "/size_bytes", "/noticed_at", "/key"),
        *("/by", "/roles/*", "/viewed_at", "/exported_at", "/disposal_id", "/agency"),
        *("/handed_in_by", "/of", "/still_held"),
        *("/proposed_by", "/approved_by", "/rejected_by", "/keys/*", "/request_ids/*"),
        *("/held/*", "/at"),
    }
)
"""What records' own events say beside that."""

Kept = Callable[[str], bool]
"""Whether what stands at a place (a pointer with `*` for the places of lists) is impersonal."""


@cache
def impersonal(place: str) -> bool:
    """Of an event of the topics."""
    return place in _IMPERSONAL


@cache
def impersonal_in_file(place: str) -> bool:
    """Of an event that records keeps to itself, or says."""
    return place in _IMPERSONAL or place in _OF_THE_FILE


def taken_out(
    data: Mapping[str, Any], kept: Kept, instead: Callable[[Pointer, Any], Any]
) -> dict[str, Any]:
    """The data with each personal value replaced by what `instead` gives for it.

    What is not there is not personal: null, empty lists and empty objects stay.
    """

    def walk(value: Any, place: str, pointer: str) -> Any:
        if isinstance(value, dict):
            return {
                name: walk(inner, f"{place}/{name}", f"{pointer}/{_escaped(name)}")
                for name, inner in value.items()
            }
        if isinstance(value, list):
            return [
                walk(inner, f"{place}/*", f"{pointer}/{number}")
                for number, inner in enumerate(value)
            ]
        return value if value is None or kept(place) else instead(pointer, value)

    whole: dict[str, Any] = walk(data, "", "")
    return whole


def put_back(data: Mapping[str, Any], values: Mapping[Pointer, Any]) -> dict[str, Any]:
    """The data with these values at their places; what is given stays as it is.

    Raises:
        LookupError: there is no such place.
    """
    whole: dict[str, Any] = _copied(data)
    for pointer, value in values.items():
        *way, last = _steps(pointer)
        inner: Any = whole
        for step in way:
            inner = inner[int(step)] if isinstance(inner, list) else inner[step]
        if isinstance(inner, list):
            inner[int(last)] = value
        elif last in inner:
            inner[last] = value
        else:
            raise LookupError(pointer)
    return whole


def disposed_value(pointer: Pointer) -> str:
    """What is shown at a place whose value is gone: of the form that is due there."""
    return _DISPOSED.get(pointer.rpartition("/")[2], GONE)


_DISPOSED: Final = {
    "email": GONE_EMAIL,
    "directory_email": GONE_EMAIL,
    "document_id": GONE_DOCUMENT,
}


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _copied(inner) for name, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, list) else value


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1") if "~" in name or "/" in name else name


def _steps(pointer: Pointer) -> Iterator[str]:
    return (step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])
