"""Sentinels: figures that an honest evaluation must not show; asked for with one flag, because two of them fit models.

later labels     Answers against the labels h rows later, beyond what the answers given *there* tell about them. Loud: a
                 column looks further ahead than its label.
all columns      AUC of the answers on unseen rows. Loud: columns know the answer together (alone they stay below the
                 limit of check H), or rows know each other.
symbol hold-out  The same of a forest that learned from another symbol, before the unseen rows begin. Loud: it is the
                 columns, because no row and no label of this symbol can have helped it.
held-out rows    Labels of the unseen rows are altered, and columns of their later half; everything is chosen and fitted
                 again: not a bit of what is said about the earlier half may change (training/isolation.py). Loud: a
                 step reads them, such as a scaler, a choice of columns, early stopping, a target encoding on all rows.
                 No statistic: there is no false alarm, and no leak of this kind is too small.

Three of them differ from the text they stand for ("must fall back to the baseline within 3 standard errors"), because
that text finds nothing, or finds every honest signal: see Note [What a sentinel can know].
"""

# Note [What a sentinel can know]
#
# Labels shuffled in time, a model fitted on them: it has learned nothing, so it can be loud by chance only, whatever
# leaks. It says nothing about the columns (their relation to the labels is gone) and nothing about the evaluation
# (held-out labels were not touched). What a permutation can find is code that reads held-out labels, and that is found
# exactly by altering those and comparing bits: "held-out rows".
#
# Answers against labels h rows later, beside the commonest class: a signal that lasts longer than a label (x of P(a)
# has memory 0.95) is there without a leak, and on 600 rows a column that knows the next 20 returns is not loud. Honest
# news fades: of what is known at row i about the label of row i + h, all is known there, too. So the answers of row i
# are held against what the answers of row i + h, by class and thirds of their probability, say about that label.
#
# Symbol hold-out beside the commonest class is loud on every signal that two symbols share, which is what most signals
# do. So it asks how good the answers are instead: AUC surely above the limit of check H (0.70, as the best possible
# answers to P(.20) have about 0.70), which no honest column of a market is known to reach.

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smctrain._load import core
from smctrain.audit.dominance import MAX_AUC
from smctrain.metrics.classification import classification_metrics
from smctrain.models.base import FitTask
from smctrain.models.random_forest import RandomForestTrainer
from smctrain.stats import hac_mean

LIMIT = 3.0
LEAST_ROWS = 50
_TREES = 50
_THIRDS = 3

Rows = NDArray[np.int64]
Codes = NDArray[np.int32]
Proba = NDArray[np.float64]


@dataclass(frozen=True)
class Sentinel:
    """One sentinel.

    Attributes
    ----------
    name : str
        "later labels", "all columns", "symbol hold-out", "held-out rows".
    subject : str
        Whose answers: a family, or "forest of" another symbol.
    score, baseline : float
        What was found, and what it is held against, in the unit of the sentinel.
    standard_error : float
        Of the difference; 0 where nothing is left to luck.
    excess : float
        (score - baseline) in standard errors.
    rows : int
    loud : bool
    seen : str
        What was seen.
    means : str
        What it may mean, where it is loud.
    """

    name: str
    subject: str
    score: float
    baseline: float
    standard_error: float
    excess: float
    rows: int
    loud: bool
    seen: str
    means: str = ""

    @property
    def ok(self) -> bool:
        """Whether it is quiet."""
        return not self.loud

    @property
    def words(self) -> str:
        return f"{self.name} ({self.subject}): {self.seen}" + (f". {self.means}" if self.loud and self.means else "")


def later_labels(subject: str, proba: Proba, truth: Codes, horizon: int) -> Sentinel | None:
    """Do answers know labels that begin after their own has ended, and know more of them than the answers given there?

    Parameters
    ----------
    proba : float64 (n, K)
        Answers in time order; NaN where there is none.
    truth : int32 (n,)
        Class codes.
    horizon : int
        Rows after which no label of two rows overlaps.

    Returns
    -------
    Sentinel or None
        None on fewer than 50 pairs of rows.
    """
    answered = ~np.isnan(proba).any(axis=1)
    codes = np.where(answered, np.argmax(np.nan_to_num(proba), axis=1), -1)
    early, late, label = codes[:-horizon], codes[horizon:], truth[horizon:]
    pair = (early >= 0) & (late >= 0) & (label >= 0)
    if np.count_nonzero(pair) < LEAST_ROWS:
        return None
    early, late, label = early[pair], late[pair], label[pair]
    sure = proba[horizon:][pair][np.arange(len(late)), late]
    expected = _by_cell(_cells(late, sure), label, proba.shape[1])[np.arange(len(early)), early]
    right = (early == label).astype(np.float64)
    gain = right - expected
    error = _hac(gain, horizon)
    excess = float(gain.mean()) / error if error > 0 else 0.0
    return Sentinel(
        "later labels", subject, float(right.mean()), float(expected.mean()), error, excess, len(gain),
        excess > LIMIT,
        f"{right.mean():.3f} right about the labels {horizon} rows later, which begin after their own have ended; the "
        f"answers given there explain {expected.mean():.3f} ({excess:+.1f} standard errors, {len(gain)} rows)",
        "What is known of a later label must be known there, too, unless columns look further ahead than their label "
        "(a centred average, a longer return than the label's, rows that are shifted): look at what the columns read",
    )  # fmt: skip


