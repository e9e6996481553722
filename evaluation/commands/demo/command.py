"""`bmt demo`."""

from bmt.cli.outcome import reported


def demo() -> None:
    """Four applications and one termination through all four steps, on a system of their own."""
    with reported():
        from evaluation.commands.demo import demonstration  # noqa: PLC0415 - the command starts fast

        demonstration.run()
