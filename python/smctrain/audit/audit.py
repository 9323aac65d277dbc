"""`audit_features`: all checks in one report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from smctrain.audit import checks
from smctrain.audit.borders import border_rows
from smctrain.audit.canary import CanaryResult, LabelCode, run_canary
from smctrain.audit.report import ALL_COLUMNS, Finding, LeakReport
from smctrain.audit.subject import CallableSubject, Market, SpecSubject, Subject
from smctrain.bars.types import Bars, SymbolBars
from smctrain.exceptions import InputError, SmctrainError, TooFewRows
from smctrain.features import FeatureSpec

_LEAST_ROWS = 100


def audit_features(
    bars: Bars | SymbolBars,
    spec_or_callable: FeatureSpec | Callable[[Any], Any] | None = None,
    cuts: int = 200,
    seed: int = 0,
    *,
    canary: bool = True,
    draws: int = 3,
    labels: LabelCode = None,
) -> LeakReport:
    """Whether feature columns know anything that was not finished at the close of their row.

    Columns are built again on bars that end earlier, that continue differently, or that begin later, and compared
    with those built on all bars; then models are given the columns of bars that cannot be predicted.

    Parameters
    ----------
    bars : Bars or SymbolBars
        Bars of one symbol, at least 100; some thousands say more. Of a `SymbolBars` the finest timeframe (for a spec:
        `spec.base`) gives the rows; a spec also reads the higher ones.
    spec_or_callable : FeatureSpec or callable, optional
        Our own columns (preset "default" without it), or a function that takes a data frame (open, high, low, close,
        volume, spread; UTC index of opening times) and returns a frame or series of numbers with the same index, or
        an array with one row per bar.
    cuts : int
        Rows at which the bars are cut, at least 1; the first 60 and the last ones are always among them.
    seed : int
        Of the cuts, the altered bars and the surrogates.
    canary : bool
        Whether to train models on surrogate bars, which takes the longest.
    draws : int
        Surrogates, at least 3.
    labels : mapping or callable, optional
        What the canary predicts: keyword arguments of `triple_barrier`, or a function from `Bars` to `Labels` with at
        most 10 classes, such as `lambda b: st.forward_return(b, "4h", band=0.0)`. Default: target 2, stop 2, time-outs
        by their sign.

    Returns
    -------
    LeakReport
        `.ok`, `.table` (column, kind, first_leaking_row, rows, size, detail), `.to_text()`, `.raise_if_leaking()`.

    Raises
    ------
    InputError
        If an argument is wrong, or the function returns no numbers with the index of the bars.
    TooFewRows
        If there are fewer than 100 bars.

    Notes
    -----
    Readings of a spec must be equal to the bit. Readings of a function may differ by its own noise (two runs on the
    same bars) and by rounding, 1e-10 of their size. Bars on which a function raises are listed in the remarks.
    Cost: about `cuts` / 2 + 70 builds on all bars, plus `draws` times two models. Our own columns are built on as many
    threads as there are cores, 8 at most; a function on one.

    Examples
    --------
    >>> import smctrain as st
    >>> bars = st.simulate_market(n_symbols=1, n_bars=600)["SIM1"]
    >>> report = st.audit_features(bars, lambda f: f[["close"]].shift(-1), cuts=80, canary=False)
    >>> report.ok, report.leaking_columns
    (False, ['close'])
    """
    for name, value, least in (("cuts", cuts, 1), ("draws", draws, 3), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise InputError(f"{name} must be an integer of at least {least}, but is {value!r}.")
    subject, market, base = _subject(bars, spec_or_callable)
    rows = len(market[base])
    if rows < _LEAST_ROWS:
        raise TooFewRows(f"{bars.symbol}: an audit needs at least {_LEAST_ROWS} bars, but there are {rows}.")
    return _audit(subject, market, base, int(cuts), int(seed), int(draws) if canary else 0, labels)


def _subject(
    bars: Bars | SymbolBars, spec_or_callable: FeatureSpec | Callable[[Any], Any] | None
) -> tuple[Subject, Market, str]:
    if not isinstance(bars, Bars | SymbolBars):
        raise InputError(
            f"bars must be the bars of one symbol (Bars or SymbolBars), but are {type(bars).__name__}: take "
            'bars["EURUSD"].'
        )
    frames = {bars.timeframe: bars} if isinstance(bars, Bars) else dict(bars)
    finest = next(iter(frames))
    if spec_or_callable is None:
        spec_or_callable = replace(FeatureSpec(), base=finest)
    if isinstance(spec_or_callable, FeatureSpec):
        spec = spec_or_callable
        if spec.base not in frames:
            raise InputError(
                f"spec.base is {spec.base}, but {bars.symbol} has only {', '.join(frames)} bars: "
                f'use FeatureSpec(base="{finest}").'
            )
        used = (spec.base, *(timeframe for timeframe in spec.used_higher if timeframe in frames))
        return SpecSubject(spec), {timeframe: frames[timeframe] for timeframe in used}, spec.base
    if not callable(spec_or_callable):
        raise InputError(
            f"spec_or_callable must be a FeatureSpec or a function, but is {type(spec_or_callable).__name__}."
        )
    return CallableSubject(spec_or_callable, finest), {finest: frames[finest]}, finest


def _audit(
    subject: Subject, market: Market, base: str, cuts: int, seed: int, draws: int, labels: LabelCode
) -> LeakReport:
    rng = np.random.default_rng(seed)
    bars = market[base]
    n = len(bars)
    done: dict[str, str] = {}
    whole, remarks = checks.build_whole(subject, market)

    borders = border_rows(bars)
    at = checks.cut_rows(n, cuts, [row for rows in borders.values() for row in rows], rng)
    trace = checks.prefix(subject, market, base, whole, at)
    findings = trace.findings("prefix", "when bars are added")
    remarks += trace.remarks("shorter parts")
    done["prefix"] = (
        f"{trace.done} cuts of the bars, the first {min(checks.FIRST_ROWS, n)} rows and the last among them"
        + (f", and borders ({', '.join(borders)})" if borders else "")
    )

    few = sorted({*np.linspace(n // 20, n - 3, checks.FUTURE_CUTS - 1).astype(int).tolist(), n - 2})
    trace = checks.future(subject, market, base, whole, few, rng)
    findings += trace.findings("future", "when later bars are altered")
    remarks += trace.remarks("altered futures")
    done["future"] = f"{trace.done} builds with later bars missing, shuffled or noisy ({len(few)} cuts)"

    leaks, notes, compared = checks.start_up(subject, market, base, whole, rng)
    findings, remarks = findings + leaks, remarks + notes
    done["start-up"] = f"{checks.STARTS} later starts, {compared} columns compared" + (
        "" if subject.exact else " at the end of the bars (a function declares no start-up: remarks only)"
    )

    trace, notes = checks.missing_bar(subject, market, base, whole)
    findings += trace.findings("future", "when a later bar has no prices")
    remarks += trace.remarks("bars with a missing one") + notes
    findings += checks.empty_bar(subject, market, base, whole)
    done["missing bar"] = f"row {n // 2} without prices" + (
        ", and a bar without prices added at three places, by the rule of the catalogue" if subject.exact else ""
    )

    notes = checks.idle_columns(whole)
    remarks += notes
    done["columns"] = f"{len(notes)} constant or duplicate of {len(whole.names)}"

    results, leaks = _canary(subject, bars, draws, seed, labels, done)
    findings += leaks
    return LeakReport(
        symbol=bars.symbol,
        subject=subject.words,
        n_rows=n,
        n_columns=len(whole.names),
        findings=_one_per_column_and_kind(findings),
        remarks=remarks,
        checks=done,
        canary=results,
    )


def _canary(
    subject: Subject, bars: Bars, draws: int, seed: int, labels: LabelCode, done: dict[str, str]
) -> tuple[list[CanaryResult], list[Finding]]:
    if draws == 0:
        done["canary"] = "not asked for"
        return [], []
    try:
        results = run_canary(subject, bars, draws, seed, labels)
    except TooFewRows as error:
        done["canary"] = f"not run: {error}"
        return [], []
    except SmctrainError:
        raise
    except Exception as error:
        if subject.exact:
            raise
        done["canary"] = f"not run: the code fails on surrogate bars ({type(error).__name__}: {error})"
        return [], []
    done["canary"] = f"{draws} surrogates, " + "; ".join(
        f"{r.model} {r.accuracy:.3f}, majority {r.majority:.3f} ({r.excess:+.1f} standard errors)" for r in results
    )
    bad = [r for r in results if not r.ok]
    if not bad:
        return results, []
    worst = max(bad, key=lambda result: result.excess)
    detail = (
        f"the {worst.model} reaches {worst.accuracy:.3f} on bars that cannot be predicted, the majority is "
        f"{worst.majority:.3f} ({worst.excess:.1f} standard errors)"
    )
    return results, [Finding(ALL_COLUMNS, "canary", -1, worst.rows, worst.excess, detail)]


def _one_per_column_and_kind(findings: list[Finding]) -> list[Finding]:
    kept: dict[tuple[str, str], Finding] = {}
    for finding in findings:
        kept.setdefault((finding.column, finding.kind), finding)
    return list(kept.values())
