"""Verdicts on targets that are numbers: every figure against a plain reference, noise, signals, strange inputs."""

from __future__ import annotations

import dataclasses
import json
import math
import warnings
from collections.abc import Iterator
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

import smctrain as st
from smctrain.exceptions import InputError
from smctrain.verdict import Trials, Verdict, apply_multiple_testing, decide

from . import standard_process

HORIZON = standard_process.HORIZON
TRAIN, INNER, OOS = slice(0, 1400), slice(1410, 1710), slice(1720, 2720)


def markets(seeds: range, edge: float, n: int = 2720) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return standard_process.markets(seeds, edge, n)


def judge(answers: np.ndarray, y: np.ndarray, **settings: Any) -> Verdict:
    oos = slice(OOS.start, len(y))
    return decide(
        y[oos], answers[:, oos], HORIZON, y[INNER], answers[:, INNER], y[TRAIN], answers[:, TRAIN],
        task="regression", **settings,
    )  # fmt: skip


def clear(seed: int = 0, n: int = 1200, edge: float = 0.5) -> dict[str, Any]:
    """Independent rows with one model that knows a part of the outcome."""
    rng = np.random.default_rng(seed)
    case: dict[str, Any] = {"horizon": 1, "names": ["ridge"], "task": "regression"}
    for y, answers, rows in (
        ("y_true", "predictions", n),
        ("inner_y", "inner_predictions", 600),
        ("train_y", "train_predictions", 800),
    ):
        known = rng.normal(size=rows)
        case[y], case[answers] = edge * known + rng.normal(size=rows), edge * known[None]
    return case


# ---- a plain reference ----


def ranks(values: np.ndarray) -> np.ndarray:
    """Average ranks, 1 = smallest."""
    return np.array([(values < v).sum() + 0.5 * ((values == v).sum() + 1) for v in values])


def standard(values: np.ndarray) -> np.ndarray:
    r = ranks(values)
    return np.zeros(len(r)) if r.std() == 0 else (r - r.mean()) / r.std()


