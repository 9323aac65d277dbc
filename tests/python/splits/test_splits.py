"""Splits: the rule against a double loop, the vectors of the definition, scikit-learn's protocol."""

from __future__ import annotations

import sys
from datetime import timedelta

import numpy as np
import pytest

from smctrain._load import core
from smctrain.exceptions import InputError, SplitLeak, TooFewRows
from smctrain.splits import (
    CombinatorialPurgedKFold,
    EventAwareSplit,
    ExpandingWindow,
    LeaveOneSymbolOut,
    PurgedKFold,
    RegimeSplit,
    TemporalSplit,
    WalkForward,
    audit,
)

TRAIN, TEST, PURGED, EMBARGOED = range(4)


def fates_by_double_loop(t0, t1, is_test, embargo_stamps, embargo_span):
    """The definition, literally."""
    n = len(t0)
    order = sorted(range(n), key=lambda i: (t0[i], i))
    blocks: list[list[int]] = []
    previous_was_test = False
    for i in order:
        if is_test[i]:
            if not previous_was_test:
                blocks.append([])
            blocks[-1].append(i)
        previous_was_test = bool(is_test[i])
    stamps = sorted(set(t0))
    embargoed = np.zeros(n, dtype=bool)
    for block in blocks:
        b = max(int(t1[j]) for j in block)
        later = [s for s in stamps if s > b + embargo_span]
        covered = set(later[:embargo_stamps])
        for i in range(n):
            embargoed[i] |= b < t0[i] <= b + embargo_span or t0[i] in covered
    fates = []
    for i in range(n):
        overlaps = any(is_test[j] and t0[i] <= t1[j] and t0[j] <= t1[i] for j in range(n))
        fates.append(TEST if is_test[i] else PURGED if overlaps else EMBARGOED if embargoed[i] else TRAIN)
    return np.array(fates)


def test_purge_and_embargo_equal_the_double_loop_on_random_cases():
    rng = np.random.default_rng(1)
    forever = np.iinfo(np.int64).max
    for case in range(120):
        n = int(rng.integers(2, 45))
        t0 = rng.integers(0, rng.integers(2, 60), n)  # ties, holes, any order
        t1 = t0 + rng.integers(0, rng.integers(1, 15), n)
        t1 = np.where(rng.random(n) < 0.03, forever, t1) if case % 5 == 0 else t1
        if case % 3 == 0:
            t0 = np.sort(t0)
            t1 = np.maximum(t0, t1)
        is_test = (rng.random(n) < rng.choice([0.1, 0.4, 0.8])).astype(np.uint8)
        if case % 2:  # contiguous in time, as folds are
            low = rng.integers(0, 30)
            is_test = ((t0 >= low) & (t0 <= low + rng.integers(0, 20))).astype(np.uint8)
        stamps, span = (int(rng.integers(0, 5)), 0) if case % 4 else (0, int(rng.integers(0, 8)))
        got = (
            core()
            .Timeline(t0.astype(np.int64), t1.astype(np.int64))
            .purge_and_embargo(is_test, (stamps, span, 0.0), (0, 0), False)
        )
        want = fates_by_double_loop([int(v) for v in t0], [int(v) for v in t1], is_test, stamps, span)
        np.testing.assert_array_equal(got, want, err_msg=f"case {case}")


def test_vector_of_the_definition():
    t0 = np.arange(10)
    t1 = t0 + 2
    is_test = np.isin(t0, [4, 5]).astype(np.uint8)
    fates = core().Timeline(t0, t1).purge_and_embargo(is_test, (1, 0, 0.0), (0, 0), False)
    assert np.flatnonzero(fates == PURGED).tolist() == [2, 3, 6, 7]
    assert np.flatnonzero(fates == EMBARGOED).tolist() == [8]
    assert np.flatnonzero(fates == TRAIN).tolist() == [0, 1, 9]


def some_intervals(seed: int, n: int = 600):
    rng = np.random.default_rng(seed)
    t0 = np.arange(n)
    return t0, t0 + rng.integers(1, 21, n)


