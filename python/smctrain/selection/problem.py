"""What a selection works on, and what it says: every column kept or dropped, with the reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.exceptions import InputError
from smctrain.prepare import Preparation, PrepareSettings

FloatMatrix = NDArray[np.float32]


@dataclass(frozen=True)
class Problem:
    """Training rows in time order, and what bounds the work.

    Attributes
    ----------
    X : float32 (n, d), C order
        NaN is missing; no infinities.
    y : int32 (n,) class codes 0..n_classes-1, or, where n_classes is 1, float64 numbers
    names : list of str (d,)
    weight : float64 (n,) or None
        How many rows a row counts for; positive.
    horizon : int
        Neighbouring rows whose labels overlap.
    intervals : (t0, t1) int64 (n,) or None
        Label intervals, for purged folds.
    stop : uint8 (1,) or None
        Flag that ends the work.
    time_limit_s : float
        0 means none.
    """

    X: FloatMatrix
    y: NDArray[Any]
    n_classes: int
    names: list[str]
    weight: NDArray[np.float64] | None = None
    horizon: int = 1
    intervals: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None
    seed: int = 0
    threads: int = 1
    stop: NDArray[np.uint8] | None = None
    time_limit_s: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """A selection over the columns `names`.

    Attributes
    ----------
    kept : bool (d,)
    reasons : list of str
        Why a column was dropped; of a kept one empty, or what it was kept for.
    scores : float64 (d,)
        What ranked the columns, larger is better; NaN where a column was never scored.
    complete : bool
        False: ended early or not possible; `note` says why, and the rest is what was found until then.
    details : dict
        Plain values of the method, ready for JSON.
    """

    names: list[str]
    kept: NDArray[np.bool_]
    reasons: list[str]
    scores: NDArray[np.float64]
    complete: bool = True
    note: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def ranks(self) -> list[int]:
        """1 is the best score; in a tie the earlier column."""
        order = np.argsort(-np.nan_to_num(self.scores, nan=-np.inf), kind="stable")
        ranks = np.empty(len(order), dtype=np.int64)
        ranks[order] = np.arange(1, len(order) + 1)
        return [int(rank) for rank in ranks]

    def table(self) -> list[dict[str, Any]]:
        """One row a column: column, kept, reason, score, rank."""
        return [
            {
                "column": name,
                "kept": bool(kept),
                "reason": reason,
                "score": float(score) if np.isfinite(score) else None,
                "rank": rank,
            }
            for name, kept, reason, score, rank in zip(
                self.names, self.kept, self.reasons, self.scores, self.ranks, strict=True
            )
        ]


def on_usable_columns(problem: Problem, choose: Callable[[Problem], Outcome]) -> Outcome:
    """`choose` over the columns that are not constant, empty or a copy of an earlier one; these get their reason.

    Raises
    ------
    TooFewColumns, TooFewRows
        No usable column, or fewer than two rows.
    """
    keep_all = PrepareSettings(impute=None, clip=None, scale=None, max_missing=1.0)
    usable = Preparation.fit(problem.X, np.arange(len(problem.X)), problem.names, keep_all, threads=problem.threads)
    if len(usable.kept) == len(problem.names):
        return choose(problem)
    kept = usable.kept
    part = replace(problem, X=np.ascontiguousarray(problem.X[:, kept]), names=usable.kept_names)
    found = choose(part)
    mask = np.zeros(len(problem.names), dtype=bool)
    mask[kept] = found.kept
    scores = np.full(len(problem.names), np.nan)
    scores[kept] = found.scores
    reasons = dict(usable.dropped) | dict(zip(found.names, found.reasons, strict=True))
    return Outcome(
        problem.names,
        mask,
        [reasons[name] for name in problem.names],
        scores,
        found.complete,
        found.note,
        found.details,
    )


def target_of(y: Any, task: str = "auto") -> tuple[NDArray[Any], int]:
    """(class codes, number of classes), or (numbers, 1) for a regression.

    task "auto": text, booleans and at most 10 different whole numbers are classes, everything else numbers.

    Raises
    ------
    InputError
        y has another shape, holds NaN or infinity, or `task` is unknown.
    OneClass
        A classification of a single class.
    """
    from smctrain.exceptions import OneClass

    if task not in ("auto", "classification", "regression"):
        raise InputError(f"task must be 'auto', 'classification' or 'regression', but is {task!r}.")
    values = np.asarray(y)
    if values.ndim != 1:
        raise InputError(f"y must have 1 dimension, but has {values.ndim}.")
    numeric = values.dtype.kind in "biuf"
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        row = int(np.argmax(~np.isfinite(values)))
        raise InputError(f"y must be finite, but is {values[row]} in row {row}.")
    if task == "auto":
        whole = values.dtype.kind in "biu" or (numeric and bool((values == np.round(values)).all()))
        task = "classification" if not numeric or (whole and len(np.unique(values)) <= 10) else "regression"
    if task == "regression":
        if not numeric:
            raise InputError(f"y must hold numbers for a regression, but has dtype {values.dtype}.")
        return np.ascontiguousarray(values, dtype=np.float64), 1
    classes, codes = np.unique(values, return_inverse=True)
    if len(classes) < 2:
        raise OneClass(f"y holds a single class ({classes[0]!r}), so nothing can be selected by it.")
    return np.ascontiguousarray(codes, dtype=np.int32), len(classes)
