"""Shows how far a proof is."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from prove import progress
from prove.progress import Watch


@contextmanager
def watching(console: Console) -> Iterator[Watch]:
    """Bars for stories and faults, as long as the block lasts."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[phase]}"),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        stories = bars.add_task("stories", total=None, phase="starting")
        faults = bars.add_task("faults", total=None, phase="")

        def watch(now: progress.Progress) -> None:
            bars.update(stories, total=now.stories, completed=now.ended, phase=now.phase)
            bars.update(faults, total=now.faults, completed=now.struck)

        yield watch
