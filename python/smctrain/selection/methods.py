"""The ways to choose columns, as functions from a `Problem` to an `Outcome`. No scikit-learn: training uses these."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain import _load
from smctrain.exceptions import InputError
from smctrain.selection.problem import Outcome, Problem
from smctrain.selection.scores import (
    MAX_DEPTH,
    N_BINS,
    N_TREES,
    column_scores,
    correlation_matrix,
    mean_of_scores,
    rank_consensus,
)

ALL_KEPT = ": all columns are kept"
ENDED = "ended early ({})" + ALL_KEPT


def everything(problem: Problem, note: str, complete: bool = True) -> Outcome:
    """All columns, because a choice was not possible."""
    d = len(problem.names)
    return Outcome(problem.names, np.ones(d, dtype=bool), [""] * d, np.full(d, np.nan), complete, note)


def _why_ended(problem: Problem) -> str:
    """Only a stop flag or the time limit can have ended the work."""
    return "cancelled" if problem.stop is not None and problem.stop[0] else "timeout"


def joined_scores(problem: Problem, score: str) -> NDArray[np.float64] | None:
    """One number a column: a named score, or "mean" of forest and mutual information; None when it was ended."""
    names = ("forest", "mutual_info") if score == "mean" else (score,)
    lists = column_scores(problem, names)
    if not len(lists):
        return None
    return mean_of_scores(lists) if score == "mean" else lists[0]


def _best(scores: NDArray[np.float64], k: int) -> NDArray[np.bool_]:
    kept = np.zeros(len(scores), dtype=bool)
    kept[np.argsort(-np.nan_to_num(scores, nan=-np.inf), kind="stable")[:k]] = True
    return kept


def by_score(
    problem: Problem,
    score: str = "mean",
    k: int | None = None,
    threshold: float | None = None,
    drop_lowest: float = 0.25,
    min_features: int = 1,
) -> Outcome:
    """The k best, those of at least `threshold`, or all but the lowest share."""
    scores = joined_scores(problem, score)
    if scores is None:
        return everything(problem, ENDED.format(_why_ended(problem)), complete=False)
    d = len(scores)
    if threshold is not None:
        count = int((scores >= threshold).sum())
    else:
        count = d - math.floor(drop_lowest * d) if k is None else min(k, d)
    kept = _best(scores, min(d, max(count, min_features)))
    outcome = Outcome(problem.names, kept, [""] * d, scores, details={"score": score})
    reasons = [
        "" if keep else f"low score {value:.4g} (rank {rank} of {d}, {kept.sum()} are kept)"
        for keep, value, rank in zip(kept, scores, outcome.ranks, strict=True)
    ]
    return replace(outcome, reasons=reasons)


def prune_correlated(
    problem: Problem,
    limit: float = 0.9,
    method: str = "pearson",
    score: str = "mean",
    min_features: int = 1,
    scores: NDArray[np.float64] | None = None,
) -> Outcome:
    """Of every pair with |r| > limit the weaker goes, from the strongest column down."""
    if scores is None:
        scores = joined_scores(problem, score)
        if scores is None:
            return everything(problem, ENDED.format(_why_ended(problem)), complete=False)
    matrix = correlation_matrix(problem.X, method, threads=problem.threads)
    because = _load.core().prune_correlated(matrix, scores, limit, min_features)
    names = problem.names
    reasons = [
        "" if other < 0 else f"correlated {matrix[j, other]:.2f} with {names[other]}" for j, other in enumerate(because)
    ]
    return Outcome(names, np.asarray(because) < 0, reasons, scores, details={"limit": limit, "method": method})


def score_and_prune(problem: Problem, drop_lowest: float = 0.25, limit: float = 0.9, min_features: int = 30) -> Outcome:
    """Mean of forest importance and mutual information: the lowest share goes, then the weaker of correlated pairs."""
    first = by_score(problem, "mean", drop_lowest=drop_lowest, min_features=min_features)
    if not first.complete:
        return first
    left = np.flatnonzero(first.kept)
    part = replace(problem, X=np.ascontiguousarray(problem.X[:, left]), names=[problem.names[j] for j in left])
    second = prune_correlated(part, limit, min_features=min_features, scores=np.ascontiguousarray(first.scores[left]))
    kept, reasons = first.kept.copy(), list(first.reasons)
    kept[left] = second.kept
    for j, reason in zip(left, second.reasons, strict=True):
        reasons[j] = reason
    return replace(first, kept=kept, reasons=reasons, details={"score": "mean", "limit": limit})


def circular_boruta(
    problem: Problem,
    repeats: int = 50,
    n_estimators: int = N_TREES,
    max_depth: int = MAX_DEPTH,
    level: float = 0.05,
    keep_tentative: bool = False,
    shadows: str = "circular",
    thin: bool = True,
) -> Outcome:
    """Columns whose importance beats every shadow's far more often than a coin would."""
    found = _load.core().circular_boruta(
        problem.X, problem.y, problem.n_classes, problem.weight, problem.horizon, repeats, n_estimators, max_depth,
        level, shadows == "circular", thin, problem.seed, problem.threads, problem.stop, problem.time_limit_s,
    )  # fmt: skip
    done, hits, decision = int(found["repeats"]), found["hits"], found["decision"]
    complete = not found["stop_reason"]
    note = "" if complete else f"ended early ({found['stop_reason']}) after {done} of {repeats} repeats"
    kept = decision >= (0 if keep_tentative else 1)
    words = {1: "", 0: "tentative", -1: "not confirmed"}
    reasons = [
        "" if word == 1 else f"{words[int(word)]} ({count} of {done} hits)"
        for word, count in zip(decision, hits, strict=True)
    ]
    names = np.asarray(problem.names, dtype=object)
    details = {
        "repeats": done,
        "hits": {name: int(count) for name, count in zip(problem.names, hits, strict=True)},
        "confirmed": [str(name) for name in names[decision == 1]],
        "tentative": [str(name) for name in names[decision == 0]],
        "rejected": [str(name) for name in names[decision == -1]],
        "p_values": [float(p) for p in found["p"]],
        "mean_best_shadow": float(np.mean(found["best_shadow"])) if done else None,
        "horizon": problem.horizon,
    }
    scores = hits / max(1, done) + 1e-6 * found["importance"]  # hits rank; importance breaks their ties
    return Outcome(problem.names, kept, reasons, scores, complete, note, details)


