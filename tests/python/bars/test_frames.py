"""Frames and parquet give the very bars that CSV gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bar_files import walk, write

import smctrain as st
from smctrain.bars import Bars
from smctrain.exceptions import BarError, InputError

pd = pytest.importorskip("pandas")
pa = pytest.importorskip("pyarrow")


def assert_same(left: Bars, right: Bars) -> None:
    for name in ("time", "open", "high", "low", "close", "volume", "spread", "segment"):
        assert np.array_equal(getattr(left, name), getattr(right, name)), name
    assert (left.timeframe, left.digits) == (right.timeframe, right.digits)


def columns(n: int = 60, minutes: int = 15) -> dict[str, Any]:
    cells = [line.split(",") for line in walk(n, minutes=minutes)]
    names = ("open", "high", "low", "close", "tick_volume", "spread")
    out: dict[str, Any] = {"time": np.array([row[0].replace(" ", "T") for row in cells], dtype="datetime64[us]")}
    for i, name in enumerate(names, start=1):
        out[name] = np.array([float(row[i]) for row in cells])
    return out


@pytest.fixture
def from_csv(tmp_path: Path) -> Bars:
    return st.read_bars(write(tmp_path / "X_M15.csv", walk(60)))["X", "M15"]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_pandas_frame_of_any_time_unit(from_csv: Bars, unit: str) -> None:
    data = columns()
    data["time"] = data["time"].astype(f"datetime64[{unit}]")
    assert_same(st.read_bars({"X": pd.DataFrame(data)})["X", "M15"], from_csv)


def test_other_frames_and_other_ways_to_write_times(from_csv: Bars) -> None:
    pl = pytest.importorskip("polars")
    data = columns()
    frame = pd.DataFrame(data)
    texts = [str(t).replace("T", " ") for t in data["time"].astype("datetime64[m]")]
    epochs = data["time"].astype("datetime64[s]").astype(np.int64)
    sources: list[Any] = [
        pl.DataFrame(data),
        pa.table(data),
        pa.table({**data, "time": pa.array(data["time"].astype("datetime64[s]"), pa.timestamp("s"))}),
        frame.set_index("time"),
        frame.assign(time=frame["time"].dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")),
        frame.assign(time=texts),
        frame.assign(time=epochs),
        frame.assign(time=epochs * 1000),
        frame.rename(columns=str.upper),
        frame.rename(columns={"time": "timestamp", "tick_volume": "volume"}),
        pl.DataFrame({**data, "time": texts}),
    ]
    for source in sources:
        assert_same(st.read_bars({"X": source})["X", "M15"], from_csv)


def test_a_frame_with_columns_symbol_and_timeframe() -> None:
    quarter, hour = pd.DataFrame(columns(40)), pd.DataFrame(columns(30, minutes=60))
    parts = [
        part.assign(symbol=symbol, timeframe=timeframe)
        for symbol in ("NA", "0700")
        for timeframe, part in (("M15", quarter), ("H1", hour))
    ]
    bars = st.read_bars(pd.concat(parts))
    assert bars.symbols == ["0700", "NA"]
    assert [len(bars["NA", tf]) for tf in ("M15", "H1")] == [40, 30]
    assert st.read_bars(pd.concat(parts), symbols="NA", timeframes="H1").symbols == ["NA"]


def test_a_frame_without_a_symbol_needs_a_name() -> None:
    frame = pd.DataFrame(columns())
    with pytest.raises(InputError, match="frame has no column symbol"):
        st.read_bars(frame)
    assert st.read_bars(frame, symbols="EURUSD").symbols == ["EURUSD"]


def test_a_frame_is_never_written_to() -> None:
    frame = pd.DataFrame(columns())
    frame.loc[3, "high"] = 1.1255600000000001
    before = frame.copy(deep=True)
    bars = st.read_bars({"X": frame})["X", "M15"]
    bars.close[:] = 0.0
    pd.testing.assert_frame_equal(frame, before)


def test_one_bad_frame_never_stops_the_others() -> None:
    good = pd.DataFrame(columns())
    bad = {
        "GOOD": good,
        "LOW": good.drop(columns="low"),
        "TEXT": good.assign(close=["abc" if i == 4 else 1.0 for i in range(60)]),
        "NAT": good.assign(time=good["time"].where(good.index != 7)),
        "TWICE": pd.concat([good, good.iloc[-1:]]),
        "DAYFIRST": good.assign(time="31/12/2024"),
    }
    bars = st.read_bars(bad)
    assert bars.symbols == ["GOOD"]
    assert {symbol: str(error).split(". ")[0] for symbol, error in bars.failures.items()} == {
        "DAYFIRST": "DAYFIRST: frame of DAYFIRST, row 1, column time: expected a time such as 2024-03-01 "
        "09:30, but found '31/12/2024'",
        "LOW": "LOW: frame of LOW needs the columns time, open, high, low, close, but has no low "
        "(found: time, open, high, close, tick_volume, spread)",
        "NAT": "NAT: frame of NAT, row 8, column time: the time is empty",
        "TEXT": "TEXT: frame of TEXT, row 5, column close: expected a number, but found 'abc' (the column is Object)",
        "TWICE": "TWICE: frame of TWICE, row 61: 2024-01-01 14:45 a second time (1 such row)",
    }


def test_objects_that_are_plain_numbers_or_dates_are_converted_once(from_csv: Bars) -> None:
    frame = pd.DataFrame(columns())
    assert_same(st.read_bars({"X": frame.assign(open=frame["open"].astype(object))})["X", "M15"], from_csv)
    objects = frame.assign(time=pd.Series(list(frame["time"].dt.to_pydatetime()), dtype=object))
    assert_same(st.read_bars({"X": objects})["X", "M15"], from_csv)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"open": True}, "row 1, column open: expected a number, but found np.True_"),
        ({"open": 1j}, "row 1, column open: expected a number"),
        ({"time": 1.5}, "column time must hold times .* but is Float64"),
        ({"time": 90_000_000_000}, "row 1, column time: the time lies outside 1717 to 2222"),
        ({"symbol": "A", "timeframe": "quarter"}, "timeframes must be among M1.*but one is 'quarter'"),
    ],
)
def test_columns_of_the_wrong_kind_are_named(change: dict[str, Any], words: str) -> None:
    with pytest.raises(BarError, match=words):
        st.read_bars(pd.DataFrame(columns()).assign(**change), symbols="A")


def test_double_columns_and_lazy_frames_are_named() -> None:
    pl = pytest.importorskip("polars")
    frame = pd.DataFrame(columns())
    with pytest.raises(BarError, match="two columns called open"):
        st.read_bars({"X": frame.rename(columns={"high": "open"})})
    with pytest.raises(BarError, match="two columns called open"):
        st.read_bars({"X": frame.rename(columns={"high": "Open"})})
    with pytest.raises(InputError, match="Collect it first"):
        st.read_bars({"X": pl.DataFrame(columns()).lazy()})


def test_missing_prices_of_a_frame_are_dropped_with_their_row() -> None:
    frame = pd.DataFrame(columns())
    frame.loc[10, "high"] = None
    bars = st.read_bars({"X": frame})
    assert len(bars["X", "M15"]) == 59
    assert [(i.kind, i.first_row) for i in bars.issue_list if i.kind == "non_finite"] == [("non_finite", 11)]


def test_a_numeric_symbol_column_is_refused() -> None:
    with pytest.raises(BarError, match="column symbol must be text"):
        st.read_bars(pd.DataFrame(columns()).assign(symbol=700))


def test_partitioned_parquet_keeps_tickers_as_text(tmp_path: Path, from_csv: Bars) -> None:
    import pyarrow.parquet as pq

    tickers = {
        "0700": "0700",
        "TRUE": "TRUE",
        "NA": "NA",
        "1E5": "1E5",
        "BRK.B": "BRK.B",
        "BTC/USDT": "BTC%2FUSDT",
    }
    for folder in tickers.values():
        place = tmp_path / "interval=15m" / f"symbol={folder}"
        place.mkdir(parents=True)
        pq.write_table(pa.table(columns()), place / "part.parquet")
    table = pa.table(columns())
    place = tmp_path / "interval=15m" / "symbol=SPLIT"
    place.mkdir()
    pq.write_table(table.slice(0, 25), place / "a.parquet")
    pq.write_table(table.slice(25), place / "b.parquet")
    hourly = tmp_path / "interval=1h"
    hourly.mkdir()
    pq.write_table(pa.table(columns(minutes=60)), hourly / "NA.parquet")
    broken = tmp_path / "interval=15m" / "symbol=BROKEN"
    broken.mkdir()
    (broken / "part.parquet").write_bytes(b"PAR1 no")
    bars = st.read_bars(tmp_path)
    assert bars.symbols == sorted([*tickers, "SPLIT"])
    assert list(bars["NA"]) == ["M15", "H1"]
    assert_same(bars["0700", "M15"], from_csv)
    assert_same(bars["SPLIT", "M15"], from_csv)
    assert "is not a readable parquet file" in str(bars.failures["BROKEN"])
    with pytest.raises(InputError, match=r"'BRK' \(did you mean 'BRK\.B'\?\)"):
        st.read_bars(tmp_path, symbols="BRK")


def test_one_parquet_file(tmp_path: Path, from_csv: Bars) -> None:
    import pyarrow.parquet as pq

    folder = tmp_path / "parquet"
    folder.mkdir()
    pq.write_table(pa.table(columns()), folder / "X_M15.parquet")
    assert_same(st.read_bars(folder / "X_M15.parquet")["X", "M15"], from_csv)
    assert_same(st.read_bars(folder)["X", "M15"], from_csv)


def test_a_frame_without_rows_is_named() -> None:
    empty = pd.DataFrame({name: [] for name in ("time", "open", "high", "low", "close")})
    with pytest.raises(BarError, match="frame of X has no rows"):
        st.read_bars({"X": empty})
