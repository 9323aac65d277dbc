"""What is done with a fitted forest: predictions of many rows and of one, SHAP values, permutation importance.

The forest is fitted before the clock starts, seed 0.
"""

from __future__ import annotations

from typing import Any

import forests
import numpy as np
from contestants import Contestant, Job, contestant
from numpy.typing import NDArray


def fitted(job: Job, maker: Any) -> Any:
    return maker(Job(job.paths, job.settings, job.threads)).call(0)


def rows(job: Job) -> NDArray[np.float32]:
    X: NDArray[np.float32] = np.ascontiguousarray(job.data(0)["test_X"][: job.settings["rows"]])
    return X


def keep(name: str) -> Any:
    return lambda result, _turn: {name: np.asarray(result, dtype=np.float64)}


# ---- many rows ----------------------------------------------------------------


@contestant("forest_predict:smctrain")
def predict_smctrain(job: Job) -> Contestant:
    model, X = fitted(job, forests.smctrain), rows(job)
    return Contestant(lambda _: model.predict_proba(X), keep("proba"))


@contestant("forest_predict:sklearn")
def predict_sklearn(job: Job) -> Contestant:
    model, X = fitted(job, forests.sklearn), rows(job)
    return Contestant(lambda _: model.predict_proba(X), keep("proba"))


@contestant("forest_predict:sklearnex")
def predict_sklearnex(job: Job) -> Contestant:
    model, X = fitted(job, forests.sklearnex), rows(job)
    return Contestant(lambda _: model.predict_proba(X), keep("proba"))


@contestant("forest_predict:ydf")
def predict_ydf(job: Job) -> Contestant:
    """Turning the matrix into the dictionary of columns that it takes costs next to nothing."""
    model, X = fitted(job, forests.ydf), rows(job)
    return Contestant(
        lambda _: model.predict({f"c{j}": X[:, j] for j in range(X.shape[1])}, num_threads=job.threads), keep("proba")
    )


# ---- one row ------------------------------------------------------------------


@contestant("forest_row:smctrain")
def row_smctrain(job: Job) -> Contestant:
    """`predictor().predict_row`: without scikit-learn's input checks."""
    model, X = fitted(job, forests.smctrain), rows(job)
    one, x = model.predictor().predict_row, X[0].copy()
    return Contestant(lambda _: one(x), keep("proba"))


@contestant("forest_row:smctrain_checked")
def row_checked(job: Job) -> Contestant:
    """`predict_proba` of a matrix of one row, with all checks."""
    return predict_smctrain(Job(job.paths, {**job.settings, "rows": 1}, job.threads))


@contestant("forest_row:sklearn")
def row_sklearn(job: Job) -> Contestant:
    return predict_sklearn(Job(job.paths, {**job.settings, "rows": 1}, job.threads))


@contestant("forest_row:sklearnex")
def row_sklearnex(job: Job) -> Contestant:
    return predict_sklearnex(Job(job.paths, {**job.settings, "rows": 1}, job.threads))


@contestant("forest_row:ydf")
def row_ydf(job: Job) -> Contestant:
    return predict_ydf(Job(job.paths, {**job.settings, "rows": 1}, job.threads))


# ---- SHAP values --------------------------------------------------------------


@contestant("forest_shap:smctrain")
def shap_smctrain(job: Job) -> Contestant:
    model, X = fitted(job, forests.smctrain), rows(job)

    def answer(values: Any, _turn: int) -> dict[str, Any]:
        gap = np.abs(values.sum(axis=1) - model.predict_proba(X)).max()
        return {"shap": values[:, :-1], "additivity": np.array(gap)}

    return Contestant(lambda _: model.shap_values(X), answer)


@contestant("forest_shap:shap_same_trees")
def shap_same_trees(job: Job) -> Contestant:
    """`shap.TreeExplainer` on our own trees, handed over before the clock starts: values must be equal."""
    import shap

    arrays, X = fitted(job, forests.smctrain).fitted_.native.arrays(), rows(job)
    model = {"trees": trees_of(arrays), "tree_output": "raw_value", "internal_dtype": float, "input_dtype": np.float32}
    return Contestant(lambda _: shap.TreeExplainer(model).shap_values(X, check_additivity=False), keep("shap"))


@contestant("forest_shap:shap")
def shap_sklearn(job: Job) -> Contestant:
    """`shap.TreeExplainer` as people use it: on scikit-learn's forest."""
    import shap

    model, X = fitted(job, forests.sklearn), rows(job)
    return Contestant(lambda _: shap.TreeExplainer(model).shap_values(X, check_additivity=False))


def trees_of(arrays: dict[str, NDArray[Any]]) -> list[dict[str, NDArray[Any]]]:
    """Our trees as shap takes them: values of all nodes divided by the number of trees."""
    starts, leaves = arrays["node_start"], arrays["leaf_start"]
    count = len(starts) - 1
    trees = []
    for t in range(count):
        nodes = slice(starts[t], starts[t + 1])
        feature, left, right = (arrays[name][nodes].astype(np.int32) for name in ("feature", "left", "right"))
        cover = arrays["cover"][nodes].astype(np.float64)
        value = np.zeros((len(feature), arrays["leaf_share"].shape[1]))
        for node in range(len(feature) - 1, -1, -1):  # children come after their parent
            if feature[node] < 0:
                value[node] = arrays["leaf_share"][leaves[t] + left[node]]
            else:
                a, b = left[node], right[node]
                value[node] = (cover[a] * value[a] + cover[b] * value[b]) / cover[node]
        leaf = feature < 0
        a, b = np.where(leaf, -1, left), np.where(leaf, -1, right)
        trees.append({
            "children_left": a, "children_right": b, "feature": np.where(leaf, -2, feature),
            "children_default": np.where(leaf, -1, np.where(arrays["missing_left"][nodes] == 1, left, right)),
            "threshold": arrays["threshold"][nodes].astype(np.float64), "value": value / count,
            "node_sample_weight": cover,
        })  # fmt: skip
    return trees


# ---- permutation importance ---------------------------------------------------


@contestant("forest_permutation:smctrain")
def permutation_smctrain(job: Job) -> Contestant:
    model, X = fitted(job, forests.smctrain), rows(job)
    y = job.data(0)["test_y"][: len(X)]
    repeats = job.settings["repeats"]
    return Contestant(
        lambda turn: model.permutation_importance(X, y, n_repeats=repeats, random_state=turn),
        lambda result, _: {"importance": result.importances_mean},
    )


@contestant("forest_permutation:sklearn")
def permutation_sklearn(job: Job) -> Contestant:
    from sklearn.inspection import permutation_importance

    model, X = fitted(job, forests.sklearn), rows(job)
    y = job.data(0)["test_y"][: len(X)]
    repeats = job.settings["repeats"]
    return Contestant(
        lambda turn: permutation_importance(model, X, y, n_repeats=repeats, random_state=turn),
        lambda result, _: {"importance": result.importances_mean},
    )


@contestant("forest_permutation:sklearn_same_forest")
def permutation_same_forest(job: Job) -> Contestant:
    """scikit-learn's function on our own forest: the same forest, other permutations."""
    from sklearn.inspection import permutation_importance

    model, X = fitted(job, forests.smctrain), rows(job)
    y = job.data(0)["test_y"][: len(X)]
    repeats = job.settings["repeats"]
    return Contestant(
        lambda turn: permutation_importance(model, X, y, n_repeats=repeats, random_state=turn),
        lambda result, _: {"importance": result.importances_mean},
    )
