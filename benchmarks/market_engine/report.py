"""The tables: Markdown for people, JSON for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from measure import Cell


def write(out: Path, cells: list[Cell], facts: dict[str, Any], missing: list[str]) -> str:
    """Writes `market_engine.md` and `market_engine.json` into `out`; returns the Markdown."""
    text = markdown(cells, facts, missing)
    out.mkdir(parents=True, exist_ok=True)
    (out / "market_engine.md").write_text(text, encoding="utf-8")
    document = {**facts, "missing": missing, "cells": [cell.record() for cell in cells]}
    (out / "market_engine.json").write_text(json.dumps(document, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    return text


def markdown(cells: list[Cell], facts: dict[str, Any], missing: list[str]) -> str:
    """All tables, the worst cell, how cost grows, and what is missing."""
    m = facts["machine"]
    lines = [
        f"{facts['date']}, {m['cpu']}, {m['cores']} cores, load {m['load']} at the start; one thread, one core; "
        f"{facts['rounds']} rounds, ABBA; streamed copy {facts['copy_gb_s']:.1f} GB/s.",
        ", ".join(f"{name} {version}" for name, version in facts["versions"].items()) + ".",
        "",
        "CPU milliseconds, median (least). Ratio: peer / ours, median of the rounds (least to most); within 15 % is a"
        " tie. Memory: growth of the process at the worst moment, ours / peer, MiB.",
        "",
        "| work | size | ours | peer | peer's time | ratio | memory | agreement |",
        "|---|---:|---:|---|---:|---:|---:|---|",
    ]
    for cell in cells:
        if cell.group != "growth":
            lines += _rows(cell)
    lines += ["", *_growth([cell for cell in cells if cell.group == "growth"])]
    lines += ["", *(f"- {sentence}" for sentence in remarks(cells, missing)), ""]
    return "\n".join(lines)


def _rows(cell: Cell) -> list[str]:
    ours = cell.ours
    mine = f"{_ms(ours.cpu_ms)}"
    mark = {None: "", True: "ok: ", False: "DIFFERENT: "}[cell.agree] + cell.agreement
    if not cell.peers:
        return [f"| {cell.work} | {cell.size:,} | {mine} | - | - | - | {_mib(ours.extra_mib)} | {mark} |"]
    rows = []
    for peer in cell.peers:
        ratio = cell.ratios(peer)
        memory = f"{_mib(ours.extra_mib)} / {_mib(peer.extra_mib)}"
        spread = f"{_x(ratio['median'])} ({_x(ratio['low'])}-{_x(ratio['high'])})"
        rows.append(
            f"| {cell.work} | {cell.size:,} | {mine} | {peer.name} | {_ms(peer.cpu_ms)} | {spread} | {memory} "
            f"| {mark} |"
        )
        mark = ""
    return rows


def _growth(cells: list[Cell]) -> list[str]:
    """A table per kind of work: nanoseconds a bar, and time against the tenth of the bars."""
    if not cells:
        return []
    lines = [
        "| how cost grows | bars | ms (least) | ns a bar | 10x the bars cost | MiB |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for work in dict.fromkeys(cell.work for cell in cells):
        for cell in (c for c in cells if c.work == work):
            least = min(cell.ours.cpu_ms)
            factor = _growth_factor(cells, cell)
            times = "" if factor is None else f"{factor:.2f}x"
            lines.append(
                f"| {work} | {cell.size:,} | {_ms(cell.ours.cpu_ms)} | {1e6 * least / cell.size:.0f} | {times} | "
                f"{_mib(cell.ours.extra_mib)} |"
            )
    return lines


def _growth_factor(cells: list[Cell], cell: Cell) -> float | None:
    """Least time against that of the same work on a tenth of the bars."""
    tenth = [c for c in cells if (c.group, c.work, 10 * c.size) == ("growth", cell.work, cell.size)]
    return min(cell.ours.cpu_ms) / min(tenth[0].ours.cpu_ms) if tenth else None


def remarks(cells: list[Cell], missing: list[str]) -> list[str]:
    """The worst ratio, disagreements, and peers that were not there."""
    pairs = [(cell.ratios(peer)["median"], cell, peer) for cell in cells for peer in cell.peers]
    said = []
    if pairs:
        ratio, cell, peer = min(pairs, key=lambda pair: pair[0])
        said.append(f"Worst cell: {cell.work} at {cell.size:,}, {_x(ratio)} of {peer.name}.")
    steps = [(_growth_factor(cells, cell), cell) for cell in cells if cell.group == "growth"]
    steps = [(factor, cell) for factor, cell in steps if factor is not None]
    if steps:
        factor, cell = max(steps, key=lambda step: step[0])
        said.append(f"Worst growth: {cell.work}, {factor:.2f}x from {cell.size // 10:,} to {cell.size:,} bars.")
    wrong = [f"{cell.work} at {cell.size:,}" for cell in cells if cell.agree is False]
    said.append(f"Results DIFFER, so these ratios mean nothing: {', '.join(wrong)}." if wrong else "No result differs.")
    return said + [f"Missing peer: {name}." for name in missing]


def _ms(values: list[float]) -> str:
    ordered = sorted(values)
    middle = ordered[len(ordered) // 2] if len(ordered) % 2 else sum(ordered[len(ordered) // 2 - 1 :][:2]) / 2
    return f"{_figure(middle)} ({_figure(ordered[0])})"


def _figure(value: float) -> str:
    return f"{value:.4f}" if value < 0.1 else f"{value:.2f}" if value < 100 else f"{value:,.0f}"


def _x(value: float) -> str:
    return f"{value:.2f}x" if value < 10 else f"{value:,.0f}x"


def _mib(value: float | None) -> str:
    return "?" if value is None else f"{value:,.0f}"
