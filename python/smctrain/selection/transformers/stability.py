"""Stability selection over halves of time blocks."""

from __future__ import annotations

from smctrain.selection.methods import stability
from smctrain.selection.problem import Outcome, Problem
from smctrain.selection.scores import SCORES
from smctrain.selection.transformers._base import Selector, need_count, need_share


class StabilitySelection(Selector):
    """Keeps the columns that are among the best again and again on halves of the past.

    Rows are cut into blocks of max(4 x horizon, rows / 50); each pair of samples is a random half of the blocks and
    its complement; on each sample the `n_select` columns with the best consensus of ranks are chosen.

    Parameters
    ----------
    horizon : int
        Neighbouring rows whose labels overlap; `fit` takes it, or t0 and t1, too.
    n_select : int, optional
        Columns chosen on a sample. None: the most for which `expected_false` holds.
    frequency : float
        Share of the samples that must choose a column, above 0.5.
    expected_false : float
        Largest expected number of noise columns kept, n_select^2 / ((2 frequency - 1) columns), where noise columns
        are exchangeable. Slow noise is not: see `CircularBoruta`.
    n_pairs : int
        25 pairs are 50 samples.
    block : int, optional
        Rows of a block.
    scores : tuple of "forest", "mutual_info", "f"
        Whose ranks make the consensus.
    task, n_jobs, random_state : as of `SelectByScore`
    time_limit : float, optional
        Seconds; ended early, it decides by the pairs finished and is not `complete_`.

    Attributes
    ----------
    frequency_ : dict of str to float
    expected_false_ : float
        The bound for the `n_select` used.

    Notes
    -----
    Sources: Meinshausen and Buehlmann, "Stability selection", J. R. Stat. Soc. B 72 (2010); Shah and Samworth,
    "Variable selection with error control", J. R. Stat. Soc. B 75 (2013).
    """

    def __init__(
        self,
        horizon: int = 1,
        *,
        n_select: int | None = None,
        frequency: float = 0.7,
        expected_false: float = 1.0,
        n_pairs: int = 25,
        block: int | None = None,
        scores: tuple[str, ...] = ("forest", "mutual_info"),
        task: str = "auto",
        time_limit: float | None = None,
        n_jobs: int | None = None,
        random_state: int | None = 0,
    ) -> None:
        self.horizon = horizon
        self.n_select = n_select
        self.frequency = frequency
        self.expected_false = expected_false
        self.n_pairs = n_pairs
        self.block = block
        self.scores = scores
        self.task = task
        self.time_limit = time_limit
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _problems(self) -> list[str]:
        problems = need_count("n_select", self.n_select, optional=True) + need_share("frequency", self.frequency, 0.51)
        problems += need_share("expected_false", self.expected_false, 0.0, float("inf"))
        problems += need_count("n_pairs", self.n_pairs) + need_count("block", self.block, optional=True)
        names = tuple(self.scores) if isinstance(self.scores, (list, tuple)) else ()
        if not names or len(set(names)) != len(names) or not set(names) <= set(SCORES):
            problems.append(f"scores must be different ones of {', '.join(SCORES)}, but are {self.scores!r}.")
        return problems

    def _choose(self, problem: Problem) -> Outcome:
        return stability(
            problem, self.n_select, self.frequency, self.expected_false, self.n_pairs, self.block, tuple(self.scores)
        )

    def _adopt(self, outcome: Outcome) -> None:
        super()._adopt(outcome)
        self.frequency_ = outcome.details["frequency"]
        self.expected_false_ = outcome.details["expected_false_bound"]
