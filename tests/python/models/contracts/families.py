"""Every estimator of the package, one line each: what the contract suites run, and what they may not expect.

To add a family: one `Family` line. The suites cover scikit-learn's own checks, composition with scikit-learn's tools,
storage, and bad input; `test_every_estimator_of_the_package_is_listed` fails for an estimator without a line.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field
from typing import Any

import pytest

from smctrain import models
from smctrain.models.registry import FAMILIES


@dataclass(frozen=True)
class Family:
    """One estimator.

    `small` makes a fit take milliseconds. `checked` are further settings for scikit-learn's checks, and `excused` the
    checks that cannot pass, each with its reason (two at most). `sequence` families look back over rows: they have
    their own suite and are exempt from scikit-learn's checks. `own_suite` says why a face that takes
    more than a plain X and y is not run here, and where it is tested.
    """

    name: str
    small: dict[str, Any] = field(default_factory=dict)
    checked: dict[str, Any] = field(default_factory=dict)
    excused: dict[str, str] = field(default_factory=dict)
    needs: str = ""
    sequence: bool = False
    own_suite: str = ""

    @property
    def cls(self) -> Any:
        return getattr(models, self.name)

    def make(self, **settings: Any) -> Any:
        return self.cls(**(self.small | settings))

    @property
    def classifies(self) -> bool:
        return hasattr(self.cls, "predict_proba")

    @property
    def lookback(self) -> int:
        """Rows of a window."""
        return int(self.small.get("lookback", 1)) if self.sequence else 1

    @property
    def takes_missing(self) -> bool:
        return bool(self.make().__sklearn_tags__().input_tags.allow_nan)


_WEIGHT = "check_sample_weight_equivalence_on_dense_data"
_DRAWN = {_WEIGHT: "rows are drawn for a tree regardless of their weight, as in scikit-learn's own forest"}
_BINNED = {_WEIGHT: "bins and leaves are counted in rows regardless of their weight, as in lightgbm"}
_BORDERS = {_WEIGHT: "borders, and the scale of l2_leaf_reg, count rows regardless of their weight, as in catboost"}
_MARGINAL = {_WEIGHT: "the distribution a fit starts from, and min_samples_leaf, count rows regardless of their weight"}
_TREES = {"n_estimators": 8, "random_state": 0}
# Leaf sizes count rows, not weight, and balance counts rows: without them weight 2 is a row given twice.
_LEAF = {"min_samples_split": 2, "min_samples_leaf": 1}
_XGBOOST = {"min_child_weight": 1, "subsample": 1.0, "colsample_bytree": 1.0}
_LIGHTGBM = {"min_child_samples": 1, "subsample": 1.0, "colsample_bytree": 1.0}

_CATBOOST = {"n_estimators": 8, "subsample": 1.0, "rsm": 1.0, "random_strength": 0.0, "random_state": 0}
_NGBOOST = {"n_estimators": 4, "learning_rate": 0.2, "min_samples_leaf": 1, "random_state": 0}

ALL = [
    Family("RandomForestClassifier", _TREES | _LEAF, {"n_estimators": 20, "min_samples_split": 20,
           "min_samples_leaf": 10}, _DRAWN),
    Family("ExtraTreesClassifier", _TREES | _LEAF, {"n_estimators": 20, "class_weight": None}),
    Family("RandomForestRegressor", _TREES | _LEAF, {"n_estimators": 20}, _DRAWN),
    Family("ExtraTreesRegressor", _TREES | _LEAF, {"n_estimators": 20}),
    Family("RandomForestQuantileRegressor", _TREES | _LEAF, {"n_estimators": 20}, _DRAWN),
    Family("XGBoostClassifier", _TREES | _XGBOOST, {"n_estimators": 20, "class_weight": None}, needs="xgboost"),
    Family("XGBoostRegressor", _TREES | _XGBOOST, {"n_estimators": 20}, needs="xgboost"),
    Family("LightGBMClassifier", _TREES | _LIGHTGBM, {"n_estimators": 20, "class_weight": None}, _BINNED, "lightgbm"),
    Family("LightGBMRegressor", _TREES | _LIGHTGBM, {"n_estimators": 20}, _BINNED, "lightgbm"),
    Family("GradientBoostingClassifier", _TREES, {"n_estimators": 20}, {"check_class_weight_classifiers":
           "without regularisation a leaf of rows of weight 0.0001 takes a full Newton step, as in scikit-learn's own"},
           "xgboost"),
    Family("GradientBoostingRegressor", _TREES, {"n_estimators": 20}, needs="xgboost"),
    Family("LinearRegression"),
    Family("Ridge"),
    # Weight 2 equals a row given twice up to the tolerance of the solver; the check allows 1e-7.
    Family("Lasso", {"alpha": 0.01}, {"tol": 1e-15}),
    Family("ElasticNet", {"alpha": 0.01}, {"tol": 1e-15}),
    Family("LogisticRegression", {}, {"tol": 1e-9}),
    Family("FTRLClassifier", {"alpha": 1.0, "n_passes": 3}, {},
           {_WEIGHT: "a row given twice is two steps of an online learner"}),
    Family("MLPClassifier", {"hidden_dims": (8,), "learning_rate": 0.01, "batch_size": 16, "max_epochs": 4,
           "random_state": 0}, {"hidden_dims": (16,), "max_epochs": 40},
           {_WEIGHT: "a row given twice is in two batches, a row of weight 2 in one"}, "torch"),
    Family("MLPRegressor", {"hidden_dims": (8,), "learning_rate": 0.01, "batch_size": 16, "max_epochs": 4,
           "random_state": 0}, {"hidden_dims": (16,), "max_epochs": 40},
           {_WEIGHT: "a row given twice is in two batches, a row of weight 2 in one"}, "torch"),
    *(
        Family(name, {"hidden_dims": (8,), "latent_dim": 4, "learning_rate": 0.01, "batch_size": 16, "max_epochs": 4,
               "random_state": 0}, {"hidden_dims": (16,), "max_epochs": 40},
               {_WEIGHT: "a row given twice is in two batches, a row of weight 2 in one"}, "torch")
        for name in ("VAEClassifier", "VAERegressor")
    ),
    Family("VAEColumnsClassifier", {"vae": {"hidden_dims": (8,), "latent_dim": 2, "batch_size": 16, "max_epochs": 2},
           "model_settings": {"n_estimators": 8} | _LEAF, "random_state": 0}, {}, _DRAWN, "torch"),
    *(
        Family(name, {"hidden_dim": 4, "lookback": 3, "max_epochs": 2, "random_state": 0}, needs="torch", sequence=True)
        for name in ("LSTMClassifier", "LSTMRegressor", "GRUClassifier", "GRURegressor")
    ),
    *(
        Family(name, {"channels": (4,), "lookback": 3, "max_epochs": 2, "random_state": 0}, needs="torch",
               sequence=True)
        for name in ("CNN1DClassifier", "CNN1DRegressor")
    ),
    *(
        Family(name, {"d_model": 8, "num_layers": 1, "feed_forward": 8, "lookback": 3, "max_epochs": 2,
               "random_state": 0}, needs="torch", sequence=True)
        for name in ("TransformerClassifier", "TransformerRegressor")
    ),
    # Without draws, noise on the scores of splits, and class balance.
    Family("CatBoostClassifier", _CATBOOST, {"n_estimators": 30, "class_weight": None}, _BORDERS, "catboost"),
    Family("CatBoostRegressor", _CATBOOST, {"n_estimators": 30}, _BORDERS, "catboost"),
    Family("NGBoostClassifier", _NGBOOST, {"n_estimators": 20, "class_weight": None}, _MARGINAL |
           {"check_class_weight_classifiers": "the natural gradient of a row does not shrink with its weight"},
           "ngboost"),
    Family("NGBoostRegressor", _NGBOOST, {"n_estimators": 20}, _MARGINAL, "ngboost"),
    Family("QuantileRegressor", {"quantiles": 0.5, "settings": _XGBOOST | {"n_estimators": 20}, "random_state": 0},
           needs="xgboost"),
    Family("MultiTaskMLP", own_suite="y is several targets, predictions come by target: neural/test_multi_task.py"),
    *(
        Family(name, own_suite="fit needs groups, and adapt follows it: neural/test_meta_learning.py")
        for name in ("MetaLearningClassifier", "MetaLearningRegressor")
    ),
]  # fmt: skip

HERE = [
    family for family in ALL if not family.own_suite and (not family.needs or importlib.util.find_spec(family.needs))
]
PLAIN = [family for family in HERE if not family.sequence]
CLASSIFIERS = [family for family in PLAIN if family.classifies]
REGRESSORS = [family for family in PLAIN if not family.classifies]


def each(families: list[Family]) -> Any:
    """Run the test once for each family."""
    return pytest.mark.parametrize("family", families, ids=lambda family: family.name)


def registered() -> set[str]:
    """Names of all estimators of the registry."""
    return {entry.estimator for entry in FAMILIES.values()} | {e.regressor for e in FAMILIES.values() if e.regressor}
