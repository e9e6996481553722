"""What a demonstration prints: each step as it happens, then the files and what proves them."""

import time
from datetime import datetime
from typing import Final

from rich.console import Console
from rich.table import Table

from bmt.cli.demo.officer import Json
from bmt.cli.demo.samples import Sample

STYLES: Final = {
    "received": "cyan",
    "approved": "green",
    "configuring": "yellow",
    "awaiting_operator": "yellow",
    "configured": "green",
    "notified": "magenta",
    "filed": "bold blue",
}


class Report:
    """Prints to one console."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._began = time.monotonic()

    def heading(self, text: str) -> None:
        """A line that begins a part."""
        self.console.print(f"\n[bold]{text}[/]")

    def step(self, sample: Sample, step: Json) -> None:
        """One step of one request."""
        at = datetime.fromisoformat(step["at"]).astimezone().strftime("%H:%M:%S")
        name = str(step["step"])
        style = STYLES.get(name, "dim")
        self.console.print(
            f"  {at}  {sample.kind} by {sample.channel:<6}  [dim]{step['reference']:<23}[/]  "
            f"[{style}]{name.replace('_', ' '):<21}[/] {step.get('detail') or ''}",
            soft_wrap=True,
            highlight=False,
        )

    def files(self, records: list[Json]) -> None:
        """The designated files."""
        table = Table("File", "Volume", "Folios", "Events", "State", box=None, pad_edge=False)
        for record in records:
            table.add_row(
                str(record["file_number"]),
                str(record["volume"]),
                str(len(record["folios"])),
                str(len(record["events"])),
                str(record["state"]["status"]),
            )
        self.console.print(table)

    def proof(self, lines: list[str]) -> None:
        """What was looked at from outside."""
        for line in lines:
            self.console.print(f"  [green]✓[/] {line}", highlight=False, soft_wrap=True)

    def end(self) -> None:
        """How long it took."""
        self.console.print(f"\nDone in {time.monotonic() - self._began:.0f} s.")
