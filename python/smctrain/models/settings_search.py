"""Search for settings: a grid or random draws, each judged on the same folds.

>>> found = st.models.search(                                                      # doctest: +SKIP
...     "RandomForest", {"min_samples_leaf": Range(2, 200, log=True), "max_depth": [4, 8, None]},
...     X[:train], y[:train], st.splits.PurgedKFold(5), n_trials=50, t0=t0, t1=t1,
... )
>>> found.table()                                                                  # doctest: +SKIP
>>> fit = found.refit()                                                            # doctest: +SKIP

The best score of a search is no estimate of anything: it was chosen for being high. Judge the winner on rows that the
search did not see (rows after `train` in the example), once.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from smctrain.exceptions import InputError, TrainingFailed
from smctrain.models.cross_validation import held_out_share, metric_of, standard_error
from smctrain.models.fit_results import OK, Fit, FitResults, as_table
from smctrain.models.folds import Folds
from smctrain.models.many import fit_many
from smctrain.models.plans import refit
from smctrain.models.registry import resolve_family
from smctrain.models.scores import Metric, is_more_better, metric_name
from smctrain.models.side_by_side import seed_of

_LARGEST_GRID = 100_000


@dataclass(frozen=True)
class Range:
    """Numbers from low to high, both included: whole ones where both are, drawn evenly or (log) evenly in their
    logarithm."""

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not (_is_real(self.low) and _is_real(self.high) and self.low < self.high):
            raise InputError(f"Range needs two finite numbers, low < high, but has {self.low!r} and {self.high!r}.")
        if self.log and self.low <= 0:
            raise InputError(f"Range with log needs a low above 0, but has {self.low!r}.")

    def draw(self, rng: np.random.Generator) -> float | int:
        """One number."""
        whole = isinstance(self.low, (int, np.integer)) and isinstance(self.high, (int, np.integer))
        low, high = (self.low - 0.5, self.high + 0.5) if whole and not self.log else (self.low, self.high)
        share = float(rng.random())
        value = math.exp(math.log(low) + share * math.log(high / low)) if self.log else low + share * (high - low)
        value = min(max(value, self.low), self.high)
        return int(min(max(round(value), self.low), self.high)) if whole else float(value)


class SearchResult:
    """What a search tried and found.

    Attributes
    ----------
    settings : list of dict
        The settings tried, in their order.
    scores : float64 (trials, folds)
    metric : str
    more_is_better : bool
    results : FitResults
        Every fit, without models.
    best_index : int
        The trial with the best mean over all folds.
    lead : float
        By how much its mean is better than the mean of all complete trials.
    luck : float
        The lead to expect from the best of as many trials that are all equally good: the expected maximum of that many
        normal draws times the standard deviation of a trial's mean beyond what all trials share. Trials that resemble
        each other count as different, so this is an upper bound.
    """

    def __init__(
        self, family: str, settings: list[dict[str, Any]], results: FitResults, metric: Metric, folds: Folds,
        seed: int,
    ) -> None:  # fmt: skip
        self.family, self.settings, self.results = family, settings, results
        self.metric, self.more_is_better = metric_name(metric), is_more_better(metric)
        self.scores = results.scores(metric)
        self._folds, self._seed = folds, seed
        complete = ~np.isnan(self.scores).any(axis=1)
        self.n_complete = int(complete.sum())
        if self.n_complete == 0:
            why = next((f"{type(fit.error).__name__}: {fit.error}" for fit in results.errors), results.stop_reason)
            raise TrainingFailed(f"none of the {len(settings)} settings could be judged on all folds. First: {why}")
        sign = 1.0 if self.more_is_better else -1.0
        good = sign * self.scores[complete]
        means = np.where(complete, sign * np.nan_to_num(self.scores).mean(axis=1), -np.inf)
        self.best_index = int(np.argmax(means))
        self.lead = float(means[self.best_index] - good.mean())
        self.luck = _luck(good)

    @property
    def n_tried(self) -> int:
        """How many settings were compared; what the winner's score must be discounted for."""
        return len(self.settings)

    @property
    def best(self) -> dict[str, Any]:
        """Settings of the winner."""
        return dict(self.settings[self.best_index])

    @property
    def best_score(self) -> NoReturn:
        """There is none: see the module's note."""
        raise AttributeError(
            f"the best of {self.n_tried} scores was chosen for being the best and is no honest estimate: judge the "
            "winner (refit) on rows that the search did not see. The scores of all settings are in table()."
        )

    def table(self) -> Any:
        """One row a setting, best first: rank, trial, settings, mean, sd, se (see `standard_error`), folds, seconds
        and status. A pandas frame where pandas is installed, else a list of dictionaries.

        Means are for choosing between the settings; the highest of them overstates.
        """
        share, sign = held_out_share(self.results), -1.0 if self.more_is_better else 1.0
        rows = []
        for trial, values in enumerate(self.settings):
            known = self.scores[trial][~np.isnan(self.scores[trial])]
            fits = [self.results[trial, fold] for fold in range(self.results.n_folds)]
            bad = next((fit for fit in fits if fit.status != OK), None)
            rows.append(
                {
                    "trial": trial,
                    **values,
                    "mean": float(known.mean()) if len(known) else float("nan"),
                    "sd": float(np.std(known, ddof=1)) if len(known) > 1 else float("nan"),
                    "se": standard_error(known, share),
                    "folds": len(known),
                    "seconds": sum(fit.seconds for fit in fits),
                    "status": OK if bad is None else bad.status,
                    "error": "" if bad is None or bad.error is None else f"{type(bad.error).__name__}: {bad.error}",
                }
            )
        # Settings that were not judged on all folds stand last, whatever their mean.
        rows.sort(key=lambda row: (row["status"] != OK, sign * row["mean"] if row["mean"] == row["mean"] else math.inf))
        return as_table([{"rank": rank + 1, **row} for rank, row in enumerate(rows)])

    def refit(self, *, threads: int = 1, time_limit: float | None = None) -> Fit:
        """The winner fitted on all rows of the search: `model`, and `prepare` where the search prepared.

        Raises
        ------
        SmctrainError
            Whatever ended the fit.
        """
        return refit((self.family, self.best), self._folds, self._seed, threads, time_limit)

    def __repr__(self) -> str:
        doubt = (
            "no more than the best of as many equally good settings would"
            if self.lead <= self.luck
            else f"luck alone would give about {self.luck:.3g}"
        )
        return (
            f"SearchResult({self.family}: {self.n_tried} settings tried, {self.n_complete} judged on all folds; best "
            f"{self.best}. It leads the average {self.metric} by {self.lead:.3g}, {doubt}. Judge it on rows that the "
            "search did not see.)"
        )