SPLITTERS = [
    lambda iv: PurgedKFold(5, intervals=iv),
    lambda iv: PurgedKFold(7, embargo=4, intervals=iv),
    lambda iv: CombinatorialPurgedKFold(6, 2, embargo=3, intervals=iv),
    lambda iv: WalkForward(5, intervals=iv),
    lambda iv: WalkForward(4, window=100, gap=5, intervals=iv),
    lambda iv: ExpandingWindow(300, 21, 21, intervals=iv),
    lambda iv: TemporalSplit(intervals=iv),
    lambda iv: EventAwareSplit(base=PurgedKFold(4, embargo=2), intervals=iv),
    lambda iv: RegimeSplit(np.arange(len(iv[0])) // 70 % 3, embargo=2, intervals=iv),
]


@pytest.mark.parametrize("make", SPLITTERS)
def test_no_training_label_overlaps_a_test_label(make):
    for seed in range(3):
        t0, t1 = some_intervals(seed)
        splitter = make((t0, t1))
        X = np.zeros((600, 1))
        report = audit(splitter, X, (t0, t1))
        assert report.ok
        assert report.n_splits == splitter.get_n_splits(X) == len(splitter.plan(X))
        for train, test in splitter.split(X):
            overlaps = (t0[train][:, None] <= t1[test]) & (t0[test] <= t1[train][:, None])
            assert not overlaps.any()
            assert np.all(np.diff(train) > 0)
            assert np.all(np.diff(test) > 0)


def test_every_row_is_tested_once_and_folds_are_as_equal_as_possible():
    for n, k in [(10, 10), (11, 3), (600, 7)]:
        tests = [test for _, test in PurgedKFold(k).split(np.zeros(n))]
        assert [len(test) for test in tests] == [len(part) for part in np.array_split(np.arange(n), k)]
        assert np.concatenate(tests).tolist() == list(range(n))


def test_more_folds_than_stamps_is_an_error():
    with pytest.raises(TooFewRows, match="4 decision stamps, too few for 5 folds"):
        list(PurgedKFold(5).split(np.zeros(4)))


def test_temporal_split_cuts_at_the_shares_and_purges_before_both_borders():
    t0 = np.arange(100)
    t1 = np.minimum(t0 + 3, 99)
    split = TemporalSplit(intervals=(t0, t1))
    train, validation, test = split.split_indices()
    assert (train[0], train[-1], validation[0], validation[-1], test[0], test[-1]) == (0, 66, 70, 81, 85, 99)
    assert split.purged_indices().tolist() == [67, 68, 69, 82, 83, 84]
    train, validation, _ = TemporalSplit(embargo=2, intervals=(t0, t1)).split_indices()
    assert (train[-1], validation[-1]) == (64, 79)


def test_a_label_from_train_that_reaches_over_validation_into_test_is_purged():
    t0 = np.arange(100)
    t1 = t0.copy()
    t1[5] = 90
    train, _, _ = TemporalSplit(intervals=(t0, t1)).split_indices()
    assert 5 not in train


def test_times_and_row_indices_give_the_same_rows():
    t0, t1 = some_intervals(4)
    stamps = np.datetime64("2024-01-01", "ns") + np.arange(700) * np.timedelta64(900, "s")
    for make in SPLITTERS:
        by_row = list(make((t0, t1)).split(np.zeros(600)))
        by_time = list(make((stamps[t0], stamps[t1])).split(np.zeros(600)))
        for (train, test), (train_time, test_time) in zip(by_row, by_time, strict=True):
            np.testing.assert_array_equal(train, train_time)
            np.testing.assert_array_equal(test, test_time)


def test_an_embargo_can_be_a_time():
    t0, t1 = some_intervals(4)
    stamps = np.datetime64("2024-01-01", "ns") + np.arange(700) * np.timedelta64(900, "s")
    in_rows = list(PurgedKFold(5, embargo=4, intervals=(t0, t1)).split())
    in_time = list(PurgedKFold(5, embargo=timedelta(hours=1), intervals=(stamps[t0], stamps[t1])).split())
    for (train, _), (train_time, _) in zip(in_rows, in_time, strict=True):
        np.testing.assert_array_equal(train, train_time)
    with pytest.raises(InputError, match="intervals must be times"):
        list(PurgedKFold(5, embargo=timedelta(hours=1), intervals=(t0, t1)).split())


def test_time_zone_aware_stamps_are_read_as_moments():
    pd = pytest.importorskip("pandas")
    t0 = pd.date_range("2024-01-01", periods=60, freq="15min", tz="UTC")
    t1 = (t0 + pd.Timedelta(minutes=30)).tz_convert("Europe/Berlin")
    aware = list(PurgedKFold(3, intervals=(t0, t1)).split())
    rows = np.arange(60)
    plain = list(PurgedKFold(3, intervals=(rows, rows + 2)).split())
    for (train, _), (expected, _) in zip(aware, plain, strict=True):
        np.testing.assert_array_equal(train, expected)


def test_rows_of_one_moment_stay_on_one_side_in_a_panel():
    moments = np.datetime64("2024-01-01", "ns") + np.arange(100) * np.timedelta64(900, "s")
    t0 = np.concatenate([moments, moments[::-1], moments[20:80]])
    t1 = t0 + np.timedelta64(3 * 900, "s")
    symbols = np.repeat(["A", "B", "C"], [100, 100, 60])
    for make in SPLITTERS[:5] + SPLITTERS[6:8]:
        splitter = make((t0, t1))
        audit(splitter, t0, (t0, t1), symbols)
        for train, test in splitter.split(t0, groups=symbols):
            assert not np.isin(t0[train], t0[test]).any()
    with pytest.raises(InputError, match="several symbols need intervals given as times"):
        list(PurgedKFold(5, intervals=(np.arange(260), np.arange(260))).split(t0, groups=symbols))


def test_combinatorial_splits_and_paths_of_the_definition():
    splitter = CombinatorialPurgedKFold(4, 2)
    assert splitter.get_n_splits() == 6
    assert splitter.paths().tolist() == [[0, 0, 1, 2], [1, 3, 3, 4], [2, 4, 5, 5]]
    paths = CombinatorialPurgedKFold(6, 2).paths()
    assert paths.shape == (5, 6)
    assert paths[0].tolist() == [0, 0, 1, 2, 3, 4]
    assert paths[4].tolist() == [4, 8, 11, 13, 14, 14]
    tests = [test.tolist() for _, test in splitter.split(np.zeros(8))]
    assert tests[:2] == [[0, 1, 2, 3], [0, 1, 4, 5]]


def test_walk_forward_trains_on_the_past_and_keeps_its_window():
    t0 = np.arange(100)
    t1 = np.minimum(t0 + 2, 99)
    folds = list(WalkForward(3, intervals=(t0, t1)).split())
    assert [(test[0], test[-1]) for _, test in folds] == [(40, 59), (60, 79), (80, 99)]
    assert [(train[0], train[-1]) for train, _ in folds] == [(0, 37), (0, 57), (0, 77)]
    rolling = list(WalkForward(3, window=30, gap=5, intervals=(t0, t1)).split())
    assert [(train[0], train[-1]) for train, _ in rolling] == [(5, 32), (25, 52), (45, 72)]


def some_rows(n: int = 300):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3))
    return X, (X[:, 0] > 0).astype(int), (np.arange(n), np.arange(n) + 5)


