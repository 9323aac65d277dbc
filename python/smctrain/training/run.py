"""A run: many symbols through the river, on an explicit thread budget, into one folder. Continues on failure."""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from smctrain.artifact import dumps_strict, read_json, sweep_stale, versions, write_atomic, write_json
from smctrain.bars import BarSet, SymbolBars
from smctrain.config import Config, ResolvedConfig
from smctrain.exceptions import InputError, SmctrainError
from smctrain.execution.executor import available_cores, run_tasks
from smctrain.execution.messages import Done, Event, Task
from smctrain.features.user import UserColumns
from smctrain.results import SCHEMA_VERSION, FailureRecord, RunResult, SymbolResult, now
from smctrain.selection import ModelSelector
from smctrain.training.files import symbol_folder
from smctrain.training.manifest import manifest_selections, selection_of
from smctrain.training.recipe import base_bars, check_features, data_hash
from smctrain.training.sentinels import OtherSymbol
from smctrain.training.trials import judged_before
from smctrain.verdict import Verdict, apply_multiple_testing

log = logging.getLogger(__name__)
OnEvent = Callable[[Event], None]

_FOLDERS_IN_USE: set[Path] = set()
"""Run folders this very process writes to; other processes are kept out by the lock file."""


def run_training(
    bars: BarSet,
    resolved: ResolvedConfig,
    folder: Path | None,
    on_event: OnEvent | None = None,
    resume: bool = False,
    user: Mapping[str, UserColumns] | None = None,
) -> RunResult:
    """Train all chosen symbols; `user` holds columns of the user's own by symbol.

    Files of each symbol are written as it finishes; `finish` writes those of the run.

    Ctrl-C ends within a second: finished symbols are kept and the result is marked `interrupted`.
    """
    config = resolved.config
    own = dict(user or {})
    started = time.monotonic()
    symbols = _chosen(bars, config)
    failures = [FailureRecord.of(error, symbol, "bars") for symbol, error in bars.failures.items() if symbol in symbols]
    todo = [symbol for symbol in symbols if symbol in bars]
    check_features((bars[symbol] for symbol in todo), config)
    emit = on_event or (lambda event: None)
    results: dict[str, SymbolResult] = {}
    interrupted = False
    with _RunFolder(folder) as run_folder:
        if run_folder is not None:
            write_atomic(run_folder / "config.yaml", resolved.to_yaml(origin=True).encode())
            log_event = _event_log(run_folder, emit)
        else:
            log_event = emit
        if resume and run_folder is not None:
            for symbol in list(todo):
                found = _finished(run_folder, symbol, bars[symbol], resolved, own.get(symbol))
                if found is not None:
                    results[symbol] = found
                    todo.remove(symbol)
                    log_event(Event(symbol, "kept", detail="already trained with the same data and settings"))
        workers, threads = thread_budget(config, len(todo))
        tasks = [_task(symbol, bars, config, folder, threads, len(symbols), own) for symbol in todo]
        try:
            for outcome in run_tasks(tasks, workers, threads, log_event):
                if isinstance(outcome, Done):
                    results[outcome.key] = SymbolResult.from_dict(outcome.value)
                    log_event(Event(outcome.key, "done", 1, 1, str(results[outcome.key].verdict.get("kind"))))
                else:
                    failures.append(FailureRecord.from_dict(outcome.record))
                    log_event(Event(outcome.key, "failed", 1, 1, failures[-1].error))
        except KeyboardInterrupt:
            interrupted = True
        run = RunResult(
            name=folder.name if folder is not None else "in memory",
            timestamp=now(),
            symbols={symbol: results[symbol] for symbol in sorted(results)},
            symbol_failures=sorted(failures, key=lambda record: record.symbol),
            config=config.model_dump(mode="json"),
            config_hash=resolved.hash(),
            folder=folder,
            seconds=round(time.monotonic() - started, 3),
            truth=[asdict(truth) for truth in bars.truth_list if truth.symbol in symbols],
            interrupted=interrupted,
            pending=[s for s in todo if s not in results and all(f.symbol != s for f in failures)],
            environment=versions(),
        )
        finish(run, config)
    return run


