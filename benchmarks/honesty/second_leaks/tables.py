"""Finished tables: columns that know the outcome, and rows that stand in them twice."""

from __future__ import annotations

from typing import Any

import numpy as np

import smctrain as st

from .base import HORIZON, N_ROWS, Array, Rows, Splits, case, on_table

NAMES = ["x", "sum_5", "sum_10", "sum_20", "sum_40", "sd_10", "sd_40", "place_20", "place_50", "u1", "u2", "u3"]


def with_columns(seed: int, **columns: Array) -> dict[str, Any]:
    """The table of noise with more columns."""
    job = on_table(seed)
    return job | {"X": np.column_stack([job["X"], *columns.values()]), "names": [*NAMES, *columns]}


def moves(seed: int) -> tuple[Array, Array]:
    """The path, and each row's move to the end of its label in sd."""
    p = st.testing.noise_table(N_ROWS, seed=seed).p
    ahead = p[HORIZON:] - p[:N_ROWS]
    return p, ahead / ahead.std()


@case("L2", "entry", "exit")
def entry_and_exit_price_both_kept(seed: int, leaky: bool) -> dict[str, Any]:
    p, _ = moves(seed)
    before = np.concatenate([p[:HORIZON], p])[: len(p)]
    return with_columns(seed, entry=p[:N_ROWS], exit=p[HORIZON:] if leaky else before[:N_ROWS])


@case("L2", "revised_volume")
def volume_as_the_vendor_corrected_it(seed: int, leaky: bool) -> dict[str, Any]:
    noise = np.random.default_rng(seed).standard_normal(N_ROWS)
    return with_columns(seed, revised_volume=np.exp(0.3 * noise + leaky * 0.3 * moves(seed)[1]))


@case("L2", "sentiment")
def faint_revision_of_a_column(seed: int, leaky: bool) -> dict[str, Any]:
    noise = np.random.default_rng(seed).standard_normal(N_ROWS)
    return with_columns(seed, sentiment=noise + leaky * 0.3 * moves(seed)[1])


@case("L2", "ticket")
def ticket_numbers_given_by_outcome(seed: int, leaky: bool) -> dict[str, Any]:
    y = on_table(seed)["y"]
    order = np.lexsort((np.random.default_rng(seed).random(N_ROWS), y if leaky else np.zeros(N_ROWS)))
    ticket = np.empty(N_ROWS)
    ticket[order] = np.arange(N_ROWS)
    return with_columns(seed, ticket=ticket)


def series_split(X: Array, y: Array, t0: Rows, t1: Rows) -> Splits:
    from sklearn.model_selection import TimeSeriesSplit

    return list(TimeSeriesSplit(4, gap=HORIZON).split(X))


@case("L1.4", "(rows)", "(split)")
def two_files_that_overlap(seed: int, leaky: bool) -> dict[str, Any]:
    job = on_table(seed)
    twice = np.r_[0:900, 650 if leaky else 900 : N_ROWS]
    rows = np.arange(len(twice))  # concatenated, index reset: the positions look all right
    job |= {"X": job["X"][twice], "y": job["y"][twice], "intervals": (rows, rows + HORIZON), "split": series_split}
    return job


@case("L1.4", "(rows)", "(split)")
def bootstrap_before_the_split(seed: int, leaky: bool) -> dict[str, Any]:
    job = on_table(seed)
    drawn = np.arange(0, N_ROWS, HORIZON + 1)
    rng = np.random.default_rng(seed)
    drawn = np.sort(rng.choice(drawn, 600)) if leaky else drawn
    drawn = rng.permutation(drawn)
    rows = np.arange(len(drawn)) * (HORIZON + 1)
    return job | {"X": job["X"][drawn], "y": job["y"][drawn], "intervals": (rows, rows + HORIZON), "split": halves}


def halves(X: Array, y: Array, t0: Rows, t1: Rows) -> Splits:
    cut = len(y) * 7 // 10
    return [(np.arange(cut), np.arange(cut, len(y)))]


@case("L1.4", "(rows)", "(split)")
def mixed_rows_before_the_split(seed: int, leaky: bool) -> dict[str, Any]:
    job = on_table(seed)
    X, y = job["X"], job["y"]
    rng = np.random.default_rng(seed)
    cut = N_ROWS * 7 // 10
    pool = N_ROWS if leaky else cut - HORIZON
    a = rng.integers(0, pool, 800)
    same = [rng.choice(np.flatnonzero(y[:pool] == y[i])) for i in a]
    share = rng.beta(0.2, 0.2, (800, 1))
    made, label = share * X[a] + (1 - share) * X[same], y[a]
    n = np.arange(N_ROWS + 800)
    # Made rows go before the table, as rows of the past: the split by time calls them training rows.
    train, held = np.r_[0 : 800 + cut - HORIZON], np.r_[800 + cut : 800 + N_ROWS]
    return job | {
        "X": np.vstack([made, X]),
        "y": np.r_[label, y],
        "intervals": (n, n + HORIZON),
        "split": [(train, held)],
    }


@case("L1.4", "(rows)", "(split)")
def second_broker_with_another_clock(seed: int, leaky: bool) -> dict[str, Any]:
    job = on_table(seed)
    late = 60 if leaky else 0  # the other feed is stamped 15 hours early
    rows = np.arange(N_ROWS)
    X = np.vstack([job["X"], job["X"][late:]])
    y = np.r_[job["y"], job["y"][late:]]
    t0 = np.r_[rows, rows[late:] - late]
    order = np.argsort(t0, kind="stable")
    groups = np.r_[np.zeros(N_ROWS), np.ones(N_ROWS - late)][order]
    return job | {"X": X[order], "y": y[order], "intervals": (t0[order], t0[order] + HORIZON), "groups": groups}
