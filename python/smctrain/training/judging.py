"""From fitted families to one verdict: which rows are evidence, and what everything that was tried answered on them.

walk_forward   OOS: the pooled windows. Inner: out-of-fold rows of the first window, all before the first OOS row
holdout        OOS: the test part. Inner: out-of-fold training rows and the validation part, both before the test
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.config import Config
from smctrain.training.evaluate import answers
from smctrain.training.fitting import FamilyFit
from smctrain.training.parts import LabelMap, Parts, Rows
from smctrain.training.walk_forward import Answers, FamilyWindows, Windows
from smctrain.verdict import Trials, Verdict, decide
from smctrain.verdict.ledger import Trial

CLASS_WORDS = {-1: "stop first", 0: "neither in time", 1: "target first"}


@dataclass(frozen=True)
class EvidenceRows:
    """Answers of all families of a symbol on the rows that decide. Codes are those of `label_map`."""

    method: str
    label_map: LabelMap
    y: NDArray[np.int32]
    """Class code per bar."""
    horizon: int
    oos: Rows
    inner: Rows
    train: Rows
    names: list[str]
    oos_answers: Answers
    """(k, rows of oos)"""
    inner_answers: Answers
    train_answers: Answers
    out_of_fold: bool = True
    """Whether inner folds learned from each other's rows."""
    inner_majority: Answers | None = None
    """(rows of inner,) the commonest class among the rows each inner answer was learned from."""
    also_tried: dict[str, Answers] = field(default_factory=dict)
    """Inner answers of configurations that were scored on inner rows and not used: "family: what"."""
    also_oos: dict[str, Answers] = field(default_factory=dict)
    """OOS answers of those among them that were also scored there."""


def walk_forward_rows(
    windows: Windows, families: Mapping[str, FamilyWindows], also_oos: Mapping[str, Answers] | None = None
) -> EvidenceRows:
    """Evidence of pooled walk-forward windows; `also_oos` are answers of settings that were replaced."""
    also_oos = dict(also_oos or {})
    found = list(families.values())
    return EvidenceRows(
        method="walk_forward",
        label_map=windows.label_map,
        y=windows.y,
        horizon=windows.horizon,
        oos=windows.oos,
        inner=windows.inner,
        train=windows.parts[0].train,
        names=list(families),
        oos_answers=np.stack([family.oos for family in found]),
        inner_answers=np.stack([family.inner for family in found]),
        train_answers=np.stack([family.train for family in found]),
        out_of_fold=windows.parts[0].both_sides,
        also_tried={
            f"{family.family}: {what}": vector
            for family in found
            for what, vector in family.tried.items()
            if f"{family.family}: {what}" in also_oos or not np.array_equal(vector, family.inner)
        },
        also_oos=also_oos,
        inner_majority=fold_majority(windows.parts[0], windows.inner),
    )


def holdout_rows(
    parts: Parts, models: Mapping[str, NDArray[np.float64]], fits: Mapping[str, FamilyFit]
) -> EvidenceRows:
    """Evidence of one test part behind training and validation; `models` are probabilities of all bars."""
    names = list(models)
    rows = parts.validation
    majority = np.full(len(rows), _commonest(parts.y, parts.train), dtype=np.int32)
    inner = {name: answers(models[name][rows]) for name in names}
    also_tried: dict[str, Answers] = {}
    folds = all(len(fits[name].folds.accuracies) == len(parts.folds) > 0 for name in names)
    if folds:
        held = parts.held
        rows = np.concatenate([held, parts.validation])
        majority = np.concatenate([fold_majority(parts, held), majority])
        inner = {name: np.concatenate([answers(fits[name].folds.proba[held]), inner[name]]) for name in names}
        also_tried = {
            # What was not used never saw the validation part: silent there.
            f"{name}: {what}": np.concatenate(
                [answers(outcome.proba[held]), np.full(len(parts.validation), -1, dtype=np.int32)]
            )
            for name in names
            for what, outcome in fits[name].tried.items()
            if outcome is not fits[name].folds
        }
    return EvidenceRows(
        method="holdout",
        label_map=parts.label_map,
        y=parts.y,
        horizon=parts.horizon,
        oos=parts.test,
        inner=rows,
        train=parts.train,
        names=names,
        oos_answers=np.stack([answers(models[name][parts.test]) for name in names]),
        inner_answers=np.stack([inner[name] for name in names]),
        train_answers=np.stack([answers(models[name][parts.train]) for name in names]),
        out_of_fold=folds and parts.both_sides,
        also_tried=also_tried,
        inner_majority=majority,
    )


