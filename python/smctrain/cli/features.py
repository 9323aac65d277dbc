"""`smctrain features`."""

from __future__ import annotations

from typing import Literal


def features(*, preset: Literal["default", "full"] = "default", base: str = "M15", json: bool = False) -> int:
    """Print the catalogue: every column with family, unit, warm-up and when it is known.

    Parameters
    ----------
    preset
        default or full.
    base
        Timeframe decisions are taken on.
    json
        Print JSON.
    """
    from dataclasses import asdict

    from smctrain.artifact import dumps_strict
    from smctrain.features import FeatureSpec

    entries = FeatureSpec(preset=preset, base=base).catalogue()
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
