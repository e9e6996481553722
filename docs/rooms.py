"""Draws the rooms and the imports between them into docs/architecture.md: `python docs/rooms.py`."""
# ruff: noqa: INP001  a script, and no package

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
BLOCK = re.compile(r"```mermaid\n.*?```", re.DOTALL)
CHASSIS = ("eventsourcing", "messaging", "readmodels", "work", "http", "runtime")
BUILDER = "ServiceBuilder"

Arrows = set[tuple[str, str]]


def room(module: str) -> str | None:
    """The room that a module lies in; none for what lies in no room."""
    match module.split("."):
        case ["bmt", "chassis", "runtime", "service", *_]:
            return BUILDER
        case ["bmt", "chassis", name, *_]:
            return f"chassis/{name}" if name in CHASSIS else None
        case ["bmt", name, *_] if (ROOT / "bmt" / name).is_dir():
            return f"bmt/{name}"
        case [("services" | "web" | "evaluation" | "prove") as name, *_]:
            return name
        case _:
            return None


def imported(path: Path) -> set[str]:
    """The modules, and what may be modules, that a file imports."""
    return {
        f"{node.module}.{alias.name}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


def arrows() -> Arrows:
    """Who imports whom."""
    found: Arrows = set()
    for top in ("bmt", "services", "web", "evaluation", "prove"):
        for path in (ROOT / top).rglob("*.py"):
            importer = room(".".join(path.relative_to(ROOT).with_suffix("").parts))
            for module in imported(path):
                other = room(module)
                if importer and other and importer != other:
                    found.add((importer, other))
    return found


def reach(start: str, among: Arrows) -> set[str]:
    """The rooms that arrows lead to from `start`."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        here = waiting.pop()
        beyond = {to for source, to in among if source == here} - seen
        seen |= beyond
        waiting += sorted(beyond)
    return seen


def without_detours(among: Arrows) -> Arrows:
    """The arrows that say something: none to a room that other arrows lead to anyway."""
    left = set(among)
    for arrow in sorted(among):
        source, to = arrow
        if source not in reach(to, among) and to in reach(source, left - {arrow}):
            left.remove(arrow)
    return left


def picture() -> str:
    """The rooms as mermaid draws them."""
    shown = without_detours(arrows())
    rooms = sorted({name for arrow in shown for name in arrow})
    named = {name: re.sub(r"\W", "_", name) for name in rooms}
    chassis = [name for name in rooms if name == BUILDER or name.startswith("chassis/")]
    lines = ["graph TD"]
    lines += [f'  {named[name]}["{name}"]' for name in rooms if name not in chassis]
    lines += ["  subgraph bmt/chassis"]
    lines += [f'    {named[name]}["{name.removeprefix("chassis/")}"]' for name in chassis]
    lines += ["  end"]
    lines += [f"  {named[source]} --> {named[to]}" for source, to in sorted(shown)]
    return "```mermaid\n" + "\n".join(lines) + "\n```"


if __name__ == "__main__":
    PAGE.write_text(BLOCK.sub(lambda _: picture(), PAGE.read_text()))
