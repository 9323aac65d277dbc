"""What people do today to decide whether a model is worth deploying, on the same predictions and rows.

threshold     the best of the models has a test accuracy of at least 0.55
chosen        the model that was best on validation has a test accuracy of at least 0.55
majority      the best model beats always answering the commonest class of training
binomial      one-sided binomial test of the best model against a coin, p <= 0.05: takes overlapping rows for
              independent ones, and the best of several for the only one
hac           Newey-West t of the best model (2h lags) above 1.645: independent rows are no longer assumed
best_trial    the best model of the search is deployed because it is the best
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain import stats

RULES = ("threshold", "chosen", "majority", "binomial", "hac", "best_trial")
WORDS = {
    "threshold": "accuracy >= 0.55",
    "chosen": "accuracy >= 0.55 of the model best on validation",
    "majority": "beats majority",
    "binomial": "binomial test p <= 0.05",
    "hac": "HAC t > 1.645",
    "best_trial": "best trial wins",
}
THRESHOLD = 0.55
T_LIMIT = 1.6448536269514722


def usual_rules(
    y: NDArray[np.int64], predictions: NDArray[np.int64], chosen: int, majority: int, horizon: int
) -> dict[str, Any]:
    """Whether each rule would deploy, and the figures it looks at.

    Parameters
    ----------
    y, predictions : (n,), (k, n)
        Test rows.
    chosen : int
        The model that was best on validation.
    majority : int
        Commonest class of training.
    """
    from scipy.stats import binom

    right = predictions == y
    accuracy = right.mean(axis=1)
    best = int(accuracy.argmax())
    t = stats.hac_mean(right[best] - 0.5, 2 * horizon).t
    p = float(binom.sf(int(right[best].sum()) - 1, len(y), 0.5))
    return {
        "best_accuracy": float(accuracy[best]),
        "p_binomial": p,
        "t_hac": float(t),
        "deploys": {
            "threshold": bool(accuracy[best] >= THRESHOLD),
            "chosen": bool(accuracy[chosen] >= THRESHOLD),
            "majority": bool(accuracy[best] > (y == majority).mean()),
            "binomial": p <= 0.05,
            "hac": bool(t > T_LIMIT),
            "best_trial": True,
        },
    }
