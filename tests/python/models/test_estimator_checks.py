"""scikit-learn's own checks of the estimators, pickling through the model container included."""

from __future__ import annotations

from typing import Any

from sklearn.utils.estimator_checks import parametrize_with_checks

from smctrain.models import MLPClassifier, RandomForestClassifier, XGBoostClassifier, XGBoostRegressor

_DRAWN = {
    "RandomForestClassifier": "rows are drawn for a tree regardless of their weight, as in scikit-learn's own forest",
    "MLPClassifier": "a row given twice is in two batches, a row of weight 2 in one",
}


def _expected_failures(estimator: Any) -> dict[str, str]:
    why = _DRAWN.get(type(estimator).__name__)
    return {"check_sample_weight_equivalence_on_dense_data": why} if why else {}


@parametrize_with_checks(
    [
        RandomForestClassifier(n_estimators=20, random_state=0),
        # Without row sampling and class balance, under which weight 2 is not the same as a row given twice.
        XGBoostClassifier(
            n_estimators=20, min_child_weight=1, subsample=1.0, colsample_bytree=1.0, class_weight=None, random_state=0
        ),
        XGBoostRegressor(n_estimators=20, min_child_weight=1, subsample=1.0, colsample_bytree=1.0, random_state=0),
        MLPClassifier((16,), learning_rate=0.01, batch_size=16, max_epochs=40, random_state=0),
    ],
    expected_failed_checks=_expected_failures,
)
def test_the_estimator_passes_scikit_learns_checks(estimator: Any, check: Any) -> None:
    check(estimator)
