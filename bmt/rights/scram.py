"""The passwords of Kafka's users, set on a running broker. aiokafka has no class for this request (KIP-554)."""

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any, Final

from aiokafka.errors import for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    CompactArray,
    CompactBytes,
    CompactString,
    Int8,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

SCRAM_SHA_512: Final = 2
ITERATIONS: Final = 4096
"""The fewest that Kafka takes: the passwords are random, and every login pays for it."""

_NAME: Final = CompactString("utf-8")
_TAGS: Final = ("tags", TaggedFields)


class _Answer(Response):  # type: ignore[misc]  # aiokafka has no types
    API_KEY = 51
    API_VERSION = 0
    _RESULT = (("user", _NAME), ("error_code", Int16), ("error_message", _NAME), _TAGS)
    SCHEMA = Schema(("throttle_time_ms", Int32), ("results", CompactArray(*_RESULT)), _TAGS)


class _Alteration(RequestStruct):  # type: ignore[misc]  # aiokafka has no types
    FLEXIBLE_VERSION = True
    API_KEY = 51
    API_VERSION = 0
    RESPONSE_TYPE = _Answer
    _USER = (("name", _NAME), ("mechanism", Int8))
    _HASH = (("iterations", Int32), ("salt", CompactBytes), ("salted_password", CompactBytes))
    SCHEMA = Schema(
        ("deletions", CompactArray(*_USER, _TAGS)),
        ("upsertions", CompactArray(*_USER, *_HASH, _TAGS)),
        _TAGS,
    )


class _SetPasswords(Request[_Alteration]):  # type: ignore[misc]  # aiokafka has no types
    API_KEY = _Alteration.API_KEY

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self._passwords = passwords

    def build(self, request_struct_class: type[_Alteration]) -> _Alteration:
        users: list[tuple[str, int, int, bytes, bytes, dict[int, bytes]]] = []
        for user, password in self._passwords.items():
            salt = secrets.token_bytes(32)
            salted = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
            users.append((user, SCRAM_SHA_512, ITERATIONS, salt, salted, {}))
        return request_struct_class([], users, {})


async def set_passwords(client: Any, passwords: Mapping[str, str]) -> None:
    """Each user signs in with this password from now on; open connections stay open.

    Raises:
        aiokafka.errors.KafkaError: the broker refused one of them.
    """
    if passwords:
        answer = await client.send(client.get_random_node(), _SetPasswords(passwords))
        for user, code, message, _ in answer.results:
            if code:
                raise for_code(code)(f"{user}: {message}")
