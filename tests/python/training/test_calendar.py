"""A run whose data is cut around the user's calendar, with rolling windows and purged feature windows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smctrain.config import resolve
from smctrain.dataset import Dataset, make_dataset
from smctrain.exceptions import ConfigError, InputError, TooFewRows
from smctrain.features import build_features
from smctrain.testing.market import simulate_market
from smctrain.training.arrays import evaluate_arrays
from smctrain.training.calendar import with_calendar
from smctrain.training.parts import make_parts
from smctrain.training.symbol import feature_spec, make_labels
from smctrain.training.walk_forward import make_windows


@pytest.fixture(scope="module")
def bars() -> Any:
    return simulate_market(1, 2500)["SIM1"].base


def case(bars: Any, **settings: Any) -> tuple[Dataset, Any]:
    more = {"cv.folds": 3, "features.higher": [], "models": ["RandomForest"]}
    config = resolve(overrides=more | {name.replace("__", "."): value for name, value in settings.items()}).config
    features = build_features(bars, feature_spec(bars, config))
    data = make_dataset("SIM1", features, make_labels(bars, config), bars.segment, 100)
    return with_calendar(data, config, bars.time_close), config


def around(bars: Any, row: int, name: str = "news") -> tuple[str, str, str]:
    """A window from three bars before to two bars behind the close of a bar."""
    return str(bars.time_close[row - 3]), str(bars.time_close[row + 2]), name


def test_no_part_begins_inside_a_window(bars):
    plain_data, plain_config = case(bars)
    plain = make_parts(plain_data, plain_config, bars.time)
    windows = [around(bars, int(plain.test[0])), around(bars, int(plain.test[0]) + 100, "later")]
    data, config = case(bars, split__calendar=windows)
    parts = make_parts(data, config, bars.time)
    assert parts.test[0] > plain.test[0] + 2
    assert set(parts.test) < set(plain.test)
    assert parts.report["events_in_test"] == ["later"]
    assert np.array_equal(data.rows, plain_data.rows)  # nothing is removed
    walk = make_windows(plain_data, plain_config)
    starts = [around(bars, int(part.test[0])) for part in walk.parts]
    moved = make_windows(*case(bars, split__calendar=starts))
    for before, after in zip(walk.parts, moved.parts, strict=True):
        assert after.test[0] > before.test[0] + 2
        assert bars.time_close[data.t1[after.train]].max() < bars.time_close[after.test[0]]


def test_excluded_rows_are_nowhere(bars):
    windows = [around(bars, row) for row in (500, 900, 1700, 2200)]
    data, config = case(bars, split__calendar=windows, split__exclude=True)
    whole, _ = case(bars)
    gone = np.setdiff1d(whole.rows, data.rows)
    expected = [
        row
        for row in whole.rows
        if any(data.t0[row] <= at + 2 and data.t1[row] >= at - 3 for at in (500, 900, 1700, 2200))
    ]
    assert gone.tolist() == expected
    assert len(gone) > 20
    parts = make_parts(data, config, bars.time)
    used = [
        parts.train,
        parts.validation,
        parts.test,
        *(side for fold in parts.folds for side in (fold.fit, fold.test)),
    ]
    used += [side for part in make_windows(data, config).parts for side in (part.train, part.test)]
    assert not np.isin(np.concatenate(used), gone).any()
    always = [(str(bars.time_close[0]), str(bars.time_close[-1]))]
    with pytest.raises(TooFewRows, match=r"split\.calendar and split\.exclude leave 0"):
        case(bars, split__calendar=always, split__exclude=True)


def test_windows_can_roll_and_feature_windows_be_purged(bars):
    data, config = case(bars)
    rolling = make_windows(*case(bars, evaluation__window=300))
    for before, after in zip(make_windows(data, config).parts, rolling.parts, strict=True):
        assert np.array_equal(before.test, after.test)
        assert len(after.train) <= 300
        assert set(after.train) <= set(before.train)
    plain = make_parts(data, config, bars.time)
    wide = make_parts(*case(bars, cv__embargo=0, cv__lookback=100), bars.time)
    for fold in wide.folds:
        later = fold.fit[fold.fit > fold.test[-1]]
        if len(later):  # 100 decisions lie between a held-out label and the next training row
            ends = data.t1[fold.test].max()
            assert np.count_nonzero((plain.train > ends) & (plain.train < later[0])) >= 100


def test_a_calendar_is_read_in_utc_and_checked():
    found = resolve(overrides={"split.calendar": [["2025-03-19T18:30+01:00", "2025-03-19T20:00Z", "FOMC"]]}).config
    assert found.split.calendar == (("2025-03-19T17:30:00", "2025-03-19T20:00:00", "FOMC"),)
    for wrong, words in (
        ({"split.exclude": True}, "exclude needs calendar"),
        ({"split.calendar": [["2025-03-19", "2025-03-18"]]}, "must not end before it starts"),
        ({"split.calendar": [["soon", "later"]]}, "split.calendar"),
    ):
        with pytest.raises(ConfigError, match=words):
            resolve(overrides=wrong)


def test_rows_without_times_have_no_calendar():
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match=r"split\.calendar needs rows with times"):
        evaluate_arrays(
            rng.standard_normal((600, 2)),
            rng.integers(0, 2, 600),
            models=["RandomForest"],
            config={"split.calendar": [["2025-03-19", "2025-03-20"]]},
        )
