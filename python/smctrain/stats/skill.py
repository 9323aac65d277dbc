"""Is it skill? The circular-shift test and the e-process."""

# Note [Odds are what is known, not the worst of it]
#
# A bet is fair at the share that the predicted class has. The definitions (6.2) take even odds where training shares
# lie within 0.45-0.55, and else the larger of training share and share so far. Verdicts bet at the share among the rows
# known by then: the resolved rows, and 10h training rows (`train_rows`), as many as teach a first share and few enough
# to be forgotten when shares move. Share of series in which E ends at 2 or more:
#
#                                                       as defined   pooled, 10h   pooled, all training rows
#   always up, 58 % rise in training and test, 4,000 rows     17 %          3 %             5 %
#   always up, 50 % rise, then 54 % in the test               93 %          8 %            32 %
#   always up, 44 %, then 50 %                                 1 %          8 %            65 %
#   always up, 47 %, then 53 %                                72 %         10 %            68 %
#   noise N0, four fitted models, 4,000 rows                   3.8 %        4.8 %           4.5 %
#   P(.12), 4,000 rows                                        76 %         92 %            92 %
#   P(.20), 1,000 rows                                        88 %         97 %            98 %
#
# (60 to 150 series a row without models, 400 noise sets, 200 planted ones; even odds are unfair to luck in a drift, the
# larger of two noisy shares is unfair to skill.)

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from smctrain._load import core
from smctrain.exceptions import InputError
from smctrain.stats import _codes

Shares = Sequence[float] | npt.NDArray[np.float64] | dict[int, float]

BALANCED_ABOVE = 0.60  # largest class share from which "auto" judges by balanced accuracy
SCORES = {"auc": 0.5, "ic": 0.0, "r2": 0.0}  # statistics of scores and what they are without skill


@dataclass(frozen=True)
class CircularShiftTest:
    """Outcome of `circular_shift_test`."""

    p_value: float
    """(1 + shifts at which some model is at least as right) / (shifts + 1)."""
    statistic: float
    """Accuracy (or what `metric` says) of the best model."""
    n_shifts: int
    baseline: float
    """What needs no model: the largest class share (accuracy), 1/K (balanced accuracy), 0.5 (AUC), 0 (IC, R2)."""
    metric: str
    best_model: int
    model_statistics: tuple[float, ...]
    null_mean: float
    """Mean over shifts of the best model's statistic: what luck alone reaches with this many models."""
    resolution: float
    """horizon / n_shifts: neighbouring shifts are dependent, so a p below this ranks, no more."""
    enough_rows: bool
    """At least 20 x horizon rows; below that the test is too coarse to decide anything."""


