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

    Time stamps are read as the run read its own (data.tz, data.stamp, data.fix).

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
    from smctrain.deploy import load, run_reading, run_symbols
    from smctrain.exceptions import InputError

    if last < 1:
        raise InputError(f"last must be at least 1, but is {last}.")
    bars = read_bars(data, symbols=None if symbol is None else [symbol], **run_reading(run))
    tables = []
    verdicts = []
    for name in [symbol] if symbol else run_symbols(run):
        if name not in bars:
            print(f"{name}: no bars in {data}", file=sys.stderr)
            continue
        predictor = load(run, symbol=name, model=model)
        verdicts.append(predictor.verdict)
        tables.append((name, predictor.predict_columns(bars[name])))
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
    print(
        "time: close of the bar, UTC. 1: target first, -1: stop first, 0: neither within the horizon.", file=sys.stderr
    )
    if any(verdict != "DEPLOY" for verdict in verdicts):
        print("Without DEPLOY a prediction is for study only.", file=sys.stderr)
    return 0


def _text(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)[:19]
