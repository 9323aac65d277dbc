"""`smctrain features`: the catalogue, or the leak audit of its columns on your bars."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter


def features(
    data: Path | None = None,
    *,
    audit: bool = False,
    preset: Literal["default", "full"] = "default",
    base: str | None = None,
    set_: Annotated[list[str] | None, Parameter(name="--set", consume_multiple=True)] = None,
    settings: Annotated[bool, Parameter(negative="")] = False,
    extra: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    symbols: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    rows: int = 5000,
    cuts: int = 200,
    seed: int = 0,
    tz: str = "UTC",
    stamp: Literal["open", "close"] = "open",
    calendar: str | None = None,
    fix: Annotated[list[Literal["sort", "drop-duplicates"]] | None, Parameter(consume_multiple=True)] = None,
    json: bool = False,
) -> int:
    """Print the catalogue: every column with family, unit, warm-up and when it is known. With --audit: whether any of
    them knows the future on your bars.

    Exit code of the audit: 0 nothing leaks, 1 something leaks or a symbol cannot be read.

    Parameters
    ----------
    data
        Folder or file of bars, for --audit.
    audit
        Build the columns again on bars that end earlier, go on differently or begin later, and on bars that cannot be
        predicted.
    preset
        default or full.
    base
        Timeframe decisions are taken on; without it M15, or the finest of `data`.
    set_
        How columns are computed: --set fvg.min_atr=0.5 smc.swing_left=10.
    settings
        Print what --set can change, with defaults, instead of the columns.
    extra
        Columns behind those of the preset, such as ret_1_lag_2 (2 bars ago), rsi_wilder_14_z_100 (a statistic of the
        last 100 bars: mean, sd, min, max, med, q10, q90, skew, rank, slope, z, ratio, acf1), atr_z50_sq,
        atr_z50__x__ret_1 (a product), log_close_fd_40 (a fractional difference of order 0.4).
    symbols
        Symbols to audit; all by default.
    rows
        Audit only the latest bars of a symbol; 0 for all of them.
    cuts
        Rows at which the bars are cut.
    seed
        Of cuts, altered bars and surrogates.
    tz
        Zone of naive time stamps.
    stamp
        Whether time stamps are opening or closing times.
    calendar
        Trading days of all symbols: XNYS, fx or 24/7.
    fix
        Repairs that are allowed: sort, drop-duplicates.
    json
        Print JSON.
    """
    from smctrain.exceptions import ConfigError

    if audit and data is None:
        raise ConfigError("--audit needs bars: smctrain features DATA --audit.")
    chosen: dict[str, Any] = {"preset": preset, "extra": tuple(extra or ()), "settings": _settings(set_ or [])}
    if data is None:
        return _settings_table(chosen["settings"], json) if settings else _catalogue(chosen, base or "M15", json)
    if not audit:
        raise ConfigError("bars are read for the audit only: smctrain features DATA --audit, or leave DATA out.")
    if rows < 0:
        raise ConfigError(f"--rows must be an integer of at least 0, but is {rows}.")
    from smctrain.bars import read_bars

    bars = read_bars(data, symbols=symbols, tz=tz, stamp=stamp, calendar=calendar, fix=fix or ())
    return _audit(bars, chosen, base, rows, cuts, seed, json)


def _catalogue(chosen: dict[str, Any], base: str, json: bool) -> int:
    from dataclasses import asdict

    from smctrain.artifact import dumps_strict
    from smctrain.exceptions import ConfigError, InputError
    from smctrain.features import FeatureSpec

    try:
        entries = FeatureSpec(base=base, **chosen).catalogue()
    except InputError as error:  # nothing but the options was read
        raise ConfigError(str(error)) from error
    if json:
        print(dumps_strict([asdict(entry) for entry in entries]))
        return 0
    width = max(len(entry.name) for entry in entries)
    for entry in entries:
        print(
            f"{entry.name:<{width}}  {entry.family:<10} {entry.unit:<8} warm-up {entry.warmup:>4}  {entry.definition}"
        )
    print(f"{len(entries)} columns")
    return 0


def _settings(assignments: list[str]) -> dict[str, Any]:
    from smctrain.config import resolve

    prefix = "features.settings."
    full = [text if text.startswith(prefix) else prefix + text for text in assignments]
    return resolve(assignments=full).config.features.settings


def _settings_table(chosen: dict[str, Any], json: bool) -> int:
    from dataclasses import asdict

    from smctrain.artifact import dumps_strict
    from smctrain.features.spec import settings_table

    table = [asdict(row) | {"value": chosen.get(row.key, row.default)} for row in settings_table()]
    if json:
        print(dumps_strict(table))
        return 0
    for row in table:
        print(f"{row['key']:<20}  {dumps_strict(row['value'], indent=None):<26}  {row['meaning']}")
        print(f"{'':<20}  must be {row['allowed']}")
    return 0


def _audit(bars: Any, chosen: dict[str, Any], base: str | None, rows: int, cuts: int, seed: int, json: bool) -> int:
    from smctrain.artifact import dumps_strict, to_json_safe
    from smctrain.audit import audit_features
    from smctrain.bars import SymbolBars
    from smctrain.exceptions import InputError
    from smctrain.features import FeatureSpec

    reports, failures = [], {symbol: str(error) for symbol, error in bars.failures.items()}
    for symbol in bars.symbols:
        try:
            timeframe = base or bars[symbol].base.timeframe
            frames = dict(bars[symbol])
            if timeframe in frames and rows:
                frames[timeframe] = frames[timeframe][max(0, len(frames[timeframe]) - rows) :]
            spec = FeatureSpec(base=timeframe, **chosen)
            report = audit_features(SymbolBars(symbol, frames), spec, cuts, seed)
        except InputError as error:  # the other symbols go on
            failures[symbol] = str(error)
            continue
        reports.append(report)
        if not json:
            print(report.to_text(), flush=True)
    if json:
        print(dumps_strict(to_json_safe({"reports": [r.to_dict() for r in reports], "failures": failures})))
    for message in failures.values():
        print(message, file=sys.stderr)
    return 0 if reports and not failures and all(report.ok for report in reports) else 1
