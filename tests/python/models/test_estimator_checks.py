"""scikit-learn's own checks of the estimators."""

from __future__ import annotations

from typing import Any

from sklearn.utils.estimator_checks import parametrize_with_checks

from smctrain.models import RandomForestClassifier


def _expected_failures(estimator: Any) -> dict[str, str]:
    return {
        "check_sample_weight_equivalence_on_dense_data": (
            "rows are drawn for a tree regardless of their weight, as in scikit-learn's own forest, "
            "so weight 2 is not the same draw as the row twice"
        ),
    }


@parametrize_with_checks(
    [RandomForestClassifier(n_estimators=20, random_state=0)], expected_failed_checks=_expected_failures
)
def test_the_forest_passes_scikit_learns_checks(estimator: Any, check: Any) -> None:
    check(estimator)
