"""What the leak guard does on request once models are there: sentinels, and the noise canary on our own columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smctrain.audit.canary import run_canary
from smctrain.audit.sentinels import Sentinel, beside_majority, forest_answers, shifted_label, shuffled_time
from smctrain.audit.subject import SpecSubject
from smctrain.bars import Bars, SymbolBars
from smctrain.config import Config
from smctrain.dataset import Dataset, make_dataset
from smctrain.exceptions import FeatureLeak, SmctrainError, TooFewRows
from smctrain.features import build_features
from smctrain.features.user import UserColumns, with_user_columns
from smctrain.training.bounds import seed_of
from smctrain.training.guard import Guard
from smctrain.training.parts import Parts
from smctrain.training.recipe import base_bars, feature_spec, make_labels

Codes = NDArray[np.int32]


@dataclass(frozen=True)
class OtherSymbol:
    """Bars of another symbol of the run, for the symbol hold-out."""

    bars: SymbolBars
    user: UserColumns | None = None


def watch(
    guard: Guard, data: Dataset, parts: Parts, base: Bars, answers: Mapping[str, Codes], config: Config,
    other: OtherSymbol | None, threads: int,
) -> None:  # fmt: skip
    """What the settings ask for; see `run_sentinels` and `run_noise_canary`."""
    if config.leak_audit.sentinels:
        run_sentinels(guard, data, parts, base, answers, config, other, threads)
    if config.leak_audit.canary:
        run_noise_canary(guard, base, config, threads)


def run_sentinels(
    guard: Guard, data: Dataset, parts: Parts, base: Bars, answers: Mapping[str, Codes], config: Config,
    other: OtherSymbol | None, threads: int,
) -> None:  # fmt: skip
    """Sentinels into the guard's report.

    Parameters
    ----------
    answers : family -> class codes of the test rows

    Raises
    ------
    FeatureLeak
        If a forest that learned from labels in random order still beats the commonest class.
    """
    truth = parts.y[parts.test]
    found: list[Sentinel | None] = [
        shifted_label(family, codes, truth, parts.horizon) for family, codes in answers.items()
    ]
    X = guard.values()
    n_classes = len(parts.label_map.classes)
    seed = seed_of(config.training.seed, data.symbol, "sentinels") % (1 << 32)
    shuffled = shuffled_time(X, parts.y, parts.train, parts.test, n_classes, parts.horizon, seed, threads)
    found.append(shuffled)
    if other is not None:
        found.append(_hold_out(guard, data, parts, base, config, other, seed, threads))
    guard.sentinels = [sentinel for sentinel in found if sentinel is not None]
    loud = sum(not sentinel.ok for sentinel in guard.sentinels)
    guard.checks["sentinels"] = f"{len(guard.sentinels)} asked, {loud} loud"
    if not shuffled.ok:
        raise FeatureLeak(
            f"{data.symbol}: {shuffled.words}: a model that learned nothing must not beat the commonest class. "
            "Held-out labels reach the columns or the training rows."
        )


def _hold_out(
    guard: Guard, data: Dataset, parts: Parts, base: Bars, config: Config, other: OtherSymbol, seed: int, threads: int
) -> Sentinel | None:
    """A forest that learned from another symbol before the test part begins, on the test part of this one."""
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
    codes = parts.label_map.codes(theirs.y)
    begins = base.time_close[parts.test[0]]
    rows = theirs.rows[(codes[theirs.rows] >= 0) & (bars.time_close[theirs.t1[theirs.rows]] < begins)]
    if len(rows) < 100 or len(np.unique(codes[rows])) < 2:
        return None
    kept = guard.kept_columns()
    n_classes = len(parts.label_map.classes)
    answers = forest_answers(theirs.X[:, kept], codes, rows, guard.values(), parts.test, n_classes, seed, threads)
    name = f"forest of {other.bars.symbol}"
    return beside_majority("symbol hold-out", name, answers, parts.y[parts.test], parts.horizon)


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
