"""`bmt setup`: fetch what pip cannot, and see that all of it runs."""

import typer

from bmt.cli.outcome import reported


def setup() -> None:
    """Fetch Apache Kafka and see that Java and mongod run on this machine."""
    with reported():
        from bmt.embedded import jars, machine  # noqa: PLC0415 - the command starts fast

        machine.refuse_unfit()
        jars.classpath()
        typer.echo(f"Ready: Java, mongod and Apache Kafka {jars.version()}")
