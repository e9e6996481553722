"""The SCIM server of the embedded IPMS.

Run as `python -m bmt.embedded.ipms_server --port N --journal FILE --accounts FILE`; the bearer
token comes in the variable BMT_IPMS_TOKEN.
"""

import argparse
import os
import secrets
from pathlib import Path
from typing import Any, Final, cast

import uvicorn
from scim2_models import (
    URN,
    EnterpriseUser,
    Extension,
    Group,
    ResourceType,
    ScimProvider,
    UnauthorizedException,
    User,
)
from scim2_server.applications.asgi import ASGIApplication
from scim2_server.memory import AsyncInMemoryStorage
from scim2_server.requests import ScimRequest
from scim2_server.service import ScimService
from scim2_server.testserver.application import BEARER_TOKEN_SCHEME
from scim2_server.utils import load_default_service_provider_config

from bmt.chassis.runtime import strict_yaml
from bmt.embedded.ipms_journal import JournaledStorage
from bmt.embedded.ports import HOST

EXTENSION: Final = "urn:ietf:params:scim:schemas:extension:bmt:2.0:User"


class BmtUser(Extension):
    """The service of one account.

    Attributes:
        bmt_enabled: whether it may send big files.
        max_file_size_bytes: the largest one, decimal: JSON numbers are exact to 2^53 only.
    """

    __schema__ = URN(EXTENSION)

    bmt_enabled: bool | None = None
    max_file_size_bytes: str | None = None


class Application(ASGIApplication):
    """The SCIM server behind one bearer token."""

    def __init__(self, storage: JournaledStorage, provider: ScimProvider, token: str) -> None:
        service = ScimService(provider, secret=secrets.token_urlsafe(32))
        super().__init__(AsyncInMemoryStorage(storage), provider, service)
        self._token = token

    def check_auth(self, request: ScimRequest) -> None:
        """Let those in who know the token.

        Raises:
            UnauthorizedException: the caller does not.
        """
        scheme, _, token = (request.header("Authorization") or "").partition(" ")
        if scheme.lower() != "bearer" or not secrets.compare_digest(token, self._token):
            raise UnauthorizedException


def application(journal: Path, accounts: Path, token: str) -> Application:
    """The server, with what the journal kept; a new one begins with the sample accounts."""
    provider = _provider()
    is_new = not journal.exists()
    journal.parent.mkdir(parents=True, exist_ok=True)
    storage = JournaledStorage(journal, provider)
    if is_new:
        _seed(storage, provider, accounts)
    return Application(storage, provider, token)


def _provider() -> ScimProvider:
    config = load_default_service_provider_config()
    config.authentication_schemes = [BEARER_TOKEN_SCHEME]
    types = [
        ResourceType.from_resource(User[EnterpriseUser | BmtUser]),
        ResourceType.from_resource(Group),
    ]
    return ScimProvider([User, EnterpriseUser, BmtUser, Group], types, config)


def _seed(storage: JournaledStorage, provider: ScimProvider, accounts: Path) -> None:
    users = next(each for each in provider.resource_types if each.name == "User")
    model = cast("type[User[Any]]", provider.model_for(users))
    with provider:
        for account in strict_yaml.read(accounts.read_text(encoding="utf-8")):
            storage.create(users, model.model_validate(account))


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m bmt.embedded.ipms_server")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--accounts", type=Path, required=True)
    chosen = parser.parse_args()
    app = application(chosen.journal, chosen.accounts, os.environ["BMT_IPMS_TOKEN"])
    uvicorn.run(app, host=HOST, port=chosen.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
