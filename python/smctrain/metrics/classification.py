"""Classification metrics and their baselines."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain import _load
from smctrain.exceptions import InputError
from smctrain.metrics._common import floats


def classification_metrics(y_true: ArrayLike, proba: ArrayLike, n_classes: int | None = None) -> dict[str, Any]:
    """Metrics of class probabilities against true classes.

    Parameters
    ----------
    y_true : array (n,)
        Class codes 0..n_classes-1: the columns of `proba`. Other labels (-1/0/1, words) become codes by
        `np.searchsorted(model.classes_, y)`.
    proba : float64 array (n, n_classes), or (n,) of class 1 of two
        Class probabilities; each row sums to 1. The prediction is the most probable class, the first among equals.
    n_classes : int, optional
        Checked against the columns of `proba`.

    Returns
    -------
    dict
        accuracy; balanced_accuracy (mean recall of the classes in y_true); precision, recall, f1_score (macro
        over the classes among truths and predictions, 0/0 = 0); mcc; log_loss (p clipped to 1e-15); brier
        (sum over classes, mean over rows); auc (rank form, one-vs-rest macro); ece (10 bins of equal count);
        confusion_matrix (list of rows: true class, columns: prediction). NaN where a quantity does not exist:
        all of them without rows, auc with a single true class.

    Raises
    ------
    InputError
        Lengths differ, codes are out of range, or rows of `proba` are no probabilities (NaN included: leave
        out rows without a prediction).

    Examples
    --------
    >>> labels, classes = np.array([-1, 1, 1, 0]), np.array([-1, 0, 1])      # classes: model.classes_
    >>> proba = np.array([[0.6, 0.2, 0.2], [0.1, 0.2, 0.7], [0.5, 0.2, 0.3], [0.1, 0.8, 0.1]])
    >>> found = st.metrics.classification_metrics(np.searchsorted(classes, labels), proba)
    >>> found["accuracy"], found["confusion_matrix"]
    (0.75, [[1, 0, 0], [0, 1, 0], [1, 0, 1]])
    """
    codes = class_codes(y_true, "y_true")
    matrix = floats(proba, "proba")
    if matrix.ndim == 1:
        if np.asarray(proba).dtype.kind in "biu" and matrix.size:
            raise InputError(
                "proba must hold probabilities, but holds whole numbers in one dimension: give predict_proba(X), not "
                "predict(X)."
            )
        matrix = np.column_stack([1.0 - matrix, matrix])
    if n_classes is not None and (matrix.ndim != 2 or matrix.shape[1] != n_classes):
        raise InputError(f"proba must have {n_classes} columns, one per class, but has shape {matrix.shape}.")
    if matrix.ndim == 2 and matrix.shape[1] > 1 and len(matrix) == len(codes):
        codes_below(codes, matrix.shape[1], "y_true")
    result: dict[str, Any] = _load.core().classification_metrics(codes, matrix)
    return result


def baselines(
    y_true: ArrayLike,
    y_train: ArrayLike,
    *,
    t0: ArrayLike | None = None,
    t1: ArrayLike | None = None,
    all_y: ArrayLike | None = None,
) -> dict[str, Any]:
    """What can be had without a model on the rows of `y_true`.

    Parameters
    ----------
    y_true : integer array (n,)
        Class codes of the rows that the model is measured on.
    y_train : integer array (m,)
        Class codes of the training rows.
    t0 : int64 array (n,), optional
        Decision times (or bar numbers) of the rows of `y_true`; together with `t1` and `all_y`.
    t1 : int64 array (k,), optional
        Label ends of all rows of the symbol, in time order.
    all_y : integer array (k,), optional
        Class codes of those rows; -1 where there is none.

    Returns
    -------
    dict
        majority (accuracy of the training part's most frequent class), majority_class, prior (expected
        accuracy of draws from the training shares), prior_log_loss, prior_brier, last_label (accuracy of
        repeating the label of the newest row with t1 <= t0; the majority class while there is none; NaN
        without intervals) and best, the highest of the accuracies.

    Raises
    ------
    InputError
        Codes are negative, lengths differ, or only some of t0, t1, all_y are given.
    """
    given = [name for name, value in (("t0", t0), ("t1", t1), ("all_y", all_y)) if value is not None]
    if len(given) in (1, 2):
        raise InputError(f"t0, t1 and all_y must be given together, but only {' and '.join(given)} is.")
    result: dict[str, Any] = _load.core().baselines(
        class_codes(y_true, "y_true"),
        class_codes(y_train, "y_train"),
        None if t0 is None else integers(t0, "t0"),
        None if t1 is None else integers(t1, "t1"),
        None if all_y is None else class_codes(all_y, "all_y"),
    )
    accuracies = [result[name] for name in ("majority", "prior", "last_label")]
    known = [value for value in accuracies if not np.isnan(value)]
    result["best"] = max(known, default=float("nan"))
    return result


def class_codes(values: ArrayLike, name: str) -> NDArray[np.int32]:
    """Class codes as int32. Raises InputError on anything but small whole numbers in one dimension."""
    array = np.asarray(values)
    if array.size == 0:
        array = array.astype(np.int32)
    if array.ndim == 1 and array.dtype.kind in "fO":  # labels kept as floats, nullable integers
        array = _whole(array)
    if array.ndim != 1 or array.dtype.kind not in "iub":
        hint = ""
        if array.ndim == 1 and array.dtype.kind == "f":
            hint = ": leave out rows without a label" if bool(np.isnan(array).any()) else ""
        elif array.ndim == 1:
            hint = f": np.searchsorted(model.classes_, {name}) makes them"
        raise InputError(
            f"{name} must be one-dimensional integer class codes, but has shape {array.shape} and dtype "
            f"{array.dtype}{hint}."
        )
    if array.size and (int(array.max()) > 2**31 - 1 or int(array.min()) < -(2**31)):
        raise InputError(f"{name} must hold class codes within int32, but holds {int(array.max())}.")
    return np.ascontiguousarray(array, dtype=np.int32)


def _whole(array: NDArray[Any]) -> NDArray[Any]:
    """Whole numbers stored as floats or objects as int64; anything else as it is."""
    try:
        numbers = array.astype(np.float64)
    except (TypeError, ValueError):
        return array
    fits = np.isfinite(numbers).all() and (numbers == np.round(numbers)).all() and (np.abs(numbers) < 2.0**53).all()
    words = array.dtype.kind == "O" and any(isinstance(value, str) for value in array)
    return numbers.astype(np.int64) if fits and not words else (array if words else numbers)


def codes_below(codes: NDArray[np.int32], classes: int, name: str) -> NDArray[np.int32]:
    """The codes. Raises InputError where one has no column."""
    outside = np.flatnonzero((codes < 0) | (codes >= classes))
    if len(outside):
        raise InputError(
            f"{name} must lie in 0..{classes - 1}, but is {codes[outside[0]]} in row {outside[0]}: code c is column c "
            f"of the probabilities; np.searchsorted(model.classes_, {name}) makes codes of labels."
        )
    return codes


def integers(values: ArrayLike, name: str) -> NDArray[np.int64]:
    """Bar numbers or ns time stamps as int64. Raises InputError on anything else."""
    array = np.asarray(values)
    if array.dtype == object and array.ndim == 1 and array.size and hasattr(array[0], "tzinfo"):
        import pandas as pd

        array = pd.DatetimeIndex(pd.to_datetime(array, utc=True)).tz_localize(None).to_numpy()
    if array.dtype.kind == "M":
        array = array.astype("datetime64[ns]").view(np.int64)
    if array.size == 0:
        array = array.astype(np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise InputError(
            f"{name} must be one-dimensional integers or datetime64, but has shape {array.shape} and dtype "
            f"{array.dtype}."
        )
    return np.ascontiguousarray(array, dtype=np.int64)
