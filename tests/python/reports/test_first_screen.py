"""The first screen: what a trader reads first says why a good figure was not enough, and says it truly."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smctrain.reports import write_run
from smctrain.reports.first_screen import WIDTH, first_screen, tempting
from smctrain.results import SymbolResult

Builders = dict[str, Callable[..., Any]]

EVIDENCE = {
    "metric": "accuracy", "shown_model": "XGBoost", "statistic": 0.585, "accuracy": 0.585, "accuracy_low": 0.504,
    "accuracy_high": 0.662, "baseline": 0.51, "n_oos": 492, "n_eff": 146.0, "horizon": 20, "luck_low": 0.41,
    "luck_high": 0.6, "n_required": 14_053, "min_edge": 0.03, "p_oos": 0.2, "p_comb": 0.15, "configurations": 12,
    "n_symbols": 1, "e_end": 1.2, "val_statistic": 0.55, "val_baseline": 0.52, "trades": None, "mean_r_net": None,
}  # fmt: skip


def judged(
    builders: Builders, kind: str = "TOO_LITTLE_DATA", failed: tuple[str, ...] = (), **other: Any
) -> SymbolResult:
    result: SymbolResult = builders["symbol"]("SIM3", [builders["model"]("SIM3", "XGBoost", 0.8, 0.6, 0.585)], kind, [])
    result.verdict |= {"evidence": EVIDENCE | other, "failed_rules": list(failed)}
    return result


def told(screen: dict[str, Any]) -> str:
    return " ".join(f"{step['title']} {step['text']}" for step in screen["steps"])


def test_a_figure_within_luck_is_said_to_be_luck(builders: Builders) -> None:
    screen = first_screen(judged(builders, failed=("p_oos", "p_combined", "e_value")))
    assert screen["question"] == "XGBoost was right on 58.5 % of 492 unseen rows. Why is it not deployed?"
    text = told(screen)
    assert screen["steps"][0]["title"] == "Luck gets there too."
    assert "from 41 to 60 %" in text
    assert "492 rows are not 492 answers." in text
    assert "about 146 separate answers" in text
    assert "from 50 to 66 %" in text
    assert "The usual rule would have taken it." in text
    assert "14,053 unseen rows. Here are 492: about 29 times the M15 history" in text


def test_a_figure_above_luck_names_what_it_lacks(builders: Builders) -> None:
    above = {"statistic": 0.65, "accuracy": 0.65}
    assert "scored 50.0 %. An answer that needs no model" in told(
        first_screen(judged(builders, failed=("selector",), val_statistic=0.50, **above))
    )
    assert "turns 1 into 1.20; it must at least double" in told(
        first_screen(judged(builders, failed=("e_value",), **above))
    )
    assert "must at least triple" in told(first_screen(judged(builders, failed=("e_value",), n_symbols=4, **above)))
    assert "4 symbols were tried" in told(
        first_screen(judged(builders, failed=("multiple_testing",), n_symbols=4, **above))
    )
    assert "luck does as well in 15.0 % of cases" in told(
        first_screen(judged(builders, failed=("p_combined",), **above))
    )
    assert "earned -0.10 R each" in told(
        first_screen(judged(builders, failed=("expected_value",), trades=80, mean_r_net=-0.1, **above))
    )
    many = told(first_screen(judged(builders, failed=("p_oos", "p_combined"), **above)))
    assert "12 things were tried, and the best of them does as well in 20.0 % of such cases" in many


def test_a_deployed_model_is_not_talked_down_and_not_oversold(builders: Builders) -> None:
    screen = first_screen(judged(builders, "DEPLOY", statistic=0.65, accuracy=0.65, trades=80, mean_r_net=0.2))
    text = told(screen)
    assert screen["question"].endswith("Why is that enough?")
    assert "Luck does not get there." in text
    assert "The usual rule" not in text
    assert "Markets change" in text


def test_a_deployed_model_at_the_edge_of_luck_is_not_said_to_lie_above(builders: Builders) -> None:
    text = told(first_screen(judged(builders, "DEPLOY", statistic=0.59, accuracy=0.59, p_comb=0.002)))
    assert "Luck seldom gets there." in text
    assert "lies above" not in text
    assert "Earlier and unseen rows together: luck does as well in 0.20 % of cases." in text


def test_enough_rows_without_a_signal_do_not_ask_for_more_of_the_same(builders: Builders) -> None:
    text = told(first_screen(judged(builders, "NO_EVIDENCE", ("p_oos",), n_oos=40_000)))
    assert "More of the same will hardly help" in text
    assert "What would settle it" not in text


def test_balanced_accuracy_is_not_called_a_share_of_rows(builders: Builders) -> None:
    screen = first_screen(judged(builders, metric="balanced_accuracy", accuracy=0.7, statistic=0.58, baseline=0.5))
    assert screen["question"].startswith("XGBoost scores 58.0 % (all classes weighed alike) on 492 unseen rows.")
    assert screen["picture"]["line"] is None


def test_rows_too_short_to_shift_are_compared_with_tosses(builders: Builders) -> None:
    screen = first_screen(judged(builders, luck_low=None, luck_high=None, statistic=0.55, accuracy=0.55))
    assert "A guess without any knowledge" in told(screen)
    assert screen["luck_low"] == pytest.approx(0.51 - 1.96 * (0.51 * 0.49 / 146) ** 0.5)


@pytest.mark.parametrize("values", [{"statistic": 0.02, "accuracy": 0.02, "accuracy_low": 0.0}, {"statistic": 1.0}, {}])
def test_every_mark_lies_on_the_line(builders: Builders, values: dict[str, float]) -> None:
    picture = first_screen(judged(builders, **values))["picture"]
    marks = [picture["dot"], picture["constant"], picture["luck"], picture["luck"] + picture["luck_width"]]
    assert all(0 <= mark <= WIDTH for mark in [*marks, *picture["line"]])
    assert picture["ticks"][0]["x"] == 0
    assert picture["ticks"][-1]["x"] == WIDTH


def test_a_verdict_without_numbers_shows_no_screen(builders: Builders) -> None:
    assert first_screen(judged(builders, n_eff=None)) == {}
    assert tempting([{"screen": {}}]) is None


def test_the_page_opens_with_the_most_tempting_symbol_that_was_refused(tmp_path: Path, builders: Builders) -> None:
    kept = judged(builders, "DEPLOY", statistic=0.7, accuracy=0.7)
    dull = judged(builders, failed=("skill",), statistic=0.49, accuracy=0.49)
    good = judged(builders, failed=("p_oos",))
    for name, result in (("KEPT", kept), ("DULL", dull), ("GOOD", good)):
        result.symbol = name
    write_run(builders["run"](tmp_path / "run", [kept, dull, good], []))
    raw = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    first = raw[raw.index("<h2") : raw.index("<table")]
    assert "GOOD: XGBoost was right on 58.5 % of 492 unseen rows. Why is it not deployed?" in re.sub(r"\s+", " ", first)
    assert raw.count('class="bar"') == 4  # one beside the story, one a row
    summary = (tmp_path / "run" / "summary.md").read_text(encoding="utf-8")
    assert "## GOOD: XGBoost was right on 58.5 % of 492 unseen rows. Why is it not deployed?" in summary
    assert "1. **Luck gets there too.**" in summary


def test_the_history_that_would_settle_it_is_told_in_bars_and_in_time(builders: Builders) -> None:
    result = judged(builders, failed=("p_oos",), n_required=4_920)
    result.n_bars, result.first_time, result.last_time = 1_000, "2024-01-01T00:00:00", "2024-04-01T00:00:00"
    text = told(first_screen(result))
    assert (
        "about 10 times the M15 history is needed, some 10,000 bars in place of 1,000 (2 years in place of 3 months)."
        in (text)
    )
    result.first_time = ""
    assert told(first_screen(result)).endswith("some 10,000 bars in place of 1,000.")


def test_answers_that_are_right_about_long_swings_only_are_said_to_be(builders: Builders) -> None:
    above = {"statistic": 0.65, "accuracy": 0.65, "p_stretches": 0.4}
    text = told(first_screen(judged(builders, failed=("stretches",), **above)))
    assert "It is right about long swings, not about single answers." in text
    assert "luck does as well in 40.0 % of cases" in text
    assert "long swings" not in told(first_screen(judged(builders, failed=("e_value",), **above)))
    within_luck = judged(builders, failed=("stretches", "p_oos"), p_stretches=0.4)
    assert "long swings" not in told(first_screen(within_luck))


def test_losing_trades_ask_for_other_trades_not_for_more_bars(builders: Builders) -> None:
    above = {"statistic": 0.65, "accuracy": 0.65, "trades": 80, "mean_r_net": -0.1}
    last = first_screen(judged(builders, failed=("expected_value",), **above))["steps"][-1]
    assert last["title"] == "What could help:"
    assert "More bars alone will hardly change it" in last["text"]
    behind = first_screen(judged(builders, failed=("expected_value", "skill", "selector"), **above))["steps"][-1]
    assert behind["title"] == "What would settle it:"
    assert "14,053 unseen rows" in behind["text"]


def test_a_fall_is_called_a_fall_and_a_refused_rise_is_not(builders: Builders) -> None:
    assert "does not hold what it promised" in told(
        first_screen(judged(builders, failed=("consistency",), val_statistic=0.8))
    )
    assert "The two halves of the story differ" in told(
        first_screen(judged(builders, failed=("consistency",), val_statistic=0.3))
    )


def test_a_poor_figure_is_not_called_a_find(builders: Builders) -> None:
    failed = {"failed": ("selector",), "val_statistic": 0.5}
    assert "a find, not a skill" not in told(first_screen(judged(builders, **failed)))
    assert "a find, not a skill" in told(first_screen(judged(builders, statistic=0.65, accuracy=0.65, **failed)))


def test_the_first_picture_has_a_key_with_every_number(tmp_path: Path, builders: Builders) -> None:
    write_run(builders["run"](tmp_path / "run", [judged(builders, failed=("p_oos",))], []))
    raw = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    key = re.sub(r"<[^>]*>", "", raw[raw.index('<ul class="key">') : raw.index("<table")])
    for words in (
        "the model: 58.5 %", "where its true figure may lie: 50 % to 66 %", "luck alone: 41 % to 60 %",
        "always the same answer: 51.0 %",
    ):  # fmt: skip
        assert words in key


LAST = {
    "What this does not say.", "What would settle it:", "What could help:", "More of the same will hardly help:",
}  # fmt: skip
RULES = (
    "rows", "class_rows", "selector", "consistency", "p_combined", "p_oos", "p_own", "stretches", "e_value", "skill",
    "trades",
    "expected_value", "trade_luck", "multiple_testing",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_whatever_failed_the_story_has_one_end_and_contradicts_no_number(seed: int, builders: Builders) -> None:
    draw = random.Random(seed)
    right, luck_high = draw.uniform(0.3, 0.9), draw.uniform(0.45, 0.7)
    failed = tuple(draw.sample(RULES, draw.randint(1, 5)))
    mean = -0.1 if "expected_value" in failed else 0.1
    kind = draw.choice(["TOO_LITTLE_DATA", "NO_EVIDENCE"])
    rows, needed = draw.choice([492, 40_000]), 14_053
    metric = draw.choice(["accuracy", "balanced_accuracy"])
    screen = first_screen(
        judged(
            builders, kind, failed, statistic=right, accuracy=right, luck_high=luck_high, mean_r_net=mean, trades=40,
            p_trades=0.2, n_oos=rows, n_required=needed, metric=metric, val_statistic=draw.choice([None, 0.4, 0.8]),
            p_stretches=draw.choice([None, 0.4]),
        )
    )  # fmt: skip
    titles, text = [step["title"] for step in screen["steps"]], told(screen)
    assert [title in LAST for title in titles] == [False] * (len(titles) - 1) + [True]
    assert not re.search(r"nan|None|inf ", text)
    above = right > luck_high
    assert ("lies above" in text) is above
    assert ("Luck gets there too." in titles or "Luck does better." in titles) is not above
    assert ("Always the same answer does better." in titles) <= (right <= 0.51)
    if "More of the same will hardly help:" in titles:
        assert rows >= needed
        assert not above
    if titles[-1] == "What would settle it:" and rows < needed:
        assert "14,053 unseen rows" in text
        assert "times the M15 history" in text