def search(
    family: str,
    space: Mapping[str, Any],
    X: Any,
    y: Any,
    splits: Any,
    n_trials: int | None = None,
    metric: Metric | None = None,
    seed: int = 42,
    *,
    weight: Any = None,
    segment: Any = None,
    t0: Any = None,
    t1: Any = None,
    n_jobs: int | None = None,
    stop: NDArray[np.uint8] | None = None,
    time_limit: float | None = None,
    progress: Callable[[int, int], None] | None = None,
    stop_share: float = 0.0,
    prepare: bool = False,
) -> SearchResult:
    """Try settings of one family, all on the same folds with the same seed.

    Parameters
    ----------
    family : str
        Any spelling the registry knows.
    space : mapping of setting -> values
        A list of choices, a `Range`, an object with `rvs(random_state=...)` as scipy's distributions, or one fixed
        value.
    X, y, weight, segment, t0, t1
        As the data of `Folds`: the rows the search may see. Keep others apart to judge the winner on.
    splits : splitter, list of (train, test), or int
        See `Folds`.
    n_trials : int, optional
        Random settings to draw, no two alike; the first of them are the same for any number. None, or as many as there
        are combinations of choices: the whole grid.
    metric : name or function, optional
        See `cross_validate`; default log_loss, or mse in a regression.
    seed : int
        Of the draws and of every fit.
    n_jobs, stop, time_limit, progress, stop_share, prepare
        As of `fit_many`. What a time limit cuts off are whole settings, the last ones first.

    Returns
    -------
    SearchResult
        How many settings were tried, the table of all, the winner's settings, and `refit`. It has no best score.

    Raises
    ------
    InputError
        Names the setting or parameter.
    TrainingFailed
        No setting could be judged on all folds.
    """
    name = resolve_family(family)
    settings = draw_settings(space, n_trials, seed)
    folds = Folds({"X": X, "y": y, "weight": weight, "segment": segment, "t0": t0, "t1": t1}, splits,
                  stop_share=stop_share, prepare=prepare)  # fmt: skip
    results = fit_many(
        folds, [(name, each) for each in settings], n_jobs=n_jobs, seed=seed, stop=stop, time_limit=time_limit,
        progress=progress, keep_models=False, first="folds" if stop is None and time_limit is None else "settings",
    )  # fmt: skip
    folds.drop()
    return SearchResult(name, settings, results, metric_of(metric, results.classes is None), folds, seed)


