"""decide(): choose on inner rows, weigh the out-of-sample rows, apply the rules, say it in words.

1. choose    the model with the best score on inner rows (`smctrain.stats.choice`)
2. evidence  p_oos, p_in (circular-shift test over everything tried), p_comb (Stouffer), E_end,
             skill over baseline
3. gate      DEPLOY only if every rule holds
4. else      TOO_LITTLE_DATA when the rows could not have shown an edge of 3 points, NO_EVIDENCE otherwise
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from smctrain import stats
from smctrain.exceptions import InputError
from smctrain.stats import _codes
from smctrain.stats.choice import Candidate, Choice, Rules, choose, percent
from smctrain.stats.skill import BALANCED_ABOVE
from smctrain.verdict.result import DEPLOY, NO_EVIDENCE, REVIEW, TOO_LITTLE_DATA, Trials, Verdict

P_COMBINED = 0.005
P_OOS = 0.05
E_ONE_SYMBOL = 2.0
E_SEVERAL_SYMBOLS = 3.0
MIN_CLASS_ROWS = 30
MIN_TRADES = 30
P_TRADES = 0.005  # a model that foresees only how far prices move passes the other rules: this one alone stops it
_LUCK_RULES = {"rows", "class_rows", "selector", "p_combined", "p_oos", "skill"}
_HEADLINES = ("expected_value", "trade_luck", "trades", "consistency", "e_value")
EDGES = (0.10, 0.06, 0.05, 0.03, 0.02)
Labels = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Metric:
    """Accuracy, or balanced accuracy where one class holds over 60 % of the training rows."""

    balanced: bool

    @property
    def name(self) -> str:
        return "balanced_accuracy" if self.balanced else "accuracy"

    @property
    def word(self) -> str:
        return "balanced accuracy" if self.balanced else "accuracy"

    def of(self, y: Labels, predictions: Labels) -> float:
        right = predictions == y
        if not self.balanced:
            return float(right.mean())
        return float(np.mean([right[y == c].mean() for c in np.unique(y)]))

    def without_model(self, y: Labels, majority: int) -> float:
        """What always answering the training rows' commonest class scores."""
        return 1.0 / len(np.unique(y)) if self.balanced else float((y == majority).mean())


def _last_resolved(y: Labels, horizon: int, majority: int) -> Labels:
    """The newest label known at each row; the commonest class while none is."""
    guess = np.full_like(y, majority)
    guess[horizon:] = y[:-horizon]
    return guess


def _shift_test(
    y: Labels, predictions: Labels, horizon: int, metric: _Metric, threads: int
) -> stats.CircularShiftTest | None:
    """None when there are fewer than 20h rows: the test would be too coarse."""
    if len(y) < 20 * horizon:
        return None
    return stats.circular_shift_test(y, predictions, horizon, metric.name, threads=threads)


def _measure(
    names: Sequence[str],
    metric: _Metric,
    horizon: int,
    baseline: float,
    inner: tuple[Labels, Labels],
    oos: tuple[Labels, Labels],
    in_sample_gaps: list[float | None],
    gaps: list[float | None] | None,
    profile: str,
) -> list[Candidate]:
    inner_y, inner_predictions = inner
    y, predictions = oos
    candidates: list[Candidate] = []
    for m, name in enumerate(names):
        given = None if gaps is None else gaps[m]
        use_given = profile == "default" and given is not None
        candidates.append(
            Candidate(
                name=name,
                val=metric.of(inner_y, inner_predictions[m]),
                gap=given if use_given else in_sample_gaps[m],
                gap_vetoes=use_given or profile == "seed",
                baseline=baseline,
                oos=metric.of(y, predictions[m]),
                val_word=f"inner {metric.word}",
                n_eff_val=stats.effective_sample_size(inner_predictions[m] == inner_y, horizon).n_eff,
                n_eff_oos=stats.effective_sample_size(predictions[m] == y, horizon).n_eff,
            )
        )
    return candidates


