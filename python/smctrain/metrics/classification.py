"""Classification metrics and their baselines."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain import _load
from smctrain.exceptions import InputError


def classification_metrics(y_true: ArrayLike, proba: ArrayLike, n_classes: int | None = None) -> dict[str, Any]:
    """Metrics of class probabilities against true classes.

    Parameters
    ----------
    y_true : integer array (n,)
        Class codes 0..n_classes-1.
    proba : float64 array (n, n_classes)
        Class probabilities; each row sums to 1. The prediction is the most probable class.
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
    """
    codes = class_codes(y_true, "y_true")
    matrix = np.ascontiguousarray(proba, dtype=np.float64)
    if n_classes is not None and (matrix.ndim != 2 or matrix.shape[1] != n_classes):
        raise InputError(f"proba must have {n_classes} columns, one per class, but has shape {matrix.shape}.")
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
    """Class codes as int32. Raises InputError on anything but small integers in one dimension."""
    array = np.asarray(values)
    if array.size == 0:
        array = array.astype(np.int32)
    if array.ndim != 1 or array.dtype.kind not in "iub":
        raise InputError(
            f"{name} must be one-dimensional integer class codes, but has shape {array.shape} and dtype {array.dtype}."
        )
    if array.size and (int(array.max()) > 2**31 - 1 or int(array.min()) < -(2**31)):
        raise InputError(f"{name} must hold class codes within int32, but holds {int(array.max())}.")
    return np.ascontiguousarray(array, dtype=np.int32)


def integers(values: ArrayLike, name: str) -> NDArray[np.int64]:
    """Bar numbers or ns time stamps as int64. Raises InputError on anything else."""
    array = np.asarray(values)
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
