"""Files of bars to a BarSet: what loads, what is reported, what is refused and with which words."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from bar_files import HEADER, walk, write

import smctrain as st
from smctrain.bars import check, render_check
from smctrain.bars.sources import _gunzip
from smctrain.exceptions import BarError, InputError


def kinds(bars: st.BarSet) -> dict[str, int]:
    return {issue.kind: issue.count for issue in bars.issue_list}


def test_a_folder_loads_every_symbol_and_timeframe(tmp_path: Path) -> None:
    write(tmp_path / "EURUSD_M15.csv.gz", walk(50))
    write(tmp_path / "EURUSD_H1.csv", walk(30, minutes=60))
    write(tmp_path / "BRK.B_D1.csv", walk(20, minutes=1440))
    write(tmp_path / "PLAIN.csv", walk(20, minutes=5))
    bars = st.read_bars(tmp_path)
    assert bars.symbols == ["BRK.B", "EURUSD", "PLAIN"]
    assert list(bars["EURUSD"]) == ["M15", "H1"]
    assert list(bars["PLAIN"]) == ["M5"]  # from the median step
    b = bars["EURUSD", "M15"]
    assert b.time.dtype == np.dtype("datetime64[ns]")
    assert b.time[1] == np.datetime64("2024-01-01T00:15")
    assert len(b) == 50
    assert b.digits == 5
    assert b.spread is not None
    assert b.volume is not None
    assert b.spread[0] == 2.0
    assert b.volume[6] == 106.0
    assert b.source == "EURUSD_M15.csv.gz"
    assert not bars.failures


def test_a_bad_file_never_stops_the_others(tmp_path: Path) -> None:
    write(tmp_path / "GOOD_M15.csv.gz", walk(300))
    whole = write(tmp_path / "CUT_M15.csv.gz", walk(300)).read_bytes()
    (tmp_path / "CUT_M15.csv.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "EMPTY_M15.csv").write_bytes(b"")
    write(tmp_path / "TEXT_M15.csv", [*walk(5), "2024-01-01 01:15,1.1,abc,1.1,1.1,1,1"])
    (tmp_path / "LIE_M15.csv.gz").write_bytes(b"time,open\n")
    write(tmp_path / "HEAD_M15.csv", [])
    write(tmp_path / "LOW_M15.csv", ["2024-01-01 01:15,1,1,1"], header="time,open,high,close")
    bars = st.read_bars(tmp_path)
    assert bars.symbols == ["GOOD"]
    told = {symbol: str(error) for symbol, error in bars.failures.items()}
    assert all(isinstance(error, BarError) for error in bars.failures.values())
    assert told == {
        "CUT": "CUT: CUT_M15.csv.gz ends in the middle of its gzip data: the file is truncated. "
        "Fetch or copy it again.",
        "EMPTY": "EMPTY: EMPTY_M15.csv is empty (0 bytes). Export or fetch the file again.",
        "HEAD": "HEAD: HEAD_M15.csv has a header but no bars. Export the file again.",
        "LIE": "LIE: LIE_M15.csv.gz is not gzip data although its name ends in .gz. Rename or fetch it again.",
        "LOW": "LOW: LOW_M15.csv, row 1: the header must name the columns time, open, high, low, close, "
        "but has no low (found: time, open, high, close). Add the header or rename the columns.",
        "TEXT": "TEXT: TEXT_M15.csv, row 7, column high: expected a number, but found 'abc'. "
        "Correct or remove the row.",
    }


def test_one_bad_timeframe_keeps_its_symbol_out_unless_it_is_not_asked_for(tmp_path: Path) -> None:
    write(tmp_path / "X_M15.csv", walk(30))
    (tmp_path / "X_H1.csv").write_bytes(b"")
    write(tmp_path / "Y_M15.csv", walk(30))
    bars = st.read_bars(tmp_path)
    assert bars.symbols == ["Y"]
    assert list(bars.failures) == ["X"]
    assert st.read_bars(tmp_path, timeframes="M15").symbols == ["X", "Y"]


def test_nothing_readable_is_an_error_that_names_all_causes(tmp_path: Path) -> None:
    (tmp_path / "A_M15.csv").write_bytes(b"")
    write(tmp_path / "B_M15.csv", ["x,1,1,1,1,1,1"])
    with pytest.raises(BarError, match=r"A_M15\.csv is empty[\s\S]*B_M15\.csv, row 2, column time"):
        st.read_bars(tmp_path)


def test_damaged_gzip_is_named(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(("\n".join([HEADER, *walk(100)])).encode()))
    data[-6] ^= 0xFF  # the checksum
    (tmp_path / "X_M15.csv.gz").write_bytes(bytes(data))
    with pytest.raises(BarError, match=r"X_M15\.csv\.gz is damaged gzip data"):
        st.read_bars(tmp_path)


def test_gzip_of_several_members_is_read_whole_and_never_past_the_limit(tmp_path: Path) -> None:
    lines = walk(40)
    first, second = "\n".join([HEADER, *lines[:20]]) + "\n", "\n".join(lines[20:])
    data = gzip.compress(first.encode()) + gzip.compress(second.encode())
    (tmp_path / "X_M15.csv.gz").write_bytes(data)
    assert len(st.read_bars(tmp_path)["X", "M15"]) == 40
    with pytest.raises(BarError, match="of text"):
        _gunzip(data, "X_M15.csv.gz", limit=100)


def test_a_single_bad_file_is_named_by_its_symbol(tmp_path: Path) -> None:
    path = write(tmp_path / "X_M15.csv", ["2024-01-01 00:00,1,1,1,one,1,1"])
    with pytest.raises(BarError, match=r"\n  X: X_M15\.csv, row 2, column close: expected a number, but found 'one'"):
        st.read_bars(path)
    path = write(tmp_path / "Y.csv", ["soon," + line for line in walk(5)], header="timeframe," + HEADER)
    with pytest.raises(BarError, match=r"Y: Y\.csv, row 2, column timeframe: expected a name such as M15"):
        st.read_bars(path)


def test_disorder_and_duplicates_need_permission(tmp_path: Path) -> None:
    lines = walk(40)
    bad = [*lines[:10], lines[12], lines[10], lines[11], lines[12], *lines[13:]]
    write(tmp_path / "X_M15.csv", bad)
    with pytest.raises(BarError) as caught:
        st.read_bars(tmp_path)
    assert "X: X_M15.csv, row 13: 2024-01-01 02:30 after 2024-01-01 03:00 is a step back in time (1 such row)" in str(
        caught.value
    )
    assert "row 15: 2024-01-01 03:00 a second time (1 such row)" in str(caught.value)
    assert "fix='sort,drop-duplicates'" in str(caught.value)
    write(tmp_path / "CLEAN_M15.csv", lines)
    bars = st.read_bars(tmp_path, fix=("sort", "drop-duplicates"))
    same = st.read_bars(tmp_path, fix="sort,drop-duplicates")
    for name in ("time", "open", "high", "low", "close", "volume"):
        assert np.array_equal(getattr(bars["X", "M15"], name), getattr(bars["CLEAN", "M15"], name))
        assert np.array_equal(getattr(same["X", "M15"], name), getattr(bars["CLEAN", "M15"], name))
    found = {issue.kind: issue for issue in bars.issue_list if issue.symbol == "X"}
    assert (found["disorder"].first_row, found["disorder"].count) == (13, 1)
    assert (found["duplicate"].first_row, found["duplicate"].count) == (15, 1)
    # Without permission the list still names them.
    issues, failures = check(tmp_path)
    assert {"disorder", "duplicate"} <= {issue.kind for issue in issues if issue.symbol == "X"}
    assert list(failures) == ["X"]
    with pytest.raises(BarError, match="fix='drop-duplicates'"):
        st.read_bars(tmp_path, symbols="X", fix="sort")


def test_incomplete_rows_are_dropped_and_reported(tmp_path: Path) -> None:
    lines = walk(30)
    lines[4] = "2024-01-01 01:00,,1.2,1.0,1.1,1,1"
    lines[7] = "2024-01-01 01:45,1.1,inf,1.0,1.1,1,1"
    lines[9] = lines[9].rsplit(",", 2)[0] + ",,"  # no volume, no spread: the bar stays
    write(tmp_path / "X_M15.csv", lines)
    bars = st.read_bars(tmp_path)
    b = bars["X", "M15"]
    assert len(b) == 28
    assert b.volume is not None
    assert np.isnan(b.volume[7])
    issue = next(i for i in bars.issue_list if i.kind == "non_finite")
    assert (issue.first_row, issue.count) == (6, 2)


def test_odd_bars_are_issues_with_their_rows(tmp_path: Path) -> None:
    lines = walk(400)
    lines[10] = "2024-01-01 02:30,1.1,1.0,1.2,1.1,1,1"
    lines[20] = "2024-01-01 05:00,1.1,1.2,1.0,1.1,-5,1"
    for i in (30, 31, 32):
        lines[i] = f"{lines[i][:16]},1.1,1.1,1.1,1.1,1,1"
    del lines[50:60]
    bars = st.read_bars(write(tmp_path / "X_M15.csv", lines))
    found = {issue.kind: (issue.first_row, issue.count) for issue in bars.issue_list}
    assert found["ohlc"] == (12, 1)
    assert found["negative_volume"] == (22, 1)
    assert found["flat_run"] == (32, 1)
    assert found["gap"] == (52, 1)
    example = {issue.kind: issue.example for issue in bars.issue_list}
    assert example["ohlc"] == "2024-01-01 02:30: open 1.1, high 1, low 1.2, close 1.1"
    assert example["gap"] == "2024-01-01 12:15 to 2024-01-01 15:00; 10 bars missing in all"
    assert len(bars.issues) == len(bars.issue_list)
    assert list(bars.issues.columns) == [
        "file",
        "symbol",
        "timeframe",
        "kind",
        "first_row",
        "count",
        "example",
    ]


def test_too_many_self_contradictions_are_an_error(tmp_path: Path) -> None:
    lines = walk(100)
    for i in (3, 8):
        lines[i] = f"{lines[i][:16]},0,0,0,0,1,1"
    write(tmp_path / "X_M15.csv", lines)
    with pytest.raises(BarError) as caught:
        st.read_bars(tmp_path)
    assert (
        "X: X_M15.csv, row 5: 2 of 100 bars contradict themselves "
        "(2024-01-01 00:45: open 0, high 0, low 0, close 0)" in str(caught.value)
    )
    assert kinds(st.read_bars(tmp_path, max_fault_share=0.05))["non_positive"] == 2


def test_constant_volume_is_kept_and_reported(tmp_path: Path) -> None:
    lines = [line.rsplit(",", 2)[0] + ",0,2" for line in walk(30)]
    bars = st.read_bars(write(tmp_path / "X_M15.csv", lines))
    assert kinds(bars)["constant_volume"] == 30
    assert np.array_equal(bars["X", "M15"].volume, np.zeros(30))


def test_prices_are_snapped_to_the_grid_of_the_symbol(tmp_path: Path) -> None:
    lines = walk(30)
    lines[3] = "2024-01-01 00:45,1.1255600000000001,1.13,1.0999999999999999,1.12,1,1"
    write(tmp_path / "X_M15.csv", lines)
    write(tmp_path / "X_H1.csv", [f"2024-01-01 {h:02d}:00,1.1,1.2,1.0,1.1,1,1" for h in range(9)])
    bars = st.read_bars(tmp_path)
    assert bars["X", "M15"].open[3] == 1.12556
    assert bars["X", "M15"].low[3] == 1.1
    assert bars["X", "H1"].digits == 5  # one grid for all timeframes of a symbol
    assert bars["X", "M15"].point == pytest.approx(1e-5)
    declared = st.read_bars(tmp_path, timeframes="H1", digits={"X": 3})
    assert declared["X", "H1"].digits == 3
    assert st.read_bars(tmp_path, timeframes="H1")["X", "H1"].digits == 1
    rounded = st.read_bars(tmp_path, timeframes="M15", digits=2)
    assert rounded["X", "M15"].open[3] == 1.13
    assert kinds(rounded)["digits"] > 0


def test_prices_off_every_grid_stay_as_they_are(tmp_path: Path) -> None:
    lines = [f"2024-01-01 {h:02d}:00,{1 + h / 3!r},9,1,{1 + h / 3!r},{h},1" for h in range(9)]
    bars = st.read_bars(write(tmp_path / "X_H1.csv", lines))
    assert bars["X", "H1"].digits is None
    assert bars["X", "H1"].point is None
    assert bars["X", "H1"].open[1] == 1 + 1 / 3
    assert "digits" in kinds(bars)


def test_requested_symbols_and_timeframes_must_exist(tmp_path: Path) -> None:
    write(tmp_path / "EURUSD_M15.csv", walk(30))
    write(tmp_path / "EURUSD_H1.csv", walk(30, minutes=60))
    write(tmp_path / "GBPUSD_M15.csv", walk(30))
    with pytest.raises(InputError, match=r"'EURUSDD' \(did you mean 'EURUSD'\?\) not found"):
        st.read_bars(tmp_path, symbols=["EURUSDD"])
    assert st.read_bars(tmp_path, symbols="GBPUSD").symbols == ["GBPUSD"]
    assert list(st.read_bars(tmp_path, symbols="EURUSD", timeframes=["15m"])["EURUSD"]) == ["M15"]
    hourly = st.read_bars(tmp_path, timeframes="H1")
    assert hourly.symbols == ["EURUSD"]
    assert str(hourly.failures["GBPUSD"]) == "GBPUSD: no H1 bars (found: M15)."
    with pytest.raises(InputError, match=r"has no H4 bars \(found: M15, H1\)"):
        st.read_bars(tmp_path, timeframes="H4")
    with pytest.raises(InputError, match="timeframes must be among M1"):
        st.read_bars(tmp_path, timeframes="quarter")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"stamp": "middle"}, "stamp must be 'open' or 'close', but is 'middle'"),
        ({"fix": "repair"}, "fix must hold 'sort' and 'drop-duplicates' only, but holds 'repair'"),
        ({"tz": "Mars/Olympus"}, "tz must be a time zone such as UTC, .* but is 'Mars/Olympus'"),
        ({"tz": "fixed:+25:00"}, "tz must be a time zone"),
        ({"tz": "../etc/passwd"}, "tz must be a time zone"),
        ({"digits": 9}, "digits must be an integer from 0 to 8"),
        ({"fix": 1}, "fix must hold .* but holds 1"),
        ({"symbols": 5}, "symbols must be a name or a list of names, but is 5"),
        ({"symbols": []}, "symbols must be a name or a list of names"),
        ({"max_fault_share": 2}, "max_fault_share must be a number from 0 to 1"),
    ],
)
def test_wrong_arguments_are_named(tmp_path: Path, arguments: dict[str, object], words: str) -> None:
    write(tmp_path / "X_M15.csv", walk(5))
    with pytest.raises(InputError, match=words):
        st.read_bars(tmp_path, **arguments)  # type: ignore[arg-type]


def test_a_wrong_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        st.read_bars(tmp_path / "nothing")
    (tmp_path / "mt5").mkdir()
    with pytest.raises(InputError, match=r"holds no bar files.*It has the folders mt5"):
        st.read_bars(tmp_path)
    with pytest.raises(InputError, match=r"source must be a folder.*but is int"):
        st.read_bars(42)
    with pytest.raises(InputError, match="empty dict"):
        st.read_bars({})


def test_one_file_with_columns_symbol_and_timeframe(tmp_path: Path) -> None:
    lines = [f"{name},{tf},{line}" for name in ("0700", "TRUE", "NA") for tf, line in
             [("M15", x) for x in walk(20)] + [("H1", x) for x in walk(20, minutes=60)]]  # fmt: skip
    path = write(tmp_path / "all.csv", lines, header="symbol,timeframe," + HEADER)
    bars = st.read_bars(path)
    assert bars.symbols == ["0700", "NA", "TRUE"]
    assert [len(bars["TRUE", tf]) for tf in ("M15", "H1")] == [20, 20]
    assert np.array_equal(bars["NA", "H1"].close, bars["0700", "H1"].close)
    assert st.read_bars(path, symbols="NA").symbols == ["NA"]


def test_terminal_export_with_brackets_tabs_and_utf16(tmp_path: Path) -> None:
    lines = [line.replace("-", ".").replace(" ", "\t").replace(",", "\t") for line in walk(20)]
    text = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<SPREAD>\r\n" + "\r\n".join(lines) + "\r\n"
    (tmp_path / "EURUSD_M15_202401010000_202401020000.csv").write_bytes(text.encode("utf-16"))
    write(tmp_path / "SAME_M15.csv", walk(20))
    bars = st.read_bars(tmp_path)
    assert np.array_equal(bars["EURUSD", "M15"].close, bars["SAME", "M15"].close)
    assert np.array_equal(bars["EURUSD", "M15"].time, bars["SAME", "M15"].time)
    assert np.array_equal(bars["EURUSD", "M15"].spread, bars["SAME", "M15"].spread)


def test_the_same_series_twice_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "X_M15.csv", walk(20))
    write(tmp_path / "X_M15.csv.gz", walk(20))
    with pytest.raises(BarError, match=r"X_M15\.csv\.gz and X_M15\.csv both hold M15 bars of X"):
        st.read_bars(tmp_path)


def test_bars_from_the_future_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "X_M15.csv", walk(20, start="2190-01-01T00:00"))
    with pytest.raises(BarError, match=r"X_M15\.csv, row 2: 2190-01-01 00:00 UTC lies in the future"):
        st.read_bars(tmp_path)


def test_a_step_without_a_name_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "X.csv", walk(20, minutes=7))
    with pytest.raises(BarError, match="the median step of 420 s is none of M1"):
        st.read_bars(tmp_path)
    write(tmp_path / "X.csv", walk(1))
    with pytest.raises(BarError, match="it has one bar"):
        st.read_bars(tmp_path)
    (tmp_path / "X.csv").unlink()
    write(tmp_path / "X_M15.csv", walk(20, minutes=60))
    assert "step" in kinds(st.read_bars(tmp_path))


def test_names_from_outside_cannot_break_a_message(tmp_path: Path) -> None:
    write(tmp_path / "a\x1b[31m\nb_M15.csv", ["x\x07,1,1,1,1,1,1"])
    with pytest.raises(BarError) as caught:
        st.read_bars(tmp_path)
    assert "\x1b" not in str(caught.value)
    assert "\x07" not in str(caught.value)


def test_the_report_names_clean_files_faults_and_failures(tmp_path: Path) -> None:
    write(tmp_path / "GOOD_M15.csv", [line.replace(",", ":00Z,", 1).replace(" ", "T") for line in walk(30)])
    lines = walk(400)
    del lines[50:60]
    write(tmp_path / "HOLE_M15.csv", lines)
    (tmp_path / "NONE_M15.csv").write_bytes(b"")
    report = render_check(st.read_bars(tmp_path))
    assert report.splitlines() == [
        "2 symbols, 2 series, 420 bars readable.",
        "",
        "FILE          KIND        COUNT  FIRST ROW  EXAMPLE",
        "GOOD_M15.csv  clean           0          -",
        "HOLE_M15.csv  naive_time    390          2  times name no zone, read as UTC; tz='fixed:+00:00' confirms it",
        "HOLE_M15.csv  gap             1         52  2024-01-01 12:15 to 2024-01-01 15:00; 10 bars missing in all",
        "",
        "1 symbols cannot be used:",
        "  NONE: NONE_M15.csv is empty (0 bytes). Export or fetch the file again.",
    ]
