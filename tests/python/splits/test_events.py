"""Borders that cut no event, calendars that exclude, quality strata, regimes and correlated symbols."""

from __future__ import annotations

import numpy as np
import pytest

from smctrain.exceptions import InputError, TooFewRows
from smctrain.splits import (
    CombinatorialPurgedKFold,
    EventAwareSplit,
    ExpandingWindow,
    LeaveOneSymbolOut,
    PurgedKFold,
    QualityStrata,
    RegimeSplit,
    TemporalSplit,
    WalkForward,
    audit,
)

ROWS = np.arange(100)
POINTS = (ROWS, ROWS)  # labels that end where they begin: every border is free
START = np.datetime64("2024-01-01", "ns")
HOUR = np.timedelta64(1, "h")


def test_borders_move_to_the_nearest_place_that_cuts_no_label():
    t1 = ROWS.copy()
    t1[18:23] = 23  # the border at 20 would cut these labels; free places are 18 and 24
    t1[58:61] = 61  # 60: free places are 58 and 62, equally near
    splitter = EventAwareSplit(base=PurgedKFold(5), intervals=(ROWS, t1))
    tests = [test.tolist() for _, test in splitter.split()]
    assert [(test[0], test[-1]) for test in tests] == [(0, 17), (18, 39), (40, 57), (58, 79), (80, 99)]
    assert splitter.plan().columns["purged"].tolist() == [0, 0, 0, 0, 0]  # no label reaches over a border
    assert "2 borders moved: 20 -> 18, 60 -> 58" in splitter.plan().notes


def test_rows_of_one_event_stay_on_one_side():
    zone = np.full(100, -1)
    zone[[15, 27]] = 7  # one zone, touched twice: nothing from 16 to 27 is a border
    session = [None] * 100
    session[38] = session[41] = "London"
    splitter = EventAwareSplit(base=PurgedKFold(5), event_id={"zone": zone, "session": session}, intervals=POINTS)
    tests = [test for _, test in splitter.split()]
    assert [int(test[0]) for test in tests] == [0, 15, 38, 60, 80]
    for train, test in splitter.split():
        for event in ([15, 27], [38, 41]):
            assert np.isin(event, train).all() or np.isin(event, test).all()


def test_an_event_that_holds_most_rows_is_purged_and_flagged():
    every_label_overlaps = (ROWS, ROWS + 5)
    splitter = EventAwareSplit(base=PurgedKFold(5), intervals=every_label_overlaps)
    plain = PurgedKFold(5, intervals=every_label_overlaps)
    for ours, theirs in zip(splitter.split(), plain.split(), strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])
    assert "100 of 100 rows hang together" in splitter.plan().notes[0]


def test_events_that_leave_too_few_places_are_purged_and_flagged():
    event = np.full(100, -1)
    event[[0, 99]] = 1  # two rows only, but no border lies outside of them
    splitter = EventAwareSplit(base=PurgedKFold(5), event_id=event, intervals=POINTS)
    assert "events leave 0 places for 4 borders" in splitter.plan().notes[0]
    train, test = next(iter(splitter.split()))
    assert 0 in test
    assert 99 not in train


def test_a_test_that_would_start_inside_a_window_starts_behind_it_and_the_gap():
    calendar = [(38, 45, "rate decision")]
    tests = [t for _, t in EventAwareSplit(calendar, base=WalkForward(3), intervals=POINTS).split()]
    assert [(int(t[0]), int(t[-1])) for t in tests] == [(46, 59), (60, 79), (80, 99)]
    gapped = EventAwareSplit(calendar, base=WalkForward(3), gap=3, intervals=POINTS)
    assert int(next(iter(gapped.split()))[1][0]) == 49
    of_base = EventAwareSplit(calendar, base=WalkForward(3, gap=2), intervals=POINTS)
    train, test = next(iter(of_base.split()))
    assert (int(test[0]), int(train[-1])) == (48, 45)
    assert of_base.plan()[0].events == ()
    listed = EventAwareSplit([(50, 52, "holiday"), (90, 91)], base=WalkForward(3), intervals=POINTS).plan()
    assert [fold.events for fold in listed] == [("holiday",), (), ("window 1",)]


