"""The bmt command: each command is a module of this package, imported when it is used."""

import typer

from bmt.cli.dead_letters.command import app as dead_letters
from bmt.cli.demo.command import demo
from bmt.cli.down import down
from bmt.cli.failures import app as failures
from bmt.cli.parked.command import app as parked
from bmt.cli.prove import prove
from bmt.cli.prune import prune
from bmt.cli.records import app as records
from bmt.cli.republish import republish
from bmt.cli.setup import setup
from bmt.cli.status import status
from bmt.cli.token import token
from bmt.cli.topics.command import topics
from bmt.cli.up import up
from bmt.cli.views import app as views
from bmt.cli.witness import witness

app = typer.Typer(
    name="bmt",
    help="Big Mail Transfer: run it to evaluate it, and operate it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(setup)
app.command()(demo)
app.command()(up)
app.command()(down)
app.command()(token)
app.command()(topics)
app.command()(prove)
app.command()(status)
app.command()(republish)
app.command()(prune)
app.command()(witness)
app.add_typer(dead_letters, name="dead-letters")
app.add_typer(failures, name="failures")
app.add_typer(parked, name="parked")
app.add_typer(records, name="records")
app.add_typer(views, name="views")


if __name__ == "__main__":
    app()