def middle(answers: np.ndarray) -> np.ndarray:
    """No answer stands in the middle of those given."""
    given = sorted(answers[~np.isnan(answers)])
    return np.where(np.isnan(answers), given[(len(given) - 1) // 2], answers)


def ic(y: np.ndarray, answers: np.ndarray) -> float:
    return float((standard(y) * standard(middle(answers))).mean())


def shift_p(y: np.ndarray, matrix: np.ndarray, h: int) -> float:
    truth, said = standard(y), [standard(middle(row)) for row in matrix]
    shifts = range(4 * h, len(y) - 4 * h + 1)
    best = [max(float((np.roll(truth, s) * row).mean()) for row in said) for s in (0, *shifts)]
    return (1 + sum(b >= best[0] - 1e-9 for b in best[1:])) / (len(shifts) + 1)


def independent_rows(series: np.ndarray, h: int) -> float:
    n, centred = len(series), series - series.mean()
    rho = [float((centred[lag:] * centred[: n - lag]).sum() / (centred**2).sum()) for lag in range(h + 1)]
    weights = [1 - lag / n for lag in range(h + 1)]
    raw = 1 + 2 * sum(w * r for w, r in zip(weights[1:], rho[1:], strict=True))
    deff = raw / (1 - (1 + 2 * sum(weights[1:])) / n)
    return n if deff <= 1 else min(max(n / deff, n / (2 * h)), n)


def influence(y: np.ndarray, answers: np.ndarray) -> np.ndarray:
    u, v = standard(y), standard(middle(answers))
    return u * v - 0.5 * float((u * v).mean()) * (u**2 + v**2)


def place(values: np.ndarray, among: np.ndarray) -> np.ndarray:
    known = among[~np.isnan(among)]
    return np.array([0.0 if np.isnan(v) else (np.sum(known < v) - np.sum(known > v)) / len(known) for v in values])


def forward(y: np.ndarray, answers: np.ndarray, y_train: np.ndarray, inner: np.ndarray, h: int) -> tuple[float, float]:
    u, v, before = place(answers, inner), place(y, y_train), place(y_train, y_train)
    part = (u * v).var() / independent_rows(u * v, h)
    middle_unknown = u.mean() ** 2 * before.var() / independent_rows(before, h)
    z = (u * v).mean() / math.sqrt(part + middle_unknown)
    return 3 * (u * v).mean(), 1 - NormalDist().cdf(z)


def wealth(y: np.ndarray, matrix: np.ndarray, y_train: np.ndarray, h: int) -> float:
    """Bets on the side of the training median at its share among the rows known by then: 10h training rows, and those
    of the test that are resolved."""
    median, first = float(np.median(y_train)), min(len(y_train), 10 * h)
    before, truth = np.sign(y_train - median), np.sign(y - median)
    money = []
    for row in matrix:
        for stream in range(h):
            for lam in (0.05, 0.1, 0.2, 0.3):
                e = 1.0
                for t in range(stream, len(y), h):
                    if math.isnan(row[t]):
                        continue
                    side = np.sign(row[t] - median)
                    known = truth[: max(t - h + 1, 0)]
                    share = (first * (before == side).mean() + (known == side).sum()) / (first + len(known))
                    q = min(max(float(share), 0.05), 0.95)
                    e *= 1 + lam * ((side == truth[t]) - q) / max(q, 1 - q)
                money.append(e)
    return float(np.mean(money))


def overlapping(seed: int, n: int, h: int) -> np.ndarray:
    return np.convolve(np.random.default_rng(seed).normal(size=n + h - 1), np.ones(h), "valid")


@pytest.mark.parametrize(("h", "gaps"), [(1, False), (4, False), (4, True)])
def test_every_number_is_that_of_a_plain_reference(h: int, gaps: bool) -> None:
    n, m, k = 160, 120, 3
    y, y_in, y_train = overlapping(1, n, h), overlapping(2, m, h), overlapping(3, 90, h) + 0.3
    rng = np.random.default_rng(4)
    said, said_in, said_train = (
        np.stack([0.4 * j * part + overlapping(10 * j + len(part), len(part), h) for j in range(k)])
        for part in (y, y_in, y_train)
    )
    said[2] = said[2].round()  # ties
    if gaps:
        said[rng.random(said.shape) < 0.2] = np.nan
        said_in[rng.random(said_in.shape) < 0.2] = np.nan
    found = decide(
        y, said, h, y_in, said_in, y_train, said_train, task="regression", out_of_fold=True, names=["a", "b", "c"]
    )
    e = found.evidence
    shown = int(np.argmax([ic(y_in, a) - 0.5 * max(ic(y_train, b) - ic(y_in, a), 0.0)
                           for a, b in zip(said_in, said_train, strict=True)]))  # fmt: skip
    assert e["shown_model"] == "abc"[shown]
    truth, answers = y, said[shown]
    normal, raw = NormalDist(), shift_p(y_in, said_in, h)
    p_in = 1 - normal.cdf(normal.inv_cdf(1 - raw) / math.sqrt(2))
    p_oos = shift_p(y, said, h)
    w = math.sqrt(m), math.sqrt(n)
    z = (w[0] * normal.inv_cdf(1 - p_in) + w[1] * normal.inv_cdf(1 - p_oos)) / math.hypot(*w)
    series = influence(truth, answers)
    n_eff = independent_rows(series, h)
    half = 1.959963984540054 * math.sqrt(series.var() / n_eff)
    mean, median = y_train.mean(), float(np.median(y_train))
    values = np.where(np.isnan(answers), mean, answers)
    given = ~np.isnan(answers)
    expected = {
        "ic": ic(truth, answers),
        "statistic": ic(truth, answers),
        "skill": ic(truth, answers),
        "baseline": 0.0,
        "val_statistic": ic(y_in, said_in[shown]),
        "val_baseline": 0.0,
        "gap": ic(y_train, said_train[shown]) - ic(y_in, said_in[shown]),
        "p_oos": p_oos,
        "p_in_raw": raw,
        "p_in": p_in,
        "p_comb": 1 - normal.cdf(z),
        "p_own": shift_p(y, said[shown : shown + 1], h),
        "forward_ic": forward(truth, answers, y_train, said_in[shown], h)[0],
        "p_forward": forward(truth, answers, y_train, said_in[shown], h)[1],
        "e_end": wealth(y, said, y_train, h),
        "n_eff": n_eff,
        "design_effect": n / n_eff,
        "ic_low": max(-1.0, ic(truth, answers) - half),
        "ic_high": min(1.0, ic(truth, answers) + half),
        "r2": 1 - ((truth - values) ** 2).sum() / ((truth - mean) ** 2).sum(),
        "rmse": math.sqrt(((truth - values) ** 2).mean()),
        "mae": abs(truth - values).mean(),
        "train_mean_rmse": math.sqrt(((truth - mean) ** 2).mean()),
        "train_mean_mae": abs(truth - mean).mean(),
        "train_mean": mean,
        "train_median": median,
        "right_side": (np.sign(truth - median) == np.sign(answers - median))[given].mean(),
        "answered": given.mean(),
        "last_outcome_ic": ic(truth[h:], truth[:-h]),
        "trade_above": mean,
    }
    assert {name: e[name] for name in expected} == pytest.approx(expected, rel=1e-9, abs=1e-9)
    factor = (normal.inv_cdf(0.995) + normal.inv_cdf(0.90)) ** 2
    assert found.n_required == {d: math.ceil(n / n_eff * factor / d**2) for d in (0.20, 0.10, 0.06, 0.05, 0.03, 0.02)}
    assert (e["task"], e["metric"], e["min_edge"], e["n_required"]) == (
        "regression",
        "ic",
        0.06,
        found.n_required[0.06],
    )


def test_an_ic_takes_as_many_rows_as_half_of_it_in_accuracy_at_even_odds() -> None:
    """The table of the definitions (design effect 4.4), with each edge doubled."""
    case = read_case()
    assert [case.required(d, 4.4) for d in (0.20, 0.12, 0.10, 0.06, 0.04)] == [1637, 4547, 6547, 18186, 40919]


def read_case() -> Any:
    from smctrain.stats.choice import Rules
    from smctrain.verdict.case import Given
    from smctrain.verdict.values import read_values

    arguments = clear()
    del arguments["task"]
    rest: dict[str, Any] = dict.fromkeys(f.name for f in dataclasses.fields(Given))
    rest |= {"n_symbols": 1, "rules": Rules(), "min_edge": 0.06, "threads": 1, "out_of_fold": False}
    return read_values(Given(**rest | arguments), None)


def test_the_vector() -> None:
    """h = 1, 30 rows: y_t = 7 t mod 31; one model says y with every third answer turned, the other 11 t mod 29."""
    t = np.arange(30)
    y = 7.0 * t % 31
    said = np.stack([np.where(t % 3 == 0, 30.0 - y, y), 11.0 * t % 29])
    e = decide(y, said, 1, y, said, y, said, task="regression").evidence
    found = {name: e[name] for name in ("ic", "p_oos", "p_own", "e_end", "mae", "r2", "n_eff")}
    assert found == pytest.approx(VECTOR, abs=1e-9)


VECTOR = {
    "ic": 0.235857607265,
    "p_oos": 7 / 24,
    "p_own": 5 / 24,
    "e_end": 1.962813622748,
    "mae": 5.6,
    "r2": -0.522346951551,
    "n_eff": 30.0,
}


# ---- what it says ----


def test_a_planted_column_is_found_and_named() -> None:
    x, u, y = markets(range(20), 0.2)
    found = [judge(np.concatenate([x[i][None], x[i] + 0.4 * u[i].T]), y[i]) for i in range(20)]
    assert sum(v.kind == "DEPLOY" for v in found) >= 16
    deployed = next(v for v in found if v.deploy)
    assert deployed.reasons[0] == f"{deployed.model} may be deployed: it passed every rule."
    assert "with a rank correlation (IC) of 0." in deployed.reasons[1]
    assert "accuracy" not in " ".join(deployed.reasons)
    assert deployed.evidence["ic_low"] > 0.0
    assert json.loads(json.dumps(deployed.to_dict(), allow_nan=False))["n_required"]["0.06"] > 0


def test_noise_is_not_deployed() -> None:
    """Persistent noise and past returns against overlapping outcomes: 3 of 1,800 such sets of 1,000 rows are deployed
    and none of 900 of 4,000."""
    x, u, y = markets(range(100), 0.0)
    found = []
    for i in range(100):
        past = np.concatenate([np.zeros(HORIZON), y[i, :-HORIZON]])
        found.append(judge(np.stack([past, -past, x[i], u[i, :, 0]]), y[i]))
    assert sum(v.kind == "DEPLOY" for v in found) <= 1
    assert all(v.action == "MANUAL_REVIEW_REQUIRED" for v in found if not v.deploy)
    # An unlucky one of them would be deployed by the usual look at a t value.
    naive = [abs(float(v.evidence["ic"] or 0)) * math.sqrt(1000) > 1.96 for v in found]
    assert sum(naive) > 30


def test_what_was_high_only_in_hindsight_is_no_skill() -> None:
    """On a walk that nobody can foresee, "high, so it will fall" has a good IC over almost every stretch of rows."""
    found = []
    for seed in range(60):
        price = np.cumsum(np.random.default_rng(seed).normal(size=2720 + HORIZON))
        found.append(judge(-price[None, :-HORIZON], price[HORIZON:] - price[:-HORIZON]))
    assert np.mean([v.evidence["ic"] for v in found]) > 0.1  # type: ignore[arg-type]
    assert abs(np.mean([v.evidence["forward_ic"] for v in found])) < 0.05  # type: ignore[arg-type]
    stopped = [v for v in found if v.failed_rules == ["p_forward"]]
    assert len(stopped) >= 3
    assert "not from those that only hindsight knows" in " ".join(stopped[0].reasons)
    assert sum(v.deploy for v in found) <= 1


def test_skill_of_one_model_does_not_speak_for_another_one_that_was_chosen() -> None:
    """The inner rows are wrong about who is good: the model they choose is noise in the test."""
    rng = np.random.default_rng(3)
    y, y_in, y_train = (rng.normal(size=size) for size in (1500, 400, 400))
    said = np.stack([rng.normal(size=1500), 0.5 * y + rng.normal(size=1500)])
    said_in = np.stack([0.6 * y_in + rng.normal(size=400), 0.3 * y_in + rng.normal(size=400)])
    said_train = np.stack([0.6 * y_train + rng.normal(size=400), 0.3 * y_train + rng.normal(size=400)])
    verdict = decide(y, said, 1, y_in, said_in, y_train, said_train, names=["noise", "good"], task="regression")
    assert verdict.model == "noise"
    assert verdict.evidence["p_oos"] < 0.01  # type: ignore[operator]
    assert "p_forward" in verdict.failed_rules
    assert "Measured from the middles known before the test" in " ".join(verdict.reasons)


def test_few_rows_are_too_little_data() -> None:
    case = clear(n=19)
    verdict = decide(**case)
    assert verdict.kind == "TOO_LITTLE_DATA"
    assert "rows" in verdict.failed_rules
    assert verdict.evidence["p_oos"] is None
    x, u, y = markets(range(4), 0.05)
    for i in range(4):
        weak = judge(np.stack([x[i], u[i, :, 0]]), y[i])
        if not weak.deploy:
            assert weak.kind == "TOO_LITTLE_DATA"
            assert "an IC of 0.06 takes" in " ".join(weak.reasons)


def test_long_noise_is_no_evidence() -> None:
    verdict = decide(**clear(3, n=9000, edge=0.0) | {"predictions": np.random.default_rng(5).normal(size=9000)})
    assert verdict.kind == "NO_EVIDENCE"
    assert "9,000 test rows are enough to see an IC of 0.06" in verdict.reasons[0]


def test_a_good_order_with_wrong_sizes_is_said() -> None:
    case = clear()
    verdict = decide(**case | {"predictions": 40 * case["predictions"]})
    assert verdict.kind == "DEPLOY"
    assert verdict.evidence["r2"] < 0.0  # type: ignore[operator]
    assert "the sizes it answers say less than that mean" in " ".join(verdict.reasons)
    assert "the sizes it answers" not in " ".join(decide(**case).reasons)


def test_the_gap_to_training_lowers_the_score_and_fold_gaps_reject() -> None:
    case = clear()
    two = case | {name: np.repeat(case[name], 2, axis=0) for name in ("predictions", "inner_predictions")}
    two |= {
        "names": ["memory", "honest"],
        "train_predictions": np.stack([case["train_y"], case["train_predictions"][0]]),
    }
    verdict = decide(**two)
    assert (verdict.model, verdict.alternatives) == ("honest", ["memory"])
    refused = decide(**two, gaps=[0.5, 0.05])
    assert refused.rejected["memory"] == "overfit: training IC is 0.500 above inner IC (at most 0.200 allowed)"
    silent = decide(**case | {"train_predictions": None})
    assert "training score is missing" in silent.rejected["ridge"]


def test_a_model_that_fell_since_it_was_chosen_is_refused_in_its_own_units() -> None:
    case = clear(n=2000, edge=0.25)
    case["inner_predictions"] = case["inner_y"][None] + 0.1 * np.random.default_rng(1).normal(size=600)
    verdict = decide(**case)
    assert "consistency" in verdict.failed_rules
    assert "inner IC 0.9" in " ".join(verdict.reasons)
    assert "%" not in verdict.rejected["ridge"]


def test_trades_above_the_threshold_must_earn() -> None:
    case = clear(n=2000)
    assert decide(**case, r_net=case["y_true"]).kind == "DEPLOY"
    losing = decide(**case, r_net=case["y_true"] - 2.0)
    assert losing.failed_rules == ["expected_value"]
    rare = decide(**case, r_net=case["y_true"], trade_above=1.5)
    assert rare.failed_rules == ["trades"]
    assert rare.evidence["trades"] == int((case["predictions"][0] > 1.5).sum())
    everything = decide(**case, r_net=case["y_true"] + 0.5, trade_above=-100.0)
    assert everything.failed_rules == ["trade_luck"]
    assert decide(**case).evidence["trades"] is None


def test_earlier_trials_make_the_test_harder() -> None:
    case, rng = clear(edge=0.08, n=900), np.random.default_rng(2)
    alone = decide(**case)
    others = Trials(rng.normal(size=(200, 900)), rng.normal(size=(200, 600)))
    together = decide(**case, ledger=others)
    assert together.evidence["p_oos"] > alone.evidence["p_oos"]  # type: ignore[operator]
    assert together.evidence["configurations"] == 201
    assert decide(**case, ledger=Trials(rng.normal(size=(2, 900)))).evidence["p_in"] is None


def test_runs_of_classes_and_of_numbers_are_judged_together() -> None:
    number = decide(**clear(), n_symbols=20)
    assert number.kind == "DEPLOY"
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 1500)
    guess = np.where(rng.random(1500) < 0.7, y, 1 - y)
    a, b, c = slice(700, None), slice(300, 700), slice(0, 300)
    word = decide(y[a], guess[a], 1, y[b], guess[b], y[c], guess[c], n_symbols=20)
    idle = [decide(**clear(seed, edge=0.0), n_symbols=20) for seed in range(3)]
    weak = dataclasses.replace(number, evidence=number.evidence | {"p_comb": 0.0049, "e_end": 3.0})
    run = {"NUMBER": number, "CLASS": word, "WEAK": weak, **{f"N{i}": idle[i % 3] for i in range(17)}}
    for dependence in ("independent", "arbitrary"):
        judged = apply_multiple_testing(run, dependence=dependence)
        kinds = {name: v.kind for name, v in judged.items()}
        assert (kinds["NUMBER"], kinds["CLASS"], kinds["WEAK"]) == ("DEPLOY", "DEPLOY", "NO_EVIDENCE")
        assert all(v.evidence["survives_multiple_testing"] in (0, 1) for v in judged.values())


# ---- strange inputs ----


def test_the_task_is_never_guessed() -> None:
    case = clear()
    with pytest.raises(InputError, match=r'such as -?\d.*task="regression"'):
        decide(**case | {"task": "classification"})
    whole = {name: case[name].round() if name != "horizon" else 1 for name in case if name not in ("task", "names")}
    ticks = {name: 10 * value if name != "horizon" else 1 for name, value in whole.items()}
    assert decide(**whole).evidence["task"] == "classification"  # a handful of whole numbers may be classes
    with pytest.raises(InputError, match="different values of type float64"):
        decide(
            **{
                name: value + np.arange(np.shape(value)[-1]) if name != "horizon" else 1
                for name, value in ticks.items()
            }
        )
    with pytest.raises(InputError, match="task must be"):
        decide(**case | {"task": "auto"})
    with pytest.raises(InputError, match="holds bool values"):
        decide(**case | {"y_true": case["y_true"] > 0})
    with pytest.raises(InputError, match="<U1 values"):
        decide(**case | {"y_true": np.array(["a"] * 1200)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"class_names": {1: "up"}}, "class_names says nothing"),
        ({"inner_majority": np.zeros(600)}, "inner_majority says nothing"),
        ({"profile": "seed"}, "thresholds of accuracy"),
        ({"trade_above": math.nan}, "trade_above must be a finite number"),
        ({"min_edge": 0.0}, "min_edge must lie between 0 and 1"),
        ({"min_edge": 1.5}, "min_edge must lie between 0 and 1"),
        ({"names": ["a", "b"]}, "names must hold 1 different names"),
        ({"inner_predictions": np.zeros((1, 5))}, "inner_predictions must have shape"),
        ({"predictions": np.full((1, 1200), np.inf)}, "model 0 answers inf on row 0"),
        ({"train_y": np.full(800, np.nan)}, "train_y must be finite, but row 0 holds nan"),
        ({"y_true": np.zeros((2, 600))}, "y_true must have one dimension"),
        ({"r_net": np.full(1200, 1e300)}, "r_net must hold outcomes in R, but holds 1e\\+300"),
        ({"y_true": np.zeros(0)}, "y_true must have one dimension and at least one row"),
    ],
)
def test_what_does_not_fit_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        decide(**clear() | change)


