"""Forms as browsers send them, and the commands they become."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from starlette.datastructures import FormData
from starlette.requests import Request

from bmt.chassis import tracing
from bmt.chassis.auth import Principal
from bmt.chassis.body_limit import LimitedRequest
from bmt.chassis.clock import new_id
from bmt.chassis.idempotency import CommandContext, causation_of, fingerprint_of

FORM_BYTES: Final = 1024 * 1024
"""The largest form."""
KEY: Final = "key"
"""The field that names one form for ever: sent twice it is one command, as with an Idempotency-Key."""
_LONGEST_KEY: Final = 64


@dataclass(frozen=True, slots=True)
class Sent:
    """A form that was sent.

    Attributes:
        fields: as the browser sent them.
        key: its name; a new one where it brings none.
        fingerprint: of the call, as with the API's.
    """

    fields: FormData
    key: str
    fingerprint: str

    def text(self, name: str) -> str:
        """What stands in a field; empty where there is none, or a file."""
        value = self.fields.get(name, "")
        return value if isinstance(value, str) else ""

    def texts(self, name: str) -> list[str]:
        """What stands in all fields of a name, each once, in order."""
        values = (value for value in self.fields.getlist(name) if isinstance(value, str))
        return list(dict.fromkeys(values))

    def context(self, visitor: Principal) -> CommandContext:
        """The command's context, as the API would make it of the same call."""
        return CommandContext(
            principal=visitor,
            causation=causation_of(visitor.subject, self.key),
            fingerprint=self.fingerprint,
            traceparent=tracing.current.get(),
        )


def new_key() -> str:
    """A name for a form that is about to be shown."""
    return new_id()


async def sent(request: Request) -> Sent:
    """The form of a call; a dependency of routes.

    Raises:
        Refused: `too_large`.
    """
    limited = LimitedRequest(request.scope, request.receive, FORM_BYTES)
    digest = sha256(await limited.body()).digest()
    fields = await limited.form()
    key = fields.get(KEY)
    return Sent(
        fields,
        key if isinstance(key, str) and _is_key(key) else new_key(),
        fingerprint_of(request.method, request.scope["path"], digest),
    )


def _is_key(key: str) -> bool:
    return 0 < len(key) <= _LONGEST_KEY and all("!" <= character <= "~" for character in key)
