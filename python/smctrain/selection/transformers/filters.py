"""Filters: columns ranked one by one, and correlated pairs thinned out."""

from __future__ import annotations

from smctrain.selection.methods import by_score, prune_correlated
from smctrain.selection.problem import Outcome, Problem
from smctrain.selection.transformers._base import Selector, _is_number, need_count, need_share

_SCORES = ("mean", "forest", "mutual_info", "f")


def _wrong_score(score: object) -> list[str]:
    return [] if score in _SCORES else [f"by must be one of {', '.join(_SCORES)}, but is {score!r}."]


class SelectByScore(Selector):
    """Keeps the columns that score best.

    Parameters
    ----------
    by : "mean", "forest", "mutual_info" or "f"
        Impurity importance in a forest of 100 trees of depth 7; binned mutual information; F statistic; "mean": mean
        of forest and mutual information, each divided by its largest value.
    k : int, optional
        Keep the k best.
    threshold : float, optional
        Keep scores of at least this.
    drop_lowest : float
        Without k and threshold: this share of the columns goes, rounded down.
    min_features : int
        Keep at least so many.
    task : "auto", "classification" or "regression"
        "auto": text, booleans and at most 10 different whole numbers are classes.
    time_limit : float, optional
        Seconds; ended early, it keeps all columns and is not `complete_`.
    n_jobs, random_state : as in scikit-learn

    Examples
    --------
    >>> from smctrain.testing.processes import noise_table
    >>> table = noise_table(2000, signal=0.2, seed=1)
    >>> SelectByScore("mutual_info", k=1).fit(table.X, table.y).get_support(indices=True)
    array([0])
    """

    def __init__(
        self,
        by: str = "mean",
        *,
        k: int | None = None,
        threshold: float | None = None,
        drop_lowest: float = 0.25,
        min_features: int = 1,
        task: str = "auto",
        time_limit: float | None = None,
        n_jobs: int | None = None,
        random_state: int | None = 0,
    ) -> None:
        self.by = by
        self.k = k
        self.threshold = threshold
        self.drop_lowest = drop_lowest
        self.min_features = min_features
        self.task = task
        self.time_limit = time_limit
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _problems(self) -> list[str]:
        problems = _wrong_score(self.by) + need_count("k", self.k, optional=True)
        problems += need_share("drop_lowest", self.drop_lowest) + need_count("min_features", self.min_features, 0)
        if self.threshold is not None and not _is_number(self.threshold):
            problems.append(f"threshold must be a number or None, but is {self.threshold!r}.")
        if self.k is not None and self.threshold is not None:
            problems.append("give k or threshold, not both.")
        return problems

    def _choose(self, problem: Problem) -> Outcome:
        return by_score(problem, self.by, self.k, self.threshold, self.drop_lowest, self.min_features)


class CorrelationPruner(Selector):
    """Of every pair of columns with |r| > limit the one with the lower score goes.

    From the best score down (in a tie the earlier column first), a column goes when it correlates with one that was
    kept before; so of a chain A-B-C, where A and C do not correlate, the best A takes B out and C stays. The reason
    names the kept column it correlates with most.

    Parameters
    ----------
    limit : float
    method : "pearson" or "spearman"
        Over the rows where both columns have a value.
    by : "mean", "forest", "mutual_info" or "f"
        What decides which of a pair is weaker, see `SelectByScore`.
    min_features : int
        With fewer left, the best of the dropped come back.
    task, time_limit, n_jobs, random_state : as of `SelectByScore`
    """

    def __init__(
        self,
        limit: float = 0.9,
        *,
        method: str = "pearson",
        by: str = "mean",
        min_features: int = 1,
        task: str = "auto",
        time_limit: float | None = None,
        n_jobs: int | None = None,
        random_state: int | None = 0,
    ) -> None:
        self.limit = limit
        self.method = method
        self.by = by
        self.min_features = min_features
        self.task = task
        self.time_limit = time_limit
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _problems(self) -> list[str]:
        problems = need_share("limit", self.limit) + _wrong_score(self.by)
        problems += need_count("min_features", self.min_features, 0)
        if self.method not in ("pearson", "spearman"):
            problems.append(f"method must be 'pearson' or 'spearman', but is {self.method!r}.")
        return problems

    def _choose(self, problem: Problem) -> Outcome:
        return prune_correlated(problem, self.limit, self.method, self.by, self.min_features)
