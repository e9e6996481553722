"""Which address a call comes from."""

from typing import Any


def client_address(scope: Any) -> str:
    """The address of an ASGI scope's client; empty where the server does not know it."""
    client = scope.get("client")
    return str(client[0]) if client else ""