def choices_for(p: int, expected_false: float, frequency: float) -> int:
    """The most columns a half-sample may choose so that E[V] <= q^2 / ((2 f - 1) p) is at most `expected_false`."""
    return max(1, min(p, math.floor(math.sqrt((2.0 * frequency - 1.0) * p * expected_false))))


def block_of(rows: int, horizon: int) -> int:
    """Rows that stay together: at least 4 horizons, at most a fiftieth of the rows where that is longer."""
    return max(4 * horizon, rows // 50)


def stability(
    problem: Problem,
    n_select: int | None = None,
    frequency: float = 0.7,
    expected_false: float = 1.0,
    pairs: int = 25,
    block: int | None = None,
    scores: tuple[str, ...] = ("forest", "mutual_info"),
    n_estimators: int = N_TREES,
    max_depth: int = MAX_DEPTH,
) -> Outcome:
    """Columns among the q best on at least `frequency` of the complementary halves of time blocks."""
    d = len(problem.names)
    q = choices_for(d, expected_false, frequency) if n_select is None else min(d, n_select)
    length = block_of(len(problem.X), problem.horizon) if block is None else block
    found = _load.core().stability_selection(
        problem.X, problem.y, problem.n_classes, problem.weight, length, pairs, q, list(scores), n_estimators,
        max_depth, N_BINS, problem.seed, problem.threads, problem.stop, problem.time_limit_s,
    )  # fmt: skip
    done = int(found["samples"])
    complete = not found["stop_reason"]
    shares = found["chosen"] / max(1, done)
    kept = (shares >= frequency - 1e-12) & (done > 0)
    reasons = ["" if keep else f"unstable ({share:.2f})" for keep, share in zip(kept, shares, strict=True)]
    details = {
        "samples": done,
        "frequency": {name: float(share) for name, share in zip(problem.names, shares, strict=True)},
        "n_select": q,
        "block": length,
        "expected_false_bound": q * q / ((2.0 * frequency - 1.0) * d) if frequency > 0.5 else None,
    }
    note = "" if complete else f"ended early ({found['stop_reason']}) after {done} of {2 * pairs} half-samples"
    return Outcome(problem.names, kept, reasons, shares + 1e-6 * found["consensus"], complete, note, details)


def default_set(
    problem: Problem,
    min_features: int = 5,
    top_m: int | None = None,
    repeats: int = 50,
    pairs: int = 25,
    frequency: float = 0.7,
    expected_false: float = 1.0,
) -> Outcome:
    """Confirmed by Boruta and stable; at least `min_features`, filled in the order of consensus; at most `top_m`."""
    d = len(problem.names)
    if top_m is not None and top_m < min_features:
        raise InputError(f"top_m must be at least min_features = {min_features} or None, but is {top_m}.")
    deadline = time.monotonic() + problem.time_limit_s if problem.time_limit_s > 0.0 else math.inf

    def rest() -> Problem:
        left = 0.0 if math.isinf(deadline) else max(0.001, deadline - time.monotonic())
        return replace(problem, time_limit_s=left)

    lists = column_scores(rest(), ("forest", "mutual_info", "f"))
    if not len(lists):
        return everything(problem, ENDED.format(_why_ended(problem)), complete=False)
    consensus = rank_consensus(lists)
    boruta = circular_boruta(rest(), repeats=repeats)
    q = max(choices_for(d, expected_false, frequency), min(d, min_features))
    stable = stability(rest(), n_select=q, frequency=frequency, pairs=pairs)
    complete = boruta.complete and stable.complete
    if not boruta.details["repeats"] or not stable.details["samples"]:
        return everything(problem, ENDED.format(_why_ended(problem)), complete=False)
    reasons = [first or second for first, second in zip(boruta.reasons, stable.reasons, strict=True)]
    kept = boruta.kept & stable.kept
    order = np.argsort(-consensus, kind="stable")
    rank = {int(j): place for place, j in enumerate(order, 1)}
    for j in order:
        if kept.sum() >= min(min_features, d):
            break
        if not kept[j]:
            kept[j] = True
            reasons[j] = f"kept to have {min_features} columns (consensus rank {rank[int(j)]}): {reasons[j]}"
    if top_m is not None and kept.sum() > top_m:
        for j in [j for j in order if kept[j]][top_m:]:
            kept[j] = False
            reasons[j] = f"beyond the best {top_m} (consensus rank {rank[int(j)]})"
    details: dict[str, Any] = {"boruta": boruta.details, "stability": stable.details}
    note = "; ".join(text for text in (boruta.note, stable.note) if text)
    return Outcome(problem.names, kept, reasons, consensus, complete, note, details)
