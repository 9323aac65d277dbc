"""Which rows are held out, which are left to learn from, and which are kept at all."""

from __future__ import annotations

from typing import Any

import numpy as np

import smctrain as st

from .base import HORIZON, LABELS, N_ROWS, Array, Rows, Splits, case, on_bars, on_table


def plain(d: Any) -> Any:
    """Honest columns."""
    r = np.log(d.close).diff()
    return d[[]].assign(mom_5=r.rolling(5).sum(), mom_20=r.rolling(20).sum(), vol_20=r.rolling(20).std())


@case("L3.2", "(split)")
def gap_shorter_than_the_label(seed: int, leaky: bool) -> dict[str, Any]:
    from sklearn.model_selection import TimeSeriesSplit

    cv = TimeSeriesSplit(4, gap=3 if leaky else HORIZON)
    return on_table(seed, split=lambda X, y, t0, t1: list(cv.split(X)))


@case("L3.2", "(split)")
def days_as_groups(seed: int, leaky: bool) -> dict[str, Any]:
    from sklearn.model_selection import GroupKFold

    def split(X: Array, y: Array, t0: Rows, t1: Rows) -> Splits:
        folds = []
        for train, held in GroupKFold(4).split(X, groups=np.arange(len(y)) // 96):
            near = np.zeros(len(y) + 2 * HORIZON + 1, bool)
            for shift in range(2 * HORIZON + 1):
                near[held + shift] = True  # rows within a label of a held-out one
            folds.append((train if leaky else train[~near[HORIZON : -HORIZON - 1][train]], held))
        return folds

    return on_table(seed, split=split)


@case("L3.2", "(split)")
def purged_by_bars_but_labels_run_longer(seed: int, leaky: bool) -> dict[str, Any]:
    def split(X: Array, y: Array, t0: Rows, t1: Rows) -> Splits:
        folds = []
        for k in (0.4, 0.6, 0.8):
            a, b = int(k * len(y)), int((k + 0.2) * len(y))
            before = t0 < t0[a] - 12 if leaky else t1 < t0[a]
            folds.append((np.flatnonzero(before), np.arange(a, b)))
        return folds

    return on_bars(seed, plain, labels=LABELS | {"horizon": 60, "target": 4.0, "stop": 4.0}, split=split)


@case("L3.2", "(split)", "(rows)", "(labels)")
def shuffled_folds_of_a_table_without_label_ends(seed: int, leaky: bool) -> dict[str, Any]:
    from sklearn.model_selection import KFold

    rows = np.arange(N_ROWS)  # the caller says every label ends in its own row
    if not leaky:
        return on_table(seed)
    cv = KFold(4, shuffle=True, random_state=seed)
    return on_table(seed, intervals=(rows, rows), split=lambda X, y, t0, t1: list(cv.split(X)))


@case("L3.2", "(split)", "(rows)", "(labels)")
def blocks_of_a_table_without_label_ends(seed: int, leaky: bool) -> dict[str, Any]:
    from sklearn.model_selection import KFold

    rows = np.arange(N_ROWS)
    if not leaky:
        return on_table(seed)
    return on_table(seed, intervals=(rows, rows), split=lambda X, y, t0, t1: list(KFold(4).split(X)))


@case("L3.2", "(split)")
def symbols_below_one_another(seed: int, leaky: bool) -> dict[str, Any]:
    base = st.testing.noise_table(500, seed=seed)
    rng = np.random.default_rng(seed)
    X = np.vstack([base.X + 0.3 * rng.standard_normal(base.X.shape) for _ in range(3)])
    y = np.concatenate([np.where(rng.random(500) < 0.9, base.y, 1 - base.y) for _ in range(3)]).astype(float)
    t0, groups = np.tile(np.arange(500), 3), np.repeat([0, 1, 2], 500)

    def split(X: Array, y: Array, t0: Rows, t1: Rows) -> Splits:
        cut = len(y) * 7 // 10
        if leaky:
            return [(np.arange(cut), np.arange(cut, len(y)))]
        return [(np.flatnonzero(t1 < 350), np.flatnonzero(t0 >= 350))]

    return on_table(seed, X=X, y=y, intervals=(t0, t0 + HORIZON), groups=groups, split=split)


@case("L3.2", "(labels)", "(split)")
def own_labels_that_hide_how_far_they_look(seed: int, leaky: bool) -> dict[str, Any]:
    from dataclasses import replace

    def labels(b: Any) -> Any:
        lab = st.forward_return(b, 20, band=0.0)
        return replace(lab, t1=lab.t0 + 1) if leaky else lab

    return on_bars(seed, plain, labels=labels)


def chosen(seed: int, keep: Any) -> dict[str, Any]:
    """Labels of the rows for which `keep` (a function of the frame) is true."""

    def labels(b: Any) -> Any:
        rows = np.flatnonzero(np.asarray(keep(b.to_pandas())) == True)  # noqa: E712 - NaN is not kept
        return st.forward_return(b, HORIZON, band=0.0, rows=rows)

    return on_bars(seed, plain, labels=labels)


@case("L3.3", "(labels)")
def only_moves_that_were_large(seed: int, leaky: bool) -> dict[str, Any]:
    def keep(d: Any) -> Any:
        move = d.close.shift(-HORIZON) - d.close if leaky else d.close.diff(HORIZON)
        return move.abs() > 2.0 * d.close.diff().rolling(50).std()

    return chosen(seed, keep)


@case("L3.3", "(labels)")
def only_days_that_were_busy(seed: int, leaky: bool) -> dict[str, Any]:
    def keep(d: Any) -> Any:
        days = d.resample("1D").agg({"high": "max", "low": "min"}).dropna()
        size = (days.high - days.low) / days.low
        busy = size > size.shift(1)
        busy = busy if leaky else busy.shift(1, fill_value=True)
        return busy.reindex(d.index.normalize()).set_axis(d.index).astype(float)

    return chosen(seed, keep)


@case("L3.3", "(labels)")
def only_stretches_the_symbol_survived(seed: int, leaky: bool) -> dict[str, Any]:
    def keep(d: Any) -> Any:
        then = d.close.shift(-100) if leaky else d.close
        now = d.close if leaky else d.close.shift(100)
        return then > now * 0.99

    return chosen(seed, keep)


@case("L3.3", "(labels)")
def outliers_of_the_outcome_cleaned_away(seed: int, leaky: bool) -> dict[str, Any]:
    def keep(d: Any) -> Any:
        move = d.close.shift(-HORIZON) - d.close if leaky else d.close.diff(HORIZON)
        return move > -1.2 * d.close.diff(HORIZON).rolling(100, min_periods=20).std()

    return chosen(seed, keep)
