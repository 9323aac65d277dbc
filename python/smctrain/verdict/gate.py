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

import numpy.typing as npt

from smctrain.exceptions import InputError
from smctrain.stats.choice import Rules
from smctrain.verdict.case import Case, Given
from smctrain.verdict.classes import read_classes
from smctrain.verdict.counting import counted
from smctrain.verdict.evidence import as_record, weigh
from smctrain.verdict.explain import kind_of, reasons_of
from smctrain.verdict.ledger import Ledger
from smctrain.verdict.measure import measure
from smctrain.verdict.result import DEPLOY, REVIEW, Trials, Verdict
from smctrain.verdict.rules import criteria, failures
from smctrain.verdict.values import MIN_EDGE_IC, read_values

CLASSIFICATION, REGRESSION = "classification", "regression"
MIN_EDGE = 0.03


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
    min_edge: float | None = None,
    require_positive_ev: bool = True,
    max_gap: float = 0.20,
    min_accuracy: float = 0.55,
    stability_threshold: float = 0.05,
    out_of_fold: bool = False,
    inner_majority: npt.ArrayLike | None = None,
    t0: npt.ArrayLike | None = None,
    t1: npt.ArrayLike | None = None,
    task: str = CLASSIFICATION,
    trade_above: float | None = None,
    threads: int = 1,
) -> Verdict:
    """The verdict on one symbol and target.

    All rows in time order. With `task="classification"` labels and predictions are integer class codes, -1 = no
    prediction (counted as wrong). With `task="regression"` they are numbers, NaN = no prediction (counted as the
    middle). The task is never guessed.

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
        taken where the chosen model answers the highest class code, or a number above `trade_above`.
    inner_r_net : (n_inner,) or None
        The same for the inner rows; they add weight to the question whether the trades earn by luck.
    profile : "default" or "seed"
        Thresholds of the selector. "default" lets only `gaps` reject a model; the in-sample gap lowers
        its score. "seed" holds thresholds of accuracy: for classes only.
    ledger : Trials, Ledger, path or None
        Earlier configurations scored on the same rows. A `Ledger`, or the folder of one, counts by itself: these models
        are written down, and all that were ever scored on the same labels join the test.
    n_symbols : int
        Symbols of this run; above 1 a stricter rule holds, and `apply_multiple_testing` must follow.
    gaps : (k,) or None
        Train-fold minus out-of-fold accuracy (IC) of the early-stopped models, measured in the inner folds. Above
        `max_gap` they reject a model. A training run gives none: how closely a family can follow its training rows is
        its kind, not its fault. On 20 sets P(0.20) (1,720 rows before, 1,000 behind; preset fast) the rule refuses 19
        forests and 11 boosted models, and leaves DEPLOY in 1 of 15 and 7 of 14 runs of these alone.
    class_names : code -> word, for the sentences
    min_edge : float or None
        Smallest edge over the baseline that rows must be able to show; None: 0.03 of accuracy, an IC of 0.06. With
        independent rows both take as many of them; an answer with this IC is on the right side of the median on 52 %.
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
        Thresholds of the selector, as in `ModelSelector`; `min_accuracy` counts under profile "seed" only. With
        numbers they are differences of ICs.
    task : "classification" or "regression"
        What the target is.
    trade_above : float or None
        Regression only: a prediction above it is a trade. None: the mean of `train_y`. Where small outcomes are the
        good ones, turn the target and the predictions around.
    threads : int
        Upper limit of threads; the verdict does not depend on it.

    Returns
    -------
    Verdict
        Of a regression, `evidence` holds "ic", "ic_low", "ic_high", "r2" (against the training mean), "rmse", "mae" and
        what the training mean has of them ("train_mean_rmse", "train_mean_mae") in place of accuracies.

    Raises
    ------
    InputError
        Arguments that do not fit together; numbers where classes were announced, and the other way round.

    Notes
    -----
    The statistic of classes is balanced accuracy when one class holds more than 60 % of the training rows, else
    accuracy: one choice for every step, made before the first out-of-sample row.

    Being right is not earning: how *far* prices move can be foreseen where their direction cannot, and a model
    that knows when a trade runs out of time beats every baseline of a three-class label (or of a label that
    counts time-outs as losses) without an edge. So where outcomes are known, the trades must also earn more than
    nothing and more than taking every row, by more than luck explains: Newey-West t over 2h rows, one-sided,
    inner and out-of-sample rows weighed by Stouffer, p at most 0.005.

    The statistic of numbers is the IC (Spearman, average ranks), which nothing but knowing the order moves; without a
    model it is 0. Every rule is that of classes, with these in place: the shift test runs on the IC; the e-process
    bets on the side of the training median, at the share of that side among the rows known by then; at least 30
    training rows must differ from the commonest outcome. One rule is more ("p_forward", at most 0.01): the chosen
    model's answers must also be right when measured from the middles of inner answers and training outcomes, known
    before the test. An IC knows the middle of the test rows, and on a driftless walk "the price is high, so it will
    fall" is right in that hindsight. Sizes never decide: where R2 is not above 0, a sentence says that they are worth
    less than the mean.

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

    A forecast of numbers that knows a part of the outcome:

    >>> rng = np.random.default_rng(0)
    >>> y, x = rng.normal(size=(2, 3000))
    >>> y = y + 0.3 * x
    >>> rows = slice(2000, None), slice(1000, 2000), slice(0, 1000)
    >>> oos, inner, train = ((y[r], x[r]) for r in rows)
    >>> st.decide(*oos, 1, *inner, *train, task="regression").kind
    'DEPLOY'
    """
    given = Given(
        y_true=y_true, predictions=predictions, horizon=horizon, inner_y=inner_y, inner_predictions=inner_predictions,
        train_y=train_y, train_predictions=train_predictions, names=names, r_net=r_net, inner_r_net=inner_r_net,
        trials=ledger if isinstance(ledger, Trials) else None, n_symbols=n_symbols, gaps=gaps,
        min_edge=_smallest_edge(min_edge, task), require_positive_ev=require_positive_ev,
        rules=Rules(profile, max_gap, min_accuracy, stability_threshold), threads=threads, out_of_fold=out_of_fold,
        t0=t0, t1=t1,
    )  # fmt: skip
    case: Case
    if task == REGRESSION:
        _not_with(task, class_names=class_names, inner_majority=inner_majority)
        case = read_values(given, trade_above)
    else:
        _not_with(task, trade_above=trade_above)
        case = read_classes(given, class_names, inner_majority)
    if isinstance(ledger, Ledger | str | Path):
        book = ledger if isinstance(ledger, Ledger) else Ledger(ledger)
        case = dataclasses.replace(case, trials=counted(case, book))
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


def _smallest_edge(given: float | None, task: str) -> float:
    if task not in (CLASSIFICATION, REGRESSION):
        raise InputError(f'task must be "classification" or "regression", but is {task!r}.')
    if given is None:
        return MIN_EDGE_IC if task == REGRESSION else MIN_EDGE
    if not 0.0 < given < 1.0:
        raise InputError(f"min_edge must lie between 0 and 1 (3 points are 0.03), but is {given!r}.")
    return float(given)


def _not_with(task: str, **arguments: object) -> None:
    for name, value in arguments.items():
        if value is not None:
            raise InputError(f'{name} says nothing with task="{task}": leave it out.')
