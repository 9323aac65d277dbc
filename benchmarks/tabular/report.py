"""The tables: Markdown for people, JSON for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from measure import Cell, Side


def write(
    out: Path, cells: list[Cell], searches: list[dict[str, Any]], facts: dict[str, Any], missing: list[str]
) -> str:
    """Writes `tabular.md` and `tabular.json` into `out`; returns the Markdown."""
    missing = sorted(set(missing))
    text = markdown(cells, searches, facts, missing)
    out.mkdir(parents=True, exist_ok=True)
    (out / "tabular.md").write_text(text, encoding="utf-8")
    document = {
        **facts, "missing": missing, "cells": [cell.record() for cell in cells], "search": searches,
        "missed": missed(cells, searches),
    }  # fmt: skip
    (out / "tabular.json").write_text(json.dumps(document, indent=2, default=float) + "\n", encoding="utf-8")
    return text


def markdown(cells: list[Cell], searches: list[dict[str, Any]], facts: dict[str, Any], missing: list[str]) -> str:
    """All tables, the floor, what was missed, the worst cell, absent peers."""
    m = facts["machine"]
    lines = [
        f"{facts['date']}, {m['cpu']}, {m['cores']} cores, load {m['load']} at the start; {facts['rounds']} rounds, "
        f"ABBA; {facts['data']}." + (" QUICK RUN: says nothing about speed." if facts["quick"] else ""),
        ", ".join(f"{name} {version}" for name, version in facts["versions"].items()) + ".",
        "",
        "Seconds: median (least). Ratio: peer / ours, median of the rounds (least to most); within 15 % is a tie.",
        "Memory: growth of the process at the worst moment, MiB. void: not as good, so the ratio says nothing.",
    ]
    speeds = [cell for cell in cells if cell.group != "quality"]
    for group in dict.fromkeys(cell.group for cell in speeds):
        lines += ["", f"### {group}", "", *_table([cell for cell in speeds if cell.group == group])]
    lines += _floor(cells)
    lines += _quality([cell for cell in cells if cell.group == "quality"])
    lines += _search(searches)
    lines += ["", *(f"- {sentence}" for sentence in remarks(cells, searches, missing)), ""]
    return "\n".join(lines)


def _table(cells: list[Cell]) -> list[str]:
    lines = [
        "| work | threads | contestant | CPU s | wall s | cold s | MiB | AUC | CPU ratio | wall ratio | promised |",
        "|---|---:|---|---:|---:|---:|---:|---:|---:|---:|---|",
    ]
    for cell in cells:
        lines.append(f"| {cell.work} | {cell.threads} | ours | {_side(cell.ours)} | | | {_own_promise(cell)} |")
        for peer in cell.peers:
            need = cell.need.get(peer.label)
            kept = peer.label in cell.void or need is None or cell.ratio(peer)["median"] >= need
            promise = "" if need is None else f"{need:.3g}x: {'kept' if kept else 'MISSED'}"
            if peer.label in cell.void:
                promise = f"void: {cell.void[peer.label]}"
            lines.append(
                f"| | | {peer.label}{_few(peer, cell)} | {_side(peer)} | {_spread(cell.ratio(peer))} | "
                f"{_spread(cell.ratio(peer, 'wall_s'))} | {promise} |"
            )
        said = "; ".join(side.label + " " + side.note for side in (cell.ours, *cell.peers) if side.note)
        agreement = "" if "AUC" in cell.ours.quality else cell.agreement
        if said or agreement:
            lines.append(f"| | | {'; '.join(part for part in (agreement, said) if part)} | | | | | | | | |")
    return lines


def _few(peer: Side, cell: Cell) -> str:
    return f" ({len(peer.turns)} rounds)" if len(peer.turns) < len(cell.ours.turns) else ""


def _own_promise(cell: Cell) -> str:
    facts = cell.facts
    if "gain_needed" in facts:
        kept = facts["gain_over_one_thread"] >= facts["gain_needed"]
        return (
            f"{facts['gain_over_one_thread']:.2f}x one thread (wall), promised {facts['gain_needed']}x: "
            f"{'kept' if kept else 'MISSED'}"
        )
    if "microseconds_needed" in facts:
        kept = facts["microseconds"] <= facts["microseconds_needed"]
        return f"promised {facts['microseconds_needed']:g} us: {'kept' if kept else 'MISSED'}"
    return ""


def _side(side: Side) -> str:
    quality = f"{side.quality['AUC']:.2f}" if "AUC" in side.quality else ""
    memory = side.first.get("extra_mib")
    return (
        f"{_seconds(side, 'cpu_s')} | {_seconds(side, 'wall_s')} | {_figure(side.first['wall_s'])} | "
        f"{'?' if memory is None else f'{memory:,.0f}'} | {quality}"
    )


def _floor(cells: list[Cell]) -> list[str]:
    known = [cell for cell in cells if "ns_per_update" in cell.facts]
    if not known:
        return []
    lines = [
        "", "### floor", "",
        "One (row, column) update of a packed class counter, compiled, on nodes of so many rows, measured in this run;"
        " a fit also searches splits and moves rows.", "",
        "| work | updates, millions | ours, ns an update | floor, ns | share reached |", "|---|---:|---:|---|---|",
    ]  # fmt: skip
    for cell in known:
        ours, floor = cell.facts["ns_per_update"], cell.facts["floor_ns"]
        lines.append(
            f"| {cell.work} | {cell.facts['updates'] / 1e6:,.0f} | {ours:.2f} | "
            + ", ".join(f"{ns:.2f} ({rows:,} rows)" for rows, ns in floor.items())
            + " | " + ", ".join(f"{100 * ns / ours:.0f} %" for ns in floor.values()) + " |"
        )  # fmt: skip
    return lines


def _quality(cells: list[Cell]) -> list[str]:
    if not cells:
        return []
    lines = [
        "", "### quality", "",
        "Means over the seeds, other rows each; AUC (one against the rest) and R2 in points; log-loss with p of at"
        " least 0.001. Difference: ours minus theirs.", "",
        "| forests | measure | ours | scikit-learn | difference | sklearnex | difference | YDF | difference |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]  # fmt: skip
    for cell in cells:
        for name, mine in cell.ours.quality.items():
            row = f"| {cell.work} | {name} | {mine:.4g}"
            for label in ("scikit-learn", "sklearnex", "YDF"):
                theirs = [side.quality[name] for side in cell.peers if side.label == label]
                row += f" | {theirs[0]:.4g} | {mine - theirs[0]:+.3f}" if theirs else " | - | -"
            lines.append(row + " |")
    return lines


def _search(searches: list[dict[str, Any]]) -> list[str]:
    if not searches:
        return []
    names = list(dict.fromkeys(name for row in searches for name in row))
    lines = ["", "### search", "", "| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    for row in searches:
        values = (row.get(name, "") for name in names)
        lines.append("| " + " | ".join(f"{v:.4g}" if isinstance(v, float) else str(v) for v in values) + " |")
    return lines


def missed(cells: list[Cell], searches: list[dict[str, Any]]) -> list[str]:
    """Every promise that was not kept, in words."""
    said = []
    for cell in cells:
        said += [f"{cell.work}, {cell.threads} thread(s): void, {why}" for why in dict.fromkeys(cell.void.values())]
        said += [sentence for sentence in cell.misses() if not any(label in sentence for label in cell.void)]
        facts = cell.facts
        if facts.get("gain_over_one_thread", 0.0) < facts.get("gain_needed", 0.0):
            gain = facts["gain_over_one_thread"]
            said.append(f"{cell.work}: two threads are {gain:.2f}x one, promised {facts['gain_needed']}x")
        if facts.get("microseconds", 0.0) > facts.get("microseconds_needed", 1e9):
            said.append(f"{cell.work}: {facts['microseconds']:.1f} us, promised {facts['microseconds_needed']:g} us")
    return said + [str(row["missed"]) for row in searches if row.get("missed")]


def remarks(cells: list[Cell], searches: list[dict[str, Any]], missing: list[str]) -> list[str]:
    """What was missed, the worst ratio to a promise, peers that were not there."""
    said = [f"Missed: {sentence}." for sentence in missed(cells, searches)] or ["Every promise measured here is kept."]
    against = [
        (cell.ratio(peer)["median"] / cell.need[peer.label], cell, peer)
        for cell in cells
        for peer in cell.peers
        if peer.label in cell.need and peer.label not in cell.void
    ]
    if against:
        _, cell, peer = min(against, key=lambda entry: entry[0])
        said.append(
            f"Worst cell against its promise: {cell.work}, {_x(cell.ratio(peer)['median'])} of {peer.label} "
            f"(promised {cell.need[peer.label]:.3g}x)."
        )
    quality = [
        (cell.facts["difference"]["scikit-learn"], cell)
        for cell in cells
        if "scikit-learn" in cell.facts.get("difference", {})
    ]
    if quality:
        behind, cell = min(quality, key=lambda entry: entry[0])
        said.append(f"Worst quality beside scikit-learn: {cell.work}, {behind:+.2f} points.")
    return said + [f"Missing peer: {name}." for name in missing]


def _seconds(side: Side, clock: str) -> str:
    return f"{_figure(side.median(clock))} ({_figure(min(side.of(clock)))})"


def _figure(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{1e6 * seconds:.1f} us"
    if seconds < 0.1:
        return f"{1e3 * seconds:.1f} ms"
    return f"{seconds:.2f}"


def _spread(ratio: dict[str, float]) -> str:
    return f"{_x(ratio['median'])} ({_x(ratio['low'])}-{_x(ratio['high'])})"


def _x(value: float) -> str:
    return f"{value:.2f}x" if value < 10 else f"{value:,.0f}x"
