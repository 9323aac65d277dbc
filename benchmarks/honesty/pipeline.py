"""From the answers of fits.py to what a goal counts: the verdict, and beside it what the usual rules say."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

import smctrain as st
from honesty.answers import Arrays, unpack
from honesty.fits import SEARCHED
from honesty.processes import HORIZON
from honesty.rules import usual_rules
from smctrain.config import Config, resolve
from smctrain.training.judging import EvidenceRows, judge

FAMILIES = ("RandomForest", "XGBoost", "LogisticRegression", "NeuralNetwork")
EVIDENCE = (
    "shown_model", "p_oos", "p_in", "p_comb", "e_end", "e_max", "skill", "accuracy", "accuracy_low", "accuracy_high",
    "n_eff", "design_effect", "n_required",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How the models are made."""

    preset: str = "default"
    families: tuple[str, ...] = FAMILIES
    seed: int = 42

    def told(self) -> dict[str, Any]:
        """What a stored result was made with; another recipe does not continue it."""
        return {"preset": self.preset, "families": list(self.families), "seed": self.seed}


def _config(told: dict[str, Any]) -> Config:
    return resolve(told["preset"], overrides={"models": told["families"], "training.seed": told["seed"]}).config


def _cut(rows: EvidenceRows, size: int) -> EvidenceRows:
    """The answers the verdict stands on, cut to the first `size` test rows."""
    return dataclasses.replace(
        rows, oos=rows.oos[:size], oos_answers=rows.oos_answers[:, :size],
        also_oos={name: vector[:size] for name, vector in rows.also_oos.items()},
    )  # fmt: skip


def record(rows: EvidenceRows, verdict: Any) -> dict[str, Any]:
    """The verdict, and beside it what the usual rules say about the same answers."""
    y, answers = rows.y[rows.oos].astype(np.int64), rows.oos_answers.astype(np.int64)
    inner = (rows.inner_answers == rows.y[rows.inner]).mean(axis=1)
    majority = int(np.bincount(rows.y[rows.train]).argmax())
    return {
        "n": len(y),
        "kind": verdict.kind,
        "model": verdict.model,
        "failed": list(verdict.failed_rules),
        "e_max_every_row": st.stats.e_process(y, answers, 1).sup,
        **{name: verdict.evidence.get(name) for name in EVIDENCE},
        "usual": usual_rules(y, answers, int(inner.argmax()), majority, rows.horizon),
    }


def fixed(arrays: Arrays, told: dict[str, Any]) -> dict[str, Any]:
    """One fit, judged on each number of test rows."""
    config, whole = _config(told), unpack(arrays)
    cut = [_cut(whole, size) for size in told["sizes"]]
    result: dict[str, Any] = {"sizes": [record(rows, judge(rows, config, 1, None)) for rows in cut]}
    if told["fresh"]:
        result["fresh"] = dict(zip(whole.names, arrays["fresh"].tolist(), strict=True))
        result["fresh_best"] = float(arrays["fresh_best"])
    return result


def walk(arrays: Arrays, told: dict[str, Any]) -> dict[str, Any]:
    """The shipped windows on each number of test rows."""
    config, sizes = _config(told), []
    for size in told["sizes"]:
        rows = unpack(arrays, f"{size}/")
        verdict = judge(rows, config, 1, None)
        entry = record(rows, verdict)
        if told["fresh"]:
            shown = rows.names.index(verdict.model or str(verdict.evidence["shown_model"]))
            entry |= {"fresh": float(arrays[f"{size}/fresh"][shown]), "fresh_best": float(arrays[f"{size}/fresh_best"])}
        sizes.append(entry)
    return {"sizes": sizes}


def symbols(arrays: Arrays, told: dict[str, Any]) -> dict[str, Any]:
    """Symbols judged together."""
    config, verdicts, usual = _config(told), {}, []
    for number in range(told["symbols"]):
        rows = unpack(arrays, f"S{number}/")
        verdict = judge(rows, config, told["symbols"], None)
        verdicts[f"S{number}"] = verdict
        usual.append(record(rows, verdict)["usual"]["deploys"])
    judged = st.verdict.apply_multiple_testing(verdicts)
    return {
        "deployed": sum(v.deploy for v in judged.values()),
        "alone": sum(v.deploy for v in verdicts.values()),
        "usual": {rule: sum(row[rule] for row in usual) for rule in usual[0]},
    }


def search(arrays: Arrays, told: dict[str, Any]) -> dict[str, Any]:
    """The verdict speaks about the best of each family on inner rows; the others are the ledger's."""
    horizon, y = HORIZON, arrays["y"].astype(np.int64)
    inner_rows, train, first, finals = arrays["inner"], arrays["train"], int(arrays["first"]), arrays["finals"]
    answered = np.unpackbits(arrays["answered"], axis=1, count=int(arrays["rows"])).astype(np.int64)
    inner, oos = answered[:, : len(inner_rows)], answered[:, len(inner_rows) :]
    others = np.setdiff1d(np.arange(len(answered)), finals)
    verdict = st.decide(
        y[first:], oos[finals], horizon, y[inner_rows], inner[finals], y[train], arrays["in_sample"].astype(np.int64),
        names=list(SEARCHED), ledger=st.verdict.Trials(oos=oos[others], inner=inner[others]),
    )  # fmt: skip
    chosen = int((inner == y[inner_rows]).mean(axis=1).argmax())
    return {
        "kind": verdict.kind,
        "p_oos": verdict.evidence["p_oos"],
        "usual": usual_rules(y[first:], oos, chosen, int(np.bincount(y[train]).argmax()), horizon),
    }
