"""The main job in one call: bars in; models, verdicts, manifest and reports out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from smctrain.config import ResolvedConfig, resolve
from smctrain.config.layers import is_mapping
from smctrain.exceptions import FeatureLeak, InputError
from smctrain.execution.messages import Event
from smctrain.results import RunResult
from smctrain.training.run import run_training

if TYPE_CHECKING:
    from smctrain.bars import BarSet
    from smctrain.features import FeatureSpec
    from smctrain.features.user import UserColumns

OnEvent = Callable[[Event], None]

_AUDITED_BARS = 3_000
"""Latest bars of a symbol on which a feature function is audited before use."""
_AUDIT_CUTS = 110
"""The first 60 rows and 50 others."""


def train(
    bars: Any,
    config: str | Path | Sequence[str | Path] | Mapping[str, Any] | ResolvedConfig | None = None,
    models: str | Sequence[str] | None = None,
    symbols: str | Sequence[str] | None = None,
    out: str | Path | None = None,
    preset: str | None = None,
    features: FeatureSpec | Callable[[Any], Any] | None = None,
    labels: Mapping[str, Any] | None = None,
    seed: int | None = None,
    workers: int | None = None,
    *,
    resume: bool = False,
    on_event: OnEvent | None = None,
    **overrides: Any,
) -> RunResult:
    """Train every model family on every symbol, decide what may be deployed, and write one folder with everything.

    Parameters
    ----------
    bars : BarSet or anything `read_bars` reads
        Bars of one or several symbols.
    config : path(s), mapping of dotted keys, or ResolvedConfig, optional
        YAML files, or settings in code.
    models : str or list of str, optional
        Families; lower-case aliases such as `mlp` are fine. Default: all four of the main job.
    symbols : list of str, optional
        Default: all.
    out : path, optional
        Run folder. Default: `<output.root>/<date-time>`.
    preset : {"fast", "default", "thorough"}, optional
    features : FeatureSpec or callable, optional
        Narrows the columns; or a function whose columns are added (data frame of bars in, frame with the same index
        out, as in `audit_features`). It runs in this process and is audited on every symbol before it is used;
        `st.load(...).predict` needs it again.
    labels : mapping, optional
        Keys of the `labels` section, for example ``{"target": 3.0}``.
    seed, workers : int, optional
        Same seed, same result, for any number of workers.
    resume : bool
        Keep symbols that `out` already holds for the same data and settings.
    on_event : callable, optional
        Receives progress events.
    **overrides
        Any setting, with `__` for the dot: ``cv__folds=3``.

    Returns
    -------
    RunResult
        `leaderboard`, `verdicts`, `failures`, `report_path`, `run["EURUSD"]["XGBoost"]`.

    Raises
    ------
    ConfigError
        All faults of the settings at once.
    FeatureLeak
        If a column of the function `features` knows the future; names column and row.
    BarError, InputError
        If there is nothing to train on. A single bad symbol is a record in `failures` instead.

    Examples
    --------
    >>> import smctrain as st
    >>> run = st.train(st.simulate_market(n_symbols=2), preset="fast", models=["rf"])   # doctest: +SKIP
    """
    from smctrain import reports

    function = features if callable(features) else None
    spec = None if callable(features) else features
    chosen = _chosen_settings(models, symbols, spec, labels, seed, workers, overrides)
    resolved = resolved_config(config, preset, chosen)
    bar_set = as_bars(bars, resolved)
    folder = Path(out) if out is not None else new_folder(resolved.config.output.root)
    own = None if function is None else _own_columns(function, bar_set, resolved)
    run = run_training(bar_set, resolved, folder, on_event=on_event, resume=resume, user=own)
    if not run.interrupted:  # who pressed Ctrl-C does not wait for reports; `smctrain report` makes them
        reports.write_run(run)
    return run


def _own_columns(function: Callable[[Any], Any], bars: BarSet, resolved: ResolvedConfig) -> dict[str, UserColumns]:
    """The function's columns of every symbol of the run, audited. Where it fails, the symbol fails with its words."""
    from smctrain.audit import audit_features
    from smctrain.features.user import UserColumns, user_columns
    from smctrain.training.recipe import base_bars, make_labels

    config = resolved.config
    draws = config.leak_audit.canary
    made: dict[str, UserColumns] = {}
    for symbol in bars.symbols if config.symbols is None else [s for s in config.symbols if s in bars]:
        try:
            base = base_bars(bars[symbol], config)
            latest = base[max(0, len(base) - _AUDITED_BARS) :]
            audit_features(
                latest, function, cuts=_AUDIT_CUTS, seed=config.training.seed, canary=draws > 0, draws=max(3, draws),
                labels=lambda bars: make_labels(bars, config),
            ).raise_if_leaking()  # fmt: skip
            made[symbol] = user_columns(function, base)
        except FeatureLeak:
            raise
        except Exception as error:  # the function's own errors fail the symbol, not the run
            words = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
            made[symbol] = UserColumns(np.empty((0, 0)), [], f"the feature function cannot be used: {words}")
    return made


