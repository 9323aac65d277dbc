"""Breaks of a series in words: splits, jumps, bad prints, listings, another security under the same symbol."""

from __future__ import annotations

from collections.abc import Iterable

from smctrain.bars.raw import stamp
from smctrain.bars.types import Bars, Quarantine
from smctrain.exceptions import InputError

KINDS = ("split", "jump", "bad_print", "listing", "ticker_reuse")
_SHOWN = 8
_MEANING = {
    "split": "a segment starts at each",
    "jump": "like a split or a crash; a segment starts at each",
    "bad_print": "set aside, with a segment border on both sides",
    "listing": "first trades; set aside, a segment starts after them",
    "ticker_reuse": "all bars before are set aside",
}


def parse_kinds(quarantine: bool | str | Iterable[str]) -> tuple[str, ...]:
    """Kinds of breaks that count: all (True), none (False), or those named."""
    if isinstance(quarantine, bool):
        return KINDS if quarantine else ()
    names = (quarantine,) if isinstance(quarantine, str) else quarantine
    names = tuple(names) if isinstance(names, Iterable) else (names,)
    for name in names:
        if name not in KINDS:
            raise InputError(f"quarantine must be True, False or some of {', '.join(KINDS)}, but holds {name!r}.")
    return tuple(dict.fromkeys(names))


def describe_breaks(
    bars: Bars, breaks: tuple[Quarantine, ...], active: tuple[str, ...]
) -> Iterable[tuple[str, list[int], str]]:
    """Per kind: its rows (origins) and one line of text. A jump that turned out to be a bad print is left out."""
    levels = [record for record in breaks if record.kind == "bad_print" and record.known_at > record.last]
    for kind in KINDS:
        records = [record for record in breaks if record.kind == kind]
        if kind == "jump":
            records = [r for r in records if not any(level.first <= r.origin <= level.last for level in levels)]
        if not records:
            continue
        shown = "; ".join(_words(bars, record) for record in records[:_SHOWN])
        more = "; ..." if len(records) > _SHOWN else ""
        meaning = _MEANING[kind] if kind in active else "only listed, as quarantine= says"
        yield kind, [record.origin for record in records], f"{shown}{more}: {meaning}"


def _words(bars: Bars, record: Quarantine) -> str:
    t = record.origin
    when = stamp(bars.time[t].astype("datetime64[ns]").astype("int64"))
    if bars.seconds >= 86_400:
        when = when.removesuffix(" 00:00")
    if record.kind == "split":
        return f"{when} {_shares(record.factor)}"
    if record.kind == "jump":
        return f"{when} opens at {record.ratio:.4g} times the previous close"
    if record.kind == "ticker_reuse":
        days = int((bars.time[t] - bars.time[t - 1]).astype("timedelta64[D]").astype(int))
        return f"{when} another security after {days} days without bars"
    if record.known_at > record.last:
        count = record.last - record.first + 1
        return f"{when} {count} bar{'s' if count > 1 else ''} at {record.ratio:.4g} times the level around"
    low, high = (f(getattr(bars, n)[t] for n in ("open", "high", "low", "close")) for f in (min, max))
    return f"{when} from {low:.6g} to {high:.6g}, close {bars.close[t]:.6g}"


def _shares(factor: float) -> str:
    for old in (1, 2, 3, 4):
        if abs(factor * old - round(factor * old)) < 1e-9 and factor > 1:
            return f"{round(factor * old)}:{old}"
        if abs(old / factor - round(old / factor)) < 1e-9 and factor < 1:
            return f"{old}:{round(old / factor)}"
    return f"{factor:.4g}:1"