def test_a_threshold_of_trades_says_nothing_about_classes() -> None:
    y = np.arange(400) % 2
    with pytest.raises(InputError, match="trade_above says nothing"):
        decide(y, y, 1, y, y, y, y, trade_above=0.0)


def strange() -> Iterator[tuple[str, dict[str, Any]]]:
    rng = np.random.default_rng(0)
    for name, rows in (("constant predictions", 1.0), ("silent predictions", np.nan), ("zero predictions", 0.0)):
        yield name, {"predictions": np.full((1, 1200), rows), "inner_predictions": np.full((1, 600), rows)}
    yield (
        "silent everywhere",
        {
            "predictions": np.full((1, 1200), np.nan),
            "inner_predictions": np.full((1, 600), np.nan),
            "train_predictions": np.full((1, 800), np.nan),
        },
    )
    yield "constant outcomes", {"y_true": np.full(1200, 3.0)}
    yield "constant everything", {"y_true": np.zeros(1200), "inner_y": np.zeros(600), "train_y": np.zeros(800)}
    yield "one training row", {"train_y": np.array([0.1]), "train_predictions": np.array([[0.1]])}
    yield "one inner row", {"inner_y": np.array([0.1]), "inner_predictions": np.array([[0.1]])}
    yield "one test row", {"y_true": np.array([0.1]), "predictions": np.array([[0.1]])}
    yield "long labels", {"horizon": 500}
    yield "ties", {"y_true": rng.integers(0, 2, 1200), "predictions": rng.integers(0, 2, (1, 1200)) * 1.0}
    huge = rng.normal(size=1200) * 1e300
    yield "huge predictions", {"predictions": huge[None]}
    yield "huge outcomes", {"y_true": huge * 1e6}
    yield (
        "the largest numbers",
        {"train_y": np.resize([1.7e308, -1.7e308], 800), "y_true": np.resize([1.7e308, -1.7e308], 1200)},
    )
    yield "tiny numbers", {"train_y": np.resize([5e-324, 0.0, 1e-320], 800), "y_true": np.resize([5e-324, 0.0], 1200)}
    yield "integers", {"y_true": rng.integers(-9, 9, 1200), "predictions": rng.integers(-9, 9, (1, 1200))}


