"""The points where a process may end, as they stand in the source: no list of them is kept."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
FOLDERS = ("bmt/chassis", "services")


@dataclass(frozen=True)
class Point:
    """One call of `crash_points.reached`. `name` is None where it is not written out."""

    name: str | None
    file: str
    line: int

    @property
    def prefix(self) -> str:
        """What its name must begin with: the module, in a service after the service's name."""
        path = Path(self.file).with_suffix("").parts
        return path[-1] if path[0] == "bmt" else f"{path[1]}.{path[-1]}"

    @property
    def services(self) -> str | None:
        """The one service that it belongs to; None: the chassis, which all stand on."""
        return Path(self.file).parts[1] if self.file.startswith("services/") else None


def find() -> list[Point]:
    """Every point there is."""
    return [
        point
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        for point in _of(path)
    ]


def where_to_die(points: Sequence[Point], *, everywhere: bool) -> list[Point]:
    """All of them, or every fortieth one in the order of the source."""
    named = [point for point in points if point.name is not None]
    return named if everywhere else named[::40]


def _of(path: Path) -> Iterator[Point]:
    file = path.relative_to(ROOT).as_posix()
    if "reached" not in (text := path.read_text()):
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("reached"):
            if not ast.unparse(node.func).endswith("crash_points.reached"):
                continue
            name = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
            yield Point(name, file, node.lineno)