def _gap_list(gaps: npt.ArrayLike | None, k: int) -> list[float | None] | None:
    if gaps is None:
        return None
    values = np.asarray(gaps, dtype=np.float64)
    if values.shape != (k,):
        raise InputError(f"gaps must hold one number per model ({k}), but has shape {values.shape}.")
    return [float(v) if math.isfinite(v) else None for v in values]


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
    ledger: Trials | None = None,
    n_symbols: int = 1,
    *,
    inner_r_net: npt.ArrayLike | None = None,
    gaps: npt.ArrayLike | None = None,
    class_names: Mapping[int, str] | None = None,
    min_edge: float = 0.03,
    require_positive_ev: bool = True,
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
    ledger : Trials or None
        Earlier configurations scored on the same rows.
    n_symbols : int
        Symbols of this run; above 1 a stricter rule holds, and `apply_multiple_testing` must follow.
    gaps : (k,) or None
        Train-fold minus out-of-fold accuracy of the early-stopped models, measured in the inner folds.
    class_names : code -> word, for the sentences
    min_edge : smallest edge over the baseline that rows must be able to show

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
    """
    y = _codes.label_vector(y_true, "y_true")
    oos = _codes.prediction_matrix(predictions, len(y), "predictions")
    k = len(oos)
    horizon = _codes.check_horizon(horizon)
    y_in = _codes.label_vector(inner_y, "inner_y")
    inner = _codes.prediction_matrix(inner_predictions, len(y_in), "inner_predictions")
    y_train = _codes.label_vector(train_y, "train_y")
    labels = list(names) if names is not None else [f"model {m}" for m in range(k)]
    if len(labels) != k or len(set(labels)) != k:
        raise InputError(f"names must hold {k} different names, one per model, but is {labels}.")
    if len(inner) != k:
        raise InputError(f"inner_predictions must hold {k} models like predictions, but holds {len(inner)}.")
    if isinstance(n_symbols, bool) or n_symbols < 1:
        raise InputError(f"n_symbols must be at least 1, but is {n_symbols}.")
    rules = Rules(profile=profile)

    # --- what needs no model -------------------------------------------------------------------------------
    classes = _codes.classes_of(y_train, y_in, y)
    train_counts = np.array([int((y_train == c).sum()) for c in classes])
    majority = int(classes[int(train_counts.argmax())])
    shares = train_counts / len(y_train)
    metric = _Metric(balanced=bool(shares.max() > BALANCED_ABOVE))
    word = (class_names or {}).get(majority, str(majority))
    inner_baseline = max(
        metric.without_model(y_in, majority),
        metric.of(y_in, _last_resolved(y_in, horizon, majority)) if len(y_in) > horizon else 0.0,
    )
    baseline = metric.without_model(y, majority)

    # --- 1. the model, on inner rows only ------------------------------------------------------------------
    in_sample: list[float | None] = [None] * k
    if train_predictions is not None:
        fitted = _codes.prediction_matrix(train_predictions, len(y_train), "train_predictions")
        if len(fitted) != k:
            raise InputError(f"train_predictions must hold {k} models, but holds {len(fitted)}.")
        in_sample = [metric.of(y_train, fitted[m]) - metric.of(y_in, inner[m]) for m in range(k)]
    candidates = _measure(
        labels,
        metric,
        horizon,
        inner_baseline,
        (y_in, inner),
        (y, oos),
        in_sample,
        _gap_list(gaps, k),
        profile,
    )
    choice: Choice = choose(candidates, rules)
    # Without a survivor the best one on inner rows still shows how far the data reach.
    shown = labels.index(choice.best.name) if choice.best else int(np.argmax([c.val or 0.0 for c in candidates]))

    # --- 2. evidence ---------------------------------------------------------------------------------------
    tried, tried_inner = oos, inner
    inner_known = True
    if ledger is not None:
        tried = np.concatenate([oos, _codes.prediction_matrix(ledger.oos, len(y), "ledger.oos")])
        inner_known = ledger.inner is not None
        if ledger.inner is not None:
            earlier = _codes.prediction_matrix(ledger.inner, len(y_in), "ledger.inner")
            tried_inner = np.concatenate([inner, earlier])
    test = _shift_test(y, tried, horizon, metric, threads)
    test_in = _shift_test(y_in, tried_inner, horizon, metric, threads) if inner_known else None
    p_oos = None if test is None else test.p_value
    p_in = None if test_in is None else test_in.p_value
    p_comb = p_oos
    if p_oos is not None and p_in is not None:
        p_comb = stats.stouffer([p_in, p_oos], [len(y_in), len(y)]).p
    wealth = stats.e_process(y, oos, horizon, train_shares=dict(zip(classes.tolist(), shares.tolist(), strict=True)))
    right = oos[shown] == y
    size = stats.effective_sample_size(right, horizon)
    accuracy = float(right.mean())
    interval = stats.wilson_interval(accuracy * size.n_eff, size.n_eff)
    statistic = metric.of(y, oos[shown])
    skill = statistic - baseline

    # --- 4a. how many rows would tell ----------------------------------------------------------------------
    enough_rows = len(y) >= 20 * horizon
    spread = size if enough_rows else stats.effective_sample_size(inner[shown] == y_in, horizon)
    even = len(classes) == 2 and bool(np.all((shares >= 0.45) & (shares <= 0.55)))
    p0 = 0.5 if even else float(np.clip((y == majority).mean(), 0.05, 0.95))
    n_required = {edge: stats.required_sample(edge, design_effect=spread.factor, p0=p0) for edge in (*EDGES, min_edge)}
    needed = n_required[min_edge]
    visible = math.sqrt(stats.required_sample(0.001, design_effect=spread.factor, p0=p0) * 1e-6 / len(y))

    # --- 3. the gate ---------------------------------------------------------------------------------------
    failed: dict[str, str] = {}
    few_rows = not enough_rows or test is None or 1.0 / (test.n_shifts + 1) > P_OOS
    if few_rows:
        failed["rows"] = (
            f"The test has {len(y):,} rows; with labels up to {horizon} rows long at least "
            f"{20 * horizon:,} are needed "
            "before any statement is possible."
        )
    thin = [
        f"{(class_names or {}).get(int(c), str(c))} {n}"
        for c, n in zip(classes, train_counts, strict=True)
        if n < MIN_CLASS_ROWS
    ]
    if thin:
        failed["class_rows"] = f"Every class needs at least {MIN_CLASS_ROWS} training rows; too few: {', '.join(thin)}."
    if choice.best is None:
        details = "; ".join(f"{name}: {reason}" for name, reason in choice.rejected.items())
        failed["selector"] = (
            f"No model passed the selection on inner rows, out-of-fold and validation together ({details})."
        )
    elif choice.veto is not None:
        failed["consistency"] = f"{choice.best.name}, the best on inner rows, is refused: {choice.veto}."
    if p_comb is not None and p_comb > P_COMBINED:
        failed["p_combined"] = (
            f"Taken together, inner and test rows look like luck: p = {p_comb:.3g}, at most {P_COMBINED} is needed."
        )
    if p_oos is not None and test is not None and p_oos > P_OOS:
        failed["p_oos"] = (
            f"On the test rows alone, luck does as well too often: in {percent(p_oos)} of "
            f"{test.n_shifts:,} shifted "
            f"histories, at most {percent(P_OOS)} is allowed."
        )
    e_needed = E_ONE_SYMBOL if n_symbols == 1 else E_SEVERAL_SYMBOLS
    if not wealth.end >= e_needed:
        failed["e_value"] = (
            f"A bet of 1 against luck, played row by row, would stand at {wealth.end:.2f}; at least {e_needed:.0f} is "
            "needed."
        )
    hindsight = max(float((y == c).mean()) for c in classes)
    compared = (
        f"{labels[shown]} was right on {percent(accuracy)} of {len(y):,} test rows "
        f"(95 % interval {100 * interval.low:.1f}-{percent(interval.high)}"
        f"{'' if enough_rows else ', too short to trust'}), always answering '{word}' on "
        f"{percent(float((y == majority).mean()))}"
    )
    if not metric.balanced and hindsight > baseline + 0.02:
        compared += f" (the class commonest in the test, known only afterwards, on {percent(hindsight)})"
    if metric.balanced:
        compared += f"; weighing all classes equally {percent(statistic)} against {percent(baseline)}"
    if skill > 0.0:
        compared += f": {100 * skill:.1f} points of {metric.word} ahead."
    else:
        compared += ": no skill shown."
        failed["skill"] = ""  # the comparison itself is the sentence
    trades, mean_r, trade_sentence = _trades(r_net, y, oos[shown], int(classes[-1]))
    p_trades = _trade_luck(r_net, oos[shown] == classes[-1], horizon)
    if p_trades is not None and inner_r_net is not None:
        p_trades_in = _trade_luck(inner_r_net, inner[shown] == classes[-1], horizon, "inner_r_net")
        if p_trades_in is not None:
            p_trades = stats.stouffer([p_trades_in, p_trades], [len(y_in), len(y)]).p
    if r_net is not None and require_positive_ev and choice.best is not None:
        if trades < MIN_TRADES:
            failed["trades"] = f"Only {trades} trades were taken on the test rows; at least {MIN_TRADES} are needed."
        elif not mean_r > 0.0:
            failed["expected_value"] = f"The trades do not earn: {trade_sentence}"
        elif not (p_trades is not None and p_trades <= P_TRADES):
            failed["trade_luck"] = (
                f"The trades earn no more than luck explains (p = {p_trades:.2g}, at most {P_TRADES} is allowed): "
                "the model may know how far prices move, but not where to."
                if p_trades is not None
                else "Whether the trades earn by luck cannot be told from these rows."
            )

    # --- 4b. the word, and the sentences -------------------------------------------------------------------
    if not failed:
        kind = DEPLOY
        head = f"{labels[shown]} may be deployed: it passed every rule."
        if n_symbols > 1:
            head = f"{labels[shown]} passes alone; {n_symbols} symbols are still to be judged together."
    elif few_rows or thin or len(y) < needed:
        kind = TOO_LITTLE_DATA
        only = f"only an edge of {100 * visible:.1f} points or more" if visible < 0.5 else "no edge at all"
        head = (
            f"The data cannot tell: on {len(y):,} test rows {only} would have shown, and seeing "
            f"{100 * min_edge:.0f} points takes {needed:,} rows."
        )
        if choice.best is not None and not failed.keys() & _LUCK_RULES:
            # The rows do show an answer better than chance; the first sentence must say what it lacks.
            rule = next(name for name in _HEADLINES if name in failed)
            lacking, failed[rule] = failed[rule], ""
            head = (
                f"{choice.best.name} answers better than chance, but is not recommended. {lacking} "
                f"Seeing an edge of {100 * min_edge:.0f} points takes {needed:,} test rows."
            )
    else:
        kind = NO_EVIDENCE
        head = (
            f"No model is recommended: {len(y):,} test rows are enough to see an edge of "
            f"{100 * min_edge:.0f} points, "
            "and the evidence for one is missing."
        )
    reasons = [head, compared, *(sentence for sentence in failed.values() if sentence)]
    if kind == DEPLOY and test is not None:
        reasons.append(_luck(p_oos or 0.0, test, len(tried)))
        left = f"{wealth.end:.1f}" if wealth.end < 1e6 else "more than a million"
        reasons.append(
            f"A bet of 1 against luck, played row by row, would stand at {left}: a measure of evidence, not of money."
        )
        if trade_sentence:
            reasons.append(trade_sentence)
    if not inner_known:
        reasons.append("Validation rows could not be weighed: earlier trials on these data left no predictions.")

    evidence: dict[str, float | int | str | None] = {
        "shown_model": labels[shown],
        "profile": profile,
        "metric": metric.name,
        "n_oos": len(y),
        "n_inner": len(y_in),
        "n_train": len(y_train),
        "horizon": horizon,
        "n_symbols": int(n_symbols),
        "configurations": len(tried),
        "p_oos": p_oos,
        "p_in": p_in,
        "p_comb": p_comb,
        "p_resolution": None if test is None else test.resolution,
        "n_shifts": None if test is None else test.n_shifts,
        "e_end": wealth.end,
        "e_max": wealth.sup,
        "statistic": statistic,
        "baseline": baseline,
        "skill": skill,
        "accuracy": accuracy,
        "accuracy_low": interval.low,
        "accuracy_high": interval.high,
        "majority_accuracy": float((y == majority).mean()),
        "n_eff": size.n_eff,
        "design_effect": spread.factor,
        "smallest_visible_edge": visible,
        "min_edge": min_edge,
        "n_required": needed,
        "val_statistic": candidates[shown].val,
        "val_baseline": inner_baseline,
        "gap": candidates[shown].gap,
        "in_sample_gap": in_sample[shown],
        "score": choice.best.score if choice.best else None,
        "trades": trades if r_net is not None else None,
        "p_trades": p_trades,
        "mean_r_net": mean_r if r_net is not None and trades else None,
    }
    return Verdict(
        kind=kind,
        model=choice.best.name if choice.best else None,
        reasons=reasons,
        evidence=evidence,
        n_required=n_required,
        action=None if kind == DEPLOY else REVIEW,
        alternatives=choice.alternatives,
        rejected=choice.rejected,
        failed_rules=list(failed),
    )


def _luck(p: float, test: stats.CircularShiftTest, configurations: int) -> str:
    count = round(p * (test.n_shifts + 1)) - 1
    models = "the best of everything tried" if configurations > 1 else "the model"
    if p < test.resolution:
        return (
            f"Luck hardly explains it: {models} does as well in {count} of {test.n_shifts:,} shifted "
            f"histories, "
            "fewer than these rows can tell apart."
        )
    return f"Luck does as well in {count} of {test.n_shifts:,} shifted histories ({percent(p)})."


def _trades(r_net: Any, y: Labels, predictions: Labels, positive: int) -> tuple[int, float, str]:
    """Number of trades, mean R and a sentence; trades are rows where the model answers the highest class."""
    if r_net is None:
        return 0, math.nan, ""
    outcome: Floats = np.asarray(r_net, dtype=np.float64)
    if outcome.shape != y.shape:
        raise InputError(f"r_net must hold one number per test row ({len(y)}), but has shape {outcome.shape}.")
    taken = outcome[(predictions == positive) & np.isfinite(outcome)]
    if not len(taken):
        return 0, math.nan, "No trade was taken."
    mean = float(taken.mean())
    return (
        len(taken),
        mean,
        f"{len(taken):,} rows taken as trades, overlapping ones included, earned {mean:+.3f} R each on average.",
    )


def _trade_luck(r_net: Any, taken: npt.NDArray[np.bool_], horizon: int, name: str = "r_net") -> float | None:
    """How easily luck earns this much above max(0, mean over all rows); None where that cannot be said."""
    if r_net is None:
        return None
    outcome: Floats = np.asarray(r_net, dtype=np.float64)
    if outcome.shape != taken.shape:
        raise InputError(f"{name} must hold one number per row ({len(taken)}), but has shape {outcome.shape}.")
    known = np.isfinite(outcome)
    if not (known & taken).any():
        return None
    # Timing is what a model adds: neither costs saved by standing aside nor a drift that every trade shares.
    share = np.where(known & taken, outcome - max(0.0, float(outcome[known].mean())), 0.0)
    if len(share) < 20 * horizon:
        return None
    if bool(np.all(share == share[0])):
        return 0.5
    t = stats.hac_mean(share, 2 * horizon).t
    return max(0.5 * math.erfc(t / math.sqrt(2.0)), 1e-300) if math.isfinite(t) else None
