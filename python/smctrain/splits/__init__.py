"""Splitters that purge overlapping labels, in scikit-learn's protocol, and the audit that proves it.

A label that looks ahead is known only at its end. Splitters are told by `intervals`: when a row is decided (t0) and
when its label is known (t1), as row numbers or as times, in the order of the rows of X.

>>> import numpy as np
>>> from sklearn.linear_model import LogisticRegression
>>> from sklearn.model_selection import GridSearchCV, cross_val_score
>>> rng = np.random.default_rng(0)
>>> X = rng.standard_normal((1000, 3))
>>> y = (X[:, 0] + rng.standard_normal(1000) > 0).astype(int)
>>> rows = np.arange(1000)
>>> labels = (rows, rows + 20)                        # known 20 rows later; or (index, index + pd.Timedelta("5h"))
>>> cv = st.splits.PurgedKFold(5, embargo=20, intervals=labels)
>>> search = GridSearchCV(LogisticRegression(), {"C": [0.01, 1.0]}, cv=cv).fit(X, y)
>>> len(cross_val_score(LogisticRegression(), X, y, cv=st.splits.WalkForward(4, intervals=labels)))
4
>>> cv.plan(X)[1].purged                              # what it does, before anything is fitted; .plot() draws it
40
>>> st.splits.audit(cv, X, labels).ok                 # raises SplitLeak with the rows that collide
True

From scikit-learn: `TimeSeriesSplit(n_splits, gap=g, test_size=s)` is `WalkForward(n_splits, gap=g, test_size=s)`,
`max_train_size` is `window`, and the rest that a label needs is purged by itself. `KFold` is `PurgedKFold`.
`cross_val_predict` asks for splits that test every row once, which only `PurgedKFold` has; the pooled predictions of a
forward splitter are its test parts one behind the other, see `WalkForward`.
"""

from __future__ import annotations

from smctrain.splits.audit import SplitReport, audit
from smctrain.splits.base import EmbargoShare, Splitter
from smctrain.splits.events import EventAwareSplit
from smctrain.splits.forward import ExpandingWindow, TemporalSplit, WalkForward
from smctrain.splits.groups import LeaveOneSymbolOut, RegimeSplit
from smctrain.splits.plan import FoldPlan, SplitPlan
from smctrain.splits.purged import CombinatorialPurgedKFold, PurgedKFold
from smctrain.splits.windows import QualityStrata

__all__ = [
    "CombinatorialPurgedKFold",
    "EmbargoShare",
    "EventAwareSplit",
    "ExpandingWindow",
    "FoldPlan",
    "LeaveOneSymbolOut",
    "PurgedKFold",
    "QualityStrata",
    "RegimeSplit",
    "SplitPlan",
    "SplitReport",
    "Splitter",
    "TemporalSplit",
    "WalkForward",
    "audit",
]
