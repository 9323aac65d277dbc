"""decide(): choose on inner rows, weigh the out-of-sample rows, apply the rules, say it in words.

1. measure   every model's scores; one is chosen on inner rows (measure.py, `smctrain.stats.choice`)
2. weigh     p_oos, p_in, p_comb, E_end, skill over the baseline, rows required (evidence.py, trades.py)
3. rules     DEPLOY only if every rule holds (rules.py)
4. explain   else TOO_LITTLE_DATA when the rows could not have shown an edge of 3 points, NO_EVIDENCE otherwise
             (explain.py)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from smctrain.exceptions import InputError
from smctrain.stats.choice import Rules
from smctrain.verdict.evidence import as_record, weigh
from smctrain.verdict.explain import kind_of, reasons_of
from smctrain.verdict.ledger import INNER, OOS, Ledger, Trial, ledger_key, new_run
from smctrain.verdict.measure import Case, Labels, measure, read_case
from smctrain.verdict.result import DEPLOY, REVIEW, Trials, Verdict
from smctrain.verdict.rules import criteria, failures


def decide(
    y_true: npt.ArrayLike,
    predictions: npt.ArrayLike,
    horizon: int,
    inner_y: npt.ArrayLike,
    inner_predictions: npt.ArrayLike,
    train_y: npt.ArrayLike,
    train_predictions: npt.ArrayLike | None,
    names: Sequence[str] | None = None,
    r_net: npt.ArrayLike | None = None,
    profile: str = "default",
    ledger: Trials | Ledger | str | Path | None = None,
    n_symbols: int = 1,
    *,
    inner_r_net: npt.ArrayLike | None = None,
    gaps: npt.ArrayLike | None = None,
    class_names: Mapping[int, str] | None = None,
    min_edge: float = 0.03,
    require_positive_ev: bool = True,
    max_gap: float = 0.20,
    min_accuracy: float = 0.55,
    stability_threshold: float = 0.05,
    out_of_fold: bool = False,
    inner_majority: npt.ArrayLike | None = None,
    t0: npt.ArrayLike | None = None,
    t1: npt.ArrayLike | None = None,
    threads: int = 1,
) -> Verdict:
    """The verdict on one symbol and target.

    All rows in time order; predictions are integer class codes, -1 = no prediction (counted as wrong).

    Parameters
    ----------
    y_true, predictions : (n,), (k, n)
        Out-of-sample rows (pooled walk-forward) of k models.
    horizon : int
        Longest label in rows.
    inner_y, inner_predictions : (n_inner,), (k, n_inner)
        Pooled inner out-of-fold rows, all before the first out-of-sample row.
    train_y, train_predictions : (n_train,), (k, n_train) or None
        Training rows, and each model's answers on the rows it was fitted on (in-sample). None: no
        training score, which rejects every model without an entry in `gaps`.
    names : k strings, default "model 0", ...
    r_net : (n,) or None
        Net outcome in R, known afterwards, of the trade on each out-of-sample row (NaN: none). Trades are
        taken where the chosen model answers the highest class code.
    inner_r_net : (n_inner,) or None
        The same for the inner rows; they add weight to the question whether the trades earn by luck.
    profile : "default" or "seed"
        Thresholds of the selector. "default" lets only `gaps` reject a model; the in-sample gap lowers
        its score.
    ledger : Trials, Ledger, path or None
        Earlier configurations scored on the same rows. A `Ledger`, or the folder of one, counts by itself: these models
        are written down, and all that were ever scored on the same labels join the test.
    n_symbols : int
        Symbols of this run; above 1 a stricter rule holds, and `apply_multiple_testing` must follow.
    gaps : (k,) or None
        Train-fold minus out-of-fold accuracy of the early-stopped models, measured in the inner folds.
    class_names : code -> word, for the sentences
    min_edge : smallest edge over the baseline that rows must be able to show
    out_of_fold : bool
        Whether inner predictions are those of a k-fold cross-validation, whose folds learn from each other: by luck
        they vary twice as much as predictions forward in time, and count less. A training run says so.
    inner_majority : (n_inner,) or None
        The commonest class among the rows each inner prediction was learned from: what a model must beat there.
        Default: the commonest class of `train_y`, which looks ahead where inner rows are training rows.
    t0, t1 : (n,) or None
        First and last bar of the trade on each out-of-sample row: trades are counted one at a time. Default: row i
        is open until row i + horizon.
    max_gap, min_accuracy, stability_threshold
        Thresholds of the selector, as in `ModelSelector`; `min_accuracy` counts under profile "seed" only.

    Returns
    -------
    Verdict

    Notes
    -----
    The statistic is balanced accuracy when one class holds more than 60 % of the training rows, else
    accuracy: one choice for every step, made before the first out-of-sample row.

    Being right is not earning: how *far* prices move can be foreseen where their direction cannot, and a model
    that knows when a trade runs out of time beats every baseline of a three-class label (or of a label that
    counts time-outs as losses) without an edge. So where outcomes are known, the trades must also earn more than
    nothing and more than taking every row, by more than luck explains: Newey-West t over 2h rows, one-sided,
    inner and out-of-sample rows weighed by Stouffer, p at most 0.005.

    Examples
    --------
    Answers that know nothing, on 1,000 later rows whose labels reach 10 rows ahead:

    >>> rng = np.random.default_rng(1)
    >>> y = np.repeat(rng.integers(0, 2, 300), 10)
    >>> answers = np.repeat(rng.integers(0, 2, (2, 300)), 10, axis=1)      # two models
    >>> early, middle, late = slice(0, 1000), slice(1010, 1990), slice(2000, 3000)
    >>> found = st.decide(
    ...     y[late], answers[:, late], 10, y[middle], answers[:, middle], y[early], answers[:, early],
    ...     names=["XGBoost", "Forest"],
    ... )
    >>> found.kind
    'TOO_LITTLE_DATA'
    >>> found.reasons[0]
    'Too little data to tell. Forest is ... points ahead of guessing, and 1,000 test rows show a lead only from ...'
    """
    if not 0.0 < min_edge < 1.0:
        raise InputError(f"min_edge must be a share between 0 and 1 (3 points are 0.03), but is {min_edge!r}.")
    given = ledger if isinstance(ledger, Trials) else None
    case = read_case(
        y_true, predictions, horizon, inner_y, inner_predictions, train_y, train_predictions, names, r_net,
        given, n_symbols, inner_r_net, gaps, class_names, min_edge, require_positive_ev,
        Rules(profile, max_gap, min_accuracy, stability_threshold), threads,
        out_of_fold, inner_majority, t0, t1,
    )  # fmt: skip
    if isinstance(ledger, Ledger | str | Path):
        book = ledger if isinstance(ledger, Ledger) else Ledger(ledger)
        case = dataclasses.replace(case, trials=_counted(case, book))
    measured = measure(case)
    found = weigh(case, measured)
    failed = failures(case, measured, found)
    kind = kind_of(case, found, failed)
    choice = measured.choice
    return Verdict(
        kind=kind,
        model=choice.best.name if choice.best else None,
        reasons=reasons_of(case, measured, found, kind, failed),
        evidence=as_record(case, measured, found),
        n_required=found.n_required,
        action=None if kind == DEPLOY else REVIEW,
        alternatives=choice.alternatives,
        rejected=choice.rejected,
        failed_rules=list(failed),
        criteria=criteria(case, measured, found, failed),
    )


def _counted(case: Case, ledger: Ledger) -> Trials | None:
    """Write the case's models down, and return everything else that was scored on the same labels."""
    key = ledger_key(*(np.asarray(part, dtype="<i8").tobytes() for part in (case.oos.y, case.inner.y, case.train_y)))
    run, classes = new_run(), tuple(int(c) for c in case.classes)
    trials = [
        Trial(run, name, stage, np.arange(len(rows)), _as_codes(rows.answers[m], classes), classes)
        for m, name in enumerate(case.names)
        for stage, rows in ((OOS, case.oos), (INNER, case.inner))
    ]
    ledger.append(key, trials)
    found = ledger.read(key)
    everything = found.as_trials(np.arange(len(case.oos)), np.arange(len(case.inner)), classes, run)
    if everything is None:
        return None
    back = np.append(np.asarray(classes, dtype=np.int64), -1)  # codes -> the labels of this case
    inner = None if everything.inner is None else back[np.asarray(everything.inner)]
    return Trials(back[np.asarray(everything.oos)], inner, everything.lost)


def _as_codes(answers: Labels, classes: tuple[int, ...]) -> Labels:
    codes = np.full(answers.shape, -1, dtype=np.int64)
    for code, value in enumerate(classes):
        codes[answers == value] = code
    return codes