@pytest.mark.parametrize("make", [*SPLITTERS[:5], *SPLITTERS[6:]])
def test_splitters_work_in_scikit_learn(make):
    selection = pytest.importorskip("sklearn.model_selection")
    from sklearn.naive_bayes import GaussianNB

    X, y, intervals = some_rows()
    splitter = make(intervals)
    scores = selection.cross_val_score(GaussianNB(), X, y, cv=splitter)
    assert len(scores) == splitter.get_n_splits(X, y)
    assert scores.min() > 0.85
    found = selection.cross_validate(GaussianNB(), X, y, cv=splitter, return_indices=True)
    for number, (train, test) in enumerate(splitter.split(X, y)):
        np.testing.assert_array_equal(found["indices"]["train"][number], train)
        np.testing.assert_array_equal(found["indices"]["test"][number], test)
    grid = selection.GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 1e-3]}, cv=splitter).fit(X, y)
    assert grid.n_splits_ == splitter.get_n_splits(X, y)
    assert grid.best_score_ > 0.85
    assert selection.check_cv(splitter) is splitter


def test_symbols_are_passed_as_groups_in_scikit_learn():
    selection = pytest.importorskip("sklearn.model_selection")
    from sklearn.naive_bayes import GaussianNB

    X, y, _ = some_rows()
    t0 = np.tile(np.datetime64("2024-01-01", "ns") + np.arange(100) * np.timedelta64(1, "h"), 3)
    symbols = np.repeat(["A", "B", "C"], 100)
    splitter = LeaveOneSymbolOut(intervals=(t0, t0))
    grid = selection.GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9, 1e-3]}, cv=splitter).fit(X, y, groups=symbols)
    assert grid.n_splits_ == splitter.get_n_splits(X, y, symbols) == 3
    assert len(selection.cross_val_score(GaussianNB(), X, y, groups=symbols, cv=splitter)) == 3


