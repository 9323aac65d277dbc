"""scikit-learn's own checks of the estimators, pickling through the model container included."""

from __future__ import annotations

import importlib.util
from typing import Any

from sklearn.utils.estimator_checks import parametrize_with_checks

from smctrain.models import (
    CatBoostClassifier,
    CatBoostRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    LightGBMClassifier,
    LightGBMRegressor,
    MLPClassifier,
    NGBoostClassifier,
    NGBoostRegressor,
    QuantileRegressor,
    RandomForestClassifier,
    RandomForestQuantileRegressor,
    RandomForestRegressor,
    XGBoostClassifier,
    XGBoostRegressor,
)

_BINNED = "bins and leaves are counted in rows regardless of their weight, as in lightgbm"
_ROWS = "borders, and the scale of l2_leaf_reg, count rows regardless of their weight, as in catboost"
_MARGINAL = "the distribution a fit starts from, and min_samples_leaf, count rows regardless of their weight"
_DRAWN = {
    "NGBoostRegressor": _MARGINAL,
    "CatBoostClassifier": _ROWS,
    "CatBoostRegressor": _ROWS,
    "LightGBMClassifier": _BINNED,
    "LightGBMRegressor": _BINNED,
    "RandomForestClassifier": "rows are drawn for a tree regardless of their weight, as in scikit-learn's own forest",
    "RandomForestRegressor": "rows are drawn for a tree regardless of their weight, as in scikit-learn's own forest",
    "RandomForestQuantileRegressor": "rows are drawn for a tree regardless of their weight",
    "MLPClassifier": "a row given twice is in two batches, a row of weight 2 in one",
}


def _expected_failures(estimator: Any) -> dict[str, str]:
    if isinstance(estimator, GradientBoostingClassifier):
        why = (
            "without regularisation a leaf of rows of weight 0.0001 takes a full Newton step, as in scikit-learn's own"
        )
        return {"check_class_weight_classifiers": why}
    if isinstance(estimator, NGBoostClassifier):
        steep = "the natural gradient of a row does not shrink with its weight, and a leaf may hold such rows alone"
        return {
            "check_class_weight_classifiers": steep,
            "check_sample_weight_equivalence_on_dense_data": _MARGINAL,
        }
    why = _DRAWN.get(type(estimator).__name__)
    return {"check_sample_weight_equivalence_on_dense_data": why} if why else {}


# A leaf of one row, so that the checks' tiny data can be split; without draws and class balance (see XGBoost below).
_EACH_ROW: dict[str, Any] = {
    "n_estimators": 20, "min_child_samples": 1, "subsample": 1.0, "colsample_bytree": 1.0, "random_state": 0,
}  # fmt: skip
_LIGHTGBM = (
    [LightGBMClassifier(class_weight=None, **_EACH_ROW), LightGBMRegressor(**_EACH_ROW)]
    if importlib.util.find_spec("lightgbm")
    else []
)
# Without draws, noise on the scores of splits, and class balance.
_CATBOOST = (
    [
        CatBoostClassifier(30, subsample=1.0, rsm=1.0, random_strength=0.0, class_weight=None, random_state=0),
        CatBoostRegressor(30, subsample=1.0, rsm=1.0, random_strength=0.0, random_state=0),
    ]
    if importlib.util.find_spec("catboost")
    else []
)

_NGBOOST = (
    [
        NGBoostClassifier(20, learning_rate=0.2, min_samples_leaf=1, class_weight=None, random_state=0),
        NGBoostRegressor(20, learning_rate=0.2, min_samples_leaf=1, random_state=0),
    ]
    if importlib.util.find_spec("ngboost")
    else []
)

_WHOLE: dict[str, Any] = {"n_estimators": 20, "min_child_weight": 1.0, "subsample": 1.0, "colsample_bytree": 1.0}


@parametrize_with_checks(
    [
        *_LIGHTGBM,
        *_CATBOOST,
        *_NGBOOST,
        GradientBoostingClassifier(n_estimators=20, random_state=0),
        GradientBoostingRegressor(n_estimators=20, random_state=0),
        RandomForestClassifier(n_estimators=20, random_state=0),
        # Leaf sizes count rows, not weight, and balance counts rows: without them weight 2 is a row given twice.
        ExtraTreesClassifier(
            n_estimators=20, min_samples_split=2, min_samples_leaf=1, class_weight=None, random_state=0
        ),
        RandomForestRegressor(n_estimators=20, min_samples_split=2, min_samples_leaf=1, random_state=0),
        ExtraTreesRegressor(n_estimators=20, min_samples_split=2, min_samples_leaf=1, random_state=0),
        RandomForestQuantileRegressor(n_estimators=20, min_samples_split=2, min_samples_leaf=1, random_state=0),
        # Without row sampling and class balance, under which weight 2 is not the same as a row given twice.
        XGBoostClassifier(
            n_estimators=20, min_child_weight=1, subsample=1.0, colsample_bytree=1.0, class_weight=None, random_state=0
        ),
        XGBoostRegressor(n_estimators=20, min_child_weight=1, subsample=1.0, colsample_bytree=1.0, random_state=0),
        QuantileRegressor(quantiles=0.5, settings=_WHOLE, random_state=0),
        MLPClassifier((16,), learning_rate=0.01, batch_size=16, max_epochs=40, random_state=0),
    ],
    expected_failed_checks=_expected_failures,
)
def test_the_estimator_passes_scikit_learns_checks(estimator: Any, check: Any) -> None:
    check(estimator)
