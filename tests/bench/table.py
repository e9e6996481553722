"""One table of all figures, for people and for machines."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bench.figures import Figure

HEAD = ("bench", "what", "median", "rounds", "baseline", "ratio", "goal")


def document(facts: Mapping[str, str], figures: Sequence[Figure]) -> dict[str, Any]:
    """As JSON has it: every round of every figure."""
    return {
        "machine": dict(facts),
        "figures": [{**asdict(each), "value": each.value, "ratio": each.ratio} for each in figures],
    }


def markdown(facts: Mapping[str, str], figures: Sequence[Figure]) -> str:
    """Machine, then the table, its columns aligned."""
    told = "".join(f"- {name}: {fact}\n" for name, fact in facts.items())
    rows = [HEAD, *(_row(each) for each in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = [
        " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    lines.insert(1, " | ".join("-" * width for width in widths))
    return told + "\n" + "".join(f"| {line} |\n" for line in lines)


def _row(figure: Figure) -> tuple[str, ...]:
    base, ratio = figure.compared_with, figure.ratio
    return (
        figure.bench,
        figure.name,
        f"{_number(figure.value)} {figure.unit}",
        " ".join(_number(each) for each in figure.rounds),
        "" if base is None else f"{_number(base)} {figure.unit}",
        "" if ratio is None else f"{ratio:.2f} ×",
        figure.goal,
    )


def _number(value: float) -> str:
    """Three digits that mean something."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