def test_a_plan_shows_dates_and_counts():
    stamps = np.datetime64("2024-01-01", "ns") + np.arange(110) * np.timedelta64(1, "D")
    splitter = WalkForward(3, gap=2, intervals=(stamps[:100], stamps[3:103]))
    plan = splitter.plan()
    assert len(plan) == 3
    assert plan.purpose == "verdict"
    assert list(plan.columns) == [
        "fold", "train", "test", "purged", "embargoed", "unused", "train_from", "train_to", "test_from", "test_to",
    ]  # fmt: skip
    for fold, (train, test) in zip(plan, splitter.split(), strict=True):
        assert (fold.train, fold.test) == (len(train), len(test))
        assert (fold.train_from, fold.train_to) == (stamps[train[0]], stamps[train[-1]])
        assert (fold.test_from, fold.test_to) == (stamps[test[0]], stamps[test[-1]])
        assert fold.train + fold.test + fold.purged + fold.unused == 100
    assert repr(plan).splitlines() == [
        "WalkForward(n_splits=3, gap=2, min_train=0.4): 3 splits, for verdict",
        "fold  train  test  purged  embargoed  unused        train_from          train_to         test_from"
        "           test_to",
        "   0     35    20       5          0      40  2024-01-01 00:00  2024-02-04 00:00  2024-02-10 00:00"
        "  2024-02-29 00:00",
        "   1     55    20       5          0      20  2024-01-01 00:00  2024-02-24 00:00  2024-03-01 00:00"
        "  2024-03-20 00:00",
        "   2     75    20       5          0       0  2024-01-01 00:00  2024-03-15 00:00  2024-03-21 00:00"
        "  2024-04-09 00:00",
    ]


def test_a_plan_is_a_table_with_and_without_pandas(monkeypatch):
    pd = pytest.importorskip("pandas")
    plan = TemporalSplit(intervals=(np.arange(100), np.arange(100) + 3)).plan()
    assert isinstance(plan.table, pd.DataFrame)
    assert plan.table.loc[0, ["validation", "validation_from", "validation_to"]].tolist() == [12, 70, 81]
    monkeypatch.setitem(sys.modules, "pandas", None)
    table = plan.table
    assert isinstance(table, dict)
    assert table["train"].tolist() == [67]


@pytest.mark.parametrize("as_time", [False, True])
def test_a_plan_can_be_drawn(as_time):
    pytest.importorskip("matplotlib")
    t0 = np.arange(200)
    if as_time:
        t0 = np.datetime64("2024-01-01", "ns") + t0 * np.timedelta64(1, "D")
    for splitter in (TemporalSplit(intervals=(t0, t0)), WalkForward(3, intervals=(t0, t0))):
        figure = splitter.plan().plot()
        (axis,) = figure.axes
        parts = [text.get_text() for text in axis.get_legend().get_texts()]
        assert parts == (["train", "validation", "test"] if splitter.get_n_splits() == 1 else ["train", "test"])
        assert len(axis.patches) == len(parts) * splitter.get_n_splits()


def test_a_drawn_plan_shows_every_test_block_and_what_is_left_out_around_it():
    pytest.importorskip("matplotlib")
    rows = np.arange(200)
    plan = CombinatorialPurgedKFold(4, 2, embargo=3, intervals=(rows, rows + 5)).plan()
    # groups 0 and 2 are tested: training rows lie between the two test blocks, not under them
    assert plan[1].spans == (
        ("test", 0, 50), ("purged", 50, 55), ("embargoed", 55, 58), ("train", 58, 95), ("purged", 95, 100),
        ("test", 100, 150), ("purged", 150, 155), ("embargoed", 155, 158), ("train", 158, 199),
    )  # fmt: skip
    (axis,) = plan.plot().axes
    assert [t.get_text() for t in axis.get_legend().get_texts()] == ["train", "test", "purged", "embargoed"]
    assert len(axis.patches) == sum(len(fold.spans) for fold in plan)
    assert "spans" not in plan.columns


def test_a_plan_of_parts_that_alternate_row_by_row_is_drawn_by_its_ends():
    pytest.importorskip("matplotlib")
    t0 = np.datetime64("2024-01-01", "ns") + np.repeat(np.arange(300), 2) * np.timedelta64(1, "D")
    plan = LeaveOneSymbolOut("purged", test=0.5, intervals=(t0, t0)).plan(groups=np.tile(["A", "B"], 300))
    assert plan[0].spans == ()
    (axis,) = plan.plot().axes
    assert len(axis.patches) == 4


