"""Attempts to make noise look good: markets in which nothing can be known although structure abounds, and users who
try until it works. How often does the verdict recommend a model?

    OMP_NUM_THREADS=1 python benchmarks/honesty/hostile.py [--only NAME ...] [--runs 100] [--seed 0] [--why]

Every attack draws a table, lets light models (`lightly`) answer as the pipeline does - windows forward in time, purged
inner folds before the first of them - and asks `smctrain.decide`. Light models are least squares on columns and on
their quintiles: a fit takes milliseconds, so that hundreds of judgements are a matter of seconds, and they are bent by
every attack as the shipped families are, for all of it sits in columns, labels and rows.

Truth: columns and outcomes are drawn independently (or what can be known of an outcome does not earn: `outcomes`), so
each DEPLOY is a false alarm. The limit is 1 %; where a user looks many times, it is the share of users who get one.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import smctrain as st
from honesty.hostile_markets import (
    ahead,
    ar,
    bounce,
    drawn_state,
    drift,
    drift_turns,
    far,
    garch,
    heavy_tails,
    plain,
    rare_target,
    rare_without_volatility,
    regimes,
    seasons,
    slow_drift,
    stale,
    strong_slow_drift,
    technical,
    three_classes,
    trends,
    understated,
    unequal,
    unequal_told_mean,
    walk_table,
    walks,
)
from honesty.hostile_models import FIRST, Answers, Table, judged, lightly
from smctrain.verdict import Trials, Verdict
from smctrain.verdict.ledger import Judged

if TYPE_CHECKING:
    from honesty.bounds import Count

Draw = Callable[[np.random.Generator, int], Table]


@dataclass(frozen=True)
class Attack:
    """`work(seed)`: verdicts of one user, of which any DEPLOY counts."""

    name: str
    what: str
    runs: int
    work: Callable[[int], list[Verdict]]
    limit: float = 0.01


def market(
    name: str, draw: Draw, sizes: tuple[int, ...] = (1000, 4000), runs: int = 300, first: int = FIRST
) -> list[Attack]:
    """One table, one look."""

    def attack(size: int) -> Attack:
        def work(seed: int) -> list[Verdict]:
            rng = np.random.default_rng([seed, size, _number(name)])
            table = dataclasses.replace(draw(rng, first + size), first=first)
            return [judged(table, lightly(table))]

        return Attack(f"{name} {size:,}", (draw.__doc__ or "").split("\n")[0], runs, work)

    return [attack(size) for size in sizes]


def _number(name: str) -> int:
    return int.from_bytes(name.encode()[:8], "little")


def many_models(seed: int) -> list[Verdict]:
    """50 models on half of the columns each, all with nearly the same answers."""
    table = plain(np.random.default_rng([seed, 50]), FIRST + 1000)
    return [judged(table, lightly(table, models=50, columns="drawn", seed=seed))]


def many_coins(seed: int) -> list[Verdict]:
    """200 persistent coins that know nothing: in-sample, inner and test answers alike."""
    rng = np.random.default_rng([seed, 200])
    table = plain(rng, FIRST + 1000)
    answers = (ar(rng, FIRST + 1000, 0.98, 200).T > 0).astype(np.int64)
    inner = np.arange(FIRST - 10)
    return [
        judged(
            table,
            Answers(answers[:, FIRST:], answers[:, inner], answers[:, inner], np.arange(FIRST, FIRST + 1000), inner),
        )
    ]


def silent(seed: int) -> list[Verdict]:
    """Models that answer one row in twenty, where they are surest; trades are told."""
    rng = np.random.default_rng([seed, 20])
    r = rng.standard_normal(FIRST + 4010)
    table = walk_table(rng, r, FIRST + 4000)
    p = np.concatenate([[0.0], np.cumsum(r)])
    table = dataclasses.replace(table, outcomes=p[11 : FIRST + 4011] - p[1 : FIRST + 4001])
    given = lightly(table)
    mute = ar(rng, FIRST + 4000, 0.9, len(given.oos)).T < 1.65
    return [
        judged(
            table,
            dataclasses.replace(
                given,
                oos=np.where(mute[:, given.rows], -1, given.oos),
                inner=np.where(mute[:, given.inner_rows], -1, given.inner),
            ),
        )
    ]


def _together(tables: list[Table], dependence: str = "independent") -> list[Verdict]:
    verdicts = {f"S{k}": judged(t, lightly(t), n_symbols=len(tables)) for k, t in enumerate(tables)}
    return list(st.verdict.apply_multiple_testing(verdicts, dependence=dependence).values())


def same_noise(seed: int) -> list[Verdict]:
    """The same noise under 20 names."""
    table = plain(np.random.default_rng([seed, 21]), FIRST + 1000)
    verdict = judged(table, lightly(table), n_symbols=20)
    return list(st.verdict.apply_multiple_testing({f"S{k}": verdict for k in range(20)}).values())


def one_factor(seed: int) -> list[Verdict]:
    """25 symbols whose returns share one factor (correlation 0.9)."""
    rng = np.random.default_rng([seed, 25])
    n = FIRST + 1000
    common = rng.standard_normal(n + 10)
    tables = [walk_table(rng, np.sqrt(0.9) * common + np.sqrt(0.1) * rng.standard_normal(n + 10), n) for _ in range(25)]
    return _together(tables)


def best_of_many(counted: bool) -> Callable[[int], list[Verdict]]:
    """50 symbols one after the other, then the best one again, alone; `counted`: the ledger knows of the others."""

    def work(seed: int) -> list[Verdict]:
        found = []
        for k in range(50):
            table = plain(np.random.default_rng([seed, 51, k]), FIRST + 1000)
            found.append(judged(table, lightly(table)))
        p = [float(v.evidence["p_comb"] or 1.0) for v in found]
        best = int(np.argmin(p))
        others = [Judged(f"S{k}", f"S{k}", p[k], 0.0) for k in range(50) if k != best]
        judged_last = st.verdict.apply_multiple_testing({"best": found[best]}, earlier=others if counted else ())
        return list(judged_last.values())

    return work


def reruns(counted: bool, runs: int = 30) -> Callable[[int], list[Verdict]]:
    """30 runs with other seeds and columns on the same rows; `counted`: the ledger knows of the earlier ones."""

    def work(seed: int) -> list[Verdict]:
        table = plain(np.random.default_rng([seed, 30]), FIRST + 1000)
        found: list[Verdict] = []
        oos, inner = [], []
        for k in range(runs):
            answers = lightly(table, columns="drawn", seed=k)
            past = Trials(np.concatenate(oos), np.concatenate(inner)) if counted and oos else None
            found.append(judged(table, answers, ledger=past))
            oos.append(answers.oos)
            inner.append(answers.inner)
        return found

    return work


def after_a_leak(seed: int) -> list[Verdict]:
    """A column that knew the outcome is found and removed; what the run with it answered stays in the ledger."""
    rng = np.random.default_rng([seed, 33])
    table = plain(rng, FIRST + 1000)
    leak = np.where(rng.random(len(table.y)) < 0.7, table.y, 1 - table.y) + 0.1 * rng.standard_normal(len(table.y))
    leaky = lightly(dataclasses.replace(table, X=np.column_stack([leak, table.X])))
    return [judged(table, lightly(table), ledger=Trials(leaky.oos, leaky.inner))]


def moved_starts(seed: int) -> list[Verdict]:
    """The test begins elsewhere in each of 30 runs: another split, another page of the ledger."""
    table = plain(np.random.default_rng([seed, 31]), FIRST + 1500)
    return [
        judged(moved, lightly(moved, columns="drawn", seed=k))
        for k in range(30)
        for moved in [dataclasses.replace(table, first=FIRST - 600 + 40 * k)]
    ]


def other_labels(seed: int) -> list[Verdict]:
    """30 targets on the same bars: horizons of 5 to 34 rows."""
    rng = np.random.default_rng([seed, 32])
    n = FIRST + 1000
    r = garch(rng, n + 40, 0.08, 0.87, rng.standard_normal)
    X = np.hstack([technical(r, n), ar(rng, n, 0.9, 3)])
    tables = [Table(X, ahead(r, n, h), np.arange(n) + h) for h in range(5, 35)]
    return [judged(t, lightly(t)) for t in tables]


ATTACKS: list[Attack] = [
    *market("plain walk", plain),
    *market("heavy tails", heavy_tails),
    *market("seasons", seasons),
    *market("three classes", three_classes),
    *market("rare target", rare_target),
    *market("rare, constant volatility", rare_without_volatility),
    *market("drift", drift),
    *market("drift turns", drift_turns),
    *market("slow drift", slow_drift),
    *market("strong slow drift", strong_slow_drift),
    *market("drawn state", drawn_state),
    *market("regimes", regimes),
    *market("trends", trends),
    *market("random walks", walks),
    *market("bounce, costs told", bounce),
    *market("stale prices, true fills", stale),
    *market("h = 200", far, (4000, 6000), 200),
    *market("h 20 said 10", understated(20, 10)),
    *market("h 50 said 10", understated(50, 10)),
    *market("h 10 said 1", understated(10, 1)),
    *market("unequal lengths", unequal, (4000,)),
    *market("unequal, mean told", unequal_told_mean),
    *market("tiny", plain, (200, 300, 600), 300, 500),
    *market("tiny regimes", regimes, (300, 600), 300, 500),
    Attack("50 models", many_models.__doc__ or "", 200, many_models),
    Attack("200 coins", many_coins.__doc__ or "", 200, many_coins),
    Attack("mostly silent", silent.__doc__ or "", 200, silent),
    Attack("one noise, 20 names", same_noise.__doc__ or "", 300, same_noise, 0.05),
    Attack("25 symbols, one factor", one_factor.__doc__ or "", 100, one_factor, 0.05),
    Attack("30 reruns, ledger", reruns.__doc__ or "", 60, reruns(True)),
    Attack("30 reruns, no ledger", reruns.__doc__ or "", 60, reruns(False), 1.0),
    Attack("after a leak", after_a_leak.__doc__ or "", 300, after_a_leak),
    Attack("30 starts", moved_starts.__doc__ or "", 60, moved_starts),
    Attack("30 targets", other_labels.__doc__ or "", 60, other_labels),
    Attack("best of 50, ledger", best_of_many.__doc__ or "", 40, best_of_many(True)),
    Attack("best of 50, no ledger", best_of_many.__doc__ or "", 40, best_of_many(False), 1.0),
]  # fmt: skip


def count(attack: Attack, runs: int | None = None, seed: int = 0) -> tuple[Count, list[Verdict]]:
    """How many users got a DEPLOY; and all verdicts, user by user."""
    from honesty.bounds import Count

    hits, found = 0, []
    for k in range(runs or attack.runs):
        verdicts = attack.work(seed + k)
        hits += any(v.deploy for v in verdicts)
        found += verdicts
    return Count(hits, runs or attack.runs), found


def why(verdicts: list[Verdict]) -> str:
    """How often each rule refused, and how often each number alone would have let noise pass."""
    refused = collections.Counter(rule for v in verdicts for rule in v.failed_rules)
    said = [f"{rule} {share / len(verdicts):.0%}" for rule, share in refused.most_common()]
    for number, limit in (("p_oos", 0.05), ("p_in", 0.05), ("p_comb", 0.005), ("e_end", 2.0), ("e_end", 20.0)):
        known = np.array([v.evidence[number] for v in verdicts if v.evidence[number] is not None], dtype=float)
        if len(known):
            passes = known >= limit if number == "e_end" else known <= limit
            said.append(f"{number} {'>=' if number == 'e_end' else '<='} {limit:g}: {passes.mean():.1%}")
    kinds = collections.Counter(v.kind for v in verdicts)
    return ", ".join([*said, *(f"{kind} {n}" for kind, n in kinds.items())])


def main() -> int:
    """Run attacks, print counts."""
    parser = argparse.ArgumentParser(description="Attempts to make noise look good.")
    parser.add_argument("--only", nargs="+", help="attacks whose name begins so")
    parser.add_argument("--runs", type=int, help="at most so many of each")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--why", action="store_true", help="what refused the rest")
    options = parser.parse_args()
    sys.path[:0] = [str(Path(__file__).resolve().parents[1])]
    for attack in ATTACKS:
        if options.only and not any(attack.name.startswith(start) for start in options.only):
            continue
        began = time.process_time()
        counted, verdicts = count(attack, options.runs and min(options.runs, attack.runs), options.seed)
        above = "  ABOVE" if counted.low > attack.limit else ""
        print(f"{attack.name:32} {counted!s:44} {time.process_time() - began:6.1f} s{above}", flush=True)
        if options.why:
            print(f"    {why(verdicts)}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