def circular_shift_test(
    y_true: npt.ArrayLike,
    predictions: npt.ArrayLike,
    horizon: int,
    metric: str = "accuracy",
    *,
    train_mean: float | None = None,
    threads: int = 1,
    judged: int | None = None,
) -> CircularShiftTest:
    """How often labels turned by many rows fit the best of these predictions as well as the true ones.

    The labels are turned (circularly shifted) against the fixed predictions by every s in 4h .. n - 4h. That
    keeps the overlap of labels, the persistence of predictions, the class balance and the choice of the best
    of k models, and breaks only the link between prediction and outcome.

    Parameters
    ----------
    y_true : (n,)
        Integer class codes in time order, one symbol; numbers for "ic" and "r2".
    predictions : (n,) or (k, n)
        Integer class codes; a value that is no class of `y_true` (such as -1, "no prediction") counts as wrong.
        For "ic" and "r2" numbers; for "auc" scores: of the larger class, or (n, K) / (k, n, K) with one column a
        class, ascending. Numbers must be finite: leave out rows without a prediction.
    horizon : int
        Longest label in rows, h >= 1.
    metric : str
        "accuracy", "balanced_accuracy", "auto" (balanced when one class holds over 60 % of the rows), "auc"
        (one against the rest, mean over classes), "ic" (Spearman, average ranks) or "r2".
    train_mean : float, optional
        Mean of the training labels, which "r2" is measured against. Default: that of `y_true`. It moves `statistic`,
        never `p_value`.
    threads : int
        Upper limit of threads; the result does not depend on it.
    judged : int, optional
        The first so many of the k models are put against luck, and luck still has the best of all k: the others were
        tried too, but what they knew says nothing for these. Default: all.

    Raises
    ------
    TooFewRows
        Fewer than 8h rows, so that no shift is far enough from both ends.
    InputError
        Codes that are not integers, scores that are not finite, shapes that do not fit.

    Notes
    -----
    Counts come from an exact integer-rounded FFT correlation, O(k K n log n) for all shifts; other statistics are
    compared with a tolerance of 1e-9.
    """
    if judged is not None and judged < 1:
        raise InputError(f"judged must be from 1 to the number of models, but is {judged}.")
    if metric in SCORES:
        return _score_test(y_true, predictions, horizon, metric, train_mean, threads, judged or 0)
    labels = _codes.label_vector(y_true)
    matrix = _codes.prediction_matrix(predictions, len(labels))
    horizon = _codes.check_horizon(horizon)
    classes, counts = np.unique(labels, return_counts=True)
    largest = float(counts.max()) / len(labels)
    if metric == "auto":
        metric = "balanced_accuracy" if largest > BALANCED_ABOVE else "accuracy"
    if metric not in ("accuracy", "balanced_accuracy"):
        raise InputError(
            f'metric must be "accuracy", "balanced_accuracy", "auto", "auc", "ic" or "r2", but is {metric!r}.'
        )
    balanced = metric == "balanced_accuracy"
    raw = core().circular_shift_test(
        _codes.to_codes(labels, classes),
        _codes.to_codes(matrix, classes),
        len(classes),
        horizon,
        balanced,
        threads,
        judged or 0,
    )
    return _shift_result(raw, 1.0 / len(classes) if balanced else largest, metric, horizon, len(labels))


def _score_test(
    y_true: npt.ArrayLike,
    predictions: npt.ArrayLike,
    horizon: int,
    metric: str,
    train_mean: float | None,
    threads: int,
    judged: int,
) -> CircularShiftTest:
    horizon = _codes.check_horizon(horizon)
    scores = np.asarray(predictions, dtype=np.float64)
    channels = 1
    if metric == "auc":
        labels = _codes.label_vector(y_true)
        classes = np.unique(labels)
        if len(classes) < 2:
            raise InputError("AUC needs at least 2 classes in y_true, but it holds one.")
        y = _codes.to_codes(labels, classes).astype(np.float64)
        if scores.ndim == 3 or scores.shape == (len(y), len(classes)):
            scores = scores[None] if scores.ndim == 2 else scores
            if scores.shape[1:] != (len(y), len(classes)):
                raise InputError(
                    f"predictions must have shape ({len(y)}, {len(classes)}) or (models, {len(y)}, {len(classes)}), "
                    f"one score a class, but have shape {np.shape(predictions)}."
                )
            channels = 1 if len(classes) == 2 else len(classes)
            scores = scores.transpose(0, 2, 1)[:, -channels:, :].reshape(-1, len(y))
        elif len(classes) > 2:
            raise InputError(
                f"predictions must hold one score for each of the {len(classes)} classes: shape ({len(y)}, "
                f"{len(classes)}) or (models, {len(y)}, {len(classes)}), but have shape {scores.shape}."
            )
    else:
        y = np.ascontiguousarray(np.asarray(y_true, dtype=np.float64))
        if y.ndim != 1 or y.size == 0:
            raise InputError(f"y_true must have one dimension and at least one row, but has shape {y.shape}.")
    scores = np.ascontiguousarray(scores[None, :] if scores.ndim == 1 else scores)
    if scores.ndim != 2 or scores.shape[0] == 0 or scores.shape[1] != len(y):
        raise InputError(
            f"predictions must have shape ({len(y)},) or (models, {len(y)}), one column per row of labels, "
            f"but has shape {np.shape(predictions)}."
        )
    if not (bool(np.isfinite(scores).all()) and bool(np.isfinite(y).all())):
        raise InputError("y_true and predictions must be finite: leave out rows without a prediction.")
    raw = core().circular_shift_score_test(
        y, scores, horizon, metric, float(y.mean()) if train_mean is None else float(train_mean), threads, judged
    )
    return _shift_result(raw, SCORES[metric], metric, horizon, len(y))


