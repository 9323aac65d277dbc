"""The grammar of derived columns: one spelling per column, and messages that say what to write instead."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest

from smctrain.exceptions import InputError
from smctrain.features import ColumnInfo, FeatureSpec, fractional, interactions, lags, rolling, squares

hypothesis = pytest.importorskip("hypothesis")
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

WORDS = ("mean", "sd", "min", "max", "med", "q10", "q90", "skew", "rank", "slope", "z", "ratio")


def computed() -> dict[str, ColumnInfo]:
    """Every computed column of role feature, and the price levels."""
    levels = ("open", "high", "low", "close", "log_close", "volume", "spread", "atr_wilder_14", "obv", "sma_20")
    columns = FeatureSpec(preset="full", extra=levels).catalogue()
    return {column.name: column for column in columns if column.family != "derived"}


COMPUTED = computed()


def one(name: str) -> ColumnInfo:
    (column,) = FeatureSpec(columns=(name,)).catalogue()
    return column


def problem(*names: str, **fields: Any) -> str:
    with pytest.raises(InputError) as caught:
        FeatureSpec(columns=names, **fields).catalogue()
    return str(caught.value)


@st.composite
def derived(draw: Any, depth: int = 2) -> tuple[str, tuple[str, ...], int]:
    """A name, the computed columns in it, and how many operations lead to it."""
    if depth == 0 or (depth == 1 and draw(st.booleans())):
        name = draw(st.sampled_from(sorted(COMPUTED)))
        return name, (name,), 0
    kind = draw(st.sampled_from(["lag", "window", "acf", "sq", "fd", "product"]))
    if kind == "product":
        (a, of_a, n), (b, of_b, m) = draw(derived(depth - 1)), draw(derived(depth - 1))
        # What follows the sign belongs to the second factor, so a product is nobody's factor.
        hypothesis.assume(a != b and "__x__" not in a + b)
        left, right = sorted((a, b))
        sources = of_a + of_b if left == a else of_b + of_a
        return f"{left}__x__{right}", sources, max(n, m) + 1
    name, of, n = draw(derived(depth - 1))
    hypothesis.assume("__x__" not in name)
    k = draw(st.integers(7, 100_000))
    if kind == "lag":
        hypothesis.assume("_lag_" not in name)
        return f"{name}_lag_{k}", of, n + 1
    if kind == "window":
        return f"{name}_{draw(st.sampled_from(WORDS))}_{k}", of, n + 1
    if kind == "acf":
        return f"{name}_acf{draw(st.integers(1, k - 2))}_{k}", of, n + 1
    if kind == "sq":
        return f"{name}_sq", of, n + 1
    return f"{name}_fd_{draw(st.integers(1, 100))}", of, n + 1


@settings(max_examples=300, deadline=None)
@given(derived())
def test_every_name_of_the_grammar_is_read_as_it_was_written(made: tuple[str, tuple[str, ...], int]) -> None:
    name, sources, operations = made
    hypothesis.assume(name not in COMPUTED)
    column = one(name)
    assert operations in (1, 2)
    assert column.name == name
    assert column.family == "derived"
    assert column.sources == tuple(dict.fromkeys(sources))
    assert column.role in {"feature", "level"}
    parts = [COMPUTED[source] for source in sources]
    assert column.warmup >= max(part.warmup for part in parts)
    assert (column.settle == -1) == any(part.settle == -1 for part in parts)
    assert (column.lookback == -1) == any(part.lookback == -1 for part in parts)
    assert column.reads_higher == any(part.reads_higher for part in parts)
    for part in parts:
        assert part.known_at in column.known_at
    assert column.unit
    assert column.definition


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="abz_x019lagmencfdq", max_size=40) | st.text(max_size=20))
def test_any_text_is_a_column_or_an_input_error_that_repeats_it(text: str) -> None:
    columns = []
    with contextlib.suppress(InputError):
        columns = [one(text).name]
    if columns:
        assert columns == [text]
    else:
        assert (f"'{text}'" if text.isprintable() else repr(text)) in problem(text)


def test_a_computed_column_is_itself_whatever_its_name_looks_like() -> None:
    assert one("obv_slope_20").family == "volume"
    assert one("trend_bias_atr_z100").family == "trend"
    assert one("obv_slope_21").family == "derived"
    assert one("trend_bias_atr_z_100").family == "derived"
    # The only computed names that could also be read as derived ones; a new one here would change a meaning.
    from smctrain._load import core

    spec = FeatureSpec()
    entries = core().features_catalogue(spec.base_ns, spec.native_higher())
    names = {entry["name"] for entry in entries if entry["family"] != "derived"}
    words = {*WORDS, "lag", "fd"}
    double = {
        name
        for name in names
        if (parts := name.rsplit("_", 2))[0] in names and len(parts) == 3 and parts[1] in words and parts[2].isdigit()
    }
    assert double == {"obv_slope_20"}
    assert not [name for name in names if "__x__" in name or name.endswith("_sq")]


def test_catalogue_entries_follow_from_the_source() -> None:
    ret = one("ret_5")
    assert (ret.lookback, ret.warmup) == (6, 5)
    lag, mean, fd = one("ret_5_lag_3"), one("ret_5_mean_20"), one("log_close_fd_40")
    assert (lag.lookback, lag.warmup, lag.settle, lag.unit) == (9, 8, 0, "ratio")
    assert (mean.lookback, mean.warmup, mean.settle) == (25, 24, 0)
    assert (fd.lookback, fd.warmup, fd.role) == (282, 281, "feature")
    rsi = one("rsi_wilder_14_lag_1_z_20")
    assert (rsi.lookback, rsi.warmup, rsi.settle, rsi.unit) == (-1, 14 + 1 + 19, 2 * 187, "z")
    assert one("rsi_wilder_14_lag_5").settle == 187
    assert one("ema_50_mean_20_z_50").settle == 2 * one("ema_50").settle
    assert one("kama_30_dist_atr_z_20").settle == -1
    assert one("cal_utc_minute_sin_lag_2").lookback == 3
    pair = one("natr_14__x__ret_5_mean_20")
    assert (pair.lookback, pair.warmup, pair.settle, pair.unit) == (-1, 24, 177, "pct")
    higher = one("htf_h4_trend_bias_atr_mean_10")
    assert higher.known_at == "close of the H4 bar"
    assert higher.reads_higher
    assert one("htf_h4_trend_bias_atr__x__ret_1").known_at == "close of the H4 bar; close of the bar"


@pytest.mark.parametrize("word", WORDS)
def test_levels_stay_levels_except_where_the_scale_is_gone(word: str) -> None:
    free = word in {"z", "rank", "ratio", "skew"}
    assert one(f"close_{word}_20").role == ("feature" if free else "level")
    assert one(f"ret_1_{word}_20").role == "feature"
    assert one("close_acf1_20").role == "feature"
    assert one("close_lag_1").role == one("close_sq").role == one("close__x__ret_1").role == "level"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("rsi_wilde_14_lag_1", "'rsi_wilde_14' for these timeframes. Did you mean 'rsi_wilder_14_lag_1'"),
        ("rsi_wilder_41", "Did you mean 'rsi_wilder_14'"),
        ("htf_d1_rsi_wilder_14_lag_1", "there is no column 'htf_d1_rsi_wilder_14'"),
        ("ret_1_avg_20", "'avg' is no operation. Known: lag, fd, sq and mean, sd"),
        ("ret_1_mean_1", "mean takes a window from 2 to 100000, not 1"),
        ("ret_1_skew_2", "skew takes a window from 3 to 100000"),
        ("ret_1_max_100001", "from 2 to 100000, not 100001"),
        ("ret_1_acf5_6", "acf5 takes a window from 7"),
        ("ret_1_acf_20", "'acf' is no operation"),
        ("ret_1_acf", "such as 'ret_1_acf1_20'"),
        ("ret_1_lag_0", "from 1 to 100000, not 0"),
        ("ret_1_lag", "'lag' needs a number behind it, such as 'ret_1_lag_20'"),
        ("ret_1_lag_01", "write 'ret_1_lag_1'"),
        ("ret_1_lag_2_lag_3", "write 'ret_1_lag_5'"),
        ("ret_1_fd_0", "hundredths from 1 to 100, not 0"),
        ("ret_1_fd_120", "hundredths from 1 to 100, not 120"),
        ("ret_1_lag_1_z_20_sq", "at most 2 operations"),
        ("ret_1_sq_z_20__x__ret_5", "at most 2 operations"),
        ("ret_1__x__natr_14", "alphabetical order: write 'natr_14__x__ret_1'"),
        ("ret_1__x__ret_1", "write 'ret_1_sq'"),
        ("natr_14__x__ret_1__x__ret_5", "two columns, not more"),
        ("natr_14__x__rett_1", "Did you mean 'natr_14__x__ret_1'"),
        ("", "columns holds '', which does not exist"),
        ("x" * 400, "longer than any"),
        ("x" + "\u20ac" * 200, "\u20ac...'"),
        ("ret_1\nlag_1", "printable characters"),
        ("\ud800", "printable characters"),
    ],
)  # fmt: skip
def test_mistakes_say_what_to_write(name: str, words: str) -> None:
    assert words in problem(name)


def test_all_mistakes_are_told_at_once() -> None:
    text = problem("ret_1_mean_1", "ret_1", extra=("foo_bar", "ret_1_lag_0", "ret_1_lag_1"))
    assert text.startswith("3 columns cannot be built:")
    for words in ("columns holds 'ret_1_mean_1'", "extra holds 'foo_bar'", "extra holds 'ret_1_lag_0'"):
        assert words in text
    assert problem(*(f"foo_{i}" for i in range(50))).splitlines()[-1] == "- and 30 more"


def test_extra_columns_stand_behind_the_selection_once() -> None:
    plain = FeatureSpec().catalogue()
    more = FeatureSpec(extra=("ret_1_lag_1", plain[3].name, "atr_wilder_14")).catalogue()
    assert more[: len(plain)] == plain
    assert [column.name for column in more[len(plain) :]] == ["ret_1_lag_1", "atr_wilder_14"]
    grouped = FeatureSpec(groups=("candle",), extra=("ret_1_lag_1",)).catalogue()
    assert [column.family for column in grouped][-2:] == ["candle", "derived"]
    with pytest.raises(InputError, match="extra must not name anything twice"):
        FeatureSpec(extra=("ret_1_lag_1", "ret_1_lag_1"))
    with pytest.raises(InputError, match="extra must be a sequence of names"):
        FeatureSpec(extra="ret_1_lag_1")  # type: ignore[arg-type]


def test_the_presets_hold_few_or_no_derived_columns() -> None:
    assert len(FeatureSpec().catalogue()) == 80
    full = FeatureSpec(preset="full").catalogue()
    ours = {column.name for column in full if column.family == "derived"}
    assert 10 <= len(ours) <= 24
    assert {"ret_1_lag_1", "ret_1_lag_2", "ret_1_lag_3", "atr_z50__x__ret_1"} <= ours
    assert all(column.role == "feature" for column in full)
    # What a caller adds does not enter the preset by itself.
    extra = FeatureSpec(preset="full", extra=("ret_1_lag_9",)).catalogue()
    assert [column.name for column in extra] == [*(column.name for column in full), "ret_1_lag_9"]
    assert FeatureSpec(preset="full", higher=(), base="D1").catalogue()


def test_the_helpers_write_names_the_core_reads() -> None:
    names = (
        *lags(("ret_1", "natr_14"), range(1, 3)), *lags("ret_5", np.int64(4)),
        *rolling("ret_1", ("sd", "acf2"), (20, 50)),
        *interactions(["ret_5", "natr_14", "ret_1"]), *squares("ret_1"), *fractional("log_close", (0.4, 0.35, 1)),
    )  # fmt: skip
    assert names == (
        "ret_1_lag_1", "ret_1_lag_2", "natr_14_lag_1", "natr_14_lag_2", "ret_5_lag_4", "ret_1_sd_20", "ret_1_sd_50",
        "ret_1_acf2_20", "ret_1_acf2_50", "natr_14__x__ret_1", "natr_14__x__ret_5", "ret_1__x__ret_5", "ret_1_sq",
        "log_close_fd_40", "log_close_fd_35", "log_close_fd_100",
    )  # fmt: skip
    assert [column.name for column in FeatureSpec(columns=names).catalogue()] == list(names)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: lags("ret_1", 0), "ks must be an integer of at least 1, or several, but holds 0"),
        (lambda: lags("ret_1", True), "ks must be"),
        (lambda: lags("ret_1", ()), "ks must be an integer of at least 1, or several, but is empty"),
        (lambda: lags("ret_1", (1, 2.0)), "holds 2.0"),
        (lambda: lags((), 1), "columns must be a name"),
        (lambda: rolling("ret_1", (1,), 20), "statistics must be a name"),
        (lambda: interactions(("ret_1",)), "at least two"),
        (lambda: interactions("ret_1"), "at least two"),
        (lambda: fractional("close", 0.405), "hundredths from 0.01 to 1"),
        (lambda: fractional("close", (0.4, 0.0)), "holds 0.0"),
        (lambda: fractional("close", (True,)), "holds True"),
        (lambda: fractional("close", (float("nan"),)), "holds nan"),
    ],
)  # fmt: skip
def test_the_helpers_refuse_what_is_no_name_or_number(call: Any, words: str) -> None:
    with pytest.raises(InputError, match=words.replace("(", r"\(")):
        call()
