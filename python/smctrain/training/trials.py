"""What a run tells the trial ledger, and what the ledger tells the run.

A configuration is written down as soon as it was scored on rows that decide, before anybody reads what came of it: a
run that is killed between that moment and its verdict has counted all the same. What is fitted again inside the same
run (other settings, a column in quarantine) is a configuration of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    target = dumps_strict(config.labels.model_dump(mode="json"), indent=None)
    return ledger_key(bars_digest, target, dumps_strict({"method": method, **_plan(config, method)}, indent=None))


def table_key(data: Dataset, config: Config, method: str) -> str:
    """The same for a table of rows: same labels with the same intervals, same split plan, whatever the columns."""
    rows = data.rows
    known = (np.ascontiguousarray(part[rows]).tobytes() for part in (data.y, data.t0, data.t1))
    return ledger_key(
        "table", rows.tobytes(), *known, dumps_strict({"method": method, **_plan(config, method)}, indent=None)
    )


def _plan(config: Config, method: str) -> dict[str, Any]:
    split = config.split.model_dump(mode="json")
    cut = {name: split[name] for name in ("embargo", "calendar", "exclude")}
    evaluation = config.evaluation.model_dump(mode="json", include={"n_splits", "min_train"})
    return cut | (evaluation if method == "walk_forward" else split)


@dataclass
class TrialBook:
    """One run's page of the ledger.

    Parameters
    ----------
    ledger : Ledger or None
        None: nothing is counted across runs.
    key : callable
        Method of the evidence ("walk_forward", "holdout") -> key of the rows.
    """

    ledger: Ledger | None
    key: Callable[[str], str]
    data: Dataset
    config: Config
    run: str = field(default_factory=new_run)
    failed: OSError | None = None
    """Why the ledger could not be written."""
    _known: dict[tuple[str, str], list[bytes]] = field(default_factory=dict)
    """(method, name) -> digest of the answers of each fit under that name."""

    def write(self, rows: EvidenceRows) -> None:
        """Write down what of these answers is not yet: families on inner and OOS rows, what was not used on inner."""
        if self.ledger is None:
            return
        trials = trials_of(rows, self.data, self.config, self.run)
        named: dict[str, list[Trial]] = {}
        for trial in trials:
            named.setdefault(trial.name, []).append(trial)
        new: list[Trial] = []
        for name, together in named.items():
            digest = b"".join(trial.answers.tobytes() for trial in together)
            before = self._known.setdefault((rows.method, name), [])
            if digest in before:
                continue
            before.append(digest)
            number = len(before)
            new += [replace(trial, name=f"{name} (fit {number})") if number > 1 else trial for trial in together]
        try:
            self.ledger.append(self.key(rows.method), new)
        except OSError as error:
            self.failed = error

    def earlier(self, rows: EvidenceRows) -> Trials | None:
        """Trials of other runs on these rows. Where nothing was written for this kind of evidence yet, it is now."""
        if self.ledger is None:
            return None
        if not any(method == rows.method for method, _ in self._known):
            self.write(rows)
        key = self.key(rows.method)
        try:
            if self.failed is not None:
                raise self.failed
            found = self.ledger.read(key)
        except OSError as error:
            # Nobody knows how often these rows were tried: inner rows must not help.
            nothing = np.empty((0, len(rows.oos)), dtype=np.int64)
            why = f"the ledger cannot be used ({error.strerror or error}: {self.ledger.path(key)})"
            return Trials(nothing, None, note=why)
        return found.as_trials(rows.oos, rows.inner, rows.label_map.classes, self.run)


def no_book(data: Dataset, config: Config) -> TrialBook:
    """For whoever counts nothing across runs."""
    return TrialBook(None, lambda method: method, data, config)


def book_of_bars(folder: Path | str | None, bars_digest: str, data: Dataset, config: Config) -> TrialBook:
    """The book of a run on bars; `folder` None: nothing is counted across runs."""
    ledger = None if folder is None else Ledger(folder)
    return TrialBook(ledger, lambda method: key_of(bars_digest, config, method), data, config)


def trials_of(rows: EvidenceRows, data: Dataset, config: Config, run: str) -> list[Trial]:
    """Every configuration these rows hold: the families on inner and OOS rows, what was not used on inner rows."""
    shared = {
        "run": run,
        "classes": tuple(rows.label_map.classes),
        "config_hash": config_hash(config),
        "seed": config.training.seed,
        "features": digest_of(data.names),
    }
    found: list[Trial] = []
    answered: list[tuple[str, str, NDArray[np.int64], NDArray[np.int32]]] = [
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
