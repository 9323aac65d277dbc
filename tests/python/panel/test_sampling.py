"""Samples of a panel's rows: the same ones whatever else is there."""

from __future__ import annotations

import numpy as np
import pytest
from panel_bars import SPEC, walk

from smctrain import Bars, Panel, build_panel
from smctrain.exceptions import InputError


@pytest.fixture(scope="module")
def panel(market: dict[str, Bars]) -> Panel:
    return build_panel(market, SPEC)


def names(panel: Panel, rows: np.ndarray) -> set[tuple[int, str]]:
    """(stamp, symbol) of rows."""
    stamps = panel.time[rows].astype(np.int64)
    return {(int(t), panel.symbols[s]) for t, s in zip(stamps, panel.symbol[rows], strict=True)}


@pytest.mark.parametrize(
    "how", [{"max_rows": 200}, {"max_rows": 200, "by": "row"}, {"share": 0.4}, {"share": 0.4, "by": "row"},
            {"per_stamp": 2}, {"per_stamp": 3, "max_rows": 150, "seed": 9}, {"max_rows": 90, "keep": "newest"}]
)  # fmt: skip
def test_a_sample_does_not_depend_on_what_the_panel_was_built_from(
    panel: Panel, market: dict[str, Bars], how: dict[str, object]
) -> None:
    rows = panel.sample(**how)  # type: ignore[arg-type]
    assert np.all(np.diff(rows) > 0)
    assert 0 < len(rows) < len(panel)
    # Symbols before all others change every code, and symbols that are not asked for do not matter.
    larger = build_panel({**market, "A": walk("A"), "ZZ": walk("ZZ")}, SPEC)
    known = np.isin(np.array(larger.symbols)[larger.symbol], list(market))
    assert names(larger, larger.sample(**how, rows=known)) == names(panel, rows)  # type: ignore[arg-type]


@pytest.mark.parametrize("by", ["stamp", "row"])
def test_rows_added_later_only_push_others_out(panel: Panel, by: str) -> None:
    old = np.flatnonzero(panel.time < panel.time[0] + np.timedelta64(70, "h"))
    before, after = panel.sample(200, by=by, rows=old), panel.sample(200, by=by)
    assert len(set(before) - set(after)) > 0
    assert set(after[after <= old[-1]]) <= set(before)
    shared = panel.sample(share=0.5, by=by)
    np.testing.assert_array_equal(panel.sample(share=0.5, by=by, rows=old), shared[shared <= old[-1]])


def test_stamps_stay_whole_and_sizes_are_kept(panel: Panel) -> None:
    rows = panel.sample(200, seed=3)
    assert 194 < len(rows) <= 200
    chosen = panel.take(rows)
    np.testing.assert_array_equal(chosen.count, panel.count[rows])
    assert len(panel.sample(200, by="row")) == 200
    assert len(panel.sample(10**9)) == len(panel)
    np.testing.assert_array_equal(panel.sample(), np.arange(len(panel)))
    assert panel.take(panel.sample(per_stamp=2)).count.max() == 2


def test_seeds_differ_and_repeat(panel: Panel) -> None:
    first, again, other = panel.sample(200, seed=1), panel.sample(200, seed=1), panel.sample(200, seed=2)
    np.testing.assert_array_equal(first, again)
    assert set(first) != set(other)


def test_the_newest_are_the_last(panel: Panel) -> None:
    rows = panel.sample(50, keep="newest")
    np.testing.assert_array_equal(rows, np.arange(len(panel) - len(rows), len(panel)))
    assert len(panel.sample(50, keep="newest", by="row")) == 50
    thinned = panel.sample(50, keep="newest", per_stamp=1)
    assert len(thinned) == len(np.unique(panel.time[thinned])) == 50


def test_no_symbol_is_preferred() -> None:
    equal = build_panel({name: walk(name, n=600, missing=0) for name in "ABCDE"}, SPEC)
    counts = np.bincount(equal.symbol[equal.sample(per_stamp=1)], minlength=5)
    assert counts.sum() == 600
    assert np.abs(counts - 120).max() < 4 * np.sqrt(600 * 0.2 * 0.8)


def test_faults_are_named(panel: Panel) -> None:
    with pytest.raises(InputError, match="max_rows must leave room for one stamp, but is 1"):
        build_panel({name: walk(name, missing=0) for name in "ABC"}, SPEC).sample(1)
    for argument, value in (("max_rows", 0), ("per_stamp", 1.5), ("seed", -1), ("by", "day"), ("keep", "old")):
        with pytest.raises(InputError, match=f"{argument} must be"):
            panel.sample(**{argument: value})  # type: ignore[arg-type]
    for share in (0.0, 1.5, float("nan"), "half"):
        with pytest.raises(InputError, match="share must be"):
            panel.sample(share=share)  # type: ignore[arg-type]
