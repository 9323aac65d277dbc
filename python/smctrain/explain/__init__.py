"""Which columns matter: measured on held-out folds, and agreed on by several families.

>>> folds = st.explain.fit_folds(st.models.XGBoostClassifier(), X, y, cv)      # doctest: +SKIP
>>> st.explain.mda(folds).table                                                # doctest: +SKIP
>>> st.explain.consensus({"XGBoost": [st.explain.mda(folds), st.explain.shap(folds)], "Forest": ...}).table
...                                                                            # doctest: +SKIP

In-sample measures (`native`) are shown, never believed: they reward columns with many values. Definitions:
`folds.py`, `measures.py`, `ranking.py`.
"""

from __future__ import annotations

from smctrain.explain.folds import FoldImportance, FoldModels, fit_folds
from smctrain.explain.measures import clustered_mda, mda, native, sfi, shap
from smctrain.explain.ranking import Consensus, consensus

__all__ = [
    "Consensus",
    "FoldImportance",
    "FoldModels",
    "clustered_mda",
    "consensus",
    "fit_folds",
    "mda",
    "native",
    "sfi",
    "shap",
]
