"""`smctrain predict`."""

from __future__ import annotations

import sys
from pathlib import Path


def predict(
    run: Path,
    *,
    data: Path,
    symbol: str | None = None,
    model: str | None = None,
    out: Path | None = None,
    last: int = 10,
) -> int:
    """Predict every bar of `data` with the models of a run.

    Parameters
    ----------
    run
        Run folder.
    data
        Folder or file of bars.
    symbol
        One symbol; all symbols of the run that `data` holds by default.
    model
        Model family; the selected one by default.
    out
        Write all rows to this CSV or parquet file instead of printing the newest.
    last
        Rows to print per symbol.
    """
    from smctrain.bars import read_bars
    from smctrain.deploy import load, read_run, run_symbols

    # Time stamps mean here what they meant in training.
    meaning = read_run(run).config["data"]
    bars = read_bars(
        data, symbols=None if symbol is None else [symbol], tz=meaning["tz"], stamp=meaning["stamp"], fix=meaning["fix"]
    )
    tables = []
    for name in [symbol] if symbol else run_symbols(run):
        if name not in bars:
            print(f"{name}: no bars in {data}", file=sys.stderr)
            continue
        tables.append((name, load(run, symbol=name, model=model).predict_columns(bars[name])))
    if not tables:
        print(f"None of the run's symbols has bars in {data}.", file=sys.stderr)
        return 3
    if out is not None:
        from smctrain.deploy.export import write_table

        write_table(out, tables)
        print(f"Wrote {sum(len(columns['time']) for _, columns in tables)} rows to {out}")
        return 0
    for name, columns in tables:
        print(name)
        keys = [key for key in columns if key != "symbol"]
        print("  " + "  ".join(f"{key:>19}" for key in keys))
        for row in range(max(0, len(columns["time"]) - last), len(columns["time"])):
            print("  " + "  ".join(f"{_text(columns[key][row]):>19}" for key in keys))
    return 0


def _text(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)[:19]
