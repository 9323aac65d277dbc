"""`audit_pipeline`: does the code that somebody evaluates a model with know the future?

A pipeline is up to four steps, each a function (or, for the first three, what it would give):

    features   bars -> columns            audit_features: prefixes, altered futures, canary
    labels     bars -> Labels             altered futures: what was decided, and every label past its end, must stay
    split      rows -> (train, held)      label intervals, stamps, events, copies across the border, neighbours on
                                          both sides; the choice of held-out rows must not depend on labels
    fit        rows, train, held -> predictions of the held rows
                                          isolation: held-out labels are shuffled, then half of the held-out rows get
                                          other columns; nothing that is said about the others may change, unless from
                                          what was known by then

Bars in: all of it, and the whole pipeline on bars that cannot be predicted. Arrays in: the last two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain.audit import pipeline_checks as checks
from smctrain.audit.audit import audit_features
from smctrain.audit.canary import CanaryResult
from smctrain.audit.report import Finding, LeakReport
from smctrain.audit.sentinels import LIMIT
from smctrain.audit.surrogate import surrogate_bars
from smctrain.bars.types import Bars
from smctrain.exceptions import InputError, SmctrainError, TooFewRows
from smctrain.features import FeatureSpec, build_features
from smctrain.features.user import user_columns
from smctrain.labels import Labels, triple_barrier
from smctrain.splits.base import read_intervals

Rows = NDArray[np.int64]
Split = Callable[..., Any] | Sequence[tuple[ArrayLike, ArrayLike]] | Any
Fit = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Table:
    """Labelled rows.

    Attributes
    ----------
    X : float64 (n, d)
    y : float64 (n,)
        Classes.
    t0, t1 : int64 (n,)
        Label intervals, closed; row indices of the bars, or nanoseconds.
    groups, events : (n,) or None
        Symbol, and id of what several rows share (a zone, a news window, a session).
    """

    X: NDArray[np.float64]
    y: NDArray[np.float64]
    t0: Rows
    t1: Rows
    names: list[str]
    groups: NDArray[Any] | None = None
    events: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.y)


def audit_pipeline(
    bars: Bars | None = None,
    *,
    features: FeatureSpec | Callable[[Any], Any] | None = None,
    labels: Mapping[str, Any] | Callable[[Bars], Labels] | None = None,
    split: Split = None,
    fit: Fit | None = None,
    X: ArrayLike | None = None,
    y: ArrayLike | None = None,
    intervals: tuple[ArrayLike, ArrayLike] | None = None,
    names: Sequence[str] | None = None,
    groups: ArrayLike | None = None,
    events: ArrayLike | Callable[[Bars], ArrayLike] | None = None,
    embargo: int = 0,
    cuts: int = 80,
    draws: int = 3,
    canary: bool = True,
    seed: int = 0,
) -> LeakReport:
    """Whether the code that evaluates a model knows anything it must not know.

    Give bars with `features` and `labels`, or finished arrays `X`, `y`, `intervals`; then `split`, and `fit` if
    predictions are to be judged.

    Parameters
    ----------
    bars : Bars (n bars), optional
    features : FeatureSpec or callable, optional
        As in `audit_features`: data frame of bars in, columns with the same index out.
    labels : mapping or callable, optional
        Keyword arguments of `triple_barrier`, or a function from `Bars` to `Labels`. Decisions are the rows it gives.
    split : splitter, list of (train, held) or callable
        Which rows are learned from, and which are predicted: positions among the labelled rows. A callable is called
        as ``split(X, y, t0, t1)``.
    fit : callable or estimator, optional
        ``fit(X, y, train, held)`` returns predictions of the rows `held`, in their order: classes, probabilities (n,
        K), or NaN for rows it would not trade. It may do with X and y whatever the real code does with them. A
        scikit-learn estimator or pipeline is cloned, fitted on X[train], y[train], and predicts X[held].
    X : float (n, d), y : (n,), intervals : (t0, t1)
        Rows, classes and closed label intervals in row indices or datetimes, instead of bars.
    names : list of str (d,), optional
        Default: the columns of X where it is a data frame.
    groups : (n,), optional
        Symbol per row; rows of one moment belong on one side whatever their symbol.
    events : (n,) or callable from Bars, optional
        Id of what several rows share, such as the zone they trade; -1 or None: nothing. Rows of one event belong on
        one side. A callable gives one id per bar.
    embargo : int
        Rows after a held-out block that must be empty.
    cuts, draws, seed
        As in `audit_features`.
    canary : bool
        Whether the whole pipeline is run on `draws` surrogates of the bars.

    Returns
    -------
    LeakReport
        Findings name the column (or columns, joined by ", "), or "(split)", "(rows)", "(fit)", "(labels)",
        "(pipeline)"; kinds in `Finding`.

    Raises
    ------
    InputError
        If steps are missing or return something else than they must.
    TooFewRows
        If there are fewer than 100 labelled rows.

    Notes
    -----
    `fit` is called twelve times on the first splits, up to thirty times more where an answer changes, and once a split
    on each surrogate. NumPy's global generator is seeded before each call (and put back), so that models without a seed
    repeat themselves; other randomness is measured by calling it twice: seed it, so that small leaks show. Code that
    goes on learning during the held-out rows is no leak as long as it uses labels that have ended and columns up to the
    row it answers.

    What cannot be found: in finished arrays, a column of the future that is no stronger than an honest one may be (an
    AUC up to about 0.75 on thousands of rows, 0.85 on some hundreds): give bars and the function that makes the column,
    and any change of a past reading shows. Intervals that end before their labels do, where folds are blocks (a remark
    says that neighbours agree). A list of symbols, rows or splits that was chosen by its outcome before this function
    is called: give the function that chooses. Bars that a vendor revised before you got them. Anything that was looked
    at by eye.

    Examples
    --------
    >>> import numpy as np, smctrain as st
    >>> table = st.testing.noise_table(600, seed=1)
    >>> rows = np.arange(600)
    >>> def fit(X, y, train, held):
    ...     X = (X - X.mean(axis=0)) / X.std(axis=0)          # the mean of all rows, held-out ones too
    ...     weights = np.linalg.lstsq(X[train], y[train] - 0.5, rcond=None)[0]
    ...     return X[held] @ weights
    >>> splits = st.splits.WalkForward(2, intervals=(rows, rows + 10))
    >>> report = st.audit_pipeline(X=table.X, y=table.y, intervals=(rows, rows + 10), split=splits, fit=fit)
    >>> report.ok, report.findings[0].kind
    (False, 'isolation')
    """
    _check(bars, features, X, y, split)
    fit = _as_function(fit)
    rng = np.random.default_rng(seed)
    findings: list[Finding] = []
    remarks: list[Finding] = []
    done: dict[str, str] = {}
    if bars is not None:
        assert features is not None
        report = audit_features(bars, features, cuts, seed, canary=False)
        findings, remarks = list(report.findings), list(report.remarks)
        done |= {f"features, {name}": words for name, words in report.checks.items() if name != "canary"}
        found, words = checks.label_step(lambda b: _labels(b, labels), bars, rng)
        findings += found
        done["labels"] = words
    table = _table(bars, features, labels, X, y, intervals, names, groups, events)
    if bars is None and intervals is None:
        detail = "no intervals were given: each label counts as known in its own row, so that no overlap can be found"
        remarks.append(Finding("(labels)", "no_intervals", -1, 0, 0.0, detail))
    pairs = _pairs(split, table)
    found, words = checks.split_step(pairs, table.t0, table.t1, table.y, table.groups, table.events, embargo, rng)
    findings += found
    done["split"] = words
    found, noted, words = checks.neighbours_step(pairs, table.t0, table.t1, table.y, table.groups)
    findings += found
    remarks += noted
    done["neighbours"] = words
    if callable(split):
        found, words = checks.choice_step(lambda other: _pairs(split, table, other), pairs, table.y, rng)
        findings += found
        done["choice of rows"] = words
    found, words = checks.columns_step(table.X, table.y, table.t0, table.t1, pairs, table.names)
    findings += found
    done["single columns"] = words
    accused = {name for finding in found for name in finding.column.split(", ")}
    # A column that knows the label makes neighbours agree: copies are looked for without it.
    others = [j for j, name in enumerate(table.names) if name not in accused]
    found, words = checks.copies_step(table.X[:, others], table.y, table.t0, table.t1, pairs)
    findings += found
    done["copies"] = words
    results: list[CanaryResult] = []
    if fit is not None:
        found, words = checks.fit_step(fit, table.X, table.y, table.t0, table.t1, pairs, rng)
        findings += found
        done["fit"] = words
        if bars is not None and canary:
            try:
                results = _canary(bars, features, labels, split, fit, events, draws, seed)
                done["canary"] = f"{draws} surrogates through the whole pipeline, " + "; ".join(
                    f"{r.accuracy:.3f} right, majority {r.majority:.3f} ({r.excess:+.1f} standard errors)"
                    for r in results
                )
            except TooFewRows as error:
                done["canary"] = f"not run: {error}"
    for bad in (result for result in results if not result.ok):
        detail = (
            f"the pipeline reaches {bad.accuracy:.3f} on bars that cannot be predicted, the majority is "
            f"{bad.majority:.3f} ({bad.excess:.1f} standard errors)"
        )
        findings.append(Finding("(pipeline)", "canary", -1, bad.rows, bad.excess, detail))
    return LeakReport(
        symbol="pipeline" if bars is None else bars.symbol,
        subject="pipeline",
        n_rows=len(table),
        n_columns=len(table.names),
        findings=findings,
        remarks=remarks,
        checks=done,
        canary=results,
    )


def _as_function(fit: Any) -> Fit | None:
    """An estimator as the function that fits a clone of it."""
    if not (hasattr(fit, "fit") and hasattr(fit, "predict")):
        if fit is not None and not callable(fit):
            raise InputError(f"fit must be fit(X, y, train, held) or an estimator, but is {type(fit).__name__}.")
        own: Fit | None = fit
        return own
    from sklearn.base import clone

    def fitted(X: Any, y: Any, train: Rows, held: Rows) -> Any:
        return clone(fit).fit(X[train], y[train]).predict(X[held])

    return fitted


def _check(bars: Any, features: Any, X: Any, y: Any, split: Any) -> None:
    if bars is not None and not isinstance(bars, Bars):
        raise InputError(f'bars must be Bars of one symbol, but are {type(bars).__name__}: take bars["EURUSD", "M15"].')
    if (bars is None) == (X is None):
        raise InputError("give either bars (with features and labels) or arrays (X, y, intervals).")
    if bars is not None and features is None:
        raise InputError("features must be a FeatureSpec or a function when bars are given.")
    if X is not None and y is None:
        raise InputError("y must hold the class of each row of X.")
    if split is None:
        raise InputError("split must be a splitter, a list of (train, held) or a function: it is what is audited.")


def _labels(bars: Bars, labels: Any) -> Labels:
    if not callable(labels):
        return triple_barrier(bars, **dict(labels or {}))
    outcome = labels(bars)
    if not isinstance(outcome, Labels):
        raise InputError(f"labels must return Labels, but returned {type(outcome).__name__}.")
    return outcome


def _table(
    bars: Bars | None, features: Any, labels: Any, X: Any, y: Any, intervals: Any, names: Any, groups: Any, events: Any
) -> Table:
    if bars is None:
        values = _numbers(X, "X")
        if values.ndim != 2:
            raise InputError(f"X must have shape (rows, columns), but has {values.shape}.")
        n = len(values)
        classes = _numbers(y, "y")
        names = getattr(X, "columns", None) if names is None else names
        read = read_intervals(intervals, n)
        start, end = read.t0, read.t1
        table = Table(
            values,
            classes,
            start,
            end,
            [str(name) for name in names] if names is not None else [f"x{j}" for j in range(values.shape[1])],
            None if groups is None else np.asarray(groups),
            None if events is None else np.asarray(events),
        )
        for name, array in (("y", classes), ("t0", start), ("t1", end), ("groups", groups), ("events", events)):
            if array is not None and len(array) != n:
                raise InputError(f"{name} must have one entry for each of the {n} rows of X, but has {len(array)}.")
    else:
        if isinstance(features, FeatureSpec):
            made = build_features(bars, features)
            matrix, columns = made.values, list(made.names)
        else:
            own = user_columns(features, bars)
            matrix, columns = own.values, own.names
        outcome = _labels(bars, labels)
        ok = outcome.ok & np.isfinite(matrix[outcome.t0]).any(axis=1)
        rows = outcome.t0[ok]
        ids = events(bars) if callable(events) else events
        table = Table(
            matrix[rows].astype(np.float64),
            outcome.y[ok],
            rows,
            outcome.t1[ok],
            columns,
            None,
            None if ids is None else np.asarray(ids)[rows],
        )
    if len(table) < 100:
        raise TooFewRows(f"an audit of a pipeline needs at least 100 labelled rows, but there are {len(table)}.")
    return table


def _numbers(values: Any, name: str) -> NDArray[np.float64]:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        hint = ": classes, y = np.unique(labels, return_inverse=True) makes numbers of labels" if name == "y" else ""
        raise InputError(f"{name} must hold numbers, but is {np.asarray(values).dtype}{hint}.") from None


def _pairs(split: Split, table: Table, y: NDArray[np.float64] | None = None) -> list[tuple[Rows, Rows]]:
    """(train, held) positions of the table."""
    classes = table.y if y is None else y
    if hasattr(split, "split"):
        given = split.split(table.X, classes, table.groups)
    elif callable(split):
        given = split(table.X, classes, table.t0, table.t1)
    else:
        given = split
    pairs = [(np.sort(_positions(train)), _positions(held)) for train, held in given]
    if not pairs or any(len(train) == 0 or len(held) == 0 for train, held in pairs):
        raise InputError("split must give at least one pair of (train, held), neither of them empty.")
    for train, held in pairs:
        for rows in (train, held):
            if rows.min() < 0 or rows.max() >= len(table):
                raise InputError(f"split: positions must lie in 0..{len(table) - 1}, but one is {rows.max()}.")
    return pairs


def _positions(rows: ArrayLike) -> Rows:
    array = np.asarray(rows)
    if array.dtype == bool:
        return np.flatnonzero(array).astype(np.int64)
    return np.ascontiguousarray(array.ravel(), dtype=np.int64)


def _canary(
    bars: Bars, features: Any, labels: Any, split: Any, fit: Fit, events: Any, draws: int, seed: int
) -> list[CanaryResult]:
    """The whole pipeline on bars that cannot be predicted: pooled over draws."""
    told: list[tuple[float, float, float, int]] = []
    for draw in range(max(3, draws)):
        noise = surrogate_bars(bars, np.random.default_rng([seed, draw]))
        try:
            table = _table(noise, features, labels, None, None, None, None, None, events)
            pairs = _pairs(split, table)
            told.append(checks.beside_majority(fit, table.X, table.y, table.t0, table.t1, pairs))
        except SmctrainError as error:
            raise TooFewRows(f"surrogate bars leave too little ({error})") from error
    accuracy, majority, error_of, rows = (np.array(values) for values in zip(*told, strict=True))
    mean = float((accuracy - majority).mean())
    pooled = float(np.sqrt((error_of**2).sum()) / len(told))
    excess = mean / pooled if pooled > 0 else (0.0 if mean <= 0 else float("inf"))
    assert LIMIT == 3.0
    return [
        CanaryResult(
            "pipeline", float(accuracy.mean()), float(majority.mean()), pooled, float(excess), len(told),
            int(rows.sum()),
        )
    ]  # fmt: skip