def test_document_sizes_of_tests_and_training_parts_can_be_asked_for():
    days = np.arange(600)
    splitter = WalkForward(5, min_train=252, test_size=63, intervals=(days, days))
    assert [(fold.test_from, fold.test_to) for fold in splitter.plan()] == [
        (252, 314), (315, 377), (378, 440), (441, 503), (504, 566),
    ]  # fmt: skip
    assert len(WalkForward(1, intervals=(days, days)).plan()) == 1
    with pytest.raises(TooFewRows, match="too few for 5 windows of 63"):
        WalkForward(5, min_train=252, test_size=63).plan(days[:500])
    two = TemporalSplit(0.8, 0.0, 0.2, embargo=5, min_train=252, intervals=(days, days))
    train, validation, test = two.split_indices()
    assert (train[-1], len(validation), test[0]) == (474, 0, 480)
    with pytest.raises(TooFewRows, match="min_train asks for 252"):
        TemporalSplit(0.8, 0.0, 0.2, min_train=252).plan(days[:300])
    starts = [fold.test_from for fold in ExpandingWindow().plan(days)]  # document 002: 504, 21, 21
    assert starts == [504, 525, 546, 567]


@pytest.mark.parametrize(
    ("train", "test", "forward", "embargo", "code"),
    [
        (range(8), range(10, 15), True, 0, None),
        (range(9), range(10, 15), False, 0, "overlap"),
        (range(18, 25), range(10, 15), True, 0, "order"),
        (range(17, 25), range(10, 15), False, 1, "embargo"),
        (range(18, 25), range(10, 15), False, 1, None),
        ([], range(10, 15), False, 0, "empty train"),
        (range(8), [], False, 0, "empty test"),
        ([0, 1, 10], range(10, 15), False, 0, "row in both"),
        ([0, 1, 1], range(10, 15), False, 0, "duplicate row"),
        ([0, 30], range(10, 15), False, 0, "no such row"),
        ([0, -1], range(10, 15), False, 0, "no such row"),
    ],
)
def test_the_audit_raises_with_a_code(train, test, forward, embargo, code):
    t0 = np.arange(30)
    intervals = (t0, t0 + 2)
    splits = [(np.array(list(train), dtype=int), np.array(list(test), dtype=int))]
    if code is None:
        assert audit(splits, t0, intervals, forward=forward, embargo=embargo).ok
        return
    with pytest.raises(SplitLeak) as caught:
        audit(splits, t0, intervals, forward=forward, embargo=embargo)
    assert caught.value.code == code


def test_the_audit_names_the_pair_of_rows():
    t0 = np.datetime64("2025-06-03T12:00", "ns") + np.arange(30) * np.timedelta64(15, "m")
    with pytest.raises(SplitLeak) as caught:
        audit([(np.arange(9), np.arange(10, 15))], t0, (t0, t0 + np.timedelta64(30, "m")))
    assert caught.value.pair == (8, 10)
    assert caught.value.rows == (8,)
    assert str(caught.value) == (
        "split 0: the labels of 1 training rows overlap a test label. Training row 8 (decided 2025-06-03 14:00 UTC, "
        "its label ends 2025-06-03 14:30 UTC) and test row 10 (decided 2025-06-03 14:30 UTC, its label ends 2025-06-03 "
        "15:00 UTC). Pass intervals=(t0, t1) to the splitter, so that rows are purged by label end."
    )


@pytest.mark.parametrize("end", [-1, np.iinfo(np.int64).min])
def test_the_audit_refuses_labels_without_an_end_where_they_are_used(end):
    t0 = np.arange(30)
    t1 = t0 + 2
    t1[[3, 12]] = end
    for train, rows in (([0, 1, 3], (12, 3)), ([0, 1], (12,))):
        with pytest.raises(SplitLeak) as caught:
            audit([(np.array(train), np.arange(10, 15))], t0, (t0, t1))
        assert (caught.value.code, caught.value.rows) == ("label without t1", rows)
    assert audit([(np.array([0, 1]), np.arange(15, 20))], t0, (t0, t1)).ok  # nobody uses the rows without a label
    times = np.datetime64("2024-01-01", "ns") + t0 * np.timedelta64(1, "h")
    with pytest.raises(SplitLeak) as caught:
        audit([([0], [12])], t0, (times, np.where(t0 == 12, np.datetime64("NaT"), times)))
    assert caught.value.code == "label without t1"


