"""`bmt setup`: fetches what pip cannot, and checks that all of it runs."""

import asyncio

import typer

from bmt.cli.outcome import reported


def setup() -> None:
    """Fetch Apache Kafka, see that it, Java and mongod run on this machine, and make Kafka's next starts quick."""
    with reported():
        from evaluation import kafka, machine  # noqa: PLC0415 - the command starts fast

        machine.refuse_unfit()
        machine.classpath()
        asyncio.run(kafka.archive_classes())
        typer.echo(f"Ready: Java, mongod and Apache Kafka {machine.version()}")
