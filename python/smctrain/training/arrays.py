"""Choice and verdict on plain arrays: the same code as a run, without bars, labels or files."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from smctrain.audit.report import LeakReport
from smctrain.config import Config, resolve
from smctrain.dataset import Dataset
from smctrain.exceptions import InputError, SplitLeak, TrainingFailed
from smctrain.models.registry import make_trainer
from smctrain.training.bounds import Bounds
from smctrain.training.guard import Guard
from smctrain.training.judging import judge, walk_forward_rows
from smctrain.training.sentinels import run_sentinels, unseen_rows
from smctrain.training.trials import TrialBook, no_book, table_key
from smctrain.training.walk_forward import FamilyWindows, WalkForwardFit, Windows, make_windows
from smctrain.verdict import Ledger, Trials, Verdict


@dataclass(frozen=True)
class Evaluation:
    """Verdict on one table of rows, with what it was made from.

    Attributes
    ----------
    verdict : Verdict
    rows : int64 (n_oos,)
        The out-of-sample rows, as positions in the given table.
    predictions : dict of family -> ndarray (n_oos,)
        In the given labels; the label that no class has (-1 for codes) where a model is silent.
    families : dict of family -> FamilyWindows
    failures : dict of family -> str
    """

    verdict: Verdict
    rows: NDArray[np.int64]
    predictions: dict[str, NDArray[Any]]
    families: dict[str, FamilyWindows]
    failures: dict[str, str]
    windows: Windows
    walk: WalkForwardFit = field(repr=False)
    leak_audit: LeakReport = field(repr=False)
    """What the leak guard checked; columns in quarantine took no part."""

    def predict(self, X: npt.ArrayLike, family: str | None = None) -> NDArray[Any]:
        """Labels of fresh rows by the model as it would be deployed: refit on all given rows, for as many rounds as the
        windows kept (median). `family` None: the verdict's model, else the one the verdict shows."""
        name = family or self.verdict.model or str(self.verdict.evidence["shown_model"])
        config = self.walk.config
        trainer = make_trainer(name, config.family_settings(name))
        final = self.walk.refit(trainer, self.families[name], _bounds(config, self.walk.threads))
        values = final.prepare.values(np.ascontiguousarray(X, dtype=np.float32), trainer.needs_scaling)
        codes = np.argmax(np.nan_to_num(final.model.predict_proba(values)), axis=1)
        labels: NDArray[Any] = np.asarray(self.windows.label_map.classes)[codes]
        return labels


def _bounds(config: Config, threads: int) -> Bounds:
    deadline = time.monotonic() + 60.0 * config.training.time_limit_minutes
    return Bounds(config.training.seed, threads, np.zeros(1, dtype=np.uint8), deadline)


