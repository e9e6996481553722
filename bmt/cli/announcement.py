"""What a started system says: where everything is, and a token for each role."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bmt.embedded.holders import samples
from bmt.embedded.layout import Layout
from bmt.embedded.tokens import mint

Document = Mapping[str, Any]
CONTENTS = ("Part", "Address", "How to come in")
PAGES = {
    "intake": "; /my/ for users",
    "approval": "; /console/ for administrators",
    "records": "; /audit/ for auditors",
}


def announce(console: Console, document: Document) -> None:
    """Print the addresses and ready-made tokens."""
    console.print(_addresses(document))
    if document["services"]:
        _print_tokens(console, document)


def _addresses(document: Document) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in CONTENTS:
        table.add_column(heading, overflow="fold")
    for name, service in document["services"].items():
        table.add_row(name, service["url"], f"bearer token; /docs{PAGES.get(name, '')}")
    kafka, ipms, storage = document["kafka"], document["ipms"], document["storage"]
    users = ", ".join(kafka["principals"])
    table.add_row("kafka", kafka["bootstrap_servers"], f"{kafka['sasl_mechanism']}: {users}")
    table.add_row("mongodb", document["mongodb"]["uri"].rpartition("@")[2], "")
    table.add_row("mail", document["mail"]["smtp"], f"kept in {document['mail']['maildir']}/new")
    table.add_row("ipms", ipms["url"], "SCIM; bearer token")
    table.add_row("storage", storage["url"], f"WebDAV; {storage['user']} and the owners")
    table.add_row("issuer", document["issuer"], "OIDC discovery")
    table.add_row("ready file", f"{document['data']}/ready.json", "all passwords")
    return table


def _print_tokens(console: Console, document: Document) -> None:
    key = Layout.at(Path(document["data"])).root / "issuer" / "key.json"
    minter = mint(document["issuer"], key)
    console.print("\nTokens for eight hours (others: bmt token)")
    for holder in samples():
        role = ", ".join(holder.roles)
        console.print(f"\n{role} {holder.subject} {holder.agency}", style="bold", soft_wrap=True)
        console.print(minter.token(holder), soft_wrap=True, highlight=False)
