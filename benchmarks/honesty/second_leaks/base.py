"""What a case is, how it is run, and what counts as found.

Case  a pipeline in two versions that differ in one leak only, on noise that a seed draws
job   what `audit_pipeline` is called with; the leaky version must be refused, and for the right column, rows or step
lift  held-out accuracy minus that of the held-out majority: what the leak is worth to whoever believes it
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

import smctrain as st

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
Splits = list[tuple[Rows, Rows]]
N_BARS, N_ROWS, HORIZON = 1400, 1500, 10
LABELS = {"timeout": "sign", "stop": 2.0}


@dataclass(frozen=True)
class Case:
    """One leak and its clean twin.

    Attributes
    ----------
    kind : str
        Type in Kapoor and Narayanan (2023), as in the seeded suite; "clean" for a pipeline with no leak at all.
    build : callable
        ``build(seed, leaky)`` gives the keyword arguments of `smctrain.audit_pipeline` (`bars` among them).
    where : tuple of str
        What a finding may be named after: the column, or "(split)", "(fit)", "(labels)".
    """

    name: str
    kind: str
    build: Callable[[int, bool], dict[str, Any]]
    where: tuple[str, ...] = ()


CASES: list[Case] = []


def case(kind: str, *where: str) -> Callable[[Callable[[int, bool], dict[str, Any]]], Any]:
    """Register a builder under its own name."""

    def add(build: Callable[[int, bool], dict[str, Any]]) -> Any:
        CASES.append(Case(build.__name__, kind, build, where))
        return build

    return add


def walk(X: Array, y: Array, t0: Rows, t1: Rows) -> Splits:
    """Three purged windows, as in our own documentation."""
    return list(st.splits.WalkForward(3, intervals=(t0, t1)).split(X))


def logistic(X: Array, y: Array, train: Rows, held: Rows) -> Array:
    """A small model whose every step is fitted on training rows."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler(), LogisticRegression(C=0.1))
    return np.asarray(model.fit(X[train], y[train]).predict(X[held]), np.float64)


def forest(X: Array, y: Array, train: Rows, held: Rows) -> Array:
    """What lifts are measured with where a case has no model of its own."""
    model = st.models.RandomForestClassifier(n_estimators=60, max_depth=6, min_samples_leaf=15, random_state=0)
    return np.asarray(model.fit(X[train], y[train].astype(int)).predict(X[held]), np.float64)


def on_bars(seed: int, features: Callable[[Any], Any], **more: Any) -> dict[str, Any]:
    """A job from bars: G4, which nobody can predict."""
    job = {"bars": st.testing.ohlc_paths("G4", N_BARS, seed=seed), "features": features, "labels": LABELS}
    return job | {"split": walk, "fit": logistic, "seed": seed} | more


def on_table(seed: int, **more: Any) -> dict[str, Any]:
    """A job from finished arrays: process N0, labels ten rows ahead."""
    table, rows = st.testing.noise_table(N_ROWS, seed=seed), np.arange(N_ROWS)
    job: dict[str, Any] = {"X": table.X, "y": table.y.astype(np.float64), "intervals": (rows, rows + HORIZON)}
    return job | {"split": walk, "fit": logistic, "seed": seed} | more


def arrays_of(job: dict[str, Any]) -> tuple[Array, Array, Rows, Rows]:
    """The labelled rows of a job."""
    if "bars" not in job:
        return job["X"], job["y"], *job["intervals"]
    bars, labels = job["bars"], job["labels"]
    lab = labels(bars) if callable(labels) else st.triple_barrier(bars, **labels)
    rows = lab.t0[lab.ok]
    if isinstance(job["features"], st.FeatureSpec):
        X = st.build_features(bars, job["features"]).values
    else:
        X = np.asarray(job["features"](bars.to_pandas()), np.float64)
    return X[rows], lab.y[lab.ok], rows, lab.t1[lab.ok]


def lift(job: dict[str, Any]) -> float:
    """Held-out accuracy minus the share of the held-out majority, pooled over the splits; NaN answers are no trades.

    Of a case without a model of its own: the better of a logistic model and a forest.
    """
    if job["fit"] is logistic:
        return max(lift(job | {"fit": forest}), lift(job | {"fit": lambda *a: logistic(*a)}))
    X, y, t0, t1 = arrays_of(job)
    fit, split = job["fit"], job["split"]
    right, votes = [], []
    for train, held in split(X, y, t0, t1) if callable(split) else split:
        said = np.asarray(fit(X, y, train, held), np.float64)
        said = said.argmax(axis=1).astype(float) if said.ndim == 2 else said
        taken = np.isfinite(said)
        right.append(np.rint(said[taken]) == y[held][taken])
        votes.append(y[held][taken])
    hit, truth = np.concatenate(right), np.concatenate(votes)
    if not len(truth):
        return float("nan")
    return float(hit.mean() - np.unique(truth, return_counts=True)[1].max() / len(truth))


@dataclass
class Outcome:
    """What one run said: `found` at all, `named` as it is, and every accusation."""

    found: bool
    named: bool
    accused: list[str] = field(default_factory=list)
    lift: float = float("nan")


def judge(one: Case, seed: int, leaky: bool, *, score: bool = True, **settings: Any) -> Outcome:
    """Run `audit_pipeline` on one version."""
    job = one.build(seed, leaky)
    report = st.audit_pipeline(**job, **settings)
    names = [part.strip() for f in report.findings for part in f.column.split(",")]
    accused = [f"{f.column}: {f.kind}: {f.detail}" for f in report.findings]
    gain = lift(job) if score else float("nan")
    return Outcome(not report.ok, any(name in one.where for name in names), accused, gain)