def test_the_audit_demands_the_gap_of_a_forward_split():
    t0 = np.arange(30)
    splits = [(np.arange(8), np.arange(10, 15))]
    assert audit(splits, t0, (t0, t0 + 2), forward=True).ok
    with pytest.raises(SplitLeak) as caught:
        audit(splits, t0, (t0, t0 + 2), forward=True, gap=1)
    assert (caught.value.code, caught.value.pair) == ("order", (7, 10))
    assert audit(WalkForward(3, gap=4, intervals=(t0, t0 + 2)), t0, (t0, t0 + 2)).ok


def test_large_splits_are_checked_beside_the_making_with_the_same_answer():
    n = 30_000
    t0 = np.arange(n)
    intervals = (t0, t0 + 3)
    splitter = PurgedKFold(4, embargo=10, intervals=intervals)
    report = audit(splitter, t0, intervals)
    assert report.test == (7_500,) * 4
    honest = list(splitter.split())
    leaking = [(np.append(train, test[0] - 1), test) for train, test in honest]
    with pytest.raises(SplitLeak, match="split 2: the labels of 1 training rows") as caught:
        audit([honest[0], honest[1], leaking[2], leaking[3]], t0, intervals)
    assert caught.value.rows == (14_999,)
    shuffled = np.random.default_rng(0).permutation(n)  # row ids in any order of time
    moved = (shuffled.copy(), shuffled + 3)
    assert audit(PurgedKFold(4, embargo=10, intervals=moved), t0, moved).test == report.test
    rows = np.argsort(shuffled)
    with pytest.raises(SplitLeak) as caught:
        audit([tuple(rows[side] for side in leaking[2])], t0, moved)
    assert caught.value.rows == (rows[14_999],)


def test_a_split_that_cannot_be_made_stops_the_audit_and_its_thread():
    n = 30_000
    t0 = np.arange(n)
    t1 = t0.copy()
    t1[0] = n + 5  # the first fold's label reaches over everything

    with pytest.raises(TooFewRows, match="split 0 of PurgedKFold has no training row left"):
        audit(PurgedKFold(4, intervals=(t0, t1)), t0, (t0, t1))


def test_the_audit_finds_what_row_based_splitters_leak():
    sklearn_selection = pytest.importorskip("sklearn.model_selection")
    t0, t1 = some_intervals(0)
    for leaky in (sklearn_selection.KFold(5), sklearn_selection.TimeSeriesSplit(5)):
        with pytest.raises(SplitLeak, match="overlap a test label"):
            audit(leaky, np.zeros((600, 1)), (t0, t1))


def test_the_audit_counts_folds_stamps_and_classes():
    class Short(PurgedKFold):
        def get_n_splits(self, X=None, y=None, groups=None):
            return 9

    with pytest.raises(SplitLeak, match="9 splits were announced, but 5 came") as caught:
        audit(Short(5), np.zeros(50), None)
    assert caught.value.code == "fold count"
    same_moment = np.array([0, 1, 1, 2])
    with pytest.raises(SplitLeak) as caught:
        audit([([0, 1], [2, 3])], same_moment, (same_moment, same_moment))
    assert caught.value.code == "stamp in both"
    with pytest.raises(SplitLeak) as caught:
        audit(PurgedKFold(2), np.zeros(4), None, y=[0, 0, 1, 1])
    assert caught.value.code == "class missing in train"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: PurgedKFold(1), "n_splits must be an integer of at least 2, but is 1."),
        (lambda: PurgedKFold(embargo=-1), "embargo must be"),
        (lambda: TemporalSplit(0.7, 0.2, 0.2), "must sum to 1"),
        (lambda: CombinatorialPurgedKFold(3, 3), "n_test_groups must be below"),
        (lambda: list(PurgedKFold(2, intervals=([0, 1], [0, 1])).split(np.zeros(3))), "one value per row"),
        (lambda: list(PurgedKFold(2, intervals=([0, 1], [0, -1])).split()), "the label of row 1"),
        (lambda: list(PurgedKFold(2).split()), "X is needed"),
    ],
)
def test_wrong_arguments_are_named(make, words):
    with pytest.raises(InputError, match=words):
        make()