def test_exclude_removes_rows_from_train_and_test():
    calendar = [(20, 24), (70, 79)]
    intervals = (ROWS, ROWS + 2)
    gone = [*range(18, 25), *range(68, 80)]  # labels that reach into a window belong to it
    for base in (WalkForward(3), PurgedKFold(4, embargo=2), TemporalSplit(), CombinatorialPurgedKFold(4, 2)):
        splitter = EventAwareSplit(calendar, base=base, exclude=True, intervals=intervals)
        splits = list(splitter.split(ROWS))
        assert len(splits) == splitter.get_n_splits() == base.get_n_splits()
        for train, test in splits:
            assert not np.isin(gone, train).any()
            assert not np.isin(gone, test).any()
        plan = splitter.plan()
        assert set(plan.columns["excluded"]) == {len(gone)}
        assert f"{len(gone)} rows are excluded" in " ".join(plan.notes)
        assert audit(splitter, ROWS, intervals).ok
    kept = EventAwareSplit(calendar, base=PurgedKFold(4), exclude=True, intervals=intervals)
    tested = np.concatenate([test for _, test in kept.split()])
    assert tested.tolist() == [row for row in range(100) if row not in gone]


def test_the_number_of_windows_counts_the_rows_that_take_part():
    base = ExpandingWindow(40, 10, 10, intervals=POINTS)
    assert EventAwareSplit(base=base, intervals=POINTS).get_n_splits(ROWS) == 6
    excluded = EventAwareSplit([(0, 24)], base=base, exclude=True, intervals=POINTS)
    assert excluded.get_n_splits(ROWS) == len(list(excluded.split(ROWS))) == 3


def test_calendars_come_as_tables_tuples_and_texts():
    pd = pytest.importorskip("pandas")
    t0 = START + ROWS * HOUR
    first, last = t0[38], t0[45]
    calendars = [
        pd.DataFrame({"start": [first], "end": [last], "name": ["news"]}),
        pd.DataFrame({"start": pd.to_datetime([first], utc=True), "end": pd.to_datetime([last], utc=True)}),
        {"start": np.array([first]), "end": np.array([last])},
        [(str(first), str(last))],
        [(pd.Timestamp(first, tz="UTC"), pd.Timestamp(last, tz="UTC"), "news")],
    ]
    for table in ("polars", "pyarrow"):
        module = pytest.importorskip(table)
        make = module.DataFrame if table == "polars" else module.table
        calendars.append(make({"start": np.array([first]), "end": np.array([last])}))
    for calendar in calendars:
        splitter = EventAwareSplit(calendar, intervals=(t0, t0))
        assert int(next(iter(splitter.split()))[1][0]) == 46


