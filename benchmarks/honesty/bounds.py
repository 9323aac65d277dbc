"""A count out of so many runs, and what it says about the share: exact 95 % limits of Clopper and Pearson (1934)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Count:
    """How often something happened."""

    hits: int
    runs: int

    @property
    def share(self) -> float:
        return self.hits / self.runs if self.runs else float("nan")

    @property
    def low(self) -> float:
        """Lower end of the two-sided 95 % interval."""
        return limits(self.hits, self.runs)[0]

    @property
    def high(self) -> float:
        """Upper end of the two-sided 95 % interval."""
        return limits(self.hits, self.runs)[1]

    def __str__(self) -> str:
        if not self.runs:
            return "not run"
        return f"{self.hits:,} of {self.runs:,} = {percent(self.share)} ({percent(self.low)} to {percent(self.high)})"


def limits(hits: int, runs: int, level: float = 0.95) -> tuple[float, float]:
    """Two-sided interval that holds the true share in at least `level` of all experiments."""
    from scipy.stats import beta

    if not 0 <= hits <= runs:
        raise ValueError(f"hits must be from 0 to the number of runs ({runs}), but is {hits}.")
    outside = (1.0 - level) / 2.0
    low = 0.0 if hits == 0 else float(beta.ppf(outside, hits, runs - hits + 1))
    high = 1.0 if hits == runs else float(beta.ppf(1.0 - outside, hits + 1, runs - hits))
    return low, high


def most_hits(runs: int, share: float, alarm: float = 1e-4) -> int:
    """The largest count that a process with this true share exceeds with a probability below `alarm`.

    Short forms of the goals fail above it, so that a build that meets its target fails less than once in 1 / `alarm`
    changes of code or seed.
    """
    from scipy.stats import binom

    return next(k for k in range(runs + 1) if float(binom.sf(k, runs, share)) < alarm)


def fewest_hits(runs: int, share: float, alarm: float = 1e-4) -> int:
    """The smallest count that a process with this true share falls below with a probability below `alarm`."""
    return runs - most_hits(runs, 1.0 - share, alarm)


def percent(value: float) -> str:
    """12.3 %, 0.30 %, 99.96 % or 0 %."""
    digits = 0 if value in (0.0, 1.0) else 2 if value < 0.0995 or value > 0.9995 else 1
    return f"{100 * value:.{digits}f} %"
