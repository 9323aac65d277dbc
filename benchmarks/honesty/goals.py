"""The goals: which experiments each reads, what it promises, and whether that was kept.

A goal is kept where the measured figure meets the target and, where the target names a bound, the end of the 95 %
Clopper-Pearson interval meets that too. Nothing is tuned here: a goal that is missed is reported as missed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from honesty import answers, experiments, fits, pipeline
from honesty.answers import Arrays
from honesty.bounds import Count, percent
from honesty.pipeline import Recipe
from honesty.processes import BEST_ACCURACY, HORIZON
from honesty.rules import RULES, WORDS

Records = list[dict[str, Any]]


@dataclass(frozen=True)
class Experiment:
    """Seeded runs that one or more goals read: `judge(fit(seed, told), told)`, or `work(seed, told)` where no models
    are fitted whose answers are worth keeping."""

    name: str
    told: dict[str, Any]
    runs: int
    first_seed: int
    judge: Callable[[Arrays, dict[str, Any]], dict[str, Any]] | None = None
    fit: Callable[[int, dict[str, Any]], Arrays] | None = None
    work: Callable[[int, dict[str, Any]], dict[str, Any]] | None = None

    def recipe(self, models: Recipe) -> dict[str, Any]:
        return models.told() | self.told

    def seeds(self, runs: int | None = None) -> range:
        return range(self.first_seed, self.first_seed + (self.runs if runs is None else min(runs, self.runs)))

    def job(self, folder: Path | None = None, other_fits: bool = False) -> Job:
        """What one seed needs done; `folder`: where answers are kept."""
        return Job(self, folder, other_fits)

    def stored_seeds(self, folder: Path, told: dict[str, Any], other_fits: bool = False) -> list[int]:
        """Whose answers are kept and count."""
        told = json.loads(json.dumps(told))
        files = (folder / "answers" / self.name).glob("*.npz")
        return sorted(int(f.stem) for f in files if f.stem.isdigit() and answers.counts(f, told, other_fits))

    def answers_file(self, folder: Path, seed: int) -> Path:
        return folder / "answers" / self.name / f"{seed}.npz"


@dataclass(frozen=True)
class Job:
    """Callable in another process."""

    experiment: Experiment
    folder: Path | None
    other_fits: bool = False

    def __call__(self, seed: int, told: dict[str, Any]) -> dict[str, Any]:
        whole = self.experiment
        if whole.work is not None:
            return whole.work(seed, told)
        assert whole.fit is not None
        assert whole.judge is not None
        path = None if self.folder is None else whole.answers_file(self.folder, seed)
        arrays = None if path is None else answers.load(path, told, self.other_fits)
        if arrays is None:
            arrays = whole.fit(seed, told)
            if path is not None:
                answers.save(path, arrays, told)
        return whole.judge(arrays, told)


def check(experiment: Experiment, seeds: list[int], told: dict[str, Any], folder: Path) -> dict[str, int]:
    """Fit stored seeds again: how many answers are stored, and how many come out bit for bit."""
    assert experiment.fit is not None
    told = json.loads(json.dumps(told))
    stored = {seed: answers.load(experiment.answers_file(folder, seed), told, True) for seed in seeds}
    found = {seed: arrays for seed, arrays in stored.items() if arrays is not None}
    return {
        "stored": len(found),
        "same": sum(answers.equal(experiment.fit(seed, told), arrays) for seed, arrays in found.items()),
    }


def _table(signal: float, sizes: list[int], train: int = 1400, fresh: int = 0) -> dict[str, Any]:
    return {"signal": signal, "sizes": sizes, "train": train, "fresh": fresh}


COVERED = [(signal, n, h) for signal in (0.0, 0.12) for h, sizes in
           ((1, (300, 1000, 4000)), (5, (300, 1000, 4000)), (10, (300, 1000, 4000)), (20, (500, 1000, 4000)),
            (50, (1250, 4000))) for n in sizes]  # fmt: skip
REQUIRED_SIZES = [int(round(2500 * 1.25**k / 100) * 100) for k in range(-6, 7)]

# Seeds from 1, 2, 3 and 4 million were seen while rules were made (`noise`, `p20`, `p12`, `p08`): goals count others.
FIXED = {"judge": pipeline.fixed, "fit": fits.fixed}
WALK = {"judge": pipeline.walk, "fit": fits.walk}
EXPERIMENTS = {
    e.name: e
    for e in (
        Experiment("noise", _table(0.0, [1000, 4000]), 1000, 21_000_000, **FIXED),
        Experiment("p20", _table(0.20, [1000, 4000], fresh=20_000), 200, 22_000_000, **FIXED),
        Experiment("p12", _table(0.12, [1000, 4000], fresh=20_000), 200, 23_000_000, **FIXED),
        Experiment("p08", _table(0.08, [1000]), 200, 24_000_000, **FIXED),
        Experiment("p12_long", _table(0.12, [4000], 14_000, 20_000), 200, 5_000_000, **FIXED),
        Experiment("p08_long", _table(0.08, [15_000], 14_000, 20_000), 200, 6_000_000, **FIXED),
        Experiment("noise_walk", _table(0.0, [1000, 4000]), 1000, 1_500_000, **WALK),
        Experiment("p20_walk", _table(0.20, [1000, 4000], fresh=20_000), 200, 2_500_000, **WALK),
        Experiment("p12_walk", _table(0.12, [4000], fresh=20_000), 200, 3_500_000, **WALK),
        Experiment(
            "search", {"trials": 200, "train": 1400, "sizes": [1000]}, 300, 8_000_000, pipeline.search, fits.search
        ),
        Experiment(
            "symbols", {"symbols": 20, "rho": 0.5, "train": 1400, "sizes": [1000]}, 200, 7_000_000,
            pipeline.symbols, fits.symbols,
        ),
        Experiment(
            "required", {"signal": 0.08, "sizes": REQUIRED_SIZES}, 1000, 10_000_000, work=experiments.required
        ),
        *(
            Experiment(
                f"coverage_{int(100 * signal)}_{n}_{h}", {"signal": signal, "n": n, "horizon": h}, 1000, 11_000_000,
                work=experiments.coverage,
            )
            for signal, n, h in COVERED
        ),
        Experiment(
            "columns_noise12",
            {"n": 1400, "columns": 12, "planted": 0, "signal": 0.0, "repeats": 50, "usual": True}, 100, 12_000_000,
            work=experiments.columns,
        ),
        Experiment(
            "columns_noise200",
            {"n": 1400, "columns": 200, "planted": 0, "signal": 0.0, "repeats": 50, "usual": False}, 50, 13_000_000,
            work=experiments.columns,
        ),
        Experiment(
            "columns_planted",
            {"n": 5000, "columns": 50, "planted": 5, "signal": 0.2, "repeats": 50, "usual": False}, 100, 14_000_000,
            work=experiments.columns,
        ),
        Experiment("small", {}, 200, 0, work=experiments.small),
    )
}  # fmt: skip


@dataclass
class Line:
    """One line of the report."""

    goal: str
    experiment: str
    target: str
    measured: str
    kept: bool | None
    """None: too few runs to tell."""
    usual: str = ""
    margin: float = 0.0
    """How far inside (positive) or outside the target, as a share of it."""


@dataclass(frozen=True)
class Goal:
    """What is promised, and how it is read from the results."""

    id: str
    needs: tuple[str, ...]
    judge: Callable[[dict[str, Records]], list[Line]] = field(repr=False)


def _kept(good: bool, sure: bool) -> bool | None:
    """Nothing is claimed either way before the runs can tell."""
    return good if sure else None


def _at_most(count: Count, target: float, bound: float | None = None) -> bool | None:
    """Kept: share and bound; missed: share above the target; None: too few runs for the bound."""
    bound = 2 * target if bound is None else bound
    if count.share <= target:
        return _kept(True, count.high <= bound)
    return _kept(False, count.low > target or count.runs >= ENOUGH)


def _at_least(count: Count, target: float) -> bool | None:
    """Kept or missed by the share; None: too few runs, and the interval holds the target."""
    return _kept(count.share >= target, count.runs >= ENOUGH or count.high < target or count.low >= target)


ENOUGH = 50
"""Runs from which on a share is held against its target even where its interval still holds the target."""


def _deployed(records: Records, index: int) -> Count:
    return Count(sum(r["sizes"][index]["kind"] == "DEPLOY" for r in records), len(records))


def _usual(records: Records, index: int, rules: tuple[str, ...] = RULES) -> str:
    rates = []
    for rule in rules:
        hits = sum(r["sizes"][index]["usual"]["deploys"][rule] for r in records)
        rates.append(f"{WORDS[rule]}: {percent(hits / len(records))}")
    return "; ".join(rates)


LAYOUTS = (("", "one fit"), ("_walk", "five windows, as shipped"))


def noise(found: dict[str, Records]) -> list[Line]:
    """H1."""
    lines = []
    for suffix, layout in LAYOUTS:
        records = found[f"noise{suffix}"]
        for index, size in enumerate((1000, 4000) if records else ()):
            count = _deployed(records, index)
            lines.append(
                Line(
                    "H1", f"noise N0, {size:,} test rows, {layout}: deployed", "<= 1 %, bound <= 2 %", str(count),
                    _at_most(count, 0.01, 0.02), _usual(records, index), 1.0 - count.high / 0.02,
                )
            )  # fmt: skip
    return lines


def correlated(found: dict[str, Records]) -> list[Line]:
    """H2."""
    records = found["symbols"]
    count = Count(sum(r["deployed"] > 0 for r in records), len(records))
    usual = "; ".join(
        f"{WORDS[rule]}: {percent(sum(r['usual'][rule] > 0 for r in records) / len(records))}" for rule in RULES
    )
    return [
        Line("H2", "20 noise symbols under one factor: any deployed", "<= 5 %, bound <= 9 %", str(count),
             _at_most(count, 0.05, 0.09), usual, 1.0 - count.high / 0.09)
    ]  # fmt: skip


def searched(found: dict[str, Records]) -> list[Line]:
    """H3."""
    records = found["search"]
    count = Count(sum(r["kind"] == "DEPLOY" for r in records), len(records))
    usual = "; ".join(
        f"{WORDS[rule]}: {percent(sum(r['usual']['deploys'][rule] for r in records) / len(records))}" for rule in RULES
    )
    return [
        Line("H3", "noise, 200 trials of each of 6 families: deployed", "<= 1 %", str(count),
             _at_most(count, 0.01, 0.02),
             usual, 1.0 - count.share / 0.01)
    ]  # fmt: skip


SIGNALS = (
    ("H4 i", "p20", 0, "P(.20), 1,000 test rows, one fit", 0.75),
    ("H4 i", "p20_walk", 0, "P(.20), 1,000 test rows, five windows, as shipped", 0.75),
    ("H4 ii", "p20", 1, "P(.20), 4,000 test rows, one fit", 0.99),
    ("H4 ii", "p20_walk", 1, "P(.20), 4,000 test rows, five windows, as shipped", 0.99),
    ("H4 iii", "p12", 1, "P(.12), 4,000 test rows, one fit", 0.80),
    ("H4 iii", "p12_walk", 0, "P(.12), 4,000 test rows, five windows, as shipped", 0.80),
    ("H4 iv", "p12_long", 0, "P(.12), 14,000 training and 4,000 test rows", 0.99),
    ("H4 iv", "p08_long", 0, "P(.08), 14,000 training and 15,000 test rows", 0.99),
)  # fmt: skip


def signal(found: dict[str, Records]) -> list[Line]:
    """H4."""
    lines = []
    for goal, name, index, words, target in SIGNALS:
        records = found[name]
        if not records:
            continue
        count = _deployed(records, index)
        lines.append(
            Line(goal, f"{words}: deployed", f">= {percent(target)}", str(count), _at_least(count, target),
                 _usual(records, index, ("threshold", "binomial", "hac")), count.share / target - 1.0)
        )  # fmt: skip
    return lines


REGRETS = (
    ("p20", 1, "P(.20), one fit on 1,710 rows", 2.0), ("p12", 1, "P(.12), one fit on 1,710 rows", 3.0),
    ("p20_walk", 1, "P(.20), as deployed: refit on all 5,720 rows", 2.0),
    ("p12_walk", 0, "P(.12), as deployed: refit on all 5,720 rows", 3.0),
    ("p12_long", 0, "P(.12), one fit on 14,000 rows", 0.5), ("p08_long", 0, "P(.08), one fit on 14,000 rows", 0.5),
)  # fmt: skip


def regret(found: dict[str, Records]) -> list[Line]:
    """H5: best possible minus deployed accuracy on fresh rows, mean over the runs that deployed."""
    lines = []
    for name, index, words, target in REGRETS:
        records = found[name]
        entries = [(r, r["sizes"][index]) for r in records]
        lost = np.array([_lost(r, s, s["model"]) for r, s in entries if s["kind"] == "DEPLOY"])
        if not len(lost):
            continue
        best = np.mean([s.get("fresh_best", r.get("fresh_best")) for r, s in entries])
        said = f"deployed whatever the verdict: {np.mean([_lost(r, s, s['shown_model']) for r, s in entries]):.2f}"
        if "fresh" in records[0]:
            families = {f: np.mean([_lost(r, {}, f) for r in records]) for f in records[0]["fresh"]}
            said += "; " + ", ".join(f"{family} {value:.2f}" for family, value in families.items())
        error = float(lost.std(ddof=1) / np.sqrt(len(lost))) if len(lost) > 1 else float("nan")
        mean = float(lost.mean())
        lines.append(
            Line(
                "H5", f"{words}: best possible ({percent(float(best))}) minus deployed accuracy", f"<= {target} points",
                f"{mean:.2f} points (se {error:.2f}, {len(lost)} deployed of {len(records)})",
                _kept(mean <= target, len(lost) >= 20), said, 1.0 - mean / target,
            )
        )  # fmt: skip
    return lines


def _lost(r: dict[str, Any], size: dict[str, Any], model: str) -> float:
    """Points below the best possible on fresh rows."""
    if "fresh" in size:
        return float(100.0 * (size["fresh_best"] - size["fresh"]))
    return float(100.0 * (r["fresh_best"] - r["fresh"][model]))


def too_little(found: dict[str, Records]) -> list[Line]:
    """H6."""
    lines = []
    if records := found["p08"]:
        others = [r["sizes"][0] for r in records if r["sizes"][0]["kind"] != "DEPLOY"]
        count = Count(sum(s["kind"] == "TOO_LITTLE_DATA" for s in others), len(others))
        lines.append(
            Line("H6", "P(.08), 1,000 test rows, not deployed: TOO_LITTLE_DATA", ">= 90 %", str(count),
                 _at_least(count, 0.90), "nobody says it", count.share / 0.90 - 1.0)
        )  # fmt: skip
    if records := found["required"]:
        announced, seen = announced_and_seen(records)
        off = seen / announced - 1.0
        lines.append(
            Line("H6", "rows announced for the edge of P(.08) against rows at which 90 % of runs see it", "within 25 %",
                 f"announced {announced:,.0f}, seen {seen:,.0f} ({100 * off:+.0f} %, {len(records):,} paths)",
                 _kept(abs(off) <= 0.25, len(records) >= 200), "nobody says it", 1.0 - abs(off) / 0.25)
        )  # fmt: skip
    return lines


def announced_and_seen(records: Records) -> tuple[float, float]:
    """Rows the law asks for an edge whose size is known, and rows at which the shift test sees it 9 times in 10."""
    from smctrain import stats

    edge = BEST_ACCURACY[0.08] - 0.5
    factor = float(np.mean([r["design_effect"] for r in records]))
    announced = float(stats.required_sample(edge, design_effect=factor, p0=0.5))
    power = np.mean([[p <= 0.005 for p in r["p"]] for r in records], axis=0)
    sizes = np.array(REQUIRED_SIZES, dtype=float)
    above = np.flatnonzero(power >= 0.9)
    if not len(above) or above[0] == 0:
        return announced, float("nan")
    k = int(above[0])
    step = (0.9 - power[k - 1]) / (power[k] - power[k - 1])
    return announced, float(sizes[k - 1] + step * (sizes[k] - sizes[k - 1]))


def covered(found: dict[str, Records]) -> list[Line]:
    """H10."""
    counts: dict[str, Count] = {}
    iid: dict[str, float] = {}
    for signal_ in sorted({cell[0] for cell in COVERED}):
        horizons = tuple(sorted({cell[2] for cell in COVERED}))
        truths = experiments.true_accuracies(signal_, horizons) if signal_ else {}
        for _, n, h in (cell for cell in COVERED if cell[0] == signal_):
            records = found[f"coverage_{int(100 * signal_)}_{n}_{h}"]
            for name in experiments.PREDICTORS if records else ():
                truth = truths.get((name, h), 0.5)
                inside = {
                    kind: sum(r[name][kind][0] <= truth <= r[name][kind][1] for r in records)
                    for kind in ("ours", "iid")
                }
                cell = f"P({signal_:.2f}), {n:,} rows, h = {h}, answers by {name}"
                counts[cell] = Count(inside["ours"], len(records))
                iid[cell] = inside["iid"] / len(records)
    if not counts:
        return []
    shares = {cell: count.share for cell, count in counts.items()}
    low, high = min(shares, key=shares.__getitem__), max(shares, key=shares.__getitem__)
    outside = [cell for cell, share in shares.items() if not 0.93 <= share <= 0.97]
    beyond = [cell for cell, count in counts.items() if count.high < 0.93 or count.low > 0.97]
    worst = low if 0.95 - shares[low] > shares[high] - 0.95 else high
    usual = [share for cell, share in iid.items() if "h = 10," in cell]
    runs = next(iter(counts.values())).runs
    return [
        Line(
            "H10", f"coverage of the 95 % interval: {len(counts)} cells (2 processes, 2 predictors, h 1 to 50), "
            f"{runs:,} runs each", "93 to 97 %",
            f"{percent(shares[low])} to {percent(shares[high])}; {len(outside)} cells outside, {len(beyond)} of them "
            f"by more than chance; worst: {worst}, {counts[worst]}",
            _kept(not outside, bool(beyond) or runs >= 500),
            f"Wilson for independent rows at h = 10: {percent(min(usual))} to {percent(max(usual))}" if usual else "",
            1.0 - abs(shares[worst] - 0.95) / 0.02,
        )
    ]  # fmt: skip


def confirmed(found: dict[str, Records]) -> list[Line]:
    """H11."""
    lines = []
    for name, words, target in (
        ("columns_noise12", "N0, 12 columns: confirmed, mean", 0.2),
        ("columns_noise200", "200 noise columns: confirmed, mean", 200 * 0.2 / 12),
    ):
        if records := found[name]:
            ours = np.array([r["ours"]["confirmed"] for r in records])
            usual = [r["usual"]["confirmed"] for r in records if "usual" in r]
            columns = EXPERIMENTS[name].told["columns"]
            lines.append(
                Line("H11", words, f"<= {target:.1f} of {columns}",
                     f"{ours.mean():.2f} of {columns} ({len(records)} tables, most {ours.max()})",
                     bool(ours.mean() <= target),
                     f"shuffled Boruta on all rows: {np.mean(usual):.1f} of {columns}" if usual else "",
                     1.0 - float(ours.mean()) / target)
            )  # fmt: skip
    if records := found["columns_planted"]:
        shares = [r["ours"]["false"] / max(1, r["ours"]["confirmed"]) for r in records]
        fdr = float(np.mean(shares))
        hits = Count(sum(r["ours"]["planted"] for r in records), 5 * len(records))
        lines += [
            Line("H11", "5 planted of 50, 5,000 rows: false among the confirmed, mean", "<= 10 %",
                 f"{percent(fdr)} ({len(records)} tables)", fdr <= 0.10, "", 1.0 - fdr / 0.10),
            Line("H11", "5 planted of 50, 5,000 rows: planted columns found", ">= 80 %", str(hits),
                 _at_least(hits, 0.8), "", hits.share / 0.8 - 1.0),
        ]  # fmt: skip
    return lines


def augmented(found: dict[str, Records]) -> list[Line]:
    """H14."""
    records = found["small"]
    if not records:
        return []
    crashes = Count(sum(r["crash"] is not None for r in records), len(records))
    sound = [r for r in records if r["crash"] is None]
    shift = max(100 * r["shift"] for r in sound)
    lines = [
        Line("H14", "small tables, 0 to 50 % in the rare class: crashes", "0", str(crashes), crashes.hits == 0,
             "imbalanced-learn raises with fewer rare rows than neighbours", 1.0 if not crashes.hits else -1.0),
        Line("H14", "shift of class shares, worst table", "<= 5 points", f"{shift:.2f} points", shift <= 5.0, "",
             1.0 - shift / 5.0),
    ]  # fmt: skip
    for family in experiments.SMALL_MODELS:
        changes, always = (
            100 * np.array([r[kind][family] for r in sound if family in r[kind]]) for kind in ("shipped", "always")
        )
        if not len(changes):
            continue
        error = changes.std(ddof=1) / np.sqrt(len(changes)) if len(changes) > 1 else float("nan")
        used = sum(r["used"].get(family, False) for r in sound)
        lines.append(
            Line(
                "H14", f"accuracy with augmentation as training uses it, {family}, mean over {len(changes)} tables",
                ">= -0.2 points",
                f"{changes.mean():+.2f} points (se {error:.2f}, worst {changes.min():+.1f}; accepted in {used})",
                _kept(bool(changes.mean() >= -0.2), len(changes) >= ENOUGH),
                f"always on: {always.mean():+.2f} points (worst {always.min():+.1f})",
                float(1.0 + min(0.0, changes.mean()) / 0.2),
            )
        )  # fmt: skip
    return lines


def looked_at(found: dict[str, Records]) -> list[Line]:
    """H16."""
    lines = []
    for suffix, layout in LAYOUTS:
        if records := found[f"noise{suffix}"]:
            count = Count(sum(r["sizes"][1]["e_max"] >= 20 for r in records), len(records))
            usual = Count(sum(r["sizes"][1]["e_max_every_row"] >= 20 for r in records), len(records))
            lines.append(
                Line("H16", f"noise, E looked at after each of 4,000 rows, {layout}: ever 20 or more", "<= 5 %",
                     str(count), _at_most(count, 0.05), f"one bet per overlapping row: {percent(usual.share)}",
                     1.0 - count.share / 0.05)
            )  # fmt: skip
    return lines


def _all_coverage() -> tuple[str, ...]:
    return tuple(name for name in EXPERIMENTS if name.startswith("coverage_"))


GOALS = {
    goal.id: goal
    for goal in (
        Goal("H1", ("noise", "noise_walk"), noise),
        Goal("H2", ("symbols",), correlated),
        Goal("H3", ("search",), searched),
        Goal("H4", tuple(dict.fromkeys(row[1] for row in SIGNALS)), signal),
        Goal("H5", tuple(dict.fromkeys(row[0] for row in REGRETS)), regret),
        Goal("H6", ("p08", "required"), too_little),
        Goal("H10", _all_coverage(), covered),
        Goal("H11", ("columns_noise12", "columns_noise200", "columns_planted"), confirmed),
        Goal("H14", ("small",), augmented),
        Goal("H16", ("noise", "noise_walk"), looked_at),
    )
}
ELSEWHERE = {
    "H8": "tests/python/testing and tests/python/features: replay of every column and label; audit canary",
    "H9": "benchmarks/honesty/leaks.py: 24 seeded leaks and their clean twins; in small in tests/python/audit",
}
assert HORIZON == 10
