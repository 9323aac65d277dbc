"""Progress and the final table. Bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import IO, Any

from smctrain.execution.messages import Event
from smctrain.results import RunResult

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
    """One row per symbol: symbol, best model, accuracy with interval, majority, verdict, why."""
    rows = []
    for symbol, result in run.symbols.items():
        best = result.best
        accuracy = majority = name = "-"
        if best is not None:
            low, high = best.intervals.get("test") or (None, None)
            name = best.model_name
            accuracy = percent(best.history.get("test_accuracy"))
            if low is not None and high is not None:
                accuracy += f" ({100 * low:.0f}-{100 * high:.0f})"
            majority = percent(best.baselines.get("test", {}).get("majority"))
        reasons = result.verdict.get("reasons") or [""]
        rows.append([symbol, name, accuracy, majority, str(result.verdict.get("kind")), str(reasons[0])])
    for failure in run.symbol_failures:
        rows.append([failure.symbol, "-", "-", "-", "FAILED", f"{failure.error_type}: {failure.error}"])
    return rows


def print_run(run: RunResult, file: IO[str] | None = None) -> None:
    """The table of a run and where its report is."""
    import shutil
    import textwrap

    file = file or sys.stdout
    header = ["symbol", "best model", "test accuracy (95 %)", "majority", "verdict", "why"]
    rows = summary_rows(run)
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(5)]
    # Outside a terminal a wide line is better than a broken sentence.
    columns = max(shutil.get_terminal_size((140, 24)).columns, 100)
    room = max(30, columns - sum(widths) - 2 * 5 - 1)
    indent = " " * (sum(widths) + 2 * 5)
    for row in [header, ["-" * width for width in widths] + ["---"], *rows]:
        first, *rest = textwrap.wrap(row[5], room) or [""]
        print(
            "  ".join([text.ljust(width) for text, width in zip(row[:5], widths, strict=True)] + [first]),
            file=file,
        )
        for line in rest:
            print(indent + line, file=file)
    trained = sum(len(result.models) for result in run.symbols.values())
    failed = len(run.failures)
    deploy = sum(result.verdict.get("kind") == "DEPLOY" for result in run.symbols.values())
    print(
        f"\n{len(rows)} symbols, {trained} models trained, {failed} failed, {deploy} to deploy; {run.seconds:.1f} s.",
        file=file,
    )
    for failure in run.failures:
        where = f"{failure.symbol} {failure.model}" if failure.model else failure.symbol
        if failure.model:
            print(f"failed: {where} ({failure.stage}): {failure.error_type}: {failure.error}", file=file)
    if run.report_path is not None and not run.interrupted:
        print(f"Report: {run.report_path}", file=file)
