"""Linear models: ours from float64 columns (converted and standardised inside), scikit-learn's from columns that were
standardised before the clock started, which is not counted against it.

Answer: the value of the objective, for paths the sum over all penalties, worked out alike for both sides.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from contestants import Contestant, Job, contestant
from numpy.typing import NDArray


class Problem:
    """Data, penalties and objectives of all linear cells."""

    def __init__(self, path: str) -> None:
        from contestants import load

        data = load(path)
        self.X, self.y = data["X"].astype(np.float64), data["r"]
        self.n = len(self.X)
        self.scale = self.X.std(0)
        self.z = np.ascontiguousarray((self.X - self.X.mean(0)) / self.scale)
        self.centred = self.y - self.y.mean()
        self.label = (self.y > np.median(self.y)).astype(int)
        self.third = np.digitize(self.y, np.quantile(self.y, [0.3, 0.8]))
        self.alphas = np.geomspace(1e-2, 1e5, 50)
        self.strengths = np.abs(self.z.T @ self.centred).max() / self.n * np.geomspace(1, 1e-3, 100)

    def squares(self, betas: Any, penalty: Callable[[Any, int], float]) -> float:
        """Half mean squares plus penalty, summed over solutions; `betas` in standardised units."""
        return float(sum(np.mean((self.centred - self.z @ b) ** 2) / 2 + penalty(b, k) for k, b in enumerate(betas)))

    def ridge(self, betas: Any) -> float:
        return self.squares(betas, lambda b, k: self.alphas[k] / (2 * self.n) * b @ b)

    def lasso(self, betas: Any) -> float:
        return self.squares(betas, lambda b, k: self.strengths[k] * np.abs(b).sum())

    def logistic(self, coef: NDArray[Any], intercept: NDArray[Any], y: NDArray[Any]) -> float:
        """Mean log loss plus penalty (C = 1); coefficients in standardised units, intercepts for standardised rows."""
        score = self.z @ coef.T + intercept
        if score.shape[1] == 1:
            loss = np.logaddexp(0.0, np.where(y == 1, -score[:, 0], score[:, 0])).mean()
        else:
            top = score.max(axis=1)
            loss = (top + np.log(np.exp(score - top[:, None]).sum(axis=1)) - score[np.arange(len(y)), y]).mean()
        return float(loss + 0.5 * (coef**2).sum() / self.n)


@cache
def problem(path: str) -> Problem:
    return Problem(path)


def ours_logistic(p: Problem, y: NDArray[Any]) -> Callable[[Any], float]:
    mean = p.X.mean(0)
    return lambda m: p.logistic(m.coef_ * p.scale, m.intercept_ + m.coef_ @ mean, y)


def contender(call: Callable[[], Any], value: Callable[[Any], float]) -> Contestant:
    return Contestant(lambda _: call(), lambda result, _: {"objective": np.array(value(result))})


@contestant("linear:smctrain")
def smctrain(job: Job) -> Contestant:
    from smctrain.models import Lasso, LinearRegression, LogisticRegression, Ridge

    p = problem(job.paths[0])
    settings = job.settings.get("ours", {})
    y = p.third if job.settings["work"] == "logistic, 3 classes" else p.label
    logistic = (
        lambda: LogisticRegression(class_weight=None, n_jobs=job.threads, **settings).fit(p.X, y),
        ours_logistic(p, y),
    )
    works: dict[str, tuple[Callable[[], Any], Callable[[Any], float]]] = {
        "least squares": (
            lambda: LinearRegression(n_jobs=job.threads).fit(p.X, p.y).coef_,
            lambda b: p.squares([b * p.scale], lambda b, k: 0.0),
        ),
        "ridge": (
            lambda: Ridge(p.alphas[0], n_jobs=job.threads).fit(p.X, p.y).coef_, lambda b: p.ridge([b * p.scale])
        ),
        "ridge path, 50 penalties": (
            lambda: Ridge(n_jobs=job.threads).path(p.X, p.y, alphas=p.alphas).coefs, lambda b: p.ridge(b * p.scale)
        ),
        "lasso path, 100 penalties": (
            lambda: Lasso(n_jobs=job.threads).path(p.X, p.y, alphas=p.strengths).coefs, lambda b: p.lasso(b * p.scale)
        ),
        "logistic": logistic,
        "logistic, 3 classes": logistic,
    }  # fmt: skip
    return contender(*works[job.settings["work"]])


@contestant("linear:sklearn")
def sklearn(job: Job) -> Contestant:
    import sklearn.linear_model as peer

    p = problem(job.paths[0])
    settings = job.settings.get("theirs", {})
    y = p.third if job.settings["work"] == "logistic, 3 classes" else p.label
    logistic = (
        lambda: peer.LogisticRegression(**settings).fit(p.z, y),
        lambda m: p.logistic(m.coef_, m.intercept_, y),
    )
    works: dict[str, tuple[Callable[[], Any], Callable[[Any], float]]] = {
        "least squares": (
            lambda: peer.LinearRegression().fit(p.z, p.y).coef_, lambda b: p.squares([b], lambda b, k: 0.0)
        ),
        "ridge": (lambda: peer.Ridge(p.alphas[0]).fit(p.z, p.y).coef_, lambda b: p.ridge([b])),
        "ridge path, 50 penalties": (
            lambda: [peer.Ridge(alpha).fit(p.z, p.y).coef_ for alpha in p.alphas], p.ridge
        ),
        "lasso path, 100 penalties": (
            lambda: peer.lasso_path(p.z, p.centred, alphas=p.strengths, tol=1e-6)[1].T, p.lasso
        ),
        "logistic": logistic,
        "logistic, 3 classes": logistic,
    }  # fmt: skip
    return contender(*works[job.settings["work"]])
