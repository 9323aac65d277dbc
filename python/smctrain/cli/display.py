"""Progress and the final table. Bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import IO, Any

from smctrain.execution.messages import Event
from smctrain.results import RunResult, SymbolResult

_LINE_EVERY_S = 10.0


class Display:
    """Shows events of a run on standard error: what is running, how far, how long still."""

    def __init__(self, quiet: bool, n_symbols: int) -> None:
        self.quiet, self.n_symbols = quiet, n_symbols
        self.finished = 0
        self.started = time.monotonic()
        self.last_line = 0.0
        self.now: dict[str, str] = {}
        self.live: Any = None
        self.task: Any = None

    def __enter__(self) -> Display:
        if not self.quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            self.live = Progress(
                TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn(),
                console=Console(stderr=True), transient=True,
            )  # fmt: skip
            self.live.__enter__()
            self.task = self.live.add_task("training", total=self.n_symbols)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live is not None:
            self.live.__exit__(kind, error, trace)

    def handle(self, event: Event) -> None:
        """Take one event."""
        ended = event.stage in {"done", "failed", "kept"}
        if ended:
            self.finished += 1
            self.now.pop(event.key, None)
        else:
            part = f" {event.done}/{event.total}" if event.total > 1 else ""
            self.now[event.key] = f"{event.key}: {event.stage}{part}"
        if self.quiet:
            return
        running = "; ".join(self.now.values())
        if self.live is not None:
            self.live.update(self.task, completed=self.finished, description=running or "training")
            if ended:
                self.live.console.print(f"{event.key}: {event.stage} {event.detail}", highlight=False, markup=False)
            return
        passed = time.monotonic() - self.started
        if ended or passed - self.last_line >= _LINE_EVERY_S:
            self.last_line = passed
            left = (
                f", about {passed / self.finished * (self.n_symbols - self.finished):.0f} s left"
                if self.finished
                else ""
            )
            what = f"{event.key}: {event.stage} {event.detail}".strip() if ended else running
            print(f"[{passed:6.1f} s] {self.finished}/{self.n_symbols} symbols{left} - {what}", file=sys.stderr)


def percent(value: float | None) -> str:
    """61.2 % or a dash."""
    return "-" if value is None else f"{100 * value:.1f} %"


def summary_rows(run: RunResult) -> list[list[str]]:
    """One row per symbol: symbol, best model, accuracy with interval, majority, skill, verdict, why.

    Skill is the lead over the baseline in points, in the metric the verdict used.
    """
    rows = []
    for symbol, result in run.symbols.items():
        judged, skill = result.judged, "-"
        name = result.best.model_name if result.best is not None else "-"
        accuracy = percent(judged["accuracy"])
        if judged["low"] is not None and judged["high"] is not None:
            accuracy += f" ({100 * judged['low']:.0f}-{100 * judged['high']:.0f})"
        majority = percent(judged["majority"])
        if result.verdict.get("evidence", {}).get("skill") is not None:
            skill = f"{100 * result.verdict['evidence']['skill']:+.1f}{'*' if _is_balanced(result) else ''}"
        reasons = result.verdict.get("reasons") or [""]
        rows.append([symbol, name, accuracy, majority, skill, str(result.verdict.get("kind")), str(reasons[0])])
    for failure in run.symbol_failures:
        rows.append([failure.symbol, "-", "-", "-", "-", "FAILED", f"{failure.error_type}: {failure.error}"])
    return rows


def _is_balanced(result: SymbolResult) -> bool:
    return bool(result.verdict.get("evidence", {}).get("metric") == "balanced_accuracy")


def print_run(run: RunResult, file: IO[str] | None = None) -> None:
    """The table of a run and where its report is."""
    import shutil
    import textwrap

    file = file or sys.stdout
    header = ["symbol", "best model", "test accuracy (95 %)", "majority", "skill", "verdict", "why"]
    rows = summary_rows(run)
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(6)]
    columns = shutil.get_terminal_size((140, 24)).columns
    table_width = sum(widths) + 2 * 6
    below = columns - table_width < 31  # the sentence gets lines of its own where a column would be too narrow
    indent = "  " if below else " " * table_width
    room = max(30, columns - len(indent) - 1)
    for row in [header, ["-" * width for width in widths] + ["---"], *rows]:
        cells = "  ".join(text.ljust(width) for text, width in zip(row[:6], widths, strict=True))
        is_head = row[0] == header[0] or row[0].startswith("---")
        first, *rest = textwrap.wrap(row[6], room) or [""]
        if below:
            print(cells.rstrip(), file=file)
            rest = [] if is_head else [first, *rest]
        else:
            print(f"{cells}  {first}", file=file)
        for line in rest:
            print(indent + line, file=file)
    if any(_is_balanced(result) for result in run.symbols.values()):
        print(
            "\n* One class holds over 60 % of the training rows: models are chosen and judged by balanced accuracy\n"
            "  (all classes weigh the same). Skill is its lead over 1/classes; the plain accuracy may lie far below\n"
            "  the majority and says little.",
            file=file,
        )
    trained = sum(len(result.models) for result in run.symbols.values())
    failed = len(run.failures)
    deploy = sum(result.verdict.get("kind") == "DEPLOY" for result in run.symbols.values())
    print(
        f"\n{len(rows)} symbol{'' if len(rows) == 1 else 's'}, {trained} model{'' if trained == 1 else 's'} trained, "
        f"{failed} failed, {deploy} to deploy; {run.seconds:.1f} s.",
        file=file,
    )
    for failure in run.failures:
        where = f"{failure.symbol} {failure.model}" if failure.model else failure.symbol
        if failure.model:
            print(f"failed: {where} ({failure.stage}): {failure.error_type}: {failure.error}", file=file)
    if run.report_path is not None and not run.interrupted:
        print(f"Report: {run.report_path}", file=file)
