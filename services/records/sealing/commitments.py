"""Commitments, which prove a personal value without revealing it, and what is personal."""

import hashlib
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NamedTuple, Union, get_args, get_origin

import orjson
from pydantic import AwareDatetime, BaseModel

from bmt.contracts.values import GONE
from bmt.verify_record import commitments
from services.records.domain.disposal import GONE_DOCUMENT, GONE_EMAIL
from services.records.ledger.canonical import canonical

# A value is personal unless its place is listed here. So a field that a later version adds is sealed until
# somebody lists it.

Pointer = str
"""A JSON pointer (RFC 6901) into an event's data."""

_OFFICER: Final = ("subject", "name", "role")
"""Officers act by office. These fields stay readable so that the record can be audited."""

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
        *("/target", "/task_id", "/retryable", "/code", "/about", "/channel"),
        *(f"/{by}/{name}" for by in ("confirmed_by", "proposed_by") for name in _OFFICER),
        *("/confirmed_at", "/proposed_at", "/termination_id", "/campaign", "/cause", "/level"),
        *("/in_force_since", "/answer_by", "/directory_read_at", "/grants"),
        *("/file_number", "/volume", "/folios", "/filed_at"),
    }
)
"""`*` stands for every place of a list. All other values of public events are personal."""

_OF_THE_FILE: Final = frozenset(
    {
        *("/opened_at", "/event_id", "/event_type", "/source", "/sequence", "/occurred_at"),
        *("/leaf_index", "/leaf_hash", "/number", "/size_bytes", "/noticed_at", "/key"),
        *("/by", "/roles/*", "/viewed_at", "/exported_at", "/disposal_id", "/agency"),
        *("/handed_in_by", "/of", "/still_held"),
        *("/proposed_by", "/approved_by", "/rejected_by", "/keys/*", "/request_ids/*"),
        *("/held/*", "/at", "/prepared_reason"),
    }
)
"""The impersonal fields that only records' own events have."""


class Places:
    """A set of places: pointers, with `*` for every place of a list, as a tree."""

    def __init__(self, places: Collection[str]) -> None:
        self._places = frozenset(places)
        self.tree: _Tree = {}
        for place in places:
            below = self.tree
            for step in place.split("/")[1:]:
                below = below.setdefault(step, {})
            below[_HERE] = True

    def __call__(self, place: str) -> bool:
        return place in self._places


def personal_fields(model: type[BaseModel], impersonal: Places) -> tuple[str, ...]:
    """The fields of a model that can contain something personal: all but single impersonal values."""
    return tuple(
        name
        for name, field in model.model_fields.items()
        if not (impersonal(f"/{field.alias or name}") and _is_one_value(field.annotation))
    )


def _is_one_value(annotation: Any) -> bool:
    """Whether it is a text, a number or a time, which has no places of its own."""
    if get_origin(annotation) in (Union, UnionType):
        return all(map(_is_one_value, get_args(annotation)))
    if get_origin(annotation) in (Annotated, Literal):
        return get_origin(annotation) is Literal or _is_one_value(get_args(annotation)[0])
    return annotation in _ONE_VALUE


_ONE_VALUE: Final = (str, int, bool, datetime, AwareDatetime, NoneType)
_Tree = dict[str | None, Any]
_HERE: Final = None
"""The step that marks a tree node as a place itself. It is no JSON name."""
_NOWHERE: Final[_Tree] = {}

impersonal: Final = Places(_IMPERSONAL)
"""The impersonal places of public events."""

impersonal_in_file: Final = Places(_IMPERSONAL | _OF_THE_FILE)
"""The impersonal places of records' own events."""


@dataclass(slots=True)
class Personal:
    """A personal value in a copy of an event's data, where it can be replaced."""

    pointer: Pointer
    value: Any
    _holder: Any
    _step: Any

    def replace(self, instead: Any) -> None:
        self._holder[self._step] = instead


def parted(data: Mapping[str, Any], impersonal: Places) -> tuple[dict[str, Any], list[Personal]]:
    """A copy of the data, and its personal values in order. Null and empty values are not personal."""
    copy = dict(data)
    found: list[Personal] = []
    _part(copy, impersonal.tree, "", found)
    return copy, found


def _part(copy: Any, tree: _Tree, pointer: Pointer, found: list[Personal]) -> None:
    """Runs twice for every event of the record, so it builds pointers for personal values only."""
    named = type(copy) is dict
    steps: Iterable[tuple[Any, Any]] = copy.items() if named else enumerate(copy)
    for step, value in steps:
        kind = type(value)
        below = tree.get(step if named else "*", _NOWHERE)
        if value is None or (kind not in _NESTED and _HERE in below):
            continue
        place = f"{pointer}/{_escaped(step) if named else step}"
        if kind in _NESTED:
            copy[step] = inner = value.copy()
            _part(inner, below, place, found)
        else:
            found.append(Personal(place, value, copy, step))


_NESTED: Final = (dict, list)


def put_back(data: Mapping[str, Any], values: Mapping[Pointer, Any]) -> dict[str, Any]:
    """The data with these values at their places. The argument is not changed.

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
    """What replaces a value that was disposed of, in the format that its place requires."""
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


SALT_BYTES: Final = 32


class Disclosure(NamedTuple):
    """A personal value with its proof.

    Attributes:
        salt: 32 random bytes, in hex. Without it nobody can test a guessed value.
        jcs: the value as canonical JSON (RFC 8785).
    """

    salt: str
    jcs: str

    @property
    def commitment(self) -> str:
        """SHA-256(salt ‖ canonical JSON), in lower-case hex."""
        return hashlib.sha256(bytes.fromhex(self.salt) + self.jcs.encode()).hexdigest()

    @property
    def value(self) -> Any:
        return orjson.loads(self.jcs)

    def document(self) -> dict[str, str]:
        """As it is stored and exported."""
        return {"salt": self.salt, "jcs": self.jcs}


Disclosures = Mapping[Pointer, Disclosure]
"""The personal values of one event, by their places in its data."""


def committed(data: Mapping[str, Any]) -> tuple[dict[str, Any], Disclosures]:
    """An event's data with a commitment for each personal value, and the values.

    Raises:
        NotCanonical: a value has no canonical form.
    """
    copy, personal = parted(data, impersonal)
    salts = os.urandom(SALT_BYTES * len(personal))
    disclosures: dict[Pointer, Disclosure] = {}
    for number, one in enumerate(personal):
        salt = salts[number * SALT_BYTES : (number + 1) * SALT_BYTES]
        jcs = canonical(one.value)
        disclosures[one.pointer] = Disclosure(salt.hex(), jcs.decode())
        one.replace({"commitment": hashlib.sha256(salt + jcs).hexdigest()})
    return copy, disclosures


def written(disclosures: Disclosures) -> bytes:
    """Disclosures as they are sealed and exported: canonical JSON."""
    documents = {place: one.document() for place, one in disclosures.items()}
    return canonical(documents, plain="".join(documents).isascii())


def read(text: bytes) -> Disclosures:
    """The inverse of `written`."""
    return {place: Disclosure(**document) for place, document in orjson.loads(text).items()}


def disclosed(data: Mapping[str, Any], disclosures: Disclosures) -> dict[str, Any]:
    """The original data."""
    return put_back(data, {place: one.value for place, one in disclosures.items()})


def disposed_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data as far as it is still known, with words that say so in place of the rest."""
    return put_back(data, {place: disposed_value(place) for place, _ in commitments(data)})
