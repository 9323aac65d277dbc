"""Forest fits of every library, from a float32 matrix to a model, binning and conversion counted.

Settings (JSON): kind "random" or "extra", target "classes" or "numbers", and n_estimators, max_depth,
min_samples_leaf, min_samples_split, max_features, max_samples, bootstrap, class_weight as in scikit-learn. Libraries
without a setting get the nearest thing they have, said beside it. Turn t uses seed t.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from contestants import Contestant, Job, contestant
from numpy.typing import NDArray

Predict = Callable[[NDArray[Any]], NDArray[Any]]


def answers(job: Job, predict: Callable[[Any], Predict]) -> Callable[[Any, int], dict[str, Any]]:
    """Predictions for the test rows of the turn."""

    def answer(model: Any, turn: int) -> dict[str, Any]:
        return {"test": np.asarray(predict(model)(job.data(turn)["test_X"]), dtype=np.float64)}

    return answer


def fit_of(job: Job, family: Any, **more: Any) -> Callable[[int], Any]:
    """Fit of a class with scikit-learn's names."""
    names = (
        "n_estimators", "max_depth", "min_samples_leaf", "min_samples_split", "max_features", "max_samples",
        "bootstrap", "class_weight",
    )  # fmt: skip
    settings = {name: job.settings[name] for name in names if name in job.settings}
    target = target_of(job)

    def call(turn: int) -> Any:
        data = job.data(turn)
        return family(**settings, **more, n_jobs=job.threads, random_state=turn).fit(data["X"], data[target])

    return call


def target_of(job: Job) -> str:
    return "y" if job.settings["target"] == "classes" else "r"


def class_name(job: Job) -> str:
    kind = "RandomForest" if job.settings["kind"] == "random" else "ExtraTrees"
    return kind + ("Classifier" if job.settings["target"] == "classes" else "Regressor")


def sklearn_like(job: Job, module: Any, **more: Any) -> Contestant:
    method = "predict_proba" if job.settings["target"] == "classes" else "predict"
    return Contestant(
        fit_of(job, getattr(module, class_name(job)), **more), answers(job, lambda model: getattr(model, method))
    )


@contestant("forest:smctrain")
def smctrain(job: Job) -> Contestant:
    from smctrain import models

    return sklearn_like(job, models)


@contestant("forest:sklearn")
def sklearn(job: Job) -> Contestant:
    from sklearn import ensemble

    return sklearn_like(job, ensemble)


@contestant("forest:sklearnex")
def sklearnex(job: Job) -> Contestant:
    """256 bins, as ours; the note says where it fell back to scikit-learn's own code."""
    from sklearnex import ensemble

    said: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    logger = logging.getLogger("sklearnex")
    logger.setLevel(logging.INFO)
    logger.addHandler(Keep())
    made = sklearn_like(job, ensemble, max_bins=256, min_bin_size=1)

    def note() -> str:
        fell_back = sum("fallback" in line and ".fit" in line for line in said)
        return f"fell back to scikit-learn in {fell_back} fits" if fell_back else ""

    made.note = note
    return made


@contestant("forest:ydf")
def ydf(job: Job) -> Contestant:
    """Columns in 255 bins, probabilities averaged, no out-of-bag score; its root has depth 1."""
    import ydf as library

    library.verbose(0)
    s = job.settings
    columns = job.data(0)["X"].shape[1]
    classes = s["target"] == "classes"

    def named(X: NDArray[Any]) -> dict[str, NDArray[Any]]:
        return {f"c{j}": X[:, j] for j in range(X.shape[1])}

    def call(turn: int) -> Any:
        data = job.data(turn)
        table: dict[str, Any] = {**named(data["X"]), "target": data[target_of(job)]}
        if s.get("class_weight"):
            table["weight"] = balanced(data["y"])
        return library.RandomForestLearner(
            label="target",
            task=library.Task.CLASSIFICATION if classes else library.Task.REGRESSION,
            weights="weight" if "weight" in table else None,
            num_trees=s["n_estimators"],
            max_depth=-1 if s["max_depth"] is None else s["max_depth"] + 1,
            min_examples=s["min_samples_leaf"],
            num_candidate_attributes=tried(s["max_features"], columns),
            bootstrap_training_dataset=s["bootstrap"],
            bootstrap_size_ratio=s.get("max_samples") or 1.0,
            discretize_numerical_columns=True,
            num_discretized_numerical_bins=255,
            winner_take_all=False,
            compute_oob_performances=False,
            num_threads=job.threads,
            random_seed=turn,
        ).train(table, verbose=0)

    def answer(model: Any, turn: int) -> dict[str, Any]:
        values = np.asarray(model.predict(named(job.data(turn)["test_X"])), dtype=np.float64)
        if classes and values.ndim == 1:
            values = np.column_stack([1.0 - values, values])
        if classes:
            values = values[:, np.argsort([int(label) for label in model.label_classes()])]
        return {"test": values}

    return Contestant(call, answer)


