"""The pipeline under test, on a table: four families, inner purged folds, everything chosen before the first test row.

1. rows        training, validation, out-of-sample, a label length apart from each other
2. fits        every family on five purged folds of the training rows, then on all of them (its newest 15 % stop early)
3. predictions out-of-fold training rows and validation rows (inner), out-of-sample rows
4. verdict     `st.decide`

The families have the settings of the shipped default configuration; nothing here is fitted to the processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import smctrain as st
from honesty.processes import HORIZON
from honesty.rules import usual_rules
from smctrain.config import resolve
from smctrain.models.many import fit_many
from smctrain.models.registry import make_trainer
from smctrain.testing import NoiseTable

FAMILIES = ("RandomForest", "XGBoost", "LogisticRegression", "NeuralNetwork")
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Layout:
    """Rows of a table; the label length lies between the parts. 1,400 training rows: validation 1410 to 1709, test
    from 1720."""

    train: int = 1400
    horizon: int = HORIZON

    @property
    def validation(self) -> tuple[int, int]:
        """Three rows for every fourteen of training."""
        start = self.train + self.horizon
        return start, start + self.train * 3 // 14

    @property
    def oos(self) -> int:
        """First out-of-sample row."""
        return self.validation[1] + self.horizon

    def rows(self, n_oos: int) -> int:
        """Rows a table must have."""
        return self.oos + n_oos


@dataclass(frozen=True)
class Recipe:
    """How the models are made."""

    preset: str = "default"
    folds: int = 5
    families: tuple[str, ...] = FAMILIES
    stop_share: float = 0.15
    seed: int = 42

    def plans(self) -> list[Any]:
        """Family and settings of each model."""
        config = resolve(preset=self.preset).config
        return [(family, dict(config.family_settings(family))) for family in self.families]

    def told(self) -> dict[str, Any]:
        """What a stored result was made with; another recipe does not continue it."""
        return {"preset": self.preset, "folds": self.folds, "families": list(self.families), "seed": self.seed}


@dataclass(frozen=True, eq=False)
class Fitted:
    """Class codes that the models answer, in the order of the families."""

    names: list[str]
    horizon: int
    train_y: Labels
    train: NDArray[np.int64]
    inner_y: Labels
    inner: NDArray[np.int64]
    validation_accuracy: NDArray[np.float64]
    oos_y: Labels
    oos: NDArray[np.int64]


def fit(table: NoiseTable, n_oos: int, layout: Layout, recipe: Recipe) -> Fitted:
    """Steps 1 to 3."""
    n, horizon = layout.rows(n_oos), layout.horizon
    X, y = table.X[:n], table.y[:n].astype(np.int64)
    t0 = np.arange(n)
    t1 = t0 + horizon
    train, (first, last) = np.arange(layout.train), layout.validation
    inner_folds = st.splits.PurgedKFold(recipe.folds, embargo=horizon, intervals=(t0[train], t1[train]))
    later = np.r_[first:last, layout.oos : n]
    splits = [*inner_folds.split(train), (train, later)]
    results = fit_many(
        (X, y, None, None, t0, t1), recipe.plans(), splits, n_jobs=1, seed=recipe.seed, on_error="raise",
        stop_share=recipe.stop_share, prepare=True,
    )  # fmt: skip
    k = len(recipe.families)
    folded = np.full((k, layout.train), -1, dtype=np.int64)
    in_sample, answered = np.empty((k, layout.train), dtype=np.int64), np.empty((k, len(later)), dtype=np.int64)
    for m in range(k):
        for fold in range(recipe.folds):
            one = results[m, fold]
            folded[m, one.rows] = one.prediction.argmax(axis=1)
        final = results[m, recipe.folds]
        answered[m] = final.prediction.argmax(axis=1)
        in_sample[m] = final.model.predict_proba(values_of(final, X), train, None).argmax(axis=1)
    n_validation = last - first
    return Fitted(
        names=list(recipe.families),
        horizon=horizon,
        train_y=y[train],
        train=in_sample,
        inner_y=np.r_[y[train], y[first:last]],
        inner=np.column_stack([folded, answered[:, :n_validation]]),
        validation_accuracy=(answered[:, :n_validation] == y[first:last]).mean(axis=1),
        oos_y=y[layout.oos :],
        oos=answered[:, n_validation:],
    )


def values_of(one: Any, X: NDArray[np.float64]) -> NDArray[np.float32]:
    """The columns a fit's model reads."""
    prepare = one.prepare.transform if make_trainer(one.family, {}).needs_scaling else one.prepare.select
    values: NDArray[np.float32] = prepare(np.ascontiguousarray(X, dtype=np.float32))
    return values


def judge(fitted: Fitted, n_oos: int, n_symbols: int = 1, ledger: Any = None) -> Any:
    """Step 4 on the first `n_oos` out-of-sample rows."""
    return st.decide(
        fitted.oos_y[:n_oos],
        fitted.oos[:, :n_oos],
        fitted.horizon,
        fitted.inner_y,
        fitted.inner,
        fitted.train_y,
        fitted.train,
        names=fitted.names,
        n_symbols=n_symbols,
        ledger=ledger,
    )


EVIDENCE = (
    "shown_model", "p_oos", "p_in", "p_comb", "e_end", "e_max", "skill", "accuracy", "accuracy_low", "accuracy_high",
    "n_eff", "design_effect", "n_required",
)  # fmt: skip


def record(fitted: Fitted, n_oos: int, verdict: Any) -> dict[str, Any]:
    """The verdict on `n_oos` rows, and beside it what the usual rules say."""
    y, oos = fitted.oos_y[:n_oos], fitted.oos[:, :n_oos]
    majority = int(np.bincount(fitted.train_y).argmax())
    every_row = st.stats.e_process(y, oos, 1)
    return {
        "n": n_oos,
        "kind": verdict.kind,
        "model": verdict.model,
        "failed": list(verdict.failed_rules),
        "e_max_every_row": every_row.sup,
        **{name: verdict.evidence.get(name) for name in EVIDENCE},
        "usual": usual_rules(y, oos, int(fitted.validation_accuracy.argmax()), majority, fitted.horizon),
    }


def experiment(
    table: NoiseTable, sizes: Sequence[int], layout: Layout, recipe: Recipe, fresh: int = 0
) -> dict[str, Any]:
    """One run: the same models judged on each number of out-of-sample rows.

    `fresh` rows behind them tell how good the models are; no verdict sees these.
    """
    largest = max(sizes)
    fitted = fit(table, largest + fresh, layout, recipe)
    result: dict[str, Any] = {"sizes": [record(fitted, n, judge(fitted, n)) for n in sizes]}
    if fresh:
        right = fitted.oos[:, largest:] == fitted.oos_y[largest:]
        result["fresh"] = dict(zip(fitted.names, right.mean(axis=1).tolist(), strict=True))
        start = layout.oos + largest
        best = (table.X[start : start + fresh, 0] > 0) == table.y[start : start + fresh]
        result["fresh_best"] = float(best.mean())
    return result