def _shift_result(raw: dict[str, Any], baseline: float, metric: str, horizon: int, n: int) -> CircularShiftTest:
    return CircularShiftTest(
        p_value=raw["p_value"],
        statistic=raw["statistic"],
        n_shifts=raw["n_shifts"],
        baseline=baseline,
        metric=metric,
        best_model=raw["best_model"],
        model_statistics=tuple(raw["model_statistics"].tolist()),
        null_mean=raw["null_mean"],
        resolution=horizon / raw["n_shifts"],
        enough_rows=n >= 20 * horizon,
    )


@dataclass(frozen=True)
class EProcess:
    """Outcome of `e_process`."""

    path: npt.NDArray[np.float64]
    """(n + 1,): E before the first row (1) and after each row."""

    @property
    def end(self) -> float:
        """E after the last row: an e-value, P(end >= 1/a) <= a on noise, where class shares stay those of the odds."""
        return float(self.path[-1])

    @property
    def sup(self) -> float:
        """Largest E so far."""
        return float(self.path.max())


def e_process(
    y_true: npt.ArrayLike,
    predictions: npt.ArrayLike,
    horizon: int,
    baseline: float | None = None,
    train_shares: Shares | None = None,
    *,
    train_median: float | None = None,
    train_rows: int | None = None,
) -> EProcess:
    """Money of a bettor who starts with 1 and bets on every prediction, in h streams without overlap.

    Parameters
    ----------
    y_true : (n,) integer class codes in time order
        Only labels that are already resolved belong here.
    predictions : (n,) or (k, n) integer class codes
        E is the mean over models. On a row without a prediction (-1, unless -1 is a class of `y_true` or of
        `train_shares`) nothing is bet.
    horizon : int
        Longest label in rows, h >= 1.
    baseline : float, optional
        Odds q of every bet; None: 1/2, unless `train_shares` says otherwise.
    train_shares : optional
        Class shares of the training rows, dict code -> share or in ascending order of the codes of `y_true`. Two
        classes both within 0.45-0.55: even odds; otherwise each bet is at the predicted class's share in training or
        among the labels resolved so far, whichever is larger.
    train_rows : int, optional
        How many rows `train_shares` stand for. Given, each bet is at the predicted class's share among them and the
        rows resolved by then, together; verdicts take 10 x horizon. See Note [Odds are what is known, not the worst of
        it].
    train_median : float, optional
        Of a regression: `y_true` and `predictions` are numbers, right is who is on the same side of the training
        median as the truth; NaN predictions are not bet on.

    Returns
    -------
    EProcess
        `.path` (n + 1,), `.end`, `.sup`.

    Notes
    -----
    Equal to the bit to `EProcessStream` fed with the same rows. E_end is an e-value where no class is commoner in the
    test than the odds say; looking at every row is measured (at most 5 % of noise series ever reach 20), not proven:
    the streams know different things at different times.

    Where class shares move, answering the class that became commoner earns, without skill in any other sense: how
    often stands in that note. The circular-shift test does not take such an answer for skill.

    Source: Shafer, JRSS A 184 (2021); Waudby-Smith and Ramdas, JRSS B 86 (2024).
    """
    if train_median is not None:
        y_true, predictions = _codes.sides(y_true, train_median, "y_true"), _codes.sides(predictions, train_median)
    labels = _codes.label_vector(y_true)
    matrix = _codes.prediction_matrix(predictions, len(labels))
    horizon = _codes.check_horizon(horizon)
    label_classes = np.unique(labels)
    shares: npt.NDArray[np.float64] | None = None
    if train_shares is not None:
        if baseline is not None:
            raise InputError("give either baseline or train_shares, not both.")
        if isinstance(train_shares, dict):
            label_classes = _codes.classes_of(labels, np.array(list(train_shares), dtype=np.int64))
        shares = _codes.shares_in_class_order(train_shares, label_classes)
        if _is_even(shares) and train_rows is None:
            shares = None
    weight = _weight(train_rows, train_shares)
    # A class that is predicted but never occurs is a losing bet, unlike a missing prediction.
    invented = np.setdiff1d(matrix, np.append(label_classes, -1))
    classes = _codes.classes_of(label_classes, invented)
    if shares is not None:
        shares = np.where(
            np.isin(classes, label_classes),
            shares[np.searchsorted(label_classes, classes).clip(max=len(shares) - 1)],
            0.0,
        )
    path = core().e_process(
        _codes.to_codes(labels, classes),
        _codes.to_codes(matrix, classes),
        len(classes),
        horizon,
        0.5 if baseline is None else float(baseline),
        shares,
        weight,
    )
    return EProcess(path)


