"""The SCIM server: resources in memory, each change written to a file before it is answered.

The file is a journal, one JSON object a line: the resource that was written, or the id of a deleted one. It is
compacted at start. A line that a kill cut short was never answered and is left out.
"""

import argparse
import itertools
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, cast

import uvicorn
from scim2_models import (
    URN,
    EnterpriseUser,
    Extension,
    Group,
    Resource,
    ResourceType,
    ScimFilter,
    ScimProvider,
    UnauthorizedException,
    User,
)
from scim2_models.path import FilterNode, LogicalExpr, LogicalOperator
from scim2_server.applications.asgi import ASGIApplication
from scim2_server.memory import AsyncInMemoryStorage, InMemoryStorage
from scim2_server.requests import ScimRequest
from scim2_server.service import ScimService
from scim2_server.testserver.application import BEARER_TOKEN_SCHEME
from scim2_server.utils import load_default_service_provider_config

from bmt.chassis.runtime import settings
from evaluation.ports import HOST


class JournaledStorage(InMemoryStorage):
    """The memory of a SCIM server that survives its process."""

    def __init__(self, file: Path, provider: ScimProvider) -> None:
        super().__init__()
        self._file = file
        with provider:
            self.resources = [_resource(provider, content) for content in _read(file)]
        self.versions = itertools.count(_highest_version(self.resources) + 1)
        self._compact()

    def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        with self.lock:
            created = super().create(resource_type, resource)
            self._note(_content(created))
            return created

    def update(
        self,
        resource_type: ResourceType,
        resource: Resource[Any],
        *,
        expected_version: str | None = None,
    ) -> Resource[Any]:
        with self.lock:
            updated = super().update(resource_type, resource, expected_version=expected_version)
            self._note(_content(updated))
            return updated

    def delete(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        expected_version: str | None = None,
    ) -> None:
        with self.lock:
            super().delete(resource_type, resource_id, expected_version=expected_version)
            self._note({"id": resource_id, "deleted": True})

    def _candidates(
        self, names: list[str | None], scim_filter: ScimFilter[Any] | None
    ) -> list[Resource[Any]]:
        """Alternatives are found by the index, one by one, instead of scanning all users."""
        terms = _alternatives(scim_filter)
        if scim_filter is None or len(names) != 1 or not terms:
            return super()._candidates(names, scim_filter)
        found = [
            resource
            for term in terms
            for resource in super(JournaledStorage, self)._candidates(
                names, type(scim_filter)(str(term))
            )
        ]
        return list({resource.id: resource for resource in found}.values())

    def _note(self, line: dict[str, Any]) -> None:
        with self._file.open("a") as journal:
            journal.write(json.dumps(line) + "\n")

    def _compact(self) -> None:
        aside = self._file.with_suffix(".new")
        aside.write_text("".join(json.dumps(_content(each)) + "\n" for each in self.resources))
        os.replace(aside, self._file)  # noqa: PTH105 - the name says that it overwrites


def _alternatives(scim_filter: ScimFilter[Any] | None) -> Sequence[FilterNode]:
    """The parts of a filter that are joined with `or`; nothing for other filters."""
    node = scim_filter.ast if scim_filter is not None else None
    if isinstance(node, LogicalExpr) and node.op == LogicalOperator.or_:
        return node.terms
    return ()


def _read(file: Path) -> list[dict[str, Any]]:
    latest: dict[str, dict[str, Any]] = {}
    for line in _whole_lines(file):
        content = json.loads(line)
        latest.pop(content["id"], None)
        if not content.get("deleted"):
            latest[content["id"]] = content
    return list(latest.values())


def _whole_lines(file: Path) -> Iterator[str]:
    if file.exists():
        yield from (line for line in file.read_text().splitlines(keepends=True) if line[-1] == "\n")


def _content(resource: Resource[Any]) -> dict[str, Any]:
    return resource.model_dump(scim_ctx=None, mode="json", by_alias=True, exclude_none=True)


def _resource(provider: ScimProvider, content: dict[str, Any]) -> Resource[Any]:
    model = cast("type[Resource[Any]]", provider.model_for(content["meta"]["resourceType"]))
    return model.model_validate(content)


def _highest_version(resources: list[Resource[Any]]) -> int:
    tags = (each.meta.version for each in resources if each.meta and each.meta.version)
    return max((int(tag.removeprefix('W/"').removesuffix('"')) for tag in tags), default=0)


# Run as `python -m evaluation.ipms_server --port N --journal FILE --accounts FILE`; the bearer
# token comes in the variable BMT_IPMS_TOKEN.


EXTENSION: Final = "urn:ietf:params:scim:schemas:extension:bmt:2.0:User"


class BmtUser(Extension):
    """The service of one account.

    Attributes:
        max_file_size_bytes: a decimal string: JSON numbers are exact to 2^53 only.
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
        scheme, _, token = (request.header("Authorization") or "").partition(" ")
        if scheme.lower() != "bearer" or not secrets.compare_digest(token, self._token):
            raise UnauthorizedException


def application(journal: Path, accounts: Path, token: str) -> Application:
    """The server with the journal's resources; a new one starts with the sample accounts."""
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
        for account in settings.read_yaml(accounts.read_text(encoding="utf-8")):
            storage.create(users, model.model_validate(account))


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.ipms_server")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--accounts", type=Path, required=True)
    chosen = parser.parse_args()
    app = application(chosen.journal, chosen.accounts, os.environ["BMT_IPMS_TOKEN"])
    uvicorn.run(app, host=HOST, port=chosen.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
