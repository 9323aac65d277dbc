"""ModelSelector: reads training results, picks at most one model per symbol, says why the others are out."""

from __future__ import annotations

import importlib
import json
import math
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from smctrain.exceptions import InputError
from smctrain.stats.choice import Candidate, Rules, choose


def _number(value: Any) -> float | None:
    """A finite float, or None for anything else."""
    if value is None or isinstance(value, (bool, str)):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _section(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = record.get(name)
    return value if isinstance(value, Mapping) else {}


def _of_rows(record: Mapping[str, Any], name: str, *rows: str) -> Any:
    """record[name][rows], where rows is the first spelling present; None without."""
    section = _section(record, name)
    return next((section[row] for row in rows if row in section), None)


_NO_ACCURACY = ("_class", "_log_loss", "_brier")


def _best_baseline(record: Mapping[str, Any]) -> float | None:
    """Best accuracy among `baselines` of the validation rows: numbers, or records with an `accuracy`.

    Entries that are no accuracies do not count: labels (`..._class`) and losses (`..._log_loss`, `..._brier`).
    """
    found = _of_rows(record, "baselines", "validation", "val")
    if found is None:
        return None
    if isinstance(found, Mapping):
        entries = [value for name, value in found.items() if not str(name).endswith(_NO_ACCURACY)]
    else:
        entries = [found]
    values = [_number(entry.get("accuracy") if isinstance(entry, Mapping) else entry) for entry in entries]
    return max((value for value in values if value is not None), default=None)


def _judged(selections: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """How many may go live, where verdicts are known."""
    kinds = [entry["verdict"] for entry in selections.values() if "verdict" in entry]
    return {"deploy": kinds.count("DEPLOY")} if kinds else {}


class ModelSelector:
    """Picks the best model per symbol from training results.

    Parameters
    ----------
    max_gap : largest training minus validation accuracy
    min_accuracy : lowest accuracy, in validation and in the test (profile "seed")
    stability_threshold : largest difference between validation and test accuracy; profile "default"
        widens it by what sampling noise explains
    profile : "seed" (the documented thresholds) or "default"
    rank_on : "validation", or "test" as in the source document, which lets the test rows choose

    Notes
    -----
    Score = validation accuracy - 0.5 x gap, a negative gap counting as 0. Test accuracies never rank models:
    they can only refuse the one chosen. Under profile "default" the gap that may reject is
    `history["fold_gap"]`; the in-sample gap only lowers the score. Whether a model may go live is
    decided by the verdict, not here.
    """

    def __init__(
        self,
        max_gap: float = 0.20,
        min_accuracy: float = 0.55,
        stability_threshold: float = 0.05,
        profile: str = "seed",
        rank_on: str = "validation",
    ) -> None:
        self.max_gap = max_gap
        self.min_accuracy = min_accuracy
        self.stability_threshold = stability_threshold
        self.profile = profile
        self.rank_on = rank_on
        self._rules()

    def _rules(self) -> Rules:
        return Rules(self.profile, self.max_gap, self.min_accuracy, self.stability_threshold, self.rank_on)

    def _candidate(self, name: str, record: Mapping[str, Any]) -> Candidate:
        history = _section(record, "history")
        val = _number(_section(record, "val_metrics").get("accuracy", history.get("val_accuracy")))
        oos = _number(_section(record, "test_metrics").get("accuracy", history.get("test_accuracy")))
        if "train_accuracy" in history:
            # The training score itself, not a difference somebody computed with a default of 0.
            train = _number(history["train_accuracy"])
            gap = None if train is None or val is None else train - val
        else:
            gap = _number(history.get("train_val_gap"))
        vetoes = self.profile == "seed"
        fold_gap = _number(history.get("fold_gap"))
        if self.profile == "default" and fold_gap is not None:
            gap, vetoes = fold_gap, True
        return Candidate(
            name=name,
            val=val,
            gap=gap,
            gap_vetoes=vetoes,
            baseline=_best_baseline(record),
            oos=oos,
            n_eff_val=_number(_of_rows(record, "n_effective", "validation", "val")),
            n_eff_oos=_number(_of_rows(record, "n_effective", "test", "oos")),
        )

    def select_best_models(self, results: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """At most one model per symbol.

        Parameters
        ----------
        results : {symbol: {model: training result or error record}}; a symbol may be an error record itself

        Returns
        -------
        dict : {symbol: {selected_model, test_accuracy, val_accuracy, train_val_gap, score, reason,
            alternatives, rejected}}; without a survivor {selected_model: None, reason,
            action: "MANUAL_REVIEW_REQUIRED", alternatives, rejected}. `rejected` maps each model that is
            out to the reason.
        """
        if not isinstance(results, Mapping):
            raise InputError(
                f"results must be a dict symbol -> model -> training result, but is a {type(results).__name__}."
            )
        return {symbol: self._select(records) for symbol, records in results.items()}

    def _select(self, records: Any) -> dict[str, Any]:
        review: dict[str, Any] = {
            "selected_model": None,
            "action": "MANUAL_REVIEW_REQUIRED",
            "alternatives": [],
        }
        if not isinstance(records, Mapping) or "error" in records:
            what = records.get("error") if isinstance(records, Mapping) else "no results"
            return review | {"reason": f"Training failed: {what}", "rejected": {}}
        failed: dict[str, str] = {}
        candidates: list[Candidate] = []
        for name, record in records.items():
            if not isinstance(record, Mapping) or "error" in record:
                what = record.get("error") if isinstance(record, Mapping) else "no result"
                failed[name] = f"training failed: {what}"
            else:
                candidates.append(self._candidate(name, record))
        choice = choose(candidates, self._rules())
        rejected = failed | choice.rejected
        if choice.best is None:
            return review | {"reason": "No models met quality criteria", "rejected": rejected}
        best = choice.best
        if choice.veto is not None:
            why = f"best on validation was {best.name}, {choice.veto}"
            return review | {
                "reason": f"No models met quality criteria: {why}",
                "rejected": rejected,
            }
        assert best.gap is not None
        assert best.oos is not None
        assert best.val is not None
        score = best.score + (best.oos - best.val if self.rank_on == "test" else 0.0)
        return {
            "selected_model": best.name,
            "test_accuracy": best.oos,
            "val_accuracy": best.val,
            "train_val_gap": best.gap,
            "score": score,
            "reason": f"Best score ({score:.3f}) with gap {best.gap:.1%}",
            "alternatives": choice.alternatives,
            "rejected": rejected,
        }

    def save_deployment_manifest(
        self, selections: Mapping[str, Mapping[str, Any]], output_path: str | Path
    ) -> dict[str, Any]:
        """Writes the manifest as strict JSON, all or nothing, and returns it."""
        artifact = importlib.import_module("smctrain.artifact")
        chosen = [entry["selected_model"] for entry in selections.values() if entry.get("selected_model")]
        manifest: dict[str, Any] = artifact.to_json_safe(
            {
                "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
                "selection_criteria": {
                    "max_train_val_gap": self.max_gap,
                    "min_test_accuracy": self.min_accuracy,
                    "max_val_test_diff": self.stability_threshold,
                    "profile": self.profile,
                    "rank_on": self.rank_on,
                },
                "selections": {symbol: dict(entry) for symbol, entry in selections.items()},
                "summary": {
                    "total_symbols": len(selections),
                    "models_selected": len(chosen),
                    "manual_review_needed": len(selections) - len(chosen),
                    **_judged(selections),
                    "selected_by_model": dict(sorted(Counter(chosen).items())),
                },
            }
        )
        text = json.dumps(manifest, indent=2, allow_nan=False, ensure_ascii=False)
        artifact.write_atomic(Path(output_path), (text + "\n").encode("utf-8"))
        return manifest