@contestant("forest:lightgbm")
def lightgbm(job: Job) -> Contestant:
    """Forest mode. Draws without replacement as many rows as a bootstrap has distinct ones; one tree a class."""
    import lightgbm as library

    s = job.settings
    n, d = job.data(0)["X"].shape
    k = int(job.data(0)["y"].max()) + 1
    depth = s["max_depth"]
    parameters = {
        "boosting": "rf",
        "objective": "binary" if k == 2 else "multiclass",
        **({} if k == 2 else {"num_class": k}),
        "num_leaves": min(2**depth if depth else n, 131_072),
        "max_depth": depth or -1,
        "min_data_in_leaf": s["min_samples_leaf"],
        "min_sum_hessian_in_leaf": 0.0,
        "feature_fraction_bynode": tried(s["max_features"], d) / d,
        "bagging_freq": 1,
        "bagging_fraction": distinct(s),
        "max_bin": 255,
        "num_threads": job.threads,
        "force_col_wise": True,
        "verbose": -1,
    }

    def call(turn: int) -> Any:
        data = job.data(turn)
        rows = library.Dataset(data["X"], data["y"], params=parameters)
        return library.train({**parameters, "seed": turn}, rows, s["n_estimators"])

    return Contestant(call, answers(job, lambda model: lambda X: two_columns(model.predict(X, num_threads=1))))


@contestant("forest:xgboost")
def xgboost(job: Job) -> Contestant:
    """Forest mode: one round of parallel trees, from a quantile matrix. Draws as for LightGBM."""
    import xgboost as library

    s = job.settings
    d = job.data(0)["X"].shape[1]
    k = int(job.data(0)["y"].max()) + 1
    parameters = {
        "objective": "binary:logistic" if k == 2 else "multi:softprob",
        **({} if k == 2 else {"num_class": k}),
        "tree_method": "hist",
        "max_bin": 256,
        "learning_rate": 1.0,
        "num_parallel_tree": s["n_estimators"],
        "max_depth": s["max_depth"] or 0,
        "min_child_weight": s["min_samples_leaf"] * (1 - 1 / k) / k * (1 if k == 2 else 2),
        "reg_lambda": 1e-6,
        "subsample": distinct(s),
        "colsample_bynode": tried(s["max_features"], d) / d,
        "nthread": job.threads,
    }

    def call(turn: int) -> Any:
        data = job.data(turn)
        rows = library.QuantileDMatrix(data["X"], data["y"], max_bin=256, nthread=job.threads)
        return library.train({**parameters, "seed": turn}, rows, 1)

    return Contestant(call, answers(job, lambda model: lambda X: two_columns(model.inplace_predict(X))))


def distinct(settings: dict[str, Any]) -> float:
    """Share of the rows that a bootstrap draws at least once."""
    return 1.0 - math.exp(-(settings.get("max_samples") or 1.0)) if settings["bootstrap"] else 1.0


def tried(max_features: Any, columns: int) -> int:
    """Columns tried a node."""
    return columns if max_features is None else max(1, math.isqrt(columns))


def balanced(y: NDArray[Any]) -> NDArray[np.float64]:
    """Row weights that make classes weigh alike."""
    counts = np.bincount(y)
    weight: NDArray[np.float64] = (len(y) / (len(counts) * counts))[y]
    return weight


def two_columns(values: Any) -> NDArray[np.float64]:
    """Class probabilities (n, k) also for two classes."""
    values = np.asarray(values, dtype=np.float64)
    return values if values.ndim == 2 else np.column_stack([1.0 - values, values])
