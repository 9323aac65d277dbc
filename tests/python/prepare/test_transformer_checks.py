"""scikit-learn's own checks of the transformers."""

from __future__ import annotations

from typing import Any

from sklearn.utils.estimator_checks import parametrize_with_checks

from smctrain.prepare import ColumnFilter, Imputer, MinMaxScaler, Preprocessor, RobustScaler, StandardScaler

_EXPECTED = {
    "StandardScaler": {
        "check_sample_weight_equivalence_on_dense_data": (
            "weights are those of a weighted mean, w and 2 w alike: n - 1 counts rows, not weight"
        ),
    },
}


@parametrize_with_checks(
    [StandardScaler(), RobustScaler(), MinMaxScaler(), Imputer(), ColumnFilter(), Preprocessor()],
    expected_failed_checks=lambda estimator: _EXPECTED.get(type(estimator).__name__, {}),
)
def test_the_transformer_passes_scikit_learns_checks(estimator: Any, check: Any) -> None:
    check(estimator)
