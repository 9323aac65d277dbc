"""`smctrain check`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter


def check(
    data: Path,
    *,
    symbols: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    tz: str = "UTC",
    stamp: Literal["open", "close"] = "open",
    json: bool = False,
) -> int:
    """Report what is wrong with bar files: file, kind, first row, how many, an example.

    Exit code 0: clean. 1: issues found. 3: nothing readable.

    Parameters
    ----------
    data
        Folder or file of bars.
    symbols
        Symbols to look at; all by default.
    tz
        Zone of naive time stamps.
    stamp
        Whether time stamps are opening or closing times.
    json
        Print JSON.
    """
    from smctrain.artifact import dumps_strict
    from smctrain.bars import read_bars
    from smctrain.bars.check import render_check

    bars = read_bars(data, symbols=symbols, tz=tz, stamp=stamp)
    if json:
        failures = {symbol: str(error) for symbol, error in bars.failures.items()}
        print(dumps_strict({"issues": [asdict(i) for i in bars.issue_list], "failures": failures}))
    else:
        print(render_check(bars))
    return 1 if bars.issue_list or bars.failures else 0
