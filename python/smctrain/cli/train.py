"""`smctrain train`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from smctrain.artifact import dumps_strict
from smctrain.cli.display import Display, print_run
from smctrain.config import ResolvedConfig, resolve


def train(
    data: Path,
    *,
    symbols: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    models: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    preset: str | None = None,
    config: Annotated[list[Path] | None, Parameter(consume_multiple=True)] = None,
    set_: Annotated[list[str] | None, Parameter(name="--set", consume_multiple=True)] = None,
    out: Path | None = None,
    workers: int | None = None,
    seed: int | None = None,
    resume: bool = False,
    fresh: bool = False,
    dry_run: bool = False,
    require_deploy: bool = False,
    sentinels: bool = False,
    canary: int | None = None,
    json: bool = False,
    quiet: Annotated[bool, Parameter(alias="-q")] = False,
) -> int:
    """Train all models on a folder of bars, decide per symbol, and write one run folder.

    Examples: `smctrain train bars/ --out runs/first`,
    `smctrain train bars/ --preset fast --models rf xgboost`

    Exit code 0: done; NO_EVIDENCE and TOO_LITTLE_DATA are results, not errors. 1: some symbols or models failed.
    2: usage or settings. 3: data. 4: no DEPLOY, with --require-deploy only. 130: interrupted.

    Parameters
    ----------
    data
        Folder of SYMBOL_TF.csv[.gz] exports, one CSV or parquet file, or a folder interval=*/symbol=*.
    symbols
        Symbols to train; all by default.
    models
        Families: RandomForest XGBoost NeuralNetwork LSTM, or rf xgboost mlp lstm.
    preset
        fast, default or thorough.
    config
        YAML files; later ones win.
    set_
        Single settings as key=value, for example cv.folds=3.
    out
        Run folder; a new one below output.root by default.
    workers
        Symbols trained at the same time; one per core by default.
    seed
        Seed of everything random; the same seed gives the same result for any number of workers.
    resume
        Keep symbols the run folder already holds for the same data and settings.
    fresh
        Train all symbols even if `out` already holds results (the default unless --resume is given).
    dry_run
        Print the plan and write nothing.
    require_deploy
        Exit with 4 when no symbol ends in DEPLOY.
    sentinels
        Alter held-out rows and fit again, look for knowledge of later labels, ask a forest of another symbol: slower.
    canary
        Draws of unpredictable bars (at least 3) on which models must not beat the majority.
    json
        Print the results as JSON on standard output, everything else on standard error.
    quiet
        No progress.
    """
    from smctrain.job import as_bars, new_folder
    from smctrain.job import train as train_job

    overrides: dict[str, Any] = {}
    if symbols:
        overrides["symbols"] = symbols
    if models:
        overrides["models"] = models
    if workers is not None:
        overrides["training.workers"] = workers
    if seed is not None:
        overrides["training.seed"] = seed
    if sentinels:
        overrides["leak_audit.sentinels"] = True
    if canary is not None:
        overrides["leak_audit.canary"] = canary
    resolved = resolve(preset, files=config or [], overrides=overrides, assignments=set_ or [])
    bars = as_bars(data, resolved)
    if dry_run:
        return _plan(bars, resolved, json)
    folder = out or new_folder(resolved.config.output.root)
    if (folder / "training_results.json").exists() and not (resume and not fresh):
        print(
            f"{folder} already holds a run; its results are replaced. --resume keeps symbols finished with the same "
            "data and settings.",
            file=sys.stderr,
        )
    with Display(quiet=quiet or json, n_symbols=len(bars.symbols)) as display:
        run = train_job(bars, resolved, out=folder, resume=resume and not fresh, on_event=display.handle)
    if json:
        print((folder / "training_results.json").read_text(encoding="utf-8"), end="")
    print_run(run, file=sys.stderr if json else sys.stdout)
    if run.interrupted:
        print(
            f"Interrupted. {len(run.symbols)} symbols are saved; the same command with --out {folder} --resume trains "
            f"the other {len(run.pending)}, `smctrain report {folder}` shows what there is.",
            file=sys.stderr,
        )
    return run.exit_code(require_deploy)


def _plan(bars: Any, resolved: ResolvedConfig, as_json: bool) -> int:
    """What a run would do; nothing is written."""
    from smctrain.training.recipe import base_bars, check_features
    from smctrain.training.run import thread_budget

    config = resolved.config
    chosen = config.symbols or tuple(bars.symbols)
    check_features((bars[symbol] for symbol in chosen if symbol in bars), config)
    workers, threads = thread_budget(config, len(chosen))
    jobs: list[dict[str, Any]] = []
    for symbol in chosen:
        if symbol in bars.failures:
            continue
        base = base_bars(bars[symbol], config)
        jobs.append({"symbol": symbol, "timeframe": base.timeframe, "bars": len(base), "models": list(config.models)})
    fits = len(jobs) * len(config.models) * (config.cv.splits + 1)
    plan: dict[str, Any] = {
        "symbols": jobs,
        "unusable": {symbol: str(error) for symbol, error in bars.failures.items()},
        "fits": fits,
        "workers": workers,
        "threads_per_worker": threads,
        "config_hash": resolved.hash(),
    }
    if as_json:
        print(dumps_strict(plan))
        return 0
    for job in jobs:
        print(f"{job['symbol']:<10} {job['timeframe']:<4} {job['bars']:>8} bars  {', '.join(config.models)}")
    for symbol, reason in bars.failures.items():
        print(f"{symbol:<10} cannot be used: {str(reason).removeprefix(f'{symbol}: ')}")
    print(f"{fits} fits, {workers} workers of {threads} thread{'s' if threads > 1 else ''}; nothing was written.")
    return 0
