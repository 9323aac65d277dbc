"""What the leak guard does on request once models are there: sentinels, and the noise canary on our own columns.

Sentinels look at the unseen rows the verdict stands on: the pooled outer windows, the test part where there are none.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.audit.canary import run_canary
from smctrain.audit.sentinels import Sentinel, all_columns, forest_proba, later_labels
from smctrain.audit.subject import SpecSubject
from smctrain.bars import Bars, SymbolBars
from smctrain.config import Config
from smctrain.dataset import Dataset, make_dataset
from smctrain.exceptions import FeatureLeak, SmctrainError, SplitLeak, TooFewRows
from smctrain.features import build_features
from smctrain.features.user import UserColumns, with_user_columns
from smctrain.models.registry import make_trainer
from smctrain.training.bounds import Bounds, seed_of
from smctrain.training.guard import Guard
from smctrain.training.isolation import Isolation
from smctrain.training.parts import Parts, Rows
from smctrain.training.recipe import base_bars, feature_spec, make_labels
from smctrain.training.walk_forward import FamilyWindows, Windows


@dataclass(frozen=True)
class OtherSymbol:
    """Bars of another symbol of the run, for the symbol hold-out."""

    bars: SymbolBars
    user: UserColumns | None = None


@dataclass(frozen=True)
class Unseen:
    """Answers of all families on the rows the verdict stands on."""

    rows: Rows
    y: NDArray[np.int32]
    """Class code per bar."""
    n_classes: int
    horizon: int
    proba: Mapping[str, NDArray[np.float64]]
    """family -> (rows, K)"""
    windows: Windows
    """What the first window of is fitted again."""
    found: Mapping[str, FamilyWindows]
    """What the run found on these windows; empty where there are none."""
    settings: Mapping[str, dict[str, Any]]
    """Of each family, as they were used."""


def unseen_rows(
    parts: Parts, proba: Mapping[str, NDArray[np.float64]], windows: Windows | None,
    found: Mapping[str, FamilyWindows], settings: Mapping[str, dict[str, Any]],
) -> Unseen:  # fmt: skip
    """The pooled windows; the test part, answered by `proba` (all bars), where no family has them."""
    if windows is not None and found:
        return Unseen(
            windows.oos, windows.y, len(windows.label_map.classes), windows.horizon,
            {name: family.proba for name, family in found.items()}, windows, found, settings,
        )  # fmt: skip
    one = Windows(parts.label_map, parts.y, parts.horizon, [replace(parts, validation=parts.validation[:0])])
    on_test = {name: of_bars[parts.test] for name, of_bars in proba.items()}
    return Unseen(parts.test, parts.y, len(parts.label_map.classes), parts.horizon, on_test, one, {}, settings)


def run_sentinels(
    guard: Guard, data: Dataset, unseen: Unseen, config: Config, threads: int, stop: NDArray[np.uint8],
    other: tuple[OtherSymbol, Bars] | None = None,
) -> None:  # fmt: skip
    """Sentinels into the guard's report; `other` is another symbol and the bars of this one.

    Raises
    ------
    SplitLeak
        Code "isolation": answers hang on labels or columns of rows that were held out.
    """
    truth = unseen.y[unseen.rows]
    floor = config.leak_audit.max_auc
    found: list[Sentinel | None] = []
    for family, proba in unseen.proba.items():
        found.append(later_labels(family, proba, truth, unseen.horizon))
        found.append(all_columns("all columns", family, proba, truth, unseen.horizon, floor))
    seed = seed_of(config.training.seed, data.symbol, "sentinels") % (1 << 32)
    if other is not None:
        found.append(_hold_out(guard, data, unseen, config, *other, seed, threads))
    isolated = {family: _isolated(guard, data, unseen, config, family, threads, stop, seed) for family in unseen.proba}
    guard.sentinels = [sentinel for sentinel in [*found, *isolated.values()] if sentinel is not None]
    loud = sum(not sentinel.ok for sentinel in guard.sentinels)
    silent = [family for family, sentinel in isolated.items() if sentinel is None]
    guard.checks["sentinels"] = f"{len(guard.sentinels)} asked, {loud} loud" + (
        f"; not compared: held-out rows of {', '.join(silent)}, whose fits ended by the clock or do not repeat"
        if silent
        else ""
    )
    for sentinel in isolated.values():
        if sentinel is not None and sentinel.loud:
            raise SplitLeak(f"{data.symbol}: {sentinel.words}.", "isolation")


def _isolated(
    guard: Guard, data: Dataset, unseen: Unseen, config: Config, family: str, threads: int,
    stop: NDArray[np.uint8], seed: int,
) -> Sentinel | None:  # fmt: skip
    limit = 60.0 * config.training.time_limit_minutes

    def bounds() -> Bounds:
        return Bounds(config.training.seed, threads, stop, time.monotonic() + limit)

    isolation = Isolation(data, unseen.windows, config, guard.quarantine, seed, bounds)
    return isolation.ask(make_trainer(family, unseen.settings[family]), unseen.found.get(family))


def _hold_out(
    guard: Guard, data: Dataset, unseen: Unseen, config: Config, other: OtherSymbol, base: Bars, seed: int,
    threads: int,
) -> Sentinel | None:  # fmt: skip
    """A forest that learned from another symbol before the unseen rows of this one begin."""
    try:
        bars = base_bars(other.bars, config)
        table = build_features(
            other.bars if len(other.bars) > 1 or config.features.higher else bars, feature_spec(bars, config)
        )
        if other.user is not None:
            table = with_user_columns(table, other.user)
        theirs = make_dataset(other.bars.symbol, table, make_labels(bars, config), bars.segment, 100)
    except SmctrainError:
        return None  # the other symbol fails by itself and says why
    if theirs.names != data.names:
        return None
    codes = unseen.windows.label_map.codes(theirs.y)
    begins = base.time_close[unseen.rows[0]]
    rows = theirs.rows[(codes[theirs.rows] >= 0) & (bars.time_close[theirs.t1[theirs.rows]] < begins)]
    if len(rows) < 100 or len(np.unique(codes[rows])) < 2:
        return None
    kept = guard.kept_columns()
    proba = forest_proba(
        theirs.X[:, kept], codes, rows, guard.values(), unseen.rows, unseen.n_classes, seed, threads
    )  # fmt: skip
    means = (
        f"No row and no label of {data.symbol} can have helped a forest that knows {other.bars.symbol} before these "
        "rows begin, so the columns carry the outcome: a person should find out which"
    )
    truth = unseen.y[unseen.rows]
    subject = f"forest of {other.bars.symbol}"
    return all_columns(
        "symbol hold-out", subject, proba, truth, unseen.horizon, config.leak_audit.max_auc, means
    )  # fmt: skip


def run_noise_canary(guard: Guard, base: Bars, config: Config, threads: int) -> None:
    """Check I on our own columns: models on bars that cannot be predicted.

    Raises
    ------
    FeatureLeak
        If a model beats the majority there by more than 3 standard errors.
    """
    draws = config.leak_audit.canary
    try:
        results = run_canary(
            SpecSubject(feature_spec(base, config)), base, draws, config.training.seed,
            lambda bars: make_labels(bars, config), threads,
        )  # fmt: skip
    except TooFewRows as error:
        guard.checks["I noise canary"] = f"not run: {error}"
        return
    guard.canary = results
    guard.checks["I noise canary"] = f"{draws} surrogates, " + "; ".join(
        f"{r.model} {r.accuracy:.3f}, majority {r.majority:.3f} ({r.excess:+.1f} standard errors)" for r in results
    )
    bad = [result for result in results if not result.ok]
    if bad:
        worst = max(bad, key=lambda result: result.excess)
        raise FeatureLeak(
            f"{base.symbol}: the {worst.model} reaches {worst.accuracy:.3f} on bars that cannot be predicted, the "
            f"majority is {worst.majority:.3f} ({worst.excess:.1f} standard errors): the columns know the answer."
        )