def fold_majority(part: Parts, rows: Rows) -> Answers:
    """On each row the commonest class of the rows that its fold learned from; of all training rows where no fold holds
    it out."""
    found = np.full(len(part.y), _commonest(part.y, part.train), dtype=np.int32)
    for fold in reversed(part.folds):  # of combinatorial folds the first one answers a row
        found[fold.test] = _commonest(part.y, np.concatenate([fold.fit, fold.stop]))
    return found[rows]


def _commonest(y: NDArray[np.int32], rows: Rows) -> int:
    return int(np.bincount(y[rows]).argmax())


def with_replaced(rows: EvidenceRows, replaced: Sequence[EvidenceRows]) -> EvidenceRows:
    """`rows` with what was answered before everything was fitted again: looked at, so it counts as tried.

    Rows and classes that both have in common count; elsewhere a replaced answer is silent.
    """
    tried, oos = dict(rows.also_tried), dict(rows.also_oos)
    for number, old in enumerate(replaced, 1):
        inner_said = dict(zip(old.names, old.inner_answers, strict=True)) | old.also_tried
        oos_said = dict(zip(old.names, old.oos_answers, strict=True)) | old.also_oos
        classes = (old.label_map.classes, rows.label_map.classes)
        for name, vector in inner_said.items():
            tried[f"{name} (replaced {number})"] = _moved(vector, old.inner, rows.inner, *classes)
        for name, vector in oos_said.items():
            oos[f"{name} (replaced {number})"] = _moved(vector, old.oos, rows.oos, *classes)
    return replace(rows, also_tried=tried, also_oos=oos)


def judge(
    rows: EvidenceRows, config: Config, n_symbols: int, r_net: NDArray[np.float64] | None,
    earlier: Trials | None = None, threads: int = 1, words: Mapping[int, str] | None = None,
    spans: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None,
) -> Verdict:  # fmt: skip
    """`decide` on these rows, with everything else that was tried.

    Parameters
    ----------
    r_net : float64 (n,) or None
        Net outcome of the trade on each bar.
    earlier : Trials or None
        What the ledger holds of other runs.
    words : class value -> word, for the sentences
    spans : (t0, t1), each int64 (n,), or None
        First and last bar of the trade on each bar.
    """
    return decide(
        rows.y[rows.oos],
        rows.oos_answers,
        rows.horizon,
        rows.y[rows.inner],
        rows.inner_answers,
        rows.y[rows.train],
        rows.train_answers,
        names=rows.names,
        r_net=None if r_net is None else r_net[rows.oos],
        inner_r_net=None if r_net is None else r_net[rows.inner],
        profile=config.selector.profile,
        max_gap=config.selector.max_gap,
        min_accuracy=config.selector.min_accuracy,
        stability_threshold=config.selector.stability_threshold,
        ledger=with_own(rows, earlier),
        n_symbols=n_symbols,
        out_of_fold=rows.out_of_fold,
        inner_majority=rows.inner_majority,
        t0=None if spans is None else spans[0][rows.oos],
        t1=None if spans is None else spans[1][rows.oos],
        class_names={code: (words or {}).get(value, str(value)) for code, value in enumerate(rows.label_map.classes)},
        threads=threads,
    )


def with_own(rows: EvidenceRows, earlier: Trials | None) -> Trials | None:
    """Earlier trials and this run's own that were not used."""
    if not rows.also_tried and not rows.also_oos:
        return earlier
    oos = _stack(rows.also_oos, len(rows.oos))
    inner: Any = _stack(rows.also_tried, len(rows.inner))
    if earlier is None:
        return Trials(oos, inner)
    oos = np.concatenate([np.asarray(earlier.oos, dtype=np.int64).reshape(-1, len(rows.oos)), oos])
    inner = None if earlier.inner is None else np.concatenate([np.asarray(earlier.inner, dtype=np.int64), inner])
    return Trials(oos, inner, earlier.lost, earlier.note)


def _moved(vector: Answers, rows: Rows, to: Rows, classes: Sequence[int], into: Sequence[int]) -> Answers:
    """Answers on `rows` as answers on the rows `to`, codes of `classes` as those of `into`."""
    trial = Trial("", "", "", rows, vector.astype(np.int64), tuple(classes))
    return trial.on(to, into).astype(np.int32)


def _stack(vectors: Mapping[str, Answers], n: int) -> NDArray[np.int64]:
    if not vectors:
        return np.empty((0, n), dtype=np.int64)
    return np.stack(list(vectors.values())).astype(np.int64)
