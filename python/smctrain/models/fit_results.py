"""What many fits came to: one record a fit, held-out predictions, scores, a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.models.scores import Metric, check_metric, metric_name, score

OK, PARTIAL, FAILED, NOT_RUN = "ok", "partial", "failed", "not run"


@dataclass(frozen=True)
class Fit:
    """One setting fitted on one fold.

    Attributes
    ----------
    setting, fold : int
        Numbers in the order given.
    family : str
    status : str
        "ok"; "partial": a time limit or stop ended it early, the model is usable but smaller; "failed": see `error`;
        "not run": the work ended before it.
    model : fitted model, estimator or None
        `predict_proba(X, rows, segment)` of a family's model takes rows of a float32 matrix; an estimator that was
        passed is a fitted clone of it. None with `keep_models=False`.
    prepare : Preparation or None
        What turned X into the model's columns, with `prepare=True`.
    rows : int64 (m,)
        Held-out rows, as positions among the decision rows.
    prediction : float64 (m, k) or (m,)
        Class probabilities or numbers of the held-out rows; None without a model.
    error : Exception or None
        As raised, without its frames; `traceback` holds their text.
    seconds, predict_seconds : float
        Wall seconds of the fit (its share of common work included) and of the prediction.
    """

    setting: int
    fold: int
    family: str
    status: str
    rows: NDArray[np.int64]
    model: Any = None
    prepare: Any = None
    prediction: NDArray[np.float64] | None = None
    error: BaseException | None = None
    traceback: str = ""
    stop_reason: str = ""
    train_rows: int = 0
    seconds: float = 0.0
    predict_seconds: float = 0.0


class FitResults:
    """Fits of all settings on all folds, setting by setting.

    Attributes
    ----------
    fits : list of Fit
    settings : list of dict
        Family and settings of each setting, as plain values.
    n_folds : int
    classes : ndarray (k,) or None
        Labels in the order of the probability columns; None in a regression.
    y : ndarray (m,)
        Class codes or numbers of the decision rows.
    seconds : float
        Wall seconds of everything.
    stop_reason : str
        Empty, or "cancelled", "timeout", "interrupted".
    """

    def __init__(
        self, fits: list[Fit], settings: list[dict[str, Any]], n_folds: int, classes: NDArray[Any] | None,
        y: NDArray[Any], seconds: float, stop_reason: str,
    ) -> None:  # fmt: skip
        self.fits, self.settings, self.n_folds = fits, settings, n_folds
        self.classes, self.y, self.seconds, self.stop_reason = classes, y, seconds, stop_reason

    def __len__(self) -> int:
        return len(self.fits)

    def __iter__(self) -> Iterator[Fit]:
        return iter(self.fits)

    def __getitem__(self, key: tuple[int, int]) -> Fit:
        """The fit of (setting, fold)."""
        setting, fold = key
        if not (0 <= setting < len(self.settings) and 0 <= fold < self.n_folds):
            raise IndexError(f"there are {len(self.settings)} settings and {self.n_folds} folds, but {key} was asked.")
        return self.fits[setting * self.n_folds + fold]

    @property
    def complete(self) -> bool:
        """Whether every fit was made to its end."""
        return all(fit.status == OK for fit in self.fits)

    @property
    def errors(self) -> list[Fit]:
        """The fits that failed."""
        return [fit for fit in self.fits if fit.error is not None]

    def out_of_fold(self, setting: int = 0) -> NDArray[np.float64]:
        """Predictions of a setting for the rows it did not learn from, (m, k) or (m,); the mean where several folds
        hold a row out, NaN where none has."""
        mine = [
            (fit.rows, fit.prediction) for fit in self.fits if fit.setting == setting and fit.prediction is not None
        ]
        width: tuple[int, ...] = () if self.classes is None else (len(self.classes),)
        if mine:
            width = mine[0][1].shape[1:]
        total, times = np.zeros((len(self.y), *width)), np.zeros((len(self.y), *(1 for _ in width)))
        for rows, prediction in mine:
            total[rows] += prediction
            times[rows] += 1
        mean: NDArray[np.float64] = np.divide(total, times, out=np.full_like(total, np.nan), where=times > 0)
        return mean

    def scores(self, metric: Metric) -> NDArray[np.float64]:
        """Score of each fit on its held-out rows (settings, folds); NaN where there is no complete fit.

        A held-out score chooses between settings; for the one chosen it is no honest estimate (see `search`).
        """
        check_metric(metric, self.classes is None)
        values = np.full((len(self.settings), self.n_folds), np.nan)
        for fit in self.fits:
            if fit.status == OK and fit.prediction is not None:
                values[fit.setting, fit.fold] = score(metric, self.y[fit.rows], fit.prediction)
        return values

    def table(self, *metrics: Metric) -> Any:
        """One row a fit: setting, fold, family, status, rows, seconds, error, and the scores asked for. A pandas frame
        where pandas is installed, else a list of dictionaries."""
        scored = {metric_name(metric): self.scores(metric) for metric in metrics}
        rows = [
            {
                "setting": fit.setting,
                "fold": fit.fold,
                "family": fit.family,
                "status": fit.status,
                "train_rows": fit.train_rows,
                "test_rows": len(fit.rows),
                "seconds": fit.seconds,
                "predict_seconds": fit.predict_seconds,
                "stop_reason": fit.stop_reason,
                "error": "" if fit.error is None else f"{type(fit.error).__name__}: {fit.error}",
                **{name: float(values[fit.setting, fit.fold]) for name, values in scored.items()},
            }
            for fit in self.fits
        ]
        return as_table(rows)

    def __repr__(self) -> str:
        count = {status: sum(fit.status == status for fit in self.fits) for status in (OK, PARTIAL, FAILED, NOT_RUN)}
        told = ", ".join(f"{number} {status}" for status, number in count.items() if number)
        return f"FitResults({len(self.settings)} settings x {self.n_folds} folds: {told}; {self.seconds:.1f} s)"


def as_table(rows: list[dict[str, Any]]) -> Any:
    """A pandas frame where pandas is installed, else the rows."""
    try:
        import pandas as pd
    except ImportError:
        return rows
    return pd.DataFrame(rows)