def draw_settings(space: Mapping[str, Any], n_trials: int | None, seed: int) -> list[dict[str, Any]]:
    """The settings a search tries, in their order; see `search`."""
    if not isinstance(space, Mapping) or not space:
        raise InputError("space must map at least one setting to its values.")
    values: dict[str, Any] = {}
    for name, given in space.items():
        is_drawn = isinstance(given, (list, Range)) or hasattr(given, "rvs")
        values[name] = given if is_drawn else [given]
        if isinstance(given, list) and not given:
            raise InputError(f"space: {name} must have at least one choice, but has none.")
    is_grid = all(isinstance(given, list) for given in values.values())
    size = math.prod(len(given) for given in values.values()) if is_grid else math.inf
    if n_trials is None and not is_grid:
        raise InputError("n_trials must be given, because the space is no grid: a setting has a range.")
    is_count = n_trials is None or (isinstance(n_trials, (int, np.integer)) and not isinstance(n_trials, bool))
    if not is_count or (n_trials is not None and n_trials < 1):
        raise InputError(f"n_trials must be an integer of at least 1 or None, but is {n_trials!r}.")
    if n_trials is None or n_trials >= size:
        if size > _LARGEST_GRID:
            raise InputError(f"the grid has {size} settings, more than {_LARGEST_GRID}: give n_trials to draw some.")
        return [dict(zip(values, point, strict=True)) for point in itertools.product(*values.values())]
    rng = np.random.Generator(np.random.Philox(key=np.array([seed_of(seed), 0x5EA4C4], dtype=np.uint64)))
    found: dict[str, dict[str, Any]] = {}
    for _ in range(100 * n_trials):
        point = {name: _draw(given, rng) for name, given in values.items()}
        found.setdefault(repr(point), point)
        if len(found) == n_trials:
            break
    return list(found.values())


def _draw(given: Any, rng: np.random.Generator) -> Any:
    if isinstance(given, Range):
        return given.draw(rng)
    if isinstance(given, list):
        return given[int(rng.integers(len(given)))]
    value = given.rvs(random_state=rng)
    return value.item() if isinstance(value, np.generic) else value


def _luck(scores: NDArray[np.float64]) -> float:
    """Expected lead of the best of equally good trials (rows) over folds (columns)."""
    n, k = scores.shape
    if n < 2 or k < 2:
        return 0.0
    rest = scores - scores.mean(axis=0) - scores.mean(axis=1, keepdims=True) + scores.mean()
    noise = math.sqrt(float((rest**2).sum()) / ((n - 1) * (k - 1)) / k)
    # Blom's approximation of the expected maximum of n standard normal draws.
    return NormalDist().inv_cdf((n - 0.375) / (n + 0.25)) * noise


def _is_real(value: Any) -> bool:
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    return number and math.isfinite(value)