def evaluate_arrays(
    X: npt.ArrayLike,
    y: npt.ArrayLike,
    t0: npt.ArrayLike | None = None,
    t1: npt.ArrayLike | None = None,
    *,
    models: Sequence[str] | None = None,
    config: Config | Mapping[str, Any] | None = None,
    preset: str | None = None,
    first_oos: int | None = None,
    r_net: npt.ArrayLike | None = None,
    names: Sequence[str] | None = None,
    seed: int | None = None,
    threads: int = 1,
    n_symbols: int = 1,
    ledger: Trials | Ledger | str | Path | None = None,
) -> Evaluation:
    """The full choice and verdict of a training run on a table of rows.

    Outer walk-forward, every choice on purged folds inside each training part, `smctrain.decide` on the pooled
    out-of-sample answers. Nothing is written but the trials, where a ledger is given.

    Parameters
    ----------
    X : float (n, d)
        Rows in time order.
    y : int (n,)
        Class labels.
    t0, t1 : int (n,), optional
        Label intervals, both inclusive, in rows: t0 ascending. Default: row i is [i, i].
    models : family names
        Default: the four of the main job.
    config : Config or mapping of dotted keys
        Settings of a run; bars, features and labels do not count here.
    first_oos : int, optional
        Position of the first out-of-sample row; default: `evaluation.min_train` of the rows.
    r_net : float (n,), optional
        Net outcome in R of the trade on each row.
    names : column names
    n_symbols : int
        Symbols judged together: above 1 `smctrain.verdict.apply_multiple_testing` must follow.
    ledger : Trials, Ledger, path or None
        Earlier configurations scored on the same rows. A `Ledger`, or the folder of one, counts by itself: what every
        family answers is written down as soon as it was scored, and everything ever scored on the same labels,
        intervals and windows joins the test, whatever the columns were. None: nothing is counted across calls.

    Raises
    ------
    InputError
        Shapes that do not fit, rows out of order.
    SplitLeak
        Rows of a window that know each other, with the rows named.
    TooFewRows, OneClass, TrainingFailed
        When windows cannot be cut, or no family could be fitted.

    Examples
    --------
    >>> table = smctrain.testing.noise_table(2720, seed=1)                                # doctest: +SKIP
    >>> rows = np.arange(2720)                                                            # doctest: +SKIP
    >>> evaluate_arrays(table.X, table.y, rows, rows + 10, first_oos=1720).verdict.kind   # doctest: +SKIP
    'TOO_LITTLE_DATA'
    """
    values = np.ascontiguousarray(X, dtype=np.float32)
    if values.ndim != 2 or len(values) == 0:
        raise InputError(f"X must have shape (rows, columns), but has {values.shape}.")
    data = _dataset(values, y, t0, t1, r_net, names)
    before = None if first_oos is None else int(np.searchsorted(data.rows, first_oos)) / len(data.rows)
    settings = _settings(config, preset, models, seed, before)
    cut = make_windows(data, settings)
    guard = Guard(data, cut.parts[0], settings, threads, cut)
    windows = guard.before()[1] or cut
    walk = WalkForwardFit(data, windows, settings, threads, guard.quarantine, guard.provenance)
    counted = Ledger(ledger) if isinstance(ledger, str | Path) else ledger
    book = no_book(data, settings)
    if isinstance(counted, Ledger):
        book = TrialBook(counted, lambda method: table_key(data, settings, method), data, settings)
    families: dict[str, FamilyWindows] = {}
    failures: dict[str, str] = {}
    for family in settings.models:
        try:
            trainer = make_trainer(family, settings.family_settings(family))
            found = walk.fit(trainer, _bounds(settings, threads), lambda *args: None)
            book.write(walk_forward_rows(windows, {family: found}))
            families[family] = found
        except SplitLeak:  # a leak stops the table, not one family
            raise
        except Exception as error:  # the other families go on
            failures[family] = f"{type(error).__name__}: {error}"
    if not families:
        raise TrainingFailed("; ".join(f"{family}: {why}" for family, why in failures.items()))
    if settings.leak_audit.sentinels:
        used = {family: settings.family_settings(family) for family in families}
        stop = np.zeros(1, dtype=np.uint8)
        run_sentinels(
            guard, data, unseen_rows(windows.parts[0], {}, windows, families, used), settings, threads, stop
        )  # fmt: skip
    outcome = None if r_net is None else data.r
    rows = walk_forward_rows(windows, families)
    earlier = counted if isinstance(counted, Trials) else book.earlier(rows)
    verdict = judge(rows, settings, n_symbols, outcome, earlier, threads, spans=(data.t0, data.t1))
    labels = np.append(np.asarray(windows.label_map.classes), -1)
    predictions = {name: labels[found.oos] for name, found in families.items()}
    return Evaluation(verdict, windows.oos, predictions, families, failures, windows, walk, guard.report())


def _dataset(
    X: NDArray[np.float32], y: npt.ArrayLike, t0: npt.ArrayLike | None, t1: npt.ArrayLike | None,
    r_net: npt.ArrayLike | None, names: Sequence[str] | None,
) -> Dataset:  # fmt: skip
    n = len(X)
    rows = np.arange(n, dtype=np.int64)
    starts = rows if t0 is None else np.asarray(t0, dtype=np.int64)
    ends = starts if t1 is None else np.asarray(t1, dtype=np.int64)
    labels = np.asarray(y, dtype=np.float64)
    outcome = np.full(n, np.nan) if r_net is None else np.asarray(r_net, dtype=np.float64)
    for name, array in (("y", labels), ("t0", starts), ("t1", ends), ("r_net", outcome)):
        if array.shape != (n,):
            raise InputError(f"{name} must hold one value per row of X ({n}), but has shape {array.shape}.")
    if bool(np.any(np.diff(starts) < 0)):
        raise InputError("t0 must ascend: rows must be in time order.")
    columns = list(names) if names is not None else [f"x{i}" for i in range(X.shape[1])]
    if len(columns) != X.shape[1]:
        raise InputError(f"names must hold {X.shape[1]} names, one per column, but holds {len(columns)}.")
    return Dataset(
        "table", X, columns, np.flatnonzero(np.isfinite(labels)), labels, starts, ends, outcome,
        np.full(n, "", dtype=object), np.zeros(n, dtype=np.int32),
    )  # fmt: skip


def _settings(
    config: Config | Mapping[str, Any] | None, preset: str | None, models: Sequence[str] | None, seed: int | None,
    min_train: float | None,
) -> Config:  # fmt: skip
    chosen: dict[str, Any] = {}
    if models is not None:
        chosen["models"] = list(models)
    if seed is not None:
        chosen["training.seed"] = seed
    if min_train is not None:
        chosen["evaluation.min_train"] = min_train
    if isinstance(config, Config):
        updates = {"models": resolve(overrides={"models": chosen["models"]}).config.models} if models else {}
        merged = config.model_copy(update=updates)
        if seed is not None:
            merged = merged.model_copy(update={"training": merged.training.model_copy(update={"seed": seed})})
        if min_train is not None:
            evaluation = merged.evaluation.model_copy(update={"min_train": min_train})
            merged = merged.model_copy(update={"evaluation": evaluation})
        return merged
    return resolve(preset, overrides={**(config or {}), **chosen}).config