def test_temporal_splits_know_events_in_all_three_parts():
    event = np.full(100, -1)
    event[[66, 72]] = 1
    calendar = [(84, 90)]
    splitter = EventAwareSplit(calendar, base=TemporalSplit(), event_id=event, intervals=POINTS)
    train, validation, test = splitter.split_indices()
    assert (train[-1], validation[0], validation[-1], test[0]) == (72, 73, 90, 91)
    (fold,) = splitter.plan()
    assert (fold.validation, fold.validation_from, fold.validation_to) == (18, 73, 90)
    excluding = EventAwareSplit(calendar, base=TemporalSplit(), exclude=True, intervals=POINTS)
    assert not np.isin(np.arange(84, 91), np.concatenate(excluding.split_indices())).any()
    wide = np.full(100, -1)
    wide[[0, 99]] = 4  # cannot be kept together: row 0 leaves the training part
    parts = EventAwareSplit(base=TemporalSplit(), event_id=wide, intervals=POINTS).split_indices()
    assert 0 not in parts[0]
    assert 99 in parts[2]


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: EventAwareSplit(base="shuffle"), InputError, "base must be a splitter or one of"),
        (lambda: EventAwareSplit(base=RegimeSplit(ROWS % 2)), InputError, "with test windows"),
        (lambda: EventAwareSplit(exclude=True), InputError, "exclude needs a calendar"),
        (lambda: EventAwareSplit([(1,)], intervals=POINTS).plan(), InputError, r"\(start, end\)"),
        (lambda: EventAwareSplit([(5, 4)], intervals=POINTS).plan(), InputError, "window 0 .* ends before it starts"),
        (lambda: EventAwareSplit([(START, START)], intervals=POINTS).plan(), InputError, "given as times"),
        (lambda: EventAwareSplit({"from": [1]}, intervals=POINTS).plan(), InputError, "columns start and end"),
        (lambda: EventAwareSplit([("x", "y")], intervals=POINTS).plan(), InputError, "cannot be read"),
        (lambda: EventAwareSplit(event_id=[1, 2], intervals=POINTS).plan(), InputError, "event_id must have one"),
        (lambda: EventAwareSplit([(0, 99)], exclude=True, intervals=POINTS).plan(), InputError, "leaves no row"),
        (lambda: EventAwareSplit([(0, 99)], intervals=POINTS).plan(), TooFewRows, "leave 0 places for 5"),
        (lambda: EventAwareSplit(base=PurgedKFold()).split_indices(), InputError, "needs a TemporalSplit"),
    ],
)
def test_what_does_not_fit_is_named(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_a_border_shifts_by_at_most_five_percent_to_balance_quality():
    quality = np.tile([0.1, 0.45, 0.9, 0.9, 0.1], 40)  # 40 % low, 20 % middle, 40 % high in every five rows
    rows = np.arange(200)
    plain = PurgedKFold(2, intervals=(rows, rows)).plan()
    shifted = PurgedKFold(2, intervals=(rows, rows), stratify_quality=quality).plan()
    assert plain[0].test_to == 99
    assert shifted[0].test_to == 99  # balanced already
    quality[:100] = np.tile([0.9, 0.1, 0.45, 0.1], 25)
    with pytest.raises(InputError, match=r"the shares of a stratum differ by .* Rows are never moved in time"):
        list(PurgedKFold(2, intervals=(rows, rows), stratify_quality=quality).split())
    tolerant = QualityStrata(quality, tolerance=0.3)
    ends = [PurgedKFold(2, intervals=(rows, rows), stratify_quality=s).plan()[0].test_to for s in (tolerant, None)]
    assert abs(ends[0] - ends[1]) <= 5
    for base in (TemporalSplit, WalkForward, PurgedKFold):
        splitter = base(intervals=(rows, rows), stratify_quality=QualityStrata(quality, tolerance=1.0))
        moved, fixed = splitter.plan(), base(intervals=(rows, rows)).plan()
        for ours, theirs in zip(moved, fixed, strict=True):
            assert abs(ours.test_from - theirs.test_from) <= 5
        for train, test in splitter.split():
            assert len(np.intersect1d(train, test)) == 0
            assert np.all(np.diff(test) == 1)  # time order is kept: a test stays one stretch


def test_the_best_of_the_reachable_borders_is_taken():
    rng = np.random.default_rng(3)
    rows = np.arange(400)
    quality = rng.random(400)
    shares = []
    for border in range(190, 211):  # 5 % of 200
        left, right = quality[:border], quality[border:]
        strata = [(-1, 0.3), (0.3, 0.6), (0.6, 2)]
        shares.append(
            max(abs(np.mean((left >= a) & (left < b)) - np.mean((right >= a) & (right < b))) for a, b in strata)
        )
    strata = QualityStrata(quality, tolerance=1.0)
    found = PurgedKFold(2, intervals=(rows, rows), stratify_quality=strata).plan()[1].test_from
    assert shares[found - 190] == min(shares)


def test_quality_strata_respect_events():
    rows = np.arange(200)
    event = np.full(200, -1)
    event[[97, 103]] = 1
    quality = np.random.default_rng(0).random(200)
    base = PurgedKFold(2, stratify_quality=QualityStrata(quality, tolerance=1.0))
    splitter = EventAwareSplit(base=base, event_id=event, intervals=(rows, rows))
    border = splitter.plan()[1].test_from
    assert border <= 97 or border >= 104
    never = QualityStrata(quality, max_shift=0.0, tolerance=0.0)
    with pytest.raises(InputError, match="stratify_quality"):
        PurgedKFold(2, intervals=(rows, rows), stratify_quality=never).plan()
    for wrong, words in (
        (lambda: QualityStrata(quality, cuts=(0.6, 0.3)), "cuts must ascend"),
        (lambda: QualityStrata(quality, tolerance=2), "tolerance must lie"),
        (lambda: PurgedKFold(2, intervals=(rows, rows), stratify_quality=[0.1]).plan(), "one value per row"),
    ):
        with pytest.raises(InputError, match=words):
            wrong()


def test_small_regimes_are_reported_and_not_trained_for():
    regimes = np.array(["calm"] * 60 + ["crash"] * 7 + ["wild"] * 73, dtype=object)
    regimes[130:] = None
    rows = np.arange(140)
    splitter = RegimeSplit(regimes, intervals=(rows, rows + 3))
    assert splitter.get_n_splits() == 2
    calm, wild = splitter.split(rows)
    assert calm[1].tolist() == list(range(60))
    assert calm[0].tolist() == list(range(63, 140))  # purged on both sides, small and unnamed regimes included
    assert wild[0].tolist() == [*range(64), *range(133, 140)]
    plan = splitter.plan()
    assert [fold.name for fold in plan] == ["calm", "wild"]
    assert plan.purpose == "diagnostic"
    assert any("crash (7)" in note for note in plan.notes)
    assert any("10 rows have no regime" in note for note in plan.notes)
    with pytest.raises(TooFewRows, match="no regime has 80 rows"):
        list(RegimeSplit(regimes, 80).split(rows))
    with pytest.raises(InputError, match="regimes must have one value per row"):
        list(RegimeSplit(["a"] * 60).split(rows))


def test_symbols_that_move_with_the_held_out_one_are_named():
    rng = np.random.default_rng(0)
    moments = START + np.arange(200) * HOUR
    own = rng.standard_normal((200, 3))
    own[:, 1] = 0.95 * own[:, 0] + 0.2 * own[:, 1]
    own[5, 1] = np.nan
    symbols = np.repeat(["EURUSD", "GBPUSD", "XAUUSD"], 200)
    t0 = np.tile(moments, 3)
    returns = own.T.ravel()
    plan = LeaveOneSymbolOut(intervals=(t0, t0), returns=returns).plan(t0, symbols)
    assert [fold.name for fold in plan] == ["EURUSD", "GBPUSD", "XAUUSD"]
    expected = np.corrcoef(np.delete(own[:, 0], 5), np.delete(own[:, 1], 5))[0, 1]
    assert f"EURUSD is held out, but its returns correlate with those of GBPUSD ({expected:+.2f})." in plan.notes
    assert not any("XAUUSD is held out" in note for note in plan.notes)
    for make, words in (
        (lambda: list(LeaveOneSymbolOut(intervals=(t0, t0)).split(t0)), "groups is needed"),
        (lambda: LeaveOneSymbolOut(intervals=(t0, t0)).get_n_splits(t0, groups=["A"] * 600), "at least 2 symbols"),
        (lambda: LeaveOneSymbolOut("loose"), "mode must be"),
        (lambda: LeaveOneSymbolOut(test=1.5), "test must be a share"),
    ):
        with pytest.raises(InputError, match=words):
            make()


def test_a_panel_keeps_rows_of_one_stamp_together_with_events_and_exclusions():
    moments = START + np.arange(100) * HOUR
    t0 = np.concatenate([moments, moments[::-1], moments[20:80]])
    t1 = t0 + 3 * HOUR
    symbols = np.repeat(["A", "B", "C"], [100, 100, 60])
    calendar = [(moments[30], moments[33]), (moments[69], moments[75])]
    splitters = [
        EventAwareSplit(calendar, base=WalkForward(3), exclude=True, intervals=(t0, t1)),
        EventAwareSplit(calendar, base=PurgedKFold(4, embargo=2), intervals=(t0, t1)),
        RegimeSplit(np.where(symbols == "A", "up", "down"), intervals=(t0, t1)),
        PurgedKFold(4, lookback=5, intervals=(t0, t1)),
    ]
    for splitter in splitters[:2] + splitters[3:]:
        assert audit(splitter, t0, (t0, t1), symbols).ok
        for train, test in splitter.split(t0, groups=symbols):
            assert not np.isin(t0[train], t0[test]).any()
    with pytest.raises(TooFewRows, match="no training row left"):  # A's stamps are everybody's stamps
        list(splitters[2].split(t0, groups=symbols))
