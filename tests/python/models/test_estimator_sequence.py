"""What the base of sequence estimators hands to a trainer and makes of its answer (a stand-in family)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from smctrain.exceptions import InputError
from smctrain.models.base import FitTask
from smctrain.models.estimators._base import NativeSequenceClassifier

LOOKBACK = 3


class WindowMean:
    """Class 1 where the mean of the first column over a full window of one stretch is positive."""

    def __init__(self, task: FitTask) -> None:
        self.task = task
        self.n_features, self.n_classes = task.X.shape[1], task.n_classes
        self.history: dict[str, NDArray[np.float64]] = {"step": np.arange(2.0)}
        self.warnings: list[str] = ["Epoch 2: a warning."]
        self.stop_reason, self.complete = "timeout", False

    def predict_proba(self, X: Any, rows: Any = None, segment: Any = None) -> NDArray[np.float64]:
        proba = np.full((len(X), 2), np.nan)
        stretch = np.zeros(len(X)) if segment is None else segment
        for i in range(LOOKBACK - 1, len(X)):
            window = slice(i - LOOKBACK + 1, i + 1)
            if len(set(stretch[window])) == 1:
                proba[i] = [0.1, 0.9] if X[window, 0].mean() > 0 else [0.9, 0.1]
        return proba

    def feature_importances(self) -> None:
        return None


class WindowMeanTrainer:
    uses_stop_rows: ClassVar[bool] = True

    def fit(self, task: FitTask) -> Any:
        return WindowMean(task)


class WindowMeanClassifier(NativeSequenceClassifier):
    _family: ClassVar[str] = "LSTM"

    def __init__(self, random_state: Any = None, n_jobs: int | None = None) -> None:
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _make_trainer(self) -> Any:
        return WindowMeanTrainer()


def fitted(**fit: Any) -> tuple[Any, NDArray[np.float64]]:
    X = np.array([[1.0], [1], [1], [-5], [-5], [-5], [1], [1]])
    return WindowMeanClassifier(random_state=4, n_jobs=2).fit(X, list("uuudddud"), **fit), X


def test_rows_without_a_full_window_are_nan_and_masked() -> None:
    model, X = fitted()
    assert np.isnan(model.predict_proba(X)[:2]).all()
    predicted = model.predict(X)
    assert predicted.mask.tolist() == [True, True] + [False] * 6
    assert predicted.compressed().tolist() == ["u", "d", "d", "d", "d", "d"]


def test_windows_do_not_cross_a_change_of_segment() -> None:
    model, X = fitted()
    predicted = model.predict(X, segment=[7, 7, 7, 2, 2, 2, 7, 7])
    assert predicted.mask.tolist() == [True, True, False, True, True, False, True, True]


def test_a_segment_id_that_returns_is_a_new_stretch_and_validation_rows_are_their_own() -> None:
    X_val, y_val = np.zeros((2, 1)), ["u", "d"]
    task = fitted(segment=[7, 7, 7, 2, 2, 2, 7, 7], X_val=X_val, y_val=y_val)[0].fitted_.task
    assert task.segment.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 3, 3]
    assert task.rows.tolist() == list(range(8))
    assert task.stop_rows.tolist() == [8, 9]
    assert task.y.tolist() == [1, 1, 1, 0, 0, 0, 1, 0, 1, 0]
    assert (task.seed, task.threads, task.n_classes) == (4, 2, 2)
    assert task.X.dtype == np.float32
    assert fitted(X_val=X_val, y_val=y_val)[0].fitted_.task.segment.tolist() == [0] * 8 + [1, 1]


@pytest.mark.parametrize("segment", [[1, 2], np.linspace(0, 1, 8), [[0]] * 8])
def test_a_wrong_segment_is_refused(segment: Any) -> None:
    with pytest.raises(InputError, match="segment must hold one integer for each of the 8 rows"):
        fitted(segment=segment)


def test_missing_values_are_refused_where_the_family_takes_none() -> None:
    model, X = fitted()
    X[5, 0] = np.nan
    with pytest.raises(InputError, match="column 0, row 5, is NaN"):
        model.predict(X)


def test_marks_of_a_stopped_fit_are_shown() -> None:
    model, _ = fitted()
    assert not model.complete_
    assert model.stop_reason_ == "timeout"
    assert model.warnings_ == ["Epoch 2: a warning."]
    assert list(model.history_["step"]) == [0, 1]
    with pytest.raises(AttributeError, match="importances"):
        _ = model.feature_importances_
