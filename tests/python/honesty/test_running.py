"""Counting, bounds, interrupted jobs, and the report."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from honesty import answers, goals, report, runner
from honesty.bounds import Count, fewest_hits, limits, most_hits, percent
from honesty.goals import Line

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("hits", "runs", "low", "high"),
    [(0, 1000, 0.0, 0.003682), (10, 1000, 0.004806, 0.018313), (200, 200, 0.981725, 1.0)],
)
def test_bounds_are_those_of_clopper_and_pearson(hits: int, runs: int, low: float, high: float) -> None:
    assert limits(hits, runs) == (pytest.approx(low, abs=1e-6), pytest.approx(high, abs=1e-6))


def test_bounds_hold_the_true_share_as_often_as_they_say() -> None:
    from scipy.stats import binom

    for share in (0.01, 0.3):
        inside = sum(float(binom.pmf(k, 60, share)) for k in range(61) if limits(k, 60)[0] <= share <= limits(k, 60)[1])
        assert inside >= 0.95


def test_short_forms_fail_a_sound_build_less_than_once_in_ten_thousand() -> None:
    from scipy.stats import binom

    for runs, share in ((20, 0.01), (12, 0.05), (200, 0.07)):
        assert binom.sf(most_hits(runs, share), runs, share) < 1e-4
        assert binom.sf(most_hits(runs, share) - 1, runs, share) >= 1e-4
        assert binom.cdf(fewest_hits(runs, 1 - share) - 1, runs, 1 - share) < 1e-4


def work(seed: int, told: dict[str, Any]) -> dict[str, Any]:
    if seed == told.get("breaks"):
        raise KeyboardInterrupt
    return {"twice": 2 * seed}


def test_an_interrupted_job_goes_on_where_it_was(tmp_path: Path) -> None:
    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        runner.collect("x", lambda s, t: work(s, {"breaks": 3}), range(6), {"a": 1}, tmp_path, say=said.append)
    done: list[int] = []

    def counted(seed: int, told: dict[str, Any]) -> dict[str, Any]:
        done.append(seed)
        return work(seed, told)

    found = runner.collect("x", counted, range(6), {"a": 1}, tmp_path, say=said.append)
    assert [r["twice"] for r in found] == [0, 2, 4, 6, 8, 10]
    assert done == [3, 4, 5]


def test_results_of_another_recipe_other_code_or_a_cut_line_do_not_count(tmp_path: Path) -> None:
    runner.collect("x", work, range(3), {"a": 1}, tmp_path, say=lambda _: None)
    path = tmp_path / "x.jsonl"
    lines = path.read_text().splitlines()
    old = json.loads(lines[0]) | {"code": "other"}
    path.write_text("\n".join([json.dumps(old), lines[1], lines[2][:20]]) + "\n")
    assert set(runner.stored(path, {"a": 1})[0]) == {1}
    assert runner.stored(path, {"a": 1})[1] == 2
    assert set(runner.stored(path, {"a": 1}, other_code=True)[0]) == {0, 1}
    assert runner.stored(path, {"a": 2})[0] == {}


def _noise(deployed: int, runs: int) -> list[dict[str, Any]]:
    usual = {"deploys": dict.fromkeys(("threshold", "chosen", "majority", "binomial", "hac", "best_trial"), True)}
    size = {"usual": usual, "e_max": 1.0, "e_max_every_row": 1.0}
    return [{"sizes": [size | {"kind": "DEPLOY" if k < deployed else "NO_EVIDENCE"}] * 2} for k in range(runs)]


@pytest.mark.parametrize(
    ("deployed", "runs", "kept"), [(0, 1000, True), (10, 1000, True), (11, 1000, False), (0, 20, None), (1, 20, None)]
)
def test_a_goal_is_kept_by_share_and_bound_and_open_while_runs_are_few(
    deployed: int, runs: int, kept: bool | None
) -> None:
    first = goals.noise({"noise": _noise(deployed, runs), "noise_walk": []})[0]
    assert first.kept is kept
    assert str(Count(deployed, runs)) in first.measured


def test_the_report_names_the_worst_and_every_missed_goal() -> None:
    lines = [
        Line("H1", "noise", "<= 1 %", "5 of 100", False, "usual", -4.0),
        Line("H4", "signal", ">= 75 %", "90 of 100", True, "", 0.2),
        Line("H6", "few", ">= 90 %", "1 of 1", None, "", 0.1),
    ]
    assert report.said(lines) == [
        "- Worst: H1, noise: 5 of 100 (target <= 1 %).",
        "- Missed: H1, noise: 5 of 100, target <= 1 %.",
    ]


def test_shares_read_well() -> None:
    assert [percent(v) for v in (0.0, 0.003, 0.05, 0.25, 1.0)] == ["0 %", "0.30 %", "5.00 %", "25.0 %", "100 %"]


def test_the_program_leaves_a_table_and_goes_on_from_it(tmp_path: Path) -> None:
    script = str(ROOT / "benchmarks" / "honesty")
    arguments = ["--quick", "--only", "H14", "H15", "--workers", "2", "--out", str(tmp_path)]
    for more in ([], ["--report"]):
        done = subprocess.run([sys.executable, script, *arguments, *more], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        document = json.loads((tmp_path / "honesty.json").read_text(encoding="utf-8"))
        assert {line["goal"] for line in document["lines"]} == {"H14", "H15"}
    assert len((tmp_path / "small.jsonl").read_text().splitlines()) == 2
    assert "SHORT RUN" in (tmp_path / "honesty.md").read_text(encoding="utf-8")


def test_answers_are_fitted_once_and_judged_again_whenever_the_verdict_changes(tmp_path: Path) -> None:
    fitted: list[int] = []

    def fit(seed: int, told: dict[str, Any]) -> dict[str, Any]:
        fitted.append(seed)
        return {"answers": np.array([seed, told["a"]])}

    def judge(arrays: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
        return {"sum": int(arrays["answers"].sum())}

    one = goals.Experiment("x", {"a": 5}, 3, 10, judge=judge, fit=fit)
    job = one.job(tmp_path)
    assert [job(seed, one.told) for seed in (10, 11, 10)] == [{"sum": 15}, {"sum": 16}, {"sum": 15}]
    assert fitted == [10, 11]
    assert goals.check(one, [10, 11, 12], one.told, tmp_path) == {"stored": 2, "same": 2}
    assert one.stored_seeds(tmp_path, one.told) == [10, 11]
    assert one.stored_seeds(tmp_path, {"a": 6}) == []
    fitted.clear()
    assert job(10, {"a": 6}) == {"sum": 16}  # another recipe
    assert fitted == [10]


def test_answers_of_other_fitting_code_count_only_where_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers.save(tmp_path / "a.npz", {"v": np.arange(3)}, {"a": 1})
    monkeypatch.setattr(answers, "fitting_digest", lambda: "other")
    assert answers.load(tmp_path / "a.npz", {"a": 1}) is None
    kept = answers.load(tmp_path / "a.npz", {"a": 1}, other_fits=True)
    assert kept is not None
    assert answers.equal(kept, {"v": np.arange(3)})
    assert not answers.equal(kept, {"v": np.array([0, 1, 3])})
    assert answers.load(tmp_path / "a.npz", {"a": 2}, other_fits=True) is None
