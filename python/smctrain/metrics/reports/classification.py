"""One object that says how good predicted classes are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from smctrain._load import core
from smctrain.exceptions import TooFewRows
from smctrain.metrics._common import (
    DRAWS,
    NOTHING,
    Range,
    Vector,
    around,
    hac_error,
    proba_matrix,
    quantile_range,
    rows_of_horizon,
)
from smctrain.metrics.calibration import Reliability, reliability_table
from smctrain.metrics.classification import baselines, class_codes, classification_metrics, integers
from smctrain.metrics.regression import share_interval
from smctrain.metrics.reports.skill import SHORT, Skill, head, paired_skill, percent, skill_line, skill_record


@dataclass(frozen=True)
class ClassificationReport:
    """Outcome of `classification_report`."""

    rows: int
    rows_effective: float
    """Independent rows that carry as much information."""
    horizon: int
    level: float
    class_shares: tuple[float, ...]
    metrics: dict[str, Any]
    """What `classification_metrics` gives."""
    intervals: dict[str, Range]
    baselines: dict[str, Any]
    """What `baselines` gives, plus `mcc`, `auc` and `balanced_accuracy` of answers without a model."""
    skill: Skill
    """Of the accuracy."""
    reliability: Reliability
    probabilities_ok: bool
    """Brier score at most that of the training shares; else only signs may be used."""
    too_short: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "rows": self.rows,
            "rows_effective": self.rows_effective,
            "horizon": self.horizon,
            "level": self.level,
            "class_shares": list(self.class_shares),
            **self.metrics,
            "intervals": {name: list(pair) for name, pair in self.intervals.items()},
            "baselines": dict(self.baselines),
            "skill": skill_record(self.skill),
            "reliability": self.reliability.records(),
            "probabilities_ok": self.probabilities_ok,
            "too_short": self.too_short,
        }

    def __repr__(self) -> str:
        shares = ", ".join(f"{c}: {100 * share:.1f} %" for c, share in enumerate(self.class_shares))
        lines = [
            head("Classification", self.rows, self.rows_effective, self.horizon, self.too_short),
            f"classes {shares}",
            f"{'':18}{'model':>8}  {f'{self.level:.0%} interval':>16}  without a model",
        ]
        b = self.baselines
        beside = {
            "accuracy": ", ".join(
                f"{name} {percent(b[key])}"
                for name, key in (("majority", "majority"), ("prior", "prior"), ("last label", "last_label"))
            ),
            "balanced_accuracy": percent(b["balanced_accuracy"]),
            "log_loss": f"prior {b['prior_log_loss']:.4f}",
            "brier": f"prior {b['prior_brier']:.4f}",
            "auc": "0.5",
            "mcc": "0",
        }
        for name, word in _WORDS.items():
            value, (low, high) = self.metrics[name], self.intervals.get(name, NOTHING)
            if name in _SHARES:
                text, span = percent(value), "" if math.isnan(low) else f"{100 * low:.1f} - {100 * high:.1f} %"
            else:
                text, span = f"{value:.4f}", "" if math.isnan(low) else f"{low:.4f} - {high:.4f}"
            lines.append(f"{word:18}{text:>8}  {span:>16}  {beside.get(name, '')}".rstrip())
        lines.append(f"{'calibration error':18}{100 * self.metrics['ece']:>6.1f} points")
        if not self.probabilities_ok:
            lines.append("The probabilities are worse than always saying the training shares: use the sign only.")
        lines.append(skill_line(self.skill, "points of accuracy", 100.0))
        return "\n".join(lines)


_WORDS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "precision": "precision (macro)",
    "recall": "recall (macro)",
    "f1_score": "F1 (macro)",
    "mcc": "MCC",
    "auc": "AUC",
    "log_loss": "log-loss",
    "brier": "Brier score",
}
_SHARES = {"accuracy", "balanced_accuracy", "precision", "recall", "f1_score"}


def classification_report(
    y_true: ArrayLike,
    proba: ArrayLike,
    y_train: ArrayLike,
    horizon: int,
    *,
    t0: ArrayLike | None = None,
    t1: ArrayLike | None = None,
    all_y: ArrayLike | None = None,
    level: float = 0.95,
    n_draws: int = DRAWS,
    seed: int = 0,
    threads: int = 1,
) -> ClassificationReport:
    """How good class probabilities are, each number with its interval and beside what needs no model.

    Parameters
    ----------
    y_true : integer array (n,)
        Class codes 0..K-1 in time order.
    proba : (n, K), or (n,) of class 1
        Without NaN: leave out rows without a prediction.
    y_train : integer array (m,)
        Class codes of the training rows.
    horizon : int
        Longest label in rows.
    t0, t1, all_y
        As in `baselines`, for the last resolved label.
    level : float
        Of all intervals.
    n_draws, seed, threads
        Of the stationary bootstrap.

    Returns
    -------
    ClassificationReport
        Printing it gives a table.

    Notes
    -----
    Intervals: accuracy by Wilson with the effective sample size; balanced accuracy, precision, recall, F1 and MCC by
    stationary bootstrap of the confusion (blocks of 2 x horizon); AUC, log-loss and Brier by Newey-West (2 x horizon
    lags). Skill: Newey-West on the paired difference of being right.
    """
    codes, train, matrix = class_codes(y_true, "y_true"), class_codes(y_train, "y_train"), proba_matrix(proba)
    horizon = rows_of_horizon(horizon)
    if len(codes) == 0 or len(train) == 0:
        raise TooFewRows(f"a report needs rows and training rows, but got {len(codes)} and {len(train)}.")
    metrics = classification_metrics(codes, matrix)
    classes = matrix.shape[1]
    known = baselines(codes, train, t0=t0, t1=t1, all_y=all_y)
    answers = matrix.argmax(axis=1)
    correct = answers == codes

    n_eff = core().effective_size(correct.astype(np.float64), horizon)[0]
    cells = (codes.astype(np.int64) * classes + answers).astype(np.int32)
    counts = core().bootstrap_counts(
        cells, classes * classes, float(max(2 * horizon, 2)), int(n_draws), int(seed), int(threads)
    )
    resampled = _of_confusions(counts.reshape(-1, classes, classes).astype(np.float64))
    intervals = {name: quantile_range(values, level) for name, values in resampled.items()}
    intervals["accuracy"] = share_interval(correct, horizon, level)
    right = matrix[np.arange(len(codes)), codes]
    losses = {
        "log_loss": -np.log(np.clip(right, 1e-15, 1.0)),
        "brier": (matrix**2).sum(axis=1) - 2.0 * right + 1.0,
    }
    for name, values in losses.items():
        intervals[name] = around(metrics[name], hac_error(values, 2 * horizon), level, 0.0)
    influence = core().auc_influence(codes, matrix)
    intervals["auc"] = around(
        metrics["auc"], hac_error(influence, 2 * horizon) if len(influence) else math.nan, level, 0.0, 1.0
    )
    rivals: dict[str, Vector] = {
        "majority": (known["majority_class"] == codes).astype(np.float64),
        "prior": (np.bincount(train, minlength=classes) / len(train))[codes],
    }
    if t0 is not None and t1 is not None and all_y is not None:
        last = core().last_resolved_labels(
            integers(t0, "t0"), integers(t1, "t1"), class_codes(all_y, "all_y"), known["majority_class"]
        )
        rivals["last label"] = (last == codes).astype(np.float64)
    best = max(rivals, key=lambda name: float(rivals[name].mean()))
    skill = paired_skill(correct.astype(np.float64) - rivals[best], horizon, level, best)
    seen = int((np.bincount(codes, minlength=classes) > 0).sum())
    return ClassificationReport(
        rows=len(codes),
        rows_effective=float(n_eff),
        horizon=horizon,
        level=float(level),
        class_shares=tuple((np.bincount(codes, minlength=classes) / len(codes)).tolist()),
        metrics=metrics,
        intervals=intervals,
        baselines={**known, "balanced_accuracy": 1.0 / seen, "mcc": 0.0, "auc": 0.5},
        skill=skill,
        reliability=reliability_table(codes, matrix, horizon=horizon),
        probabilities_ok=bool(metrics["brier"] <= known["prior_brier"] + 1e-12),
        too_short=len(codes) < SHORT * horizon,
    )


def _of_confusions(counts: Vector) -> dict[str, Vector]:
    """Metrics of many confusion matrices (draws, K, K), rows true classes; as `classification_metrics` defines them."""
    hit = np.einsum("dkk->dk", counts)
    truth, predicted, n = counts.sum(axis=2), counts.sum(axis=1), counts.sum(axis=(1, 2))
    occurs, seen = (truth > 0).sum(axis=1), ((truth > 0) | (predicted > 0)).sum(axis=1)

    def ratio(a: Vector, b: Vector) -> Vector:
        return np.divide(a, b, out=np.zeros_like(a), where=b > 0)

    recall = ratio(hit, truth).sum(axis=1)
    spread = np.sqrt((n**2 - (truth**2).sum(axis=1)) * (n**2 - (predicted**2).sum(axis=1)))
    return {
        "balanced_accuracy": recall / occurs,
        "recall": recall / seen,
        "precision": ratio(hit, predicted).sum(axis=1) / seen,
        "f1_score": ratio(2.0 * hit, truth + predicted).sum(axis=1) / seen,
        "mcc": ratio(hit.sum(axis=1) * n - (truth * predicted).sum(axis=1), spread),
    }
