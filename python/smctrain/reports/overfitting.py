"""The overfitting report: gaps of all models, those above the line with advice drawn from their own history."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from smctrain.results import SCHEMA_VERSION, ModelResult, RunResult

GAP_LINE = 0.15
_BANDS = ((0.10, "good"), (0.15, "watch"), (0.20, "mild"), (0.25, "moderate"))


def severity(gap: float | None) -> str:
    """good below 10 points, watch to 15, mild to 20, moderate to 25, severe above."""
    if gap is None or not math.isfinite(gap):
        return "unknown"
    return next((word for limit, word in _BANDS if gap <= limit), "severe")


def overfitting_table(run: RunResult) -> dict[str, Any]:
    """All models by gap between training and validation accuracy, worst first."""
    models = [m for result in run.symbols.values() for m in result.models.values()]
    rows = [
        {
            "symbol": m.symbol,
            "model": m.model_name,
            "train_accuracy": m.history["train_accuracy"],
            "val_accuracy": m.history["val_accuracy"],
            "gap": gap_of(m),
            "severity": severity(gap_of(m)),
            "cv_std": m.history.get("cv_std_accuracy"),
            "advice": advice(m),
        }
        for m in models
    ]
    rows.sort(key=lambda row: (row["gap"] is None, -(row["gap"] or 0.0), row["symbol"], row["model"]))
    known = [row for row in rows if row["gap"] is not None]
    gaps = np.array([row["gap"] for row in known], dtype=float)
    by_model = {
        name: float(np.mean([row["gap"] for row in known if row["model"] == name]))
        for name in sorted({row["model"] for row in known})
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "run": run.name,
        "timestamp": run.timestamp,
        "gap_line": GAP_LINE,
        "summary": {
            "models": len(rows),
            "above_line": int(np.sum(gaps > GAP_LINE)),
            "mean_gap": float(gaps.mean()) if len(gaps) else None,
            "max_gap": float(gaps.max()) if len(gaps) else None,
            "min_gap": float(gaps.min()) if len(gaps) else None,
        },
        "mean_gap_by_model": by_model,
        "models": rows,
    }


def gap_of(model: ModelResult) -> float | None:
    """Training minus validation accuracy; None where one of them could not be measured."""
    gap = model.history.get("train_val_gap")
    return None if gap is None or not math.isfinite(gap) else float(gap)


def advice(model: ModelResult) -> list[str]:
    """What this model's own history suggests; empty when nothing is to be done."""
    gap = gap_of(model)
    if gap is None or gap <= GAP_LINE:
        return []
    lines = []
    losses = [v for v in model.curves.get("val_loss", []) if v is not None]
    steps = len(losses)
    if steps >= 3:
        best = int(np.argmin(losses))
        if best < steps - 1:
            lines.append(
                f"Loss on the early-stopping rows was lowest at step {best + 1} of {steps} ({losses[best]:.3f}) and "
                f"ended at {losses[-1]:.3f}: that step was kept, and longer training would not help."
            )
    settings = model.settings
    if model.model_name == "RandomForest":
        leaf, depth = settings.get("min_samples_leaf"), settings.get("max_depth")
        lines.append(f"Trees memorise: raise min_samples_leaf above {leaf} or lower max_depth below {depth}.")
    elif model.model_name == "XGBoost":
        lines.append(
            f"Lower max_depth below {settings.get('max_depth')} or learning_rate below "
            f"{settings.get('learning_rate')}, or raise min_child_weight above {settings.get('min_child_weight')}."
        )
    elif "dropout" in settings:
        lines.append(
            f"Raise dropout above {settings['dropout']} or weight_decay above {settings.get('weight_decay')}, or use "
            "a smaller net."
        )
    rows = model.train_metrics.get("rows")
    if rows is not None and rows < 2000:
        lines.append(f"Only {rows} training rows: more history helps more than any setting.")
    return lines