def thread_budget(config: Config, n_tasks: int) -> tuple[int, int]:
    """Workers and threads per worker; their product never exceeds the cores."""
    cores = available_cores()
    workers = max(1, min(config.training.workers or cores, n_tasks, cores))
    return workers, max(1, cores // workers)


def finish(run: RunResult, config: Config) -> None:
    """What needs all symbols: error control over the run's verdicts, selection, and the run's own JSON files."""
    if run.symbols:
        found = {s: Verdict.from_dict(r.verdict) for s, r in run.symbols.items()}
        ledger = None if run.folder is None else ledger_folder(config, run.folder)
        earlier = judged_before(ledger, run.symbols, found, config)
        verdicts = apply_multiple_testing(found, dependence=config.evaluation.dependence, earlier=earlier)
        for symbol, verdict in verdicts.items():
            run.symbols[symbol].verdict = verdict.to_dict()
    s = config.selector
    selector = ModelSelector(s.max_gap, s.min_accuracy, s.stability_threshold, profile=s.profile)
    table = results_table(run)
    selections: dict[str, Any] = {}
    for symbol, result in run.symbols.items():
        # Not chosen a second time: the manifest and the verdict cannot name two models.
        result.selection = selections[symbol] = selection_of(result)
    if run.folder is None:
        return
    write_json(
        run.folder / "training_results.json",
        {
            "schema_version": SCHEMA_VERSION,
            "timestamp": run.timestamp,
            "training_results": table,
            "model_selections": selections,
            "warnings": all_warnings(run),
            "verdicts": {symbol: result.verdict for symbol, result in run.symbols.items()},
            "failures": [failure.to_dict() for failure in run.failures],
            "symbols": {s: _symbol_header(r) for s, r in run.symbols.items()},
            "truth": run.truth,
            "interrupted": run.interrupted,
            "pending": run.pending,
            "config_hash": run.config_hash,
            "environment": run.environment,
            "seconds": run.seconds,
            "name": run.name,
            "config": run.config,
        },
    )
    # Last: a reader trusts only what the manifest lists.
    selector.save_deployment_manifest(
        manifest_selections(run, selections), str(run.folder / "deployment_manifest.json")
    )


def results_table(run: RunResult) -> dict[str, dict[str, Any]]:
    """Results by symbol and model, error records included (`mission` 5.1)."""
    table: dict[str, dict[str, Any]] = {}
    for symbol, result in run.symbols.items():
        table[symbol] = {name: model.to_dict() for name, model in result.models.items()}
        table[symbol] |= {f.model or f.stage: f.to_dict() for f in result.failures}
        for model in table[symbol].values():
            model["verdict"] = result.verdict.get("kind")
    for failure in run.symbol_failures:
        table[failure.symbol] = failure.to_dict()
    return table


def all_warnings(run: RunResult) -> list[str]:
    """Every warning of the run as one sentence."""
    warnings = [
        f"{symbol} {name}: {text}"
        for symbol, result in run.symbols.items()
        for name, model in result.models.items()
        for text in model.warnings
    ]
    return warnings + [
        f"{failure.symbol}{' ' + failure.model if failure.model else ''}: training failed ({failure.stage}): "
        f"{failure.error}"
        for failure in run.failures
    ]


def _symbol_header(result: SymbolResult) -> dict[str, Any]:
    record = result.to_dict()
    for key in ("models", "failures", "verdict", "selection"):
        record.pop(key)
    return record


def _chosen(bars: BarSet, config: Config) -> list[str]:
    known = sorted({*bars.symbols, *bars.failures})
    if config.symbols is None:
        if not known:
            raise InputError("There are no bars to train on.")
        return known
    for symbol in config.symbols:
        if symbol not in known:
            bars[symbol]  # raises with the nearest name
    return sorted(config.symbols)


def _task(
    symbol: str, bars: BarSet, config: Config, folder: Path | None, threads: int, n_symbols: int,
    own: Mapping[str, UserColumns],
) -> Task:  # fmt: skip
    ledger = ledger_folder(config, folder)
    return Task(
        symbol,
        "smctrain.training.symbol:train_symbol",
        {
            "bars": _frames(bars[symbol], config),
            "config": config,
            "folder": None if folder is None else str(folder),
            "issues": [asdict(issue) for issue in bars.issue_list if issue.symbol == symbol],
            "threads": threads,
            "n_symbols": n_symbols,
            "user": own.get(symbol),
            "other": _other(symbol, bars, config, own) if config.leak_audit.sentinels else None,
            "ledger": None if ledger is None else str(ledger),
        },
    )


def _other(symbol: str, bars: BarSet, config: Config, own: Mapping[str, UserColumns]) -> OtherSymbol | None:
    """The next symbol of the run, in a circle."""
    known = [name for name in _chosen(bars, config) if name in bars]
    if len(known) < 2:
        return None
    name = known[(known.index(symbol) + 1) % len(known)]
    return OtherSymbol(_frames(bars[name], config), own.get(name))


def ledger_folder(config: Config, folder: Path | None) -> Path | None:
    """Where trials are counted: beside the run folders, so that it knows all of them. A run in memory has no folder:
    None, unless a ledger is named."""
    named = config.output.ledger or os.environ.get("SMCTRAIN_LEDGER")
    if named:
        return Path(named)
    return None if folder is None else folder.absolute().parent / "ledger"


def _frames(bars: SymbolBars, config: Config) -> SymbolBars:
    """The timeframes a run reads: the base and the higher ones of the features."""
    wanted = {base_bars(bars, config).timeframe, *config.features.higher}
    return SymbolBars(bars.symbol, {tf: bars[tf] for tf in bars if tf in wanted})


def _finished(
    folder: Path, symbol: str, bars: SymbolBars, resolved: ResolvedConfig, user: UserColumns | None
) -> SymbolResult | None:
    """An earlier result of the same data and settings whose files are all there."""
    try:
        result = SymbolResult.from_dict(read_json(symbol_folder(folder, symbol) / "result.json"))
    except (OSError, ValueError, TypeError):
        return None
    same = result.config_hash == resolved.hash() and result.data_hash == data_hash(_frames(bars, resolved.config), user)
    complete = all(
        _intact(folder, stored)
        for model in result.models.values()
        for stored in (model.artifact, *([model.final] if model.final else []))
    )
    return result if same and complete and not result.failures else None


def _intact(folder: Path, artifact: dict[str, Any]) -> bool:
    """Whether a model file is there and is the one that was written."""
    try:
        content = (folder / str(artifact.get("path"))).read_bytes()
    except OSError:
        return False
    return hashlib.sha256(content).hexdigest() == artifact.get("sha256")


class _RunFolder:
    """Creates the run folder, sweeps what a killed run left, and keeps a second run out while this one works."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def __enter__(self) -> Path | None:
        if self.folder is None:
            return None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SmctrainError(
                f"{self.folder} cannot be made a run folder: {error.strerror}. Choose another one."
            ) from error
        lock = self.folder / ".lock"
        if self.folder.resolve() in _FOLDERS_IN_USE:
            raise _in_use(self.folder, os.getpid())
        try:
            handle = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        except FileExistsError:
            owner = _owner(lock)
            if owner is not None:
                raise _in_use(self.folder, owner) from None
            handle = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.write(handle, f"{os.getpid()}\n".encode())
        os.close(handle)
        _FOLDERS_IN_USE.add(self.folder.resolve())
        sweep_stale(self.folder, older_than_s=0.0)
        return self.folder

    def __exit__(self, *exc: object) -> None:
        if self.folder is not None:
            # Workers that Ctrl-C ended in the middle of a file are gone by now.
            sweep_stale(self.folder, older_than_s=0.0)
            (self.folder / ".lock").unlink(missing_ok=True)
            _FOLDERS_IN_USE.discard(self.folder.resolve())


def _in_use(folder: Path, owner: int) -> SmctrainError:
    return SmctrainError(f"another run (process {owner}) is writing to {folder}; wait for it or choose another folder.")


def _owner(lock: Path) -> int | None:
    """Process id in a lock file if that process is alive."""
    try:
        pid = int(lock.read_text().strip())
        os.kill(pid, 0)
    except PermissionError:  # alive, and somebody else's
        return pid
    except (ValueError, OSError):
        return None
    return None if pid == os.getpid() else pid


def _event_log(folder: Path, emit: OnEvent) -> OnEvent:
    """Append every event to events.jsonl and, as a line to read, each new stage to run.log; then pass it on."""
    stages: dict[str, str] = {}

    def handle(event: Event) -> None:
        time = now()
        with (folder / "events.jsonl").open("a", encoding="utf-8") as file:
            file.write(dumps_strict({"time": time, **asdict(event)}, indent=None) + "\n")
        if stages.get(event.key) != event.stage:
            stages[event.key] = event.stage
            # One line per record: control characters of names and messages are escaped.
            text = f"{event.key}: {event.stage} {event.detail}".strip().encode("unicode_escape").decode("ascii")
            with (folder / "run.log").open("a", encoding="utf-8") as file:
                file.write(f"{time} {text}\n")
        emit(event)

    return handle


__all__ = [
    "all_warnings", "finish", "manifest_selections", "results_table", "run_training",
    "thread_budget",
]  # fmt: skip