def _weight(train_rows: int | None, train_shares: Shares | None) -> float:
    if train_rows is None:
        return 0.0
    if train_shares is None:
        raise InputError("train_rows says how many rows train_shares come from; give both.")
    if isinstance(train_rows, bool) or train_rows < 1:
        raise InputError(f"train_rows must be at least 1, but is {train_rows}.")
    return float(train_rows)


def _is_even(shares: npt.NDArray[np.float64]) -> bool:
    return len(shares) == 2 and bool(np.all((shares >= 0.45) & (shares <= 0.55)))


class EProcessStream:
    """The e-process of `e_process`, row by row: for a model at work, looked at whenever a label resolves.

    Parameters
    ----------
    n_models : int
        Predictions per row.
    horizon : int
        Longest label in rows, h >= 1.
    baseline, train_shares, train_median, train_rows
        As in `e_process`; `train_shares` as a dict code -> share, or in ascending order of `classes`.
    classes : integer array, optional
        Class codes; needed only where -1 is one of them (else it means "no prediction") and `train_shares` does not
        say so, or to name the classes of an array `train_shares` (default 0..K-1).

    Notes
    -----
    Rows are pushed in time order, each once its label is resolved; none may be left out, because row t belongs to
    stream t mod h. `state` and `from_state` store it and go on with equal bits.

    Examples
    --------
    >>> stream = st.stats.EProcessStream(n_models=1, horizon=2)
    >>> stream.push(1, [1])
    1.08125
    """

    def __init__(
        self,
        n_models: int = 1,
        horizon: int = 1,
        baseline: float | None = None,
        train_shares: Shares | None = None,
        *,
        train_median: float | None = None,
        train_rows: int | None = None,
        classes: npt.ArrayLike | None = None,
    ) -> None:
        if train_shares is not None and baseline is not None:
            raise InputError("give either baseline or train_shares, not both.")
        horizon = _codes.check_horizon(horizon)
        known: list[int] = []
        shares: npt.NDArray[np.float64] | None = None
        if isinstance(train_shares, dict):
            known = sorted(int(code) for code in train_shares)
            shares = _codes.shares_in_class_order(train_shares, np.array(known, dtype=np.int64))
        elif train_shares is not None:
            given = np.asarray(train_shares)
            known = list(range(len(given))) if classes is None else np.unique(np.asarray(classes)).tolist()
            shares = _codes.shares_in_class_order(given, np.array(known, dtype=np.int64))
        if classes is not None:
            # Behind the classes with shares, so that their numbers stay.
            known += sorted(set(np.asarray(classes).tolist()) - set(known))
        if shares is not None and _is_even(shares) and train_rows is None:
            shares = None
        self._numbers = {int(code): number for number, code in enumerate(known)}
        self._settings: dict[str, Any] = {
            "n_models": _codes.whole("n_models", n_models, 1),
            "horizon": horizon,
            "baseline": 0.5 if baseline is None else float(baseline),
            "train_shares": None if shares is None else shares.tolist(),
            "train_median": None if train_median is None else float(train_median),
            "train_rows": _weight(train_rows, train_shares),
        }
        self._open()

    def _open(self) -> None:
        s = self._settings
        shares = None if s["train_shares"] is None else np.array(s["train_shares"], dtype=np.float64)
        self._native = core().EProcessStream(s["n_models"], s["horizon"], s["baseline"], shares, s["train_rows"])

    def push(self, y_true: npt.ArrayLike, predictions: npt.ArrayLike) -> Any:
        """E after one row (a float), or after each of m rows (m,).

        Parameters
        ----------
        y_true : number or (m,)
            The resolved label(s).
        predictions : (n_models,) or (n_models, m)
            What each model had predicted; a number, or (m,), where there is one model.
        """
        median = self._settings["train_median"]
        if median is not None:
            y_true, predictions = _codes.sides(y_true, median, "y_true"), _codes.sides(predictions, median)
        single = np.ndim(y_true) == 0
        labels = _codes.integer_codes(np.atleast_1d(np.asarray(y_true)), "y_true")
        matrix = _codes.integer_codes(predictions, "predictions")
        if matrix.ndim < 2:
            matrix = matrix.reshape(self._settings["n_models"], -1)
        if -1 in labels and -1 not in self._numbers:
            raise InputError(
                "y_true holds -1, which means 'no prediction' unless it is a class: pass classes=[-1, ...] "
                "(or train_shares with -1) when making the stream."
            )
        path = self._native.push(self._coded(labels), self._coded(matrix))
        return float(path[0]) if single else path

    def _coded(self, values: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        distinct, place = np.unique(values, return_inverse=True)
        for code in distinct.tolist():
            if code != -1:
                self._numbers.setdefault(code, len(self._numbers))
        numbers = np.array([self._numbers.get(code, -1) for code in distinct.tolist()], dtype=np.int32)
        return np.ascontiguousarray(numbers[place].reshape(values.shape))

    @property
    def value(self) -> float:
        """E now; an e-value."""
        return float(self._native.value)

    @property
    def sup(self) -> float:
        """Largest E so far."""
        return float(self._native.largest)

    @property
    def rows(self) -> int:
        """Rows pushed."""
        return int(self._native.rows)

    def state(self) -> bytes:
        """Everything that `from_state` needs."""
        rows, largest, wealth, resolved, open_labels = self._native.state()
        head = json.dumps(
            {
                "version": 1,
                "settings": self._settings,
                "codes": list(self._numbers),
                "rows": rows,
                "largest": largest,
                "sizes": [len(wealth), len(resolved), len(open_labels)],
            }
        ).encode()
        arrays = [wealth.astype("<f8"), resolved.astype("<i8"), open_labels.astype("<i4")]
        return b"SMCE" + len(head).to_bytes(4, "little") + head + b"".join(a.tobytes() for a in arrays)

    @classmethod
    def from_state(cls, state: bytes) -> EProcessStream:
        """Goes on where `state()` was taken. Raises InputError on anything else."""
        try:
            if state[:4] != b"SMCE":
                raise ValueError("no e-process")
            size = int.from_bytes(state[4:8], "little")
            head = json.loads(state[8 : 8 + size])
            if head["version"] != 1:
                raise ValueError(f"version {head['version']}")
            body, arrays = state[8 + size :], []
            for count, kind in zip(head["sizes"], ("<f8", "<i8", "<i4"), strict=True):
                width = np.dtype(kind).itemsize * int(count)
                if len(body) < width:
                    raise ValueError("cut short")
                arrays.append(np.frombuffer(body[:width], dtype=kind).astype(kind[1:]))
                body = body[width:]
            if body:
                raise ValueError("too long")
            stream = cls.__new__(cls)
            stream._settings = {
                "n_models": int(head["settings"]["n_models"]),
                "horizon": _codes.check_horizon(head["settings"]["horizon"]),
                "baseline": float(head["settings"]["baseline"]),
                "train_shares": head["settings"]["train_shares"],
                "train_median": head["settings"]["train_median"],
                "train_rows": float(head["settings"].get("train_rows", 0.0)),  # states of before there was one
            }
            stream._numbers = {int(code): number for number, code in enumerate(head["codes"])}
            stream._open()
            stream._native.restore(int(head["rows"]), float(head["largest"]), *arrays)
        except (ValueError, KeyError, TypeError, IndexError, InputError) as error:
            raise InputError(f"state must come from EProcessStream.state(), but is not readable ({error}).") from error
        return stream

    def __repr__(self) -> str:
        return f"EProcessStream(rows={self.rows}, value={self.value:.4g}, sup={self.sup:.4g})"
