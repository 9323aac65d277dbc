"""Identity of a series: the same bars give the same digest on every machine."""

from __future__ import annotations

import hashlib

import numpy as np

from smctrain.bars.calendars import default_calendar
from smctrain.bars.types import Bars


def fingerprint(bars: Bars) -> str:
    """BLAKE2b digest (64 hex digits) of symbol, timeframe, digits and all columns.

    Columns are hashed as little-endian bytes under their names: an absent column differs from zeros. Closing times and
    trading days count where they are not those of the timeframe and the symbol.
    """
    digest = hashlib.blake2b(digest_size=32)
    for text in (bars.symbol, bars.timeframe, str(bars.digits), str(len(bars))):
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    if bars.calendar != default_calendar(bars.symbol):
        digest.update(f"{bars.calendar.zone} {bars.calendar.roll_ns}".encode() + b"\0")
    for name, column in bars.native().items():
        if column is None or (name == "ts_close" and bars.ends is None):
            continue
        digest.update(name.encode() + b"\0")
        # -0.0 and 0.0 are the same price
        plain = column + 0.0 if column.dtype.kind == "f" else column
        digest.update(np.ascontiguousarray(plain.astype(plain.dtype.newbyteorder("<"))).data)
    return digest.hexdigest()
