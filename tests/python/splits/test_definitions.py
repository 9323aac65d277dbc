"""Splitters against definitions written as comparisons of all pairs, and the faults other packages are known for."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from smctrain.exceptions import InputError, SplitLeak
from smctrain.splits import (
    CombinatorialPurgedKFold,
    EmbargoShare,
    EventAwareSplit,
    ExpandingWindow,
    LeaveOneSymbolOut,
    PurgedKFold,
    RegimeSplit,
    WalkForward,
    audit,
)
from smctrain.testing import check_splitters, split_cases


def overlaps(splits: Any, t0: Any, t1: Any) -> int:
    """Training rows that overlap a test label, summed over the splits."""
    return sum(
        int(((t0[train][:, None] <= t1[test]) & (t0[test] <= t1[train][:, None])).any(axis=1).sum())
        for train, test in splits
    )


# 10,000 interval sets run in C++ (tests/cpp/splits/oracle_test.cc); here every splitter as a user calls it.
@pytest.mark.parametrize(("seeds", "least", "most"), [(range(300), 2, 60), (range(10_000, 10_006), 200, 800)])
def test_every_splitter_gives_the_rows_of_its_definition(seeds, least, most):
    check = check_splitters(seeds, least, most)
    assert check.examples == []
    assert (check.different, check.overlapping, check.leaks) == (0, 0, 0)
    assert check.splits > check.refused  # most cases are large enough to say something


def test_a_rule_that_is_one_bar_too_lax_is_noticed(monkeypatch):
    literal = split_cases.purged

    def half_open(case, test, candidate=None, **rules):
        lax = split_cases.SplitCase(case.t0, np.maximum(case.t0, case.t1 - 1), case.symbol, case.event)
        return literal(lax, test, candidate, **rules)

    monkeypatch.setattr(split_cases, "purged", half_open)
    assert check_splitters(range(30)).different > 10


# --- what others get wrong ---------------------------------------------------------------------------------------

N = 600
HORIZONS = {
    "ten bars": np.full(N, 10),
    "one to twenty bars": np.random.default_rng(0).integers(1, 21, N),
}


def labels(kind: str):
    t0 = np.arange(N)
    return t0, t0 + HORIZONS[kind]


OURS = {
    "purged k-fold": lambda iv: PurgedKFold(5, intervals=iv),
    "purged k-fold, embargo": lambda iv: PurgedKFold(5, embargo=10, intervals=iv),
    "purged k-fold by block": lambda iv: PurgedKFold(5, purge="block", intervals=iv),
    "purged k-fold by feature window": lambda iv: PurgedKFold(5, lookback=30, intervals=iv),
    "combinatorial": lambda iv: CombinatorialPurgedKFold(6, 2, intervals=iv),
    "combinatorial, embargo share": lambda iv: CombinatorialPurgedKFold(6, 2, embargo="auto", intervals=iv),
    "walk-forward": lambda iv: WalkForward(5, intervals=iv),
    "rolling": lambda iv: WalkForward(5, window=100, gap=10, intervals=iv),
    "expanding": lambda iv: ExpandingWindow(300, 21, 21, intervals=iv),
    "event-aware": lambda iv: EventAwareSplit(base=PurgedKFold(5), intervals=iv),
    "regime": lambda iv: RegimeSplit(np.arange(N) // 37 % 3, intervals=iv),
}


@pytest.mark.parametrize("kind", HORIZONS)
@pytest.mark.parametrize("name", OURS)
def test_no_training_row_overlaps_a_test_label(name, kind):
    t0, t1 = labels(kind)
    splits = list(OURS[name]((t0, t1)).split(t0))
    assert len(splits) == OURS[name]((t0, t1)).get_n_splits(t0)
    assert overlaps(splits, t0, t1) == 0


def test_splitters_that_count_rows_leak_and_are_caught():
    selection = pytest.importorskip("sklearn.model_selection")
    t0, t1 = labels("ten bars")
    for leaky, rows in ((selection.KFold(5), 80), (selection.TimeSeriesSplit(5), 50)):
        assert overlaps(leaky.split(t0), t0, t1) == rows
        with pytest.raises(SplitLeak) as caught:
            audit(leaky, t0, (t0, t1))
        assert caught.value.code == "overlap"
    gapped = selection.TimeSeriesSplit(5, gap=10)
    assert overlaps(gapped.split(t0), t0, t1) == 0
    t0, t1 = labels("one to twenty bars")
    assert overlaps(gapped.split(t0), t0, t1) > 0  # a gap of rows does not fit labels of varying length
    with pytest.raises(SplitLeak):
        audit(gapped, t0, (t0, t1))


def test_the_purge_begins_at_the_start_of_the_first_test_label():
    # mlfinlab #295, mlfinpy: it began at the end of the first test label, so rows before it stayed.
    t0 = np.arange(40)
    t1 = t0 + 5
    train, test = list(PurgedKFold(4, intervals=(t0, t1)).split())[1]
    assert test[0] == 10
    assert train[train < 10].max() == 4


def test_combinatorial_splits_keep_their_embargo_at_every_block():
    # mlfinpy's was silently zero; timeseriescv skipped it at the end of the data.
    t0 = np.arange(60)
    splits = list(CombinatorialPurgedKFold(6, 2, embargo=4, intervals=(t0, t0)).split())
    for (first, second), (train, _) in zip(combinations(range(6), 2), splits, strict=True):
        for group in (first, second):
            after = np.arange((group + 1) * 10, min(60, (group + 1) * 10 + 4))
            assert not np.isin(after, train).any()
    almost_last = list(PurgedKFold(30, embargo=4, intervals=(t0, t0)).split())[28]
    assert almost_last[0].max() == 55  # rows 58 and 59 follow the test; both lie in the embargo


def test_label_ends_need_not_be_in_order():
    # timeseriescv refuses them; mlfinpy takes the last test row's end for the latest one.
    t0 = np.arange(30)
    t1 = t0 + 1
    t1[10] = 25  # the first test row of the second fold has the longest label
    train, test = list(PurgedKFold(3, intervals=(t0, t1)).split())[1]
    assert test.tolist() == list(range(10, 20))
    assert train.tolist() == [*range(9), *range(26, 30)]


def test_rows_after_the_test_block_are_purged_without_an_embargo():
    # ml4t's diagnostic purged only before the test block: 40 overlaps with an embargo of 0, 20 with 5.
    t0, t1 = labels("ten bars")
    for embargo in (0, 5, 10):
        assert overlaps(PurgedKFold(5, embargo=embargo, intervals=(t0, t1)).split(), t0, t1) == 0


def test_the_embargo_comes_on_top_of_the_purge():
    # ArthurBernard/Fynance PR #273: an embargo shorter than the purge did nothing.
    t0 = np.arange(60)
    t1 = t0 + 5
    without, with_embargo = (next(iter(PurgedKFold(3, embargo=e, intervals=(t0, t1)).split()))[0] for e in (0, 3))
    assert (without[0], with_embargo[0]) == (25, 28)


def test_rows_between_two_test_blocks_stay():
    # HKUDS/Vibe-Trading PR #1204: one span over both blocks deleted everything between them.
    t0 = np.arange(60)
    for purge in ("exact", "block"):
        splitter = CombinatorialPurgedKFold(6, 2, intervals=(t0, t0 + 2), purge=purge)
        number = list(combinations(range(6), 2)).index((0, 5))
        train, _ = list(splitter.split())[number]
        assert train.tolist() == list(range(12, 48))


def test_no_fold_is_missing_or_empty():
    # FoxML_Core never yielded fold 1; skfolio made phantom folds when n mod N > floor(n / N).
    for n, k in [(19, 10), (11, 10), (10, 10), (599, 7)]:
        tests = [test for _, test in PurgedKFold(k).split(np.zeros(n))]
        assert len(tests) == k
        assert min(map(len, tests)) > 0
        assert np.concatenate(tests).tolist() == list(range(n))
        groups = CombinatorialPurgedKFold(k, 2).path_rows(np.zeros(n))
        assert [len(rows) for rows in groups] == [len(part) for part in np.array_split(np.arange(n), k)]


def test_paths_differ_and_take_every_group_from_a_split_that_tested_it():
    # quantstats #240: mlfinlab returned equal paths.
    for n_groups, k, n_splits, n_paths in [(4, 2, 6, 3), (6, 2, 15, 5), (10, 2, 45, 9)]:
        splitter = CombinatorialPurgedKFold(n_groups, k)
        paths = splitter.paths()
        assert splitter.get_n_splits() == n_splits
        assert paths.shape == (n_paths, n_groups)
        assert len(np.unique(paths, axis=0)) == n_paths
        X = np.zeros(5 * n_groups)
        tests = [set(test.tolist()) for _, test in splitter.split(X)]
        rows = splitter.path_rows(X)
        for path in paths:
            assert all(set(rows[group].tolist()) <= tests[split] for group, split in enumerate(path))


# --- options -----------------------------------------------------------------------------------------------------


def test_a_lookback_purges_training_rows_whose_features_reach_into_a_test_label():
    t0 = np.arange(30)
    t1 = t0 + 2
    train, _ = list(PurgedKFold(3, lookback=4, intervals=(t0, t1)).split())[1]
    assert train.tolist() == [*range(8), *range(26, 30)]  # test 10..19, its labels end at 21, features reach back 4
    with pytest.raises(SplitLeak) as caught:
        audit(PurgedKFold(3, intervals=(t0, t1)), t0, (t0, t1), lookback=4)
    assert caught.value.code == "overlap"
    assert audit(PurgedKFold(3, lookback=4, intervals=(t0, t1)), t0, (t0, t1)).ok


def test_a_lookback_can_be_a_time():
    t0 = np.arange(30)
    moments = np.datetime64("2024-01-01", "ns") + np.arange(40) * np.timedelta64(15, "m")
    by_row = list(PurgedKFold(3, lookback=4, intervals=(t0, t0 + 2)).split())
    hour = np.timedelta64(1, "h")
    by_time = list(PurgedKFold(3, lookback=hour, intervals=(moments[t0], moments[t0 + 2])).split())
    for (train, _), (train_time, _) in zip(by_row, by_time, strict=True):
        np.testing.assert_array_equal(train, train_time)


def test_a_purge_by_block_removes_the_same_rows():
    # A block is a maximal run of test rows: whoever meets its span [min t0, max t1] from outside the run also meets the
    # label that begins or ends there.
    for seed in range(200):
        rng = np.random.default_rng(seed)
        case = split_cases.random_case(rng, 20, 80)
        test = rng.random(len(case.t0)) < 0.3
        lookback = (int(rng.integers(4)), 0)
        exact, block = (split_cases.purged(case, test, lookback=lookback, block=block) for block in (False, True))
        np.testing.assert_array_equal(exact, block)
        regimes = np.where(test, "test", "other")
        for purge, fates in (("exact", exact), ("block", block)):
            splitter = RegimeSplit(regimes, 1, intervals=(case.t0, case.t1), lookback=lookback[0], purge=purge)
            assert splitter.plan().columns["purged"][-1] == np.count_nonzero(fates == split_cases.PURGED)


def test_an_automatic_embargo_is_the_smaller_of_lookback_and_five_percent_of_the_block():
    t0 = np.arange(1000)

    def embargoed(embargo: Any) -> list[int]:
        return PurgedKFold(5, embargo=embargo, intervals=(t0, t0)).plan().columns["embargoed"].tolist()

    assert embargoed("auto") == [10, 10, 10, 10, 0]  # 5 % of 200
    assert embargoed(EmbargoShare(at_most=3)) == [3, 3, 3, 3, 0]
    assert embargoed(EmbargoShare(at_most=50)) == [10, 10, 10, 10, 0]
    assert embargoed(EmbargoShare(at_most=0)) == [0, 0, 0, 0, 0]
    moments = np.datetime64("2024-01-01", "ns") + t0 * np.timedelta64(1, "h")
    plan = PurgedKFold(5, EmbargoShare(at_most=np.timedelta64(300, "h")), intervals=(moments, moments)).plan()
    assert plan[0].embargoed == 9  # 5 % of 199 hours are 9.95
    splitter = PurgedKFold(5, embargo="auto", intervals=(t0, t0))
    assert audit(splitter, t0, (t0, t0)).ok
    with pytest.raises(SplitLeak) as caught:
        audit(splitter, t0, (t0, t0), embargo=11)
    assert caught.value.code == "embargo"


def test_open_labels_can_be_infinite_floats_or_far_dates():
    t0 = np.arange(20)
    t1 = (t0 + 1).astype(float)
    t1[12] = np.inf
    by_row = PurgedKFold(4, intervals=(t0, t1))
    train, _ = list(by_row.split())[3]
    assert train.tolist() == [*range(12), 13]  # rows 12 and 14 reach into the test 15..19
    moments = np.datetime64("2024-01-01", "s") + np.arange(21) * np.timedelta64(60, "s")
    ends = moments[1:].copy()
    ends[12] = np.datetime64("9999-12-31", "s")  # beyond the range of nanoseconds
    by_time = PurgedKFold(4, intervals=(moments[:20], ends))
    for name in ("train", "test", "purged"):
        np.testing.assert_array_equal(by_time.plan().columns[name], by_row.plan().columns[name])
    t1[13] = np.nan
    with pytest.raises(InputError, match="the label of row 13 has no end"):
        list(PurgedKFold(4, intervals=(t0, t1)).split())


def test_one_symbol_is_held_out_in_time():
    moments = np.datetime64("2024-01-01", "ns") + np.arange(100) * np.timedelta64(15, "m")
    t0 = np.tile(moments, 3)
    t1 = t0 + np.timedelta64(30, "m")
    symbols = np.repeat(["A", "B", "C"], 100)
    stamp = np.tile(np.arange(100), 3)
    strict = LeaveOneSymbolOut(intervals=(t0, t1))
    assert strict.get_n_splits(t0, groups=symbols) == 3
    for name, (train, test) in zip("ABC", strict.split(t0, groups=symbols), strict=True):
        assert set(symbols[test]) == {name}
        assert name not in set(symbols[train])
        assert (stamp[test].min(), stamp[test].max()) == (70, 99)
        assert stamp[train].max() == 67  # the label of stamp 68 ends on the first test decision
    purged = LeaveOneSymbolOut("purged", (0.4, 0.6), intervals=(t0, t1))
    train, test = next(iter(purged.split(t0, groups=symbols)))
    assert (stamp[test].min(), stamp[test].max()) == (40, 59)
    assert sorted(set(stamp[train])) == [*range(38), *range(62, 100)]
    for splitter in (strict, purged):
        assert audit(splitter, t0, (t0, t1), symbols).ok
