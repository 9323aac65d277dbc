"""The data check: what is wrong in a source, where, and how often."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smctrain.bars.raw import display
from smctrain.bars.read import read_bars
from smctrain.bars.types import BarSet, Issue
from smctrain.exceptions import BarError


def check(source: Any, **options: Any) -> tuple[list[Issue], Mapping[str, BarError]]:
    """Issues and failures of a source (`options` as in `read_bars`); `BarError` when nothing can be read."""
    bars = read_bars(source, **options)
    return bars.issue_list, bars.failures


def render_check(bars: BarSet) -> str:
    """Plain-text report: one line per file and kind of issue; clean files and unusable symbols are named."""
    frames = [frame for symbol in bars.values() for frame in symbol.values()]
    by_file: dict[str, list[Issue]] = {}
    for issue in bars.issue_list:
        by_file.setdefault(issue.file, []).append(issue)
    rows = [("FILE", "KIND", "COUNT", "FIRST ROW", "EXAMPLE")]
    for file in sorted({frame.source for frame in frames} | set(by_file)):
        found = by_file.get(file, [])
        if not found:
            rows.append((display(file), "clean", "0", "-", ""))
        rows.extend((display(file), i.kind, str(i.count), str(i.first_row), display(i.example, 400)) for i in found)
    n_bars = sum(len(frame) for frame in frames)
    lines = [f"{len(bars)} symbol{'' if len(bars) == 1 else 's'}, {len(frames)} series, {n_bars} bars readable.", ""]
    lines += _aligned(rows)
    if bars.failures:
        lines += ["", f"{len(bars.failures)} symbols cannot be used:"]
        lines += [f"  {display(str(error), 2000)}" for error in bars.failures.values()]
    return "\n".join(lines) + "\n"


def _aligned(rows: list[tuple[str, str, str, str, str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = []
    for file, kind, count, row, example in rows:
        cells = (
            file.ljust(widths[0]),
            kind.ljust(widths[1]),
            count.rjust(widths[2]),
            row.rjust(widths[3]),
            example,
        )
        lines.append("  ".join(cells).rstrip())
    return lines
