"""Bars to measure on: the simulated market for sizes, terminal exports for the real 11 symbols where they exist."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import smctrain as st

ROOT = Path(__file__).resolve().parents[2]
SYMBOLS = 11


@cache
def bars(n: int, timeframe: str = "M15") -> st.Bars:
    """n simulated bars of one symbol, always the same ones."""
    made = st.simulate_market(n_symbols=1, n_bars=n, seed=11, timeframe=timeframe)["SIM1"].base
    assert len(np.unique(made.segment)) == 1
    return made


def frame(b: st.Bars, clock: bool) -> Any:
    """The same bars as the data frame the peers take; `clock` puts the opening times into the index."""
    import pandas as pd

    columns = {name: getattr(b, name) for name in ("open", "high", "low", "close", "volume")}
    return pd.DataFrame(columns, index=pd.DatetimeIndex(b.time) if clock else None)


def find_exports(given: Path | None) -> Path | None:
    """The folder of terminal exports, or None for the simulated market. A folder that is named must exist."""
    if given is not None:
        if not given.is_dir():
            raise SystemExit(f"{given} is not a folder.")
        return given
    candidates = [ROOT.parent / "shared" / "data" / "mt5"]
    if os.environ.get("SMCTRAIN_DATA"):
        base = Path(os.environ["SMCTRAIN_DATA"])
        candidates = [base / "mt5", base, *candidates]
    return next((folder for folder in candidates if any(folder.glob("*_*.csv*"))), None)


def portfolio(folder: Path | None) -> tuple[st.BarSet, str]:
    """The 11 symbols with their higher timeframes, and where they come from."""
    if folder is None:
        return st.simulate_market(n_symbols=SYMBOLS, n_bars=10_000, seed=11), "simulated, higher timeframes resampled"
    return st.read_bars(folder), "terminal exports"
