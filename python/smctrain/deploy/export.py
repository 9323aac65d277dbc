"""Writes prediction tables to CSV or parquet."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from smctrain.artifact import write_atomic
from smctrain.exceptions import InputError


def write_table(path: str | Path, tables: list[tuple[str, dict[str, Any]]]) -> None:
    """Write (symbol, columns) tables as one file, chosen by its suffix."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet as pq

    parts = [pa.table({"symbol": [symbol] * len(columns["time"]), **columns}) for symbol, columns in tables]
    table = pa.concat_tables(parts, promote_options="default")
    buffer = io.BytesIO()
    suffix = Path(path).suffix.lower()
    if suffix == ".csv":
        pyarrow.csv.write_csv(table, buffer)
    elif suffix == ".parquet":
        pq.write_table(table, buffer)
    else:
        raise InputError(f"out must end in .csv or .parquet, but is {str(path)!r}.")
    write_atomic(path, buffer.getvalue())
