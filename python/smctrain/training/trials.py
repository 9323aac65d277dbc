"""What a run tells the trial ledger, and what the ledger tells the run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from smctrain.artifact import dumps_strict
from smctrain.config import Config
from smctrain.config.layers import config_hash
from smctrain.dataset import Dataset
from smctrain.results import SymbolResult
from smctrain.training.judging import EvidenceRows
from smctrain.verdict import Trials, Verdict
from smctrain.verdict.ledger import INNER, OOS, Judged, Ledger, Trial, digest_of, ledger_key, new_run


def key_of(bars_digest: str, config: Config, method: str) -> str:
    """Which runs judge the same rows: same bars, same target, same split plan."""
    evaluation = config.evaluation.model_dump(mode="json", include={"n_splits", "min_train"})
    split = config.split.model_dump(mode="json")
    cut = {name: split[name] for name in ("embargo", "calendar", "exclude")}
    plan = cut | (evaluation if method == "walk_forward" else split)
    target = config.labels.model_dump(mode="json")
    return ledger_key(
        bars_digest, dumps_strict(target, indent=None), dumps_strict({"method": method, **plan}, indent=None)
    )


def trials_of(rows: EvidenceRows, data: Dataset, config: Config, run: str) -> list[Trial]:
    """Every configuration this run scored: the families on inner and OOS rows, what was not used on inner rows."""
    shared = {
        "run": run,
        "classes": tuple(rows.label_map.classes),
        "config_hash": config_hash(config),
        "seed": config.training.seed,
        "features": digest_of(data.names),
    }
    found: list[Trial] = []
    answered = [
        *((name, OOS, rows.oos, vector) for name, vector in zip(rows.names, rows.oos_answers, strict=True)),
        *((name, INNER, rows.inner, vector) for name, vector in zip(rows.names, rows.inner_answers, strict=True)),
        *((name, INNER, rows.inner, vector) for name, vector in rows.also_tried.items()),
        *((name, OOS, rows.oos, vector) for name, vector in rows.also_oos.items()),
    ]
    for name, stage, where, vector in answered:
        score = float(np.mean(vector == rows.y[where]))
        answers = vector.astype(np.int64)
        found.append(Trial(name=name, stage=stage, rows=where, answers=answers, score=score, **shared))  # type: ignore[arg-type]
    return found


def count_trials(
    folder: Path | None, bars_digest: str, rows: EvidenceRows, data: Dataset, config: Config
) -> Trials | None:
    """Write this run's trials down, and return those of other runs on the same rows."""
    if folder is None:
        return None
    ledger, run = Ledger(folder), new_run()
    key = key_of(bars_digest, config, rows.method)
    try:
        ledger.append(key, trials_of(rows, data, config, run))
        found = ledger.read(key)
    except OSError as error:
        # Nobody knows how often these rows were tried: inner rows must not help.
        nothing = np.empty((0, len(rows.oos)), dtype=np.int64)
        return Trials(nothing, None, note=f"the ledger cannot be used ({error.strerror or error}: {ledger.path(key)})")
    return found.as_trials(rows.oos, rows.inner, rows.label_map.classes, run)


def judged_before(
    folder: Path | None, symbols: Mapping[str, SymbolResult], verdicts: Mapping[str, Verdict], config: Config
) -> list[Judged]:
    """Write this run's verdicts down, and return the newest on every other symbol, timeframe and target."""
    if folder is None:
        return []
    target = dumps_strict(config.labels.model_dump(mode="json"), indent=None)
    own = []
    for symbol, verdict in verdicts.items():
        p, e = verdict.evidence.get("p_comb"), verdict.evidence.get("e_end")
        page = ledger_key(symbol, symbols[symbol].timeframe, target)
        own.append(Judged(page, symbol, 1.0 if p is None else float(p), 0.0 if e is None else float(e)))
    try:
        return Ledger(folder).judge(own)
    except OSError:
        return []  # the run's trials could not be counted either, and its verdicts say so