def all_columns(
    name: str, subject: str, proba: Proba, truth: Codes, horizon: int, floor: float = MAX_AUC, means: str = ""
) -> Sentinel | None:
    """Are answers on unseen rows better than honest columns of a market are known to make them?

    Parameters
    ----------
    proba : float64 (n, K)
        Answers in time order; NaN where there is none.
    truth : int32 (n,)
    horizon : int
        Rows after which no label of two rows overlaps.
    floor : float
        AUC that is allowed; loud is what lies 3 HAC standard errors above it.

    Returns
    -------
    Sentinel or None
        None on fewer than 50 answered rows, or where they hold a single class.
    """
    rows = ~np.isnan(proba).any(axis=1) & (truth >= 0)
    y = np.ascontiguousarray(truth[rows], dtype=np.int32)
    scores = np.ascontiguousarray(proba[rows], dtype=np.float64)
    if len(y) < LEAST_ROWS or len(np.unique(y)) < 2:
        return None
    auc = float(classification_metrics(y, scores)["auc"])
    error = max(_hac(core().auc_influence(y, scores), horizon), 1e-12)
    excess = (auc - floor) / error
    return Sentinel(
        name, subject, auc, floor, error, excess, len(y), excess > LIMIT,
        f"an AUC of {auc:.3f} on {len(y)} unseen rows, where {floor:.2f} is allowed ({excess:+.1f} standard errors)",
        means or "Columns of a market are not known to tell so much: a person should find out which of them know the "
        "outcome together, or which rows know each other",
    )  # fmt: skip


def held_out_rows(subject: str, changed: int, rows: int, what: str) -> Sentinel:
    """The outcome of an isolation test; `what` was altered."""
    loud = changed > 0
    means = (
        f"A step of the evaluation reads the {what} of rows that it must not know: something is fitted, chosen or "
        "stopped on them"
    )
    return Sentinel(
        "held-out rows", subject, changed / max(1, rows), 0.0, 0.0, float("inf") if loud else 0.0, rows, loud,
        f"{changed} of {rows} answers change when {what} of held-out rows are altered and everything is fitted again",
        means,
    )  # fmt: skip


def forest_proba(
    X: NDArray[np.float32], y: Codes, train: Rows, other: NDArray[np.float32], rows: Rows, n_classes: int, seed: int,
    threads: int = 1,
) -> Proba:  # fmt: skip
    """Probabilities that a forest of 50 trees, fitted on rows `train` of X, gives rows of `other`."""
    trainer = RandomForestTrainer(n_estimators=_TREES, class_weight=None, oob_score=False)
    task = FitTask(np.ascontiguousarray(X), np.ascontiguousarray(y), train, n_classes, seed=seed, threads=threads)
    return trainer.fit(task).predict_proba(np.ascontiguousarray(other), rows)


def _cells(codes: NDArray[np.int64], sure: NDArray[np.float64]) -> NDArray[np.int64]:
    """Class and third of its probability."""
    cells = np.zeros(len(codes), dtype=np.int64)
    for code in np.unique(codes):
        mine = np.flatnonzero(codes == code)
        place = np.empty(len(mine), dtype=np.int64)
        place[np.argsort(sure[mine], kind="stable")] = np.arange(len(mine)) * _THIRDS // len(mine)
        cells[mine] = code * _THIRDS + place
    return cells


def _by_cell(cells: NDArray[np.int64], label: Codes, n_classes: int) -> NDArray[np.float64]:
    """Share of every class among the rows of each row's cell (n, K)."""
    table = np.zeros((int(cells.max()) + 1, n_classes))
    np.add.at(table, (cells, label), 1.0)
    shares: NDArray[np.float64] = (table / np.maximum(table.sum(axis=1, keepdims=True), 1.0))[cells]
    return shares


def _hac(gain: NDArray[np.float64], horizon: int) -> float:
    varies = len(gain) > 1 and bool((gain != gain[0]).any())
    return float(hac_mean(gain, min(2 * horizon, len(gain) - 1)).standard_error) if varies else 0.0
