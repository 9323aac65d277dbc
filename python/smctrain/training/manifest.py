"""What the deployment manifest says about each symbol: the verdict's model, and everything that led to it.

The model of the manifest is the verdict's or none: what may go live is decided in one place. `selected_model` is the
model that passed the selection (gap, floor, agreement of inner and OOS rows); null where none did. `verdict` says
whether it may be deployed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from smctrain.artifact import read_json
from smctrain.results import RunResult, SymbolResult

REVIEW = "MANUAL_REVIEW_REQUIRED"
_NUMBERS = (
    "metric", "n_oos", "n_inner", "n_eff", "design_effect", "configurations", "p_oos", "p_own", "p_in", "p_comb",
    "e_end", "skill", "statistic", "baseline",
)  # fmt: skip


def selection_of(result: SymbolResult) -> dict[str, Any]:
    """The selection of one symbol as `ModelSelector` words it, taken from the verdict."""
    verdict = result.verdict
    evidence = verdict.get("evidence", {})
    failed = {f.model or f.stage: f"training failed: {f.error}" for f in result.failures}
    rejected = failed | dict(verdict.get("rejected", {}))
    entry: dict[str, Any] = {"alternatives": list(verdict.get("alternatives", [])), "rejected": rejected}
    model = verdict.get("model")
    if model is None or model in rejected:
        why = f": best on inner rows was {model}, {rejected[model]}" if model in rejected else ""
        reason = f"No models met quality criteria{why}"
        return {"selected_model": None, "action": REVIEW, "reason": reason, **entry}
    score, gap = evidence.get("score"), evidence.get("gap")
    return {
        "selected_model": model,
        "test_accuracy": evidence.get("statistic"),
        "val_accuracy": evidence.get("val_statistic"),
        "train_val_gap": gap,
        "score": score,
        "reason": f"Best score ({score:.3f}) with gap {gap:.1%}" if score is not None and gap is not None else "",
        **({} if verdict.get("kind") == "DEPLOY" else {"action": REVIEW}),
        **entry,
    }


def manifest_selections(run: RunResult, selections: Mapping[str, Any]) -> dict[str, Any]:
    """Selections with what a deployment needs: verdict and criteria, numbers, artifact, hashes, rollback pointer."""
    before = _previous(run.folder)
    entries: dict[str, Any] = {}
    for symbol, selection in selections.items():
        result = run.symbols[symbol]
        verdict, evidence = result.verdict, result.verdict.get("evidence", {})
        deploys = verdict.get("kind") == "DEPLOY"
        model = result.models.get(selection.get("selected_model") or "")
        artifact = None if model is None else (model.final if deploys and model.final else model.artifact)
        entries[symbol] = {
            **selection,
            "verdict": verdict.get("kind"),
            "verdict_model": verdict.get("model"),
            "verdict_reasons": verdict.get("reasons", []),
            "criteria": verdict.get("criteria", []),
            "n_required": verdict.get("n_required", {}),
            **{name: evidence.get(name) for name in _NUMBERS},
            "interval": [evidence.get("accuracy_low"), evidence.get("accuracy_high")],
            "evaluation": result.evaluation.get("method"),
            "baselines": {
                "majority": evidence.get("majority_accuracy"),
                "validation": evidence.get("val_baseline"),
                "decides": evidence.get("baseline"),
            },
            "probabilities_ok": result.evaluation.get("probabilities", {}).get("ok"),
            "costs": result.labels.get("costs"),
            "label_map": {str(code): value for code, value in enumerate(result.classes)},
            "artifact": artifact,
            "data_hash": result.data_hash,
            "config_hash": result.config_hash,
            "code_hash": run.environment.get("code"),
            "previous": _rollback(before.get(symbol), artifact),
        }
    for failure in run.symbol_failures:
        entries[failure.symbol] = {
            "selected_model": None,
            "reason": f"training failed ({failure.stage}): {failure.error}",
            "action": REVIEW,
            "verdict": None,
        }
    return entries


def _previous(folder: Path | None) -> dict[str, Any]:
    """Entries of the manifest that is about to be replaced."""
    if folder is None:
        return {}
    try:
        found = read_json(folder / "deployment_manifest.json")
        return {
            symbol: dict(entry) | {"timestamp": found["timestamp"]} for symbol, entry in found["selections"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _rollback(before: Mapping[str, Any] | None, artifact: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What was deployed before: the replaced entry's model, or its own pointer where the model is the same."""
    if not before or not before.get("artifact"):
        return None
    if artifact is not None and before["artifact"].get("sha256") == artifact.get("sha256"):
        same: dict[str, Any] | None = before.get("previous")
        return same
    return {name: before.get(name) for name in ("selected_model", "verdict", "artifact", "timestamp")}
