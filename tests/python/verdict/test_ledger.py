"""What was ever scored on the same rows is counted, whoever forgets it."""

from __future__ import annotations

import math
import multiprocessing
import resource
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

import smctrain as st
from smctrain.exceptions import InputError
from smctrain.verdict import Ledger, Verdict
from smctrain.verdict import ledger as verdict_ledger
from smctrain.verdict.ledger import INNER, OOS, LedgerContent, Trial

KEY = "rows"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SMCTRAIN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def trial(run: str, name: str = "model", stage: str = OOS, seed: int = 0, n: int = 50) -> Trial:
    rng = np.random.default_rng(seed)
    return Trial(run, name, stage, np.arange(100, 100 + n), rng.integers(-1, 3, n), (-1, 0, 1), 0.5, "hash", 7, "cols")


def noise(seed: int, n: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2, n)


def verdict_of(seeds: list[int], ledger: Path, n: int = 600) -> Verdict:
    """Models that guess, on labels that nobody can know."""
    y, y_in, y_train = noise(1, n), noise(2, 300), noise(3, 300)
    answers = [np.stack([noise(seed + place, m) for seed in seeds]) for place, m in ((0, n), (5000, 300), (9000, 300))]
    return st.decide(y, answers[0], 1, y_in, answers[1], y_train, answers[2], ledger=ledger)


def test_thirty_configurations_and_then_the_best_one_alone_are_thirty_one(tmp_path: Path) -> None:
    tries = [verdict_of([200 + i], tmp_path / "ledger") for i in range(30)]
    assert [v.evidence["configurations"] for v in tries] == list(range(1, 31))
    best = int(np.argmax([v.evidence["statistic"] for v in tries]))
    again = verdict_of([200 + best], tmp_path / "ledger")
    assert again.evidence["configurations"] == 31
    alone = verdict_of([200 + best], tmp_path / "another")
    # Alone it looks better than it is: the best of thirty must beat thirty guesses.
    assert 5 * alone.evidence["p_oos"] < again.evidence["p_oos"]  # type: ignore[operator]
    assert "31 configurations have been tried on these rows" in " ".join(again.reasons)


def test_thirty_at_once_count_like_thirty_in_a_row(tmp_path: Path) -> None:
    row = [verdict_of([200 + i], tmp_path / "row") for i in range(30)]
    once = verdict_of([200 + i for i in range(30)], tmp_path / "once")
    assert once.evidence["configurations"] == row[-1].evidence["configurations"] == 30
    # Each is put against the luck of all thirty; the best of them, run again, is where all at once are.
    best = int(np.argmax([v.evidence["statistic"] for v in row]))
    assert verdict_of([200 + best], tmp_path / "row").evidence["p_oos"] == once.evidence["p_oos"]
    assert row[-1].evidence["p_oos"] > once.evidence["p_oos"]  # type: ignore[operator]


def test_what_an_earlier_run_knew_does_not_speak_for_this_one(tmp_path: Path) -> None:
    y, y_in, y_train = noise(1, 600), noise(2, 300), noise(3, 300)
    leak = [np.where(noise(20 + i, len(v)) + noise(40 + i, len(v)) > 0, v, 1 - v) for i, v in enumerate((y, y_in))]
    knew = st.decide(y, leak[:1], 1, y_in, leak[1:], y_train, [noise(7, 300)], ledger=tmp_path)
    assert knew.evidence["p_comb"] < 1e-4  # type: ignore[operator]
    after = verdict_of([200], tmp_path)
    assert after.evidence["configurations"] == 2
    alone = verdict_of([200], tmp_path / "another")
    for p in ("p_oos", "p_in"):
        assert after.evidence[p] >= alone.evidence[p] > 0.05  # type: ignore[operator]


def test_other_labels_are_another_ledger(tmp_path: Path) -> None:
    verdict_of([1], tmp_path)
    assert verdict_of([1], tmp_path, n=601).evidence["configurations"] == 1


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    ledger, written = Ledger(tmp_path), [trial("a", stage=INNER, seed=1), trial("a", seed=2)]
    ledger.append(KEY, written)
    found = ledger.read(KEY)
    assert (found.damaged, found.lost, found.counted) == (0, 0, 1)
    for one, two in zip(written, found.trials, strict=True):
        for name in ("run", "name", "stage", "classes", "score", "config_hash", "seed", "features"):
            assert getattr(one, name) == getattr(two, name)
        np.testing.assert_array_equal(one.rows, two.rows)
        np.testing.assert_array_equal(one.answers, two.answers)


