"""One model over all folds: scores with their spread, held-out predictions, fitted models.

>>> check = st.models.cross_validate("XGBoost", X, y, st.splits.PurgedKFold(5), t0=t0, t1=t1)     # doctest: +SKIP
>>> check.summary()                                                                               # doctest: +SKIP
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.exceptions import InputError
from smctrain.models.fit_results import FitResults, as_table
from smctrain.models.folds import Folds
from smctrain.models.many import fit_many
from smctrain.models.scores import Metric, check_metric, default_metric, metric_name


def standard_error(scores: NDArray[np.float64], test_share: float) -> float:
    """Standard error of a mean over folds whose training parts overlap.

    sd * sqrt(1 / k + test rows / training rows): Nadeau and Bengio, "Inference for the generalization error", Machine
    Learning 52 (2003). The plain sd / sqrt(k) takes the folds for independent and is too small.
    """
    k = len(scores)
    return float(np.std(scores, ddof=1) * math.sqrt(1.0 / k + test_share)) if k > 1 else float("nan")


def held_out_share(results: FitResults) -> float:
    """Mean of test rows / training rows over the fits that were made."""
    shares = [len(fit.rows) / fit.train_rows for fit in results.fits if fit.train_rows]
    return float(np.mean(shares)) if shares else float("nan")


class CrossValidation:
    """What cross-validation of one model came to.

    Attributes
    ----------
    results : FitResults
        The fits, `results.fits`, with models, held-out rows and predictions.
    scores : dict of name -> float64 (folds,)
        NaN where a fold's fit failed or was not made.
    """

    def __init__(self, results: FitResults, metrics: Sequence[Metric]) -> None:
        self.results = results
        self.scores = {metric_name(metric): results.scores(metric)[0] for metric in metrics}

    @property
    def out_of_fold(self) -> NDArray[np.float64]:
        """Held-out predictions (m, k) or (m,), NaN where no fold holds a row out."""
        return self.results.out_of_fold(0)

    @property
    def models(self) -> list[Any]:
        """The fitted model of each fold; None where there is none."""
        return [fit.model for fit in self.results.fits]

    def summary(self) -> Any:
        """One row a metric: mean, sd and standard error over the folds (see `standard_error`), and their number. A
        pandas frame where pandas is installed, else a list of dictionaries."""
        share = held_out_share(self.results)
        rows = []
        for name, scores in self.scores.items():
            known = scores[~np.isnan(scores)]
            rows.append(
                {
                    "metric": name,
                    "mean": float(known.mean()) if len(known) else float("nan"),
                    "sd": float(np.std(known, ddof=1)) if len(known) > 1 else float("nan"),
                    "se": standard_error(known, share),
                    "folds": len(known),
                }
            )
        return as_table(rows)

    def __repr__(self) -> str:
        means = ", ".join(f"{name} {np.nanmean(scores):.4g}" for name, scores in self.scores.items() if scores.size)
        return f"CrossValidation({self.results.n_folds} folds: {means})"


def cross_validate(
    model: Any,
    X: Any,
    y: Any,
    splits: Any,
    *,
    metrics: Metric | Sequence[Metric] | None = None,
    weight: Any = None,
    segment: Any = None,
    t0: Any = None,
    t1: Any = None,
    n_jobs: int | None = None,
    seed: int = 42,
    stop: NDArray[np.uint8] | None = None,
    time_limit: float | None = None,
    progress: Callable[[int, int], None] | None = None,
    on_error: str = "raise",
    stop_share: float = 0.0,
    prepare: bool = False,
) -> CrossValidation:
    """Fit one model on every fold, folds side by side with one thread each, and score what each held out.

    Parameters
    ----------
    model : family name, (family, dictionary of settings), trainer or estimator
        As a setting of `fit_many`.
    X, y, weight, segment, t0, t1
        As the data of `Folds`. With the label intervals t0 and t1, splits are purged or refused.
    splits : splitter, list of (train, test), or int
        See `Folds`.
    metrics : name, function, or list of them
        Default: log_loss, accuracy and balanced_accuracy; mse, mae and r2 in a regression. Others: f1_score, mcc, auc,
        brier, ece, rmse, or `metric(y, prediction) -> number` on class codes and probabilities, or numbers.
    n_jobs, seed, stop, time_limit, progress, on_error, stop_share, prepare
        As of `fit_many`.

    Returns
    -------
    CrossValidation

    Notes
    -----
    Cross-validation on rows that were used for choosing anything (settings, features, labels) is no honest estimate of
    what comes; keep rows apart that nothing has seen.
    """
    folds = Folds({"X": X, "y": y, "weight": weight, "segment": segment, "t0": t0, "t1": t1}, splits,
                  stop_share=stop_share, prepare=prepare)  # fmt: skip
    asked = None if metrics is None else [metrics] if isinstance(metrics, str) or callable(metrics) else list(metrics)
    results = fit_many(
        folds, [model], n_jobs=n_jobs, seed=seed, stop=stop, time_limit=time_limit, progress=progress,
        on_error=on_error,
    )  # fmt: skip
    folds.drop()
    is_regression = results.classes is None
    if asked is None:
        asked = ["mse", "mae", "r2"] if is_regression else ["log_loss", "accuracy", "balanced_accuracy"]
    return CrossValidation(results, asked)


def metric_of(metric: Metric | None, is_regression: bool) -> Metric:
    """The metric, or the default one of the task; checked."""
    chosen: Metric = default_metric(is_regression) if metric is None else metric
    if not isinstance(chosen, str) and not callable(chosen):
        raise InputError(f"metric must be a name or a function, but is {metric!r}.")
    check_metric(chosen, is_regression)
    return chosen