@pytest.mark.parametrize(("name", "change"), list(strange()), ids=[name for name, _ in strange()])
def test_strange_numbers_end_in_a_verdict_without_a_warning(name: str, change: dict[str, Any], tmp_path: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        verdict = decide(**clear() | change, ledger=tmp_path)
        again = decide(**clear() | change, ledger=tmp_path)
    assert verdict.kind in ("NO_EVIDENCE", "TOO_LITTLE_DATA")
    assert again.kind == verdict.kind
    text = json.dumps(verdict.to_dict(), allow_nan=False)
    assert Verdict.from_dict(json.loads(text)).reasons == verdict.reasons


def test_a_target_that_is_mostly_one_number_pays_no_even_odds_for_it() -> None:
    """60 % of a best excursion are 0: answering 0 is right on 60 % and must not win money."""
    rng = np.random.default_rng(0)
    parts = [np.where(rng.random(n) < 0.6, 0.0, rng.exponential(size=n)) for n in (3000, 1000, 1000)]
    zeros = [np.zeros((1, len(part))) for part in parts]
    verdict = decide(parts[0], zeros[0], 1, parts[1], zeros[1], parts[2], zeros[2], task="regression")
    sides = (parts[0] > 0).astype(int)
    assert st.stats.e_process(sides, np.zeros(3000, dtype=int), 1, 0.5).end > 1e20
    assert verdict.evidence["e_end"] < 20.0  # type: ignore[operator]
    assert verdict.kind != "DEPLOY"


def test_thirty_training_rows_must_differ() -> None:
    case = clear()
    case["train_y"] = np.zeros(800)
    case["train_y"][:29] = np.arange(1, 30)
    verdict = decide(**case)
    assert verdict.kind == "TOO_LITTLE_DATA"
    assert "train_rows" in verdict.failed_rules
    assert "only 29 do" in " ".join(verdict.reasons)


def test_missing_answers_cost() -> None:
    case = clear()
    half = case["predictions"].copy()
    half[0, ::2] = np.nan
    whole, verdict = decide(**case), decide(**case | {"predictions": half})
    assert verdict.evidence["answered"] == 0.5
    assert verdict.evidence["ic"] < 0.8 * whole.evidence["ic"]  # type: ignore[operator]
    assert "It answers 50.0 % of the test rows" in " ".join(verdict.reasons)


def test_threads_change_nothing() -> None:
    x, u, y = markets(range(1), 0.1)
    answers = np.concatenate([x[0][None], u[0].T])
    assert judge(answers, y[0], threads=2).to_dict() == judge(answers, y[0]).to_dict()
    assert st.decide is decide
