"""What an answer of IPMS means by SCIM (RFC 7644): that it is away, that it says no, or that another was first."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

from scim2_client import (
    RequestNetworkException,
    ResponsePayloadValidationException,
    SCIMClientException,
    SCIMResponseException,
)
from scim2_models import SCIMException

from services.provisioning.connectors.connector import TargetAway, TargetConflict, TargetRefused

NAME: Final = "scim"

_PASSES: Final = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,  # our token is wrong: no fault of any request's
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
"""Answers below 500 that say nothing about the request: they pass, or an operator mends them."""

_STALE: Final = frozenset({HTTPStatus.PRECONDITION_FAILED, HTTPStatus.PRECONDITION_REQUIRED})
"""The version that a change is made from is asked for, or is no longer the present one."""

_CONFLICTS: Final = _STALE | {HTTPStatus.CONFLICT, HTTPStatus.LOCKED}
"""Somebody else changes the same user at this moment."""

_ADDRESS: Final = re.compile(r"(?<![^\s@])[^\s@]++@[^\s@]++")
"""What IPMS says may name somebody else."""


class StaleVersion(TargetConflict):
    """As `TargetConflict`, because of the version that the change was made from."""


@contextmanager
def answering(*, reading: bool = False) -> Iterator[None]:
    """Tell a target that is away from one that says no; a conflict is no answer to who only reads.

    Raises:
        TargetAway: no answer, a server's failure, or something else than SCIM in between.
        TargetRefused: an answer that waiting does not change.
    """
    try:
        yield
    except RequestNetworkException as error:
        raise TargetAway(NAME, "does not answer") from error
    except SCIMException as error:
        raise _by_status(error.status, error.detail or "", reading=reading) from error
    except ResponsePayloadValidationException as error:
        raise TargetRefused(
            "ipms",
            "IPMS shows the account in a form that cannot be read",
            code="account_unreadable",
        ) from error
    except SCIMResponseException as error:
        status = getattr(error.source, "status_code", HTTPStatus.BAD_GATEWAY)
        raise _by_status(status, "", reading=reading) from error
    except SCIMClientException as error:
        raise TargetAway(NAME, "gives an answer that is not SCIM") from error


def _by_status(status: int, detail: str, *, reading: bool) -> Exception:
    refused = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    if not refused or status in _PASSES or (reading and status in _CONFLICTS):
        return TargetAway(NAME, f"answers {status}")
    said = _ADDRESS.sub("…", detail[:200])
    reason = f"IPMS refuses with {status}: {said or 'no reason'}"
    if status in _STALE:
        return StaleVersion("ipms", reason)
    if status in _CONFLICTS:
        return TargetConflict("ipms", reason)
    values = {"status": str(int(status)), "said": said or "–"}
    return TargetRefused("ipms", reason, code="target_refused_with", values=values)