def test_answers_of_other_rows_and_classes_are_silent_where_they_are_missing() -> None:
    one = Trial("a", "m", OOS, np.array([3, 5, 6, 9]), np.array([0, 1, 2, -1]), (-1, 0, 1))
    np.testing.assert_array_equal(one.on(np.array([2, 3, 5, 6, 9, 10]), [-1, 1]), [-1, 0, -1, 1, -1, -1])


def test_a_deleted_ledger_is_noticed_and_inner_rows_no_longer_count(tmp_path: Path) -> None:
    for i in range(3):
        verdict_of([i], tmp_path / "ledger")
    next((tmp_path / "ledger").glob("*.jsonl")).unlink()
    after = verdict_of([9], tmp_path / "ledger")
    assert after.evidence["configurations"] == 4
    assert after.evidence["p_in"] is None
    assert after.evidence["p_comb"] == after.evidence["p_oos"]
    assert "the predictions of 3 of them are gone" in " ".join(after.reasons)


def test_deleting_single_lines_is_noticed_too(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for run in "abc":
        ledger.append(KEY, [trial(run), trial(run, stage=INNER)])
    lines = ledger.path(KEY).read_bytes().splitlines(keepends=True)
    ledger.path(KEY).write_bytes(b"".join(lines[:2] + lines[4:]))
    assert ledger.read(KEY).lost == 1


def test_a_missing_cache_costs_the_notice_only(tmp_path: Path, cache: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    ledger.append(KEY, [trial("a"), trial("a", stage=INNER)])
    for file in (cache / "trials").iterdir():
        file.unlink()
    found = ledger.read(KEY)
    assert (found.counted, found.lost, len(found.trials)) == (None, 0, 2)


@pytest.mark.parametrize("cut", [1, 20, 200])
def test_a_torn_last_line_is_skipped_counted_and_does_not_swallow_the_next(tmp_path: Path, cut: int) -> None:
    ledger = Ledger(tmp_path)
    ledger.append(KEY, [trial("a", stage=INNER), trial("a")])
    path = ledger.path(KEY)
    path.write_bytes(path.read_bytes()[:-cut])
    ledger.append(KEY, [trial("b", stage=INNER), trial("b")])
    found = ledger.read(KEY)
    complete = cut == 1  # only the line end was lost
    assert [t.run for t in found.trials] == (["a", "a", "b", "b"] if complete else ["a", "b", "b"])
    assert found.damaged == found.lost == (0 if complete else 1)
    nothing = np.arange(0)
    assert (found.as_trials(nothing, nothing, [0], "c").inner is None) == (not complete)  # type: ignore[union-attr]


@pytest.mark.parametrize("line", ["{}", "garbage", "00000000 {}", '{"v":1}', "\x00\xff"])
def test_foreign_lines_are_counted_as_lost(tmp_path: Path, line: str) -> None:
    ledger = Ledger(tmp_path)
    ledger.append(KEY, [trial("a")])
    with ledger.path(KEY).open("a", encoding="latin-1") as file:
        file.write(line + "\n")
    found = ledger.read(KEY)
    assert (len(found.trials), found.damaged) == (1, 1)


def test_a_configuration_without_inner_answers_makes_inner_rows_unknown(tmp_path: Path) -> None:
    ledger, rows = Ledger(tmp_path), np.arange(100, 150)
    ledger.append(KEY, [trial("a", stage=INNER)])
    first = ledger.read(KEY).as_trials(rows, rows, [-1, 0, 1], "now")
    assert first is not None
    assert np.shape(first.inner) == (1, 50)
    assert np.shape(first.oos) == (0, 50)
    ledger.append(KEY, [trial("b", stage=OOS)])
    second = ledger.read(KEY).as_trials(rows, rows, [-1, 0, 1], "now")
    assert second is not None
    assert second.inner is None
    assert np.shape(second.oos) == (1, 50)
    assert LedgerContent().as_trials(rows, rows, [0], "now") is None


def _append(folder: str, worker: int, cache: str) -> None:
    import os

    os.environ["SMCTRAIN_CACHE"] = cache
    for i in range(10):
        Ledger(folder).append(KEY, [trial(f"{worker}-{i}", stage=INNER), trial(f"{worker}-{i}")])


def test_writers_side_by_side_lose_nothing(tmp_path: Path, cache: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_append, args=(str(tmp_path), i, str(cache))) for i in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    found = Ledger(tmp_path).read(KEY)
    assert (len(found.trials), len(found.configurations), found.damaged, found.lost) == (60, 30, 0, 0)
    assert found.counted == 30


def test_a_configuration_that_adds_its_second_stage_later_is_counted_once(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for stage in (OOS, INNER, OOS):
        ledger.append(KEY, [trial("a", stage=stage)])
    found = ledger.read(KEY)
    assert (found.counted, len(found.configurations), found.lost) == (1, 1, 0)


def test_a_reader_waits_for_the_writer_at_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of a line, or lines that are not counted yet, would look like a ledger that somebody cut."""
    writer, reader = Ledger(tmp_path), Ledger(tmp_path)
    writer.append(KEY, [trial("a"), trial("a", stage=INNER)])
    found: list[LedgerContent] = []
    reading = threading.Thread(target=lambda: found.append(reader.read(KEY)))
    write_all = verdict_ledger._write_all

    def in_two_parts(handle: int, data: bytes) -> None:
        write_all(handle, data[: len(data) // 2])
        reading.start()
        reading.join(0.05)  # without the lock it would be through by now, or soon
        assert not found
        write_all(handle, data[len(data) // 2 :])

    monkeypatch.setattr(verdict_ledger, "_write_all", in_two_parts)
    writer.append(KEY, [trial("b"), trial("b", stage=INNER)])
    reading.join()
    assert [(len(c.configurations), c.damaged, c.counted, c.lost) for c in found] == [(2, 0, 2, 0)]


def test_a_full_disk_leaves_the_ledger_as_it_was(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.append(KEY, [trial("a"), trial("a", stage=INNER)])
    before = ledger.path(KEY).read_bytes()
    limit, ignored = resource.getrlimit(resource.RLIMIT_FSIZE), signal.getsignal(signal.SIGXFSZ)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * len(before), limit[1]))  # room for some of the lines
    try:
        with pytest.raises(OSError, match="large"):
            ledger.append(KEY, [trial(run, stage=stage) for run in "bcd" for stage in (OOS, INNER)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, ignored)
    assert ledger.path(KEY).read_bytes() == before
    found = ledger.read(KEY)
    assert (found.damaged, found.counted, found.lost) == (0, 1, 0)
    ledger.append(KEY, [trial("b"), trial("b", stage=INNER)])
    assert len(ledger.read(KEY).configurations) == 2


def test_a_folder_that_cannot_be_written_says_so_and_one_that_can_only_be_read_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        Ledger(tmp_path / "file").append(KEY, [trial("a")])
    ledger = Ledger(tmp_path / "ledger")
    ledger.append(KEY, [trial("a"), trial("a", stage=INNER)])
    ledger.path(KEY).chmod(0o444)
    (tmp_path / "ledger").chmod(0o555)
    try:
        assert ledger.read(KEY).lost == 0
    finally:
        (tmp_path / "ledger").chmod(0o755)


def test_a_trial_of_no_rows_no_score_or_unknown_answers_is_no_damage(tmp_path: Path) -> None:
    ledger, none = Ledger(tmp_path), np.arange(0)
    ledger.append(KEY, [Trial("a", "m", INNER, none, none, (0, 1)), Trial("a", "m", OOS, none, none, (0, 1), math.nan)])
    strange = Trial("b", "m", OOS, np.arange(4), np.array([0, 1, 2, 256]), (0, 1))
    ledger.append(KEY, [strange])
    found = ledger.read(KEY)
    assert (len(found.trials), found.lost) == (3, 0)
    for one in (strange, found.trials[2]):
        assert one.on(np.arange(4), [0, 1]).tolist() == [0, 1, -1, -1]
    assert found.trials[0].on(np.arange(3), [0, 1]).tolist() == [-1, -1, -1]
    assert found.trials[1].score is None


def test_more_classes_than_a_record_can_hold_are_refused(tmp_path: Path) -> None:
    many = Trial("a", "m", OOS, np.arange(300), np.arange(300), tuple(range(300)))
    with pytest.raises(InputError, match="255 classes"):
        Ledger(tmp_path).append(KEY, [many])
    assert Ledger(tmp_path).read(KEY) == LedgerContent()


# ---- targets that are numbers ----


def numbers(seed: int, n: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=n)


def number_verdict(seeds: list[int], ledger: Path, n: int = 400) -> Verdict:
    y, y_in, y_train = numbers(1, n), numbers(2, 200), numbers(3, 200)
    said = [np.stack([numbers(seed + place, m) for seed in seeds]) for place, m in ((0, n), (5000, 200), (9000, 200))]
    return st.decide(y, said[0], 1, y_in, said[1], y_train, said[2], ledger=ledger, task="regression")


def test_numbers_come_back_as_float32(tmp_path: Path) -> None:
    answers = numbers(0, 50).astype(np.float32)
    answers[[0, 7]] = np.nan
    ledger, one = Ledger(tmp_path), Trial("a", "ridge", OOS, np.arange(100, 150), answers, None, 0.05)
    ledger.append(KEY, [one, trial("a", stage=INNER)])
    found = ledger.read(KEY)
    assert (found.damaged, found.lost) == (0, 0)
    assert found.trials[0].answers.dtype == np.float32
    np.testing.assert_array_equal(found.trials[0].answers, answers)
    assert found.trials[0].classes is None
    np.testing.assert_array_equal(found.trials[0].on(np.array([99, 101, 151]), None), [np.nan, answers[1], np.nan])
    # Neither kind speaks for the other one.
    assert np.isnan(found.trials[1].on(one.rows, None)).all()
    assert (one.on(one.rows, [0, 1]) == -1).all()


def test_numbers_tried_one_after_the_other_count_like_all_at_once(tmp_path: Path) -> None:
    row = [number_verdict([300 + i], tmp_path / "row") for i in range(20)]
    last = row[-1]
    once = number_verdict([300 + i for i in range(20)], tmp_path / "once")
    assert once.evidence["configurations"] == last.evidence["configurations"] == 20
    best = int(np.argmax([v.evidence["ic"] for v in row]))
    assert number_verdict([300 + best], tmp_path / "row").evidence["p_oos"] == once.evidence["p_oos"]
    assert once.evidence["p_oos"] < last.evidence["p_oos"]  # type: ignore[operator]
    alone = number_verdict([300 + best], tmp_path / "alone")
    assert alone.evidence["configurations"] == 1
    assert alone.evidence["p_oos"] < once.evidence["p_oos"]  # type: ignore[operator]
    assert "20 configurations have been tried on these rows" in " ".join(last.reasons)


def test_a_deleted_ledger_of_numbers_is_noticed(tmp_path: Path) -> None:
    first = number_verdict([1], tmp_path)
    for path in tmp_path.glob("*.jsonl"):
        path.unlink()
    after = number_verdict([2], tmp_path)
    assert first.evidence["p_in"] is not None
    assert after.evidence["p_in"] is None
    assert after.evidence["configurations"] == 2


@pytest.mark.parametrize(("scale", "offset"), [(1e300, 0.0), (1e-300, 0.0), (1e-9, 1.1)])
def test_answers_that_float32_cannot_tell_apart_keep_their_order(tmp_path: Path, scale: float, offset: float) -> None:
    y, rows = numbers(1, 300), numbers(4, 300)
    good, other = offset + scale * (rows + 0.5 * y), numbers(5, 300)
    st.decide(y, good, 1, y, good, y, good, ledger=tmp_path, task="regression")
    after = st.decide(y, other, 1, y, other, y, other, ledger=tmp_path, task="regression")
    both = np.stack([other, good])
    once = st.stats.circular_shift_test(y, both, 1, "ic", judged=1)
    assert after.evidence["p_oos"] == once.p_value
    assert once.p_value > st.stats.circular_shift_test(y, other, 1, "ic").p_value


def test_the_same_numbers_as_classes_are_another_ledger(tmp_path: Path) -> None:
    y = np.arange(200) % 2
    st.decide(y, y, 1, y, y, y, y, ledger=tmp_path)
    found = st.decide(y, 1.0 * y, 1, y, 1.0 * y, y, 1.0 * y, ledger=tmp_path, task="regression")
    assert found.evidence["configurations"] == 1
