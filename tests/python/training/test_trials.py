"""Whatever was scored on the rows that decide is counted: at once, once, and whatever happens to the run afterwards."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import smctrain as st
from smctrain.config import Config, resolve
from smctrain.testing import noise_table
from smctrain.training import arrays
from smctrain.training.arrays import Evaluation, evaluate_arrays
from smctrain.training.guard import Guard
from smctrain.training.judging import EvidenceRows, with_replaced
from smctrain.training.parts import LabelMap
from smctrain.training.run import ledger_folder
from smctrain.training.symbol import train_symbol
from smctrain.training.trials import TrialBook
from smctrain.verdict import Ledger

FEW: dict[str, Any] = {
    "models": ["LogisticRegression"], "cv.folds": 3, "evaluation.n_splits": 2, "features.higher": [],
    "features.columns": ["ret_5", "natr_14", "vol_rel_20"], "training.held_out_importance": False,
    "augmentation.enabled": False,
}  # fmt: skip


def market() -> st.BarSet:
    return st.simulate_market(n_symbols=1, n_bars=900, seed=3)


def trained(ledger: Path | None, **more: Any) -> dict[str, Any]:
    config: Config = resolve(overrides=FEW | {key.replace("__", "."): v for key, v in more.items()}).config
    bars = market()
    symbol = bars.symbols[0]
    stop = np.zeros(1, dtype=np.uint8)
    book = None if ledger is None else str(ledger)
    return train_symbol(bars[symbol], config, None, [], 1, 1, stop, lambda *_: None, ledger=book)


def tries(result: dict[str, Any]) -> int:
    return int(result["verdict"]["evidence"]["configurations"])


def evaluated(columns: int = 0, labels: int = 1, **more: Any) -> Evaluation:
    made, y, rows = noise_table(700, seed=columns), noise_table(700, seed=labels).y, np.arange(700)
    config = {"cv.folds": 3, "evaluation.n_splits": 2, "cv.embargo": 0, "augmentation.enabled": False}
    return evaluate_arrays(made.X, y, rows, rows + 10, models=["LogisticRegression"], config=config, **more)


@pytest.mark.parametrize(
    ("outer", "reader"), [("walk_forward", "note_pooled"), ("holdout", "evaluate")], ids=["windows", "test part"]
)
def test_a_run_killed_after_its_answers_were_scored_has_counted(tmp_path: Path, outer: str, reader: str) -> None:
    """Killed where the first reader of the scored answers stands, long before the verdict."""
    script = f"""
        import os, signal, sys
        from pathlib import Path
        from smctrain.training import families
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        import test_trials
        honest = families.{reader}
        families.{reader} = lambda *args, **more: os.kill(os.getpid(), signal.SIGKILL)
        test_trials.trained(Path(sys.argv[1]), evaluation__outer={outer!r})
    """
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "ledger")], capture_output=True, check=False
    )
    assert killed.returncode == -9, killed.stderr.decode()
    assert tries(trained(tmp_path / "ledger", evaluation__outer=outer)) == 2
    assert tries(trained(tmp_path / "other", evaluation__outer=outer)) == 1


def test_answers_before_a_quarantine_count_as_tried_in_this_run_and_for_later_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def outweighed(self: Guard, *args: Any) -> bool:
        asked.append(1)
        if len(asked) == 1:
            self.quarantine["ret_5"] = "taken out by this test"
        return len(asked) == 1

    plain = trained(tmp_path / "plain")
    monkeypatch.setattr(Guard, "outweighed", outweighed)
    result = trained(tmp_path / "ledger")
    assert "ret_5" not in result["features"]
    assert (tries(plain), tries(result)) == (1, 2)
    assert "Inner rows could not be weighed" not in " ".join(result["verdict"]["reasons"])
    files = list((tmp_path / "ledger").glob("*.jsonl"))
    found = Ledger(tmp_path / "ledger").read(files[0].stem)
    assert {(trial.name, trial.stage) for trial in found.trials} == {
        (name, stage) for name in ("LogisticRegression", "LogisticRegression (fit 2)") for stage in ("inner", "oos")
    }
    assert tries(trained(tmp_path / "ledger")) == 3
    # Without a ledger the same run still knows what it tried.
    asked.clear()
    assert tries(trained(None)) == 2


def test_calls_on_arrays_count_themselves_where_a_ledger_is_given(tmp_path: Path) -> None:
    book = tmp_path / "ledger"
    found = [evaluated(ledger=given).verdict.evidence["configurations"] for given in (book, str(book), Ledger(book))]
    assert found == [1, 2, 3]
    # Other columns on the same labels are another try; other labels or windows are another question.
    assert evaluated(5, ledger=book).verdict.evidence["configurations"] == 4
    assert evaluated(labels=2, ledger=book).verdict.evidence["configurations"] == 1
    assert evaluated(first_oos=400, ledger=book).verdict.evidence["configurations"] == 1
    assert evaluated().verdict.evidence["configurations"] == 1


def test_a_call_that_fails_before_its_verdict_has_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: Any, **more: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(arrays, "judge", fails)
        with pytest.raises(KeyboardInterrupt):
            evaluated(ledger=tmp_path)
    assert evaluated(ledger=tmp_path).verdict.evidence["configurations"] == 2


def test_a_ledger_that_cannot_be_written_leaves_inner_rows_out_of_a_call_on_arrays(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    verdict = evaluated(ledger=tmp_path / "file" / "ledger").verdict
    assert verdict.evidence["p_in"] is None
    assert "the ledger cannot be used" in " ".join(verdict.reasons)


def test_a_run_without_a_folder_counts_where_a_ledger_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SMCTRAIN_LEDGER")
    assert ledger_folder(Config(), None) is None
    assert ledger_folder(Config(), tmp_path / "runs" / "one") == tmp_path / "runs" / "ledger"
    monkeypatch.setenv("SMCTRAIN_LEDGER", str(tmp_path / "here"))
    assert ledger_folder(Config(), None) == tmp_path / "here"


# ---- by themselves ------


def rows_of(oos: list[int], inner: list[int], classes: list[int] | None = None, first: int = 4) -> EvidenceRows:
    y = np.zeros(20, dtype=np.int32)
    vectors = [np.array([part], dtype=np.int32) for part in (oos, inner)]
    return EvidenceRows(
        "walk_forward", LabelMap(classes or [0, 1], []), y, 1, np.arange(first, first + len(oos)),
        np.arange(len(inner)), np.arange(len(inner)), ["A"], *vectors, vectors[1],
    )  # fmt: skip


def test_the_same_answers_are_written_once_and_others_of_the_same_name_are_another_configuration(
    tmp_path: Path,
) -> None:
    data = evaluated().walk.data
    book = TrialBook(Ledger(tmp_path), lambda method: method, data, Config())
    one, two = rows_of([0, 1, 1], [0, 0]), rows_of([1, 1, 1], [0, 0])
    for rows in (one, one, two, one):
        book.write(rows)
    found = Ledger(tmp_path).read("walk_forward")
    # Inner answers are equal, yet every configuration has its own: else inner rows could not be weighed.
    assert [(trial.name, trial.stage) for trial in found.trials] == [
        ("A", "oos"), ("A", "inner"), ("A (fit 2)", "oos"), ("A (fit 2)", "inner")
    ]  # fmt: skip
    assert book.earlier(two) is None
    other = TrialBook(Ledger(tmp_path), lambda method: method, data, Config()).earlier(two)
    assert other is not None
    np.testing.assert_array_equal(other.oos, [[0, 1, 1], [1, 1, 1]])


def test_replaced_answers_are_silent_where_rows_or_classes_are_not_shared() -> None:
    now = rows_of([0, 1, 1], [0, 0])
    old = rows_of([1, 0, 1, 0], [1, 1], [-1, 0], first=5)  # one row later, another class
    found = with_replaced(now, [old, replace(old, names=["B"])])
    assert set(found.also_oos) == {"A (replaced 1)", "B (replaced 2)"}
    np.testing.assert_array_equal(found.also_oos["A (replaced 1)"], [-1, 0, -1])
    np.testing.assert_array_equal(found.also_tried["B (replaced 2)"], [0, 0])
    assert now.also_oos == {}
