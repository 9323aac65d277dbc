"""The table of goals, in Markdown and as plain values."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from honesty.goals import ELSEWHERE, Line

NOT_BUILT = {"H12": "target discovery", "H13": "drift streams"}


def markdown(document: dict[str, Any], lines: list[Line]) -> str:
    """Every goal beside its target and the usual rules, the worst one named, what is missed said."""
    m = document["machine"]
    text = [
        f"{document['date']}, {m['cpu']}, {m['cores']} cores, load {m['load']} at the start; smctrain "
        f"{document['version']}, models of preset {document['preset']}."
        + (" SHORT RUN: few seeds." if document["quick"] else ""),
        "",
        "Shares: count of runs, share, exact 95 % interval (Clopper-Pearson). Usual rules: on the same predictions and "
        "rows.",
        "",
        "| goal | experiment | target | measured | kept | the usual rules, or what others do |",
        "|---|---|---|---|---|---|",
    ]
    for line in lines:
        kept = "too few runs" if line.kept is None else "yes" if line.kept else "**no**"
        text.append(f"| {line.goal} | {line.experiment} | {line.target} | {line.measured} | {kept} | {line.usual} |")
    text += [f"| {goal} | | | measured elsewhere: {where} | | |" for goal, where in ELSEWHERE.items()]
    text += [f"| {goal} | {what} | | not built yet | | |" for goal, what in NOT_BUILT.items()]
    text += ["", *said(lines), ""]
    return "\n".join(text)


def said(lines: list[Line]) -> list[str]:
    """Sentences: the goal that is furthest below, or nearest to, its target; and each that is missed."""
    known = [line for line in lines if line.kept is not None]
    sentences = []
    if known:
        worst = min(known, key=lambda line: line.margin)
        sentences.append(f"- Worst: {worst.goal}, {worst.experiment}: {worst.measured} (target {worst.target}).")
    missed = [line for line in known if not line.kept]
    sentences += [
        f"- Missed: {line.goal}, {line.experiment}: {line.measured}, target {line.target}." for line in missed
    ]
    if known and not missed:
        sentences.append("- Nothing measured here is missed.")
    return sentences


def plain(lines: list[Line]) -> list[dict[str, Any]]:
    return [asdict(line) for line in lines]
