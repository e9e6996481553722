"""Writes docs/api: OpenAPI of each service and AsyncAPI of the topics, from the models alone.

`python tools/api_documents.py` writes them; `--check` says which differ from what is committed. A field of an event that
was published once is not taken back: nothing is written then.
"""

import asyncio
import importlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import asyncapi
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI

from evaluation.layout import new_key, pem

FOLDER: Final = Path("docs/api")
FIELDS: Final = FOLDER / "fields.txt"
SERVICES: Final = ("intake", "approval", "provisioning", "notification", "records")

_NOWHERE: Final = {
    "port": 1,
    "kafka_bootstrap_servers": "127.0.0.1:1",
    "mongodb_uri": "mongodb://127.0.0.1:1",
    "issuer": "https://127.0.0.1:1",
    "agencies_file": Path("deploy/embedded/agencies.yaml"),
    "ledger_keys": pem(Ed25519PrivateKey.generate()),
    "records_key": new_key(),
}
"""Settings of a service that is built but never started."""

_OF_TARGETS: Final = (
    *("ipms_url", "ipms_token"),
    *("storage_url", "storage_password", "storage_volumes"),
)
"""What leads to a target: optional, where no agency has such a connector."""


async def application(service: str) -> FastAPI:
    """The application of `service`, with settings that lead nowhere; nothing is connected to."""
    main = importlib.import_module(f"services.{service}.main")
    settings = importlib.import_module(f"services.{service}.settings").Settings
    placeholders = {
        name: _NOWHERE.get(name, _placeholder(name))
        for name, field in settings.model_fields.items()
        if field.is_required() or name in _OF_TARGETS
    }
    app: FastAPI = main.build(settings(**placeholders))
    return app


async def openapi(service: str) -> Mapping[str, Any]:
    """The OpenAPI document of `service`."""
    document: Mapping[str, Any] = (await application(service)).openapi()
    return document


def _placeholder(name: str) -> object:
    if name.endswith("_port"):
        return 1
    if name.endswith("_sender"):
        return "nobody@nowhere.invalid"
    return "https://127.0.0.1:1" if name.endswith("_url") else "nowhere"


async def documents() -> dict[Path, str]:
    """Every document by its path."""
    found = {
        FOLDER / "asyncapi.json": _text(asyncapi.document()),
        FIELDS: "\n".join(asyncapi.fields()) + "\n",
    }
    for service in SERVICES:
        found[FOLDER / f"{service}.openapi.json"] = _text(await openapi(service))
    return found


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n"


def main() -> None:
    """Write or check; exits with 1 when a check finds a difference, and when a published field is taken back."""
    wanted = asyncio.run(documents())
    if broken := asyncapi.taken_back(_committed(FIELDS).splitlines(), asyncapi.fields()):
        sys.exit(
            "\n".join(
                f"published and relied on; make a new version of the event: {one}" for one in broken
            )
        )
    if "--check" not in sys.argv[1:]:
        FOLDER.mkdir(parents=True, exist_ok=True)
        for path, text in wanted.items():
            path.write_text(text, encoding="utf-8")
        return
    stale = [path for path, text in wanted.items() if _committed(path) != text]
    for path in stale:
        sys.stderr.write(f"{path} differs from the models: make docs writes it again\n")
    sys.exit(bool(stale))


def _committed(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    main()