def as_bars(bars: Any, resolved: ResolvedConfig) -> BarSet:
    """A BarSet from a BarSet or from anything `read_bars` reads."""
    from smctrain.bars import BarSet, read_bars

    if isinstance(bars, BarSet):
        return bars
    data = resolved.config.data
    return read_bars(
        bars,
        symbols=resolved.config.symbols,
        tz=data.tz,
        stamp=data.stamp,
        fix=data.fix,
        quarantine=data.quarantine,
        calendar=data.calendar,
        day_roll=data.day_roll,
    )


def new_folder(root: str | Path) -> Path:
    """A run folder that does not exist yet, named by the time."""
    stem = dt.datetime.now().strftime("%Y-%m-%d_%H%M%S")
    folder, number = Path(root) / stem, 1
    while folder.exists():
        folder, number = Path(root) / f"{stem}-{number}", number + 1
    return folder


def _chosen_settings(
    models: str | Sequence[str] | None, symbols: str | Sequence[str] | None, features: FeatureSpec | None,
    labels: Mapping[str, Any] | None, seed: int | None, workers: int | None, overrides: Mapping[str, Any],
) -> dict[str, Any]:  # fmt: skip
    chosen: dict[str, Any] = {key.replace("__", "."): value for key, value in overrides.items()}
    if models is not None:
        chosen["models"] = [models] if isinstance(models, str) else list(models)
    if symbols is not None:
        chosen["symbols"] = [symbols] if isinstance(symbols, str) else list(symbols)
    if seed is not None:
        chosen["training.seed"] = seed
    if workers is not None:
        chosen["training.workers"] = workers
    for key, value in (labels or {}).items():
        chosen[f"labels.{key}"] = value
    if features is not None:
        keys = ("preset", "higher", "groups", "columns", "extra", "settings")
        chosen |= {f"features.{key}": getattr(features, key) for key in keys}
        if features.base:
            chosen["data.base"] = features.base
    return chosen


def resolved_config(config: Any, preset: str | None, chosen: Mapping[str, Any] | None = None) -> ResolvedConfig:
    """Settings from whatever `train` takes as `config`, a preset, and single settings that win over both."""
    chosen = chosen or {}
    if isinstance(config, ResolvedConfig):
        return config
    if isinstance(config, Mapping):
        return resolve(preset, overrides={**_dotted(config), **chosen})
    files = [] if config is None else [config] if isinstance(config, str | Path) else list(config)
    return resolve(preset, files=files, overrides=chosen)


def _dotted(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Single settings by their dotted keys; a setting that is a mapping itself stays whole."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        dotted = f"{prefix}.{key}" if prefix else str(key)
        nested = isinstance(value, Mapping) and not is_mapping(dotted)
        flat |= _dotted(value, dotted) if nested else {dotted: value}
    return flat
