"""`python -m bench.directory PORT ACCOUNTS`: a directory (SCIM 2.0) of accounts that all may apply.

Only what intake reads of one: the list, page by page, and one account by its userName.
"""

import asyncio
import json
import re
import sys
from urllib.parse import parse_qs, urlsplit

from evaluation.ports import HOST


def account(number: int) -> str:
    """The userName of one of them."""
    return f"pegawai{number:06}.mampu@mygovuc.gov.my"


class Directory:
    """So many accounts, registered and serving, without the service."""

    def __init__(self, accounts: int) -> None:
        self._accounts = accounts

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                body = json.dumps(self._answer(head.split(b" ", 2)[1].decode())).encode()
                kind = b"HTTP/1.1 200 OK\r\nContent-Type: application/scim+json\r\n"
                writer.write(kind + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _answer(self, target: str) -> dict[str, object]:
        asked = parse_qs(urlsplit(target).query)
        if found := re.search(r"pegawai(\d+)", asked.get("filter", [""])[0]):
            numbers = [int(found[1])]
            return {"totalResults": 1, "Resources": [_user(number) for number in numbers]}
        start, count = int(asked.get("startIndex", ["1"])[0]), int(asked.get("count", ["200"])[0])
        page = range(start - 1, min(start - 1 + count, self._accounts))
        return {"totalResults": self._accounts, "Resources": [_user(number) for number in page]}


def _user(number: int) -> dict[str, object]:
    return {"userName": account(number), "active": True}


async def main() -> None:
    port, accounts = map(int, sys.argv[1:3])
    server = await asyncio.start_server(Directory(accounts).serve, HOST, port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
