"""Boruta for overlapping labels, and the default set built on it."""

from __future__ import annotations

from smctrain.selection.methods import circular_boruta, default_set
from smctrain.selection.problem import Outcome, Problem
from smctrain.selection.transformers._base import Selector, need_count, need_share


class CircularBoruta(Selector):
    """Keeps the columns whose forest importance beats that of every shadow far more often than a coin would.

    A shadow is a column shifted circularly by its own random distance of at least 4 horizons, so it keeps its own
    memory and has lost its time; each repeat sees every horizon-th row, so no label is counted twice. Boruta as it is
    known elsewhere shuffles shadows row by row: on slow noise columns with overlapping labels it confirms most of
    them.

    Parameters
    ----------
    horizon : int
        Neighbouring rows whose labels overlap; `fit` takes it, or t0 and t1, too.
    repeats : int
    n_estimators, max_depth : int
        Of the forest of a repeat.
    level : float
        False discovery rate (Benjamini-Hochberg over the columns) of the two-sided binomial tests of hits.
    keep_tentative : bool
        Keep undecided columns as well.
    shadows : "circular" or "shuffled"
    thin : bool
        "shuffled" and False give the known procedure: for independent rows.
    task, n_jobs, random_state : as of `SelectByScore`
    time_limit : float, optional
        Seconds; ended early, it decides by the repeats finished and is not `complete_`.

    Attributes
    ----------
    confirmed_, tentative_, rejected_ : list of str
    hits_ : dict of str to int
        Repeats in which a column beat all shadows.
    repeats_ : int
        Repeats finished.

    Notes
    -----
    Source: Kursa and Rudnicki, "Feature selection with the Boruta package", J. Stat. Software 36 (2010).
    """

    def __init__(
        self,
        horizon: int = 1,
        *,
        repeats: int = 50,
        n_estimators: int = 100,
        max_depth: int = 7,
        level: float = 0.05,
        keep_tentative: bool = False,
        shadows: str = "circular",
        thin: bool = True,
        task: str = "auto",
        time_limit: float | None = None,
        n_jobs: int | None = None,
        random_state: int | None = 0,
    ) -> None:
        self.horizon = horizon
        self.repeats = repeats
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.level = level
        self.keep_tentative = keep_tentative
        self.shadows = shadows
        self.thin = thin
        self.task = task
        self.time_limit = time_limit
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _problems(self) -> list[str]:
        problems = need_count("repeats", self.repeats) + need_count("n_estimators", self.n_estimators)
        problems += need_count("max_depth", self.max_depth) + need_share("level", self.level)
        if self.shadows not in ("circular", "shuffled"):
            problems.append(f"shadows must be 'circular' or 'shuffled', but is {self.shadows!r}.")
        return problems

    def _choose(self, problem: Problem) -> Outcome:
        return circular_boruta(
            problem, self.repeats, self.n_estimators, self.max_depth, self.level, self.keep_tentative, self.shadows,
            self.thin,
        )  # fmt: skip

    def _adopt(self, outcome: Outcome) -> None:
        super()._adopt(outcome)
        details = outcome.details
        self.confirmed_, self.tentative_, self.rejected_ = (
            details[name] for name in ("confirmed", "tentative", "rejected")
        )
        self.hits_, self.repeats_ = details["hits"], details["repeats"]


class ConsensusSelector(Selector):
    """The default set: columns that circular Boruta confirms and that are stable over halves of time blocks.

    With fewer than `min_features` of them, the best by consensus fill up: the mean over forest importance, mutual
    information and F of the columns' ranks. With more than `top_m`, the best by consensus stay.

    Parameters
    ----------
    horizon : int
        Neighbouring rows whose labels overlap; `fit` takes it, or t0 and t1, too.
    min_features : int
    top_m : int, optional
    repeats, n_pairs, frequency, expected_false :
        Of `CircularBoruta` and `StabilitySelection`.
    task, n_jobs, random_state : as of `SelectByScore`
    time_limit : float, optional
        Seconds for everything together.
    """

    def __init__(
        self,
        horizon: int = 1,
        *,
        min_features: int = 5,
        top_m: int | None = None,
        repeats: int = 50,
        n_pairs: int = 25,
        frequency: float = 0.7,
        expected_false: float = 1.0,
        task: str = "auto",
        time_limit: float | None = None,
        n_jobs: int | None = None,
        random_state: int | None = 0,
    ) -> None:
        self.horizon = horizon
        self.min_features = min_features
        self.top_m = top_m
        self.repeats = repeats
        self.n_pairs = n_pairs
        self.frequency = frequency
        self.expected_false = expected_false
        self.task = task
        self.time_limit = time_limit
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _problems(self) -> list[str]:
        problems = need_count("min_features", self.min_features, 0) + need_count("top_m", self.top_m, optional=True)
        problems += need_count("repeats", self.repeats) + need_count("n_pairs", self.n_pairs)
        problems += need_share("frequency", self.frequency, 0.51)
        return problems + need_share("expected_false", self.expected_false, 0.0, float("inf"))

    def _choose(self, problem: Problem) -> Outcome:
        return default_set(
            problem, self.min_features, self.top_m, self.repeats, self.n_pairs, self.frequency, self.expected_false
        )
