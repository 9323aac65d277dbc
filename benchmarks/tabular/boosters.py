"""Boosting fits: our families, and the same libraries through their own Python API as an expert calls it.

From a float32 matrix to a model; making the library's matrix counts on both sides. No evaluation, no early stopping.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from contestants import Contestant, Job, contestant


def margins(job: Job, scores: Any) -> Any:
    return lambda model, turn: {"margin": np.asarray(scores(model, job.data(turn)["test_X"]))}


@contestant("boost:smctrain_xgboost")
def xgboost_ours(job: Job) -> Contestant:
    from smctrain.models import XGBoostClassifier

    def call(turn: int) -> Any:
        data = job.data(turn)
        return XGBoostClassifier(
            **job.settings, early_stopping_rounds=None, class_weight=None, n_jobs=job.threads, random_state=turn
        ).fit(data["X"], data["y"])

    return Contestant(call, margins(job, lambda model, X: model.fitted_.margins(X)))


def xgboost_theirs(job: Job, quantile: bool) -> Contestant:
    import xgboost as library

    k = int(job.data(0)["y"].max()) + 1
    settings = dict(job.settings)
    rounds = settings.pop("n_estimators")
    parameters = {
        **settings,
        "objective": "binary:logistic" if k == 2 else "multi:softprob",
        **({} if k == 2 else {"num_class": k}),
        "tree_method": "hist",
        "nthread": job.threads,
    }

    def call(turn: int) -> Any:
        data = job.data(turn)
        if quantile:
            rows = library.QuantileDMatrix(
                data["X"], data["y"], max_bin=settings.get("max_bin", 256), nthread=job.threads
            )
        else:
            rows = library.DMatrix(data["X"], data["y"], nthread=job.threads)
        return library.train({**parameters, "seed": turn}, rows, rounds)

    return Contestant(
        call,
        margins(
            job,
            lambda model, X: model.predict(library.DMatrix(X), output_margin=True).reshape(len(X), -1),
        ),
    )


@contestant("boost:xgboost_quantile")
def xgboost_quantile(job: Job) -> Contestant:
    return xgboost_theirs(job, True)


@contestant("boost:xgboost")
def xgboost_plain(job: Job) -> Contestant:
    return xgboost_theirs(job, False)


@contestant("boost:smctrain_lightgbm")
def lightgbm_ours(job: Job) -> Contestant:
    from smctrain.models import LightGBMClassifier

    def call(turn: int) -> Any:
        data = job.data(turn)
        return LightGBMClassifier(
            **job.settings, early_stopping_rounds=None, class_weight=None, n_jobs=job.threads, random_state=turn
        ).fit(data["X"], data["y"])

    return Contestant(call, margins(job, lambda model, X: model.fitted_.margins(X)))


def lightgbm_theirs(job: Job, layout: str) -> Contestant:
    """The layout of histograms is set: the library would otherwise time both ways first."""
    import lightgbm as library

    k = int(job.data(0)["y"].max()) + 1
    s = dict(job.settings)
    rounds = s.pop("n_estimators")
    parameters = {
        **s,
        "objective": "binary" if k == 2 else "multiclass",
        **({} if k == 2 else {"num_class": k}),
        "num_threads": job.threads,
        "deterministic": True,
        layout: True,
        "verbose": -1,
    }

    def call(turn: int) -> Any:
        data = job.data(turn)
        full = {**parameters, "seed": turn}
        return library.train(full, library.Dataset(data["X"], data["y"], params=full), rounds)

    return Contestant(
        call, margins(job, lambda model, X: model.predict(X, raw_score=True, num_threads=1).reshape(len(X), -1))
    )


@contestant("boost:lightgbm")
def lightgbm_rows(job: Job) -> Contestant:
    return lightgbm_theirs(job, "force_row_wise")


@contestant("boost:lightgbm_columns")
def lightgbm_columns(job: Job) -> Contestant:
    return lightgbm_theirs(job, "force_col_wise")
