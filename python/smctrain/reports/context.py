"""What the templates read: plain values from results, sentences for people."""

from __future__ import annotations

from collections import Counter
from typing import Any

from smctrain.reports.first_screen import first_screen, tempting
from smctrain.reports.overfitting import gap_of, severity
from smctrain.results import SCHEMA_VERSION, ModelResult, RunResult, SymbolResult

VERDICT_WORDS = {
    "DEPLOY": "A signal was found that chance hardly explains. Past bars only: risk only what you can lose.",
    "NO_EVIDENCE": "No signal was found. That is a normal result, not an error. Do not trade on it.",
    "TOO_LITTLE_DATA": "Too few rows to tell whether there is a small lead. Do not trade on it; what would settle it "
    "stands below.",
}

NOT_EARNING = "The answers beat luck, but trades on them do not earn. Do not trade on it."


def run_context(run: RunResult) -> dict[str, Any]:
    """Context of the summary and of the first screen of the HTML report."""
    symbols = [_symbol_line(result) for result in run.symbols.values()]
    counts = {kind: sum(row["verdict"] == kind for row in symbols) for kind in VERDICT_WORDS}
    warnings = [
        {"symbol": result.symbol, "model": model.model_name, "text": text}
        for result in run.symbols.values()
        for model in result.models.values()
        for text in model.warnings
    ]
    return {
        "schema_version": SCHEMA_VERSION,
        "run": run.name,
        "timestamp": run.timestamp,
        "seconds": run.seconds,
        "interrupted": run.interrupted,
        "pending": run.pending,
        "config_hash": run.config_hash,
        "environment": run.environment,
        "counts": counts,
        "headline": headline(run, counts),
        "verdict_words": VERDICT_WORDS,
        "symbols": symbols,
        "tempting": tempting(symbols),
        "test_rows": _test_rows(run),
        "edges": sorted({edge for row in symbols for edge in row["n_required"]}, key=float, reverse=True),
        "leaderboard": [
            {**row, "warning_texts": run.symbols[row["symbol"]].models[row["model"]].warnings}
            for row in run.leaderboard_rows()
        ],
        "selections": {symbol: result.selection for symbol, result in run.symbols.items()},
        "warnings": warnings,
        "failures": [failure.to_dict() for failure in run.failures],
        "truth": run.truth,
        "settings": _settings(run.config),
    }


def headline(run: RunResult, counts: dict[str, int]) -> str:
    """The run in one sentence."""
    total = len(run.symbols)
    failed = len(run.symbol_failures)
    losing = Counter(str(result.verdict.get("kind")) for result in run.symbols.values() if _would_not_earn(result))
    few, none, little = (counts[kind] - losing[kind] for kind in ("DEPLOY", "NO_EVIDENCE", "TOO_LITTLE_DATA"))
    parts = [f"{few} of {total} symbol{_s(total)} show{'s' if 1 in (few, total) else ''} a signal worth deploying"]
    if none:
        parts.append(f"{none} show{'s' if none == 1 else ''} none")
    if little:
        parts.append(f"{little} {'has' if little == 1 else 'have'} too little data to tell")
    if n := losing.total():
        parts.append(f"{n} beat{'s' if n == 1 else ''} luck, but the trades do not earn")
    if failed:
        parts.append(f"{failed} could not be trained")
    if total == 0:
        return f"Nothing could be trained: {failed} of {failed} symbol{_s(failed)} failed."
    return "; ".join(parts) + "."


def _would_not_earn(result: SymbolResult) -> bool:
    """Nothing but its trades speaks against the model."""
    return set(result.verdict.get("failed_rules", [])) == {"expected_value"}


def _s(n: int) -> str:
    return "" if n == 1 else "s"


def symbol_context(result: SymbolResult) -> dict[str, Any]:
    """Context of one symbol's report."""
    models = [_model_line(model, result) for model in result.models.values()]
    models.sort(key=lambda row: (not row["chosen"], -(row["val_accuracy"] or 0.0), row["model"]))
    return {
        **_symbol_line(result),
        "timeframe": result.timeframe,
        "n_bars": result.n_bars,
        "n_rows": result.n_rows,
        "first_time": result.first_time,
        "last_time": result.last_time,
        "split": result.split,
        "horizon": result.horizon,
        "labels": result.labels,
        "classes": result.classes,
        "dropped_classes": result.dropped_classes,
        "class_shares": result.class_shares,
        "n_features": len(result.features),
        "dropped_features": result.dropped_features,
        "preparation": preparation_words(result.preparation),
        "leak_checks": result.leak_audit.get("checks", {}),
        "feature_choice": feature_choice(result),
        "evidence": {key: value for key, value in result.verdict.get("evidence", {}).items() if _shown(value)},
        "n_required": result.verdict.get("n_required", {}),
        "rejected": result.verdict.get("rejected", {}),
        "selection": result.selection,
        "models": models,
        "consensus": _consensus(result),
        "windows": _windows(result),
        "tuning": tuning_words(result),
        "failures": [failure.to_dict() for failure in result.failures],
        "issues": result.issues,
        "stages": result.stages,
        "seconds": result.seconds,
    }


_IMPUTED = {"median": "the median", "mean": "the mean"}
_SCALED = {
    "standard": "the mean is subtracted and the standard deviation divides",
    "robust": "the median is subtracted and the interquartile range divides",
    "minmax": "the range becomes 0 to 1",
    None: "values are not scaled",
}


def preparation_words(made: dict[str, Any]) -> str:
    """What families that need finite, scaled columns got; empty for results of runs that did not record it."""
    if not made:
        return ""
    fill = _IMPUTED.get(made["impute"], f"{made['fill_value']:g}")
    clip = made["clip"]
    bounds = f"clipped to the quantiles {clip[0]:.2%} to {clip[1]:.2%}" if clip else "not clipped"
    marks = len(made["indicators"])
    shown = f"; {marks} column{_s(marks)} got an indicator of missing values" if marks else ""
    return (
        f"Networks and linear models get {fill} for missing values, {bounds}, then {_SCALED[made['scale']]}: learned "
        f"on {made['fit_rows']} training rows (every fold learns its own){shown}. Trees take the columns as they are."
    )


def feature_choice(result: SymbolResult) -> dict[str, Any]:
    """What was chosen among the columns: a line for each model, and every column of the model that is shown.

    Empty where no model chose columns.
    """
    chosen = {name: model for name, model in result.models.items() if model.selection}
    if not chosen:
        return {}
    shown = result.best.model_name if result.best and result.best.model_name in chosen else next(iter(chosen))
    return {
        "models": [
            {
                "model": name,
                "method": model.selection.get("method"),
                "used": model.selection.get("used", False),
                "reason": model.selection.get("reason", ""),
                "kept": len(model.selection.get("final", {}).get("selected", [])) or None,
                "kept_in_folds": [len(fold["selected"]) for fold in model.selection.get("folds", [])],
                "notes": sorted({fold["note"] for fold in model.selection.get("folds", []) if fold["note"]}),
            }
            for name, model in chosen.items()
        ],
        "shown": shown,
        "columns": _columns_of(chosen[shown].selection),
    }


def _columns_of(selection: dict[str, Any]) -> list[dict[str, Any]]:
    """Per column: in how many folds it was kept, whether the model has it, and the latest reason against it."""
    folds = selection.get("folds", [])
    final = selection.get("final")
    records = [*folds, *([final] if final else [])]
    rows: dict[str, dict[str, Any]] = {}
    for record in records:
        for name in record["selected"]:
            row = rows.setdefault(name, {"feature": name, "folds": 0, "final": False, "reason": ""})
            row["folds"] += record is not final
            row["final"] = row["final"] or record is final
            row["reason"] = record.get("kept_because", {}).get(name, "")
        for dropped in record["dropped"]:
            name = dropped["feature"]
            row = rows.setdefault(name, {"feature": name, "folds": 0, "final": False, "reason": ""})
            row["reason"] = dropped["reason"]
    listed = sorted(rows.values(), key=lambda row: (not row["final"], -row["folds"]))
    return [{**row, "n_folds": len(folds)} for row in listed]


def leak_words(result: SymbolResult) -> str:
    """What the leak guard had to take out, or is loud about; empty when there is nothing to say."""
    audit = result.leak_audit
    loud = any(sentinel["loud"] for sentinel in audit.get("sentinels", []))
    copies = any(remark["kind"] == "copies" for remark in audit.get("remarks", []))
    return str(audit["headline"]) if audit.get("quarantined") or loud or copies else ""


def _symbol_line(result: SymbolResult) -> dict[str, Any]:
    best, verdict = result.best, result.verdict
    reasons = [str(reason) for reason in verdict.get("reasons", [])]
    if str(result.labels.get("costs", "")).startswith("none"):
        reasons.append("No costs were counted, because the data has no spread: real trades earn less than those here.")
    return {
        "symbol": result.symbol,
        "leaks": leak_words(result),
        "verdict": verdict.get("kind"),
        "verdict_word": NOT_EARNING if _would_not_earn(result) else VERDICT_WORDS.get(str(verdict.get("kind")), ""),
        "model": best.model_name if best else None,
        "selected": result.selection.get("selected_model"),
        **result.judged,
        "skill": verdict.get("evidence", {}).get("skill"),
        "balanced": verdict.get("evidence", {}).get("metric") == "balanced_accuracy",
        "reason": reasons[0] if reasons else "",
        "reasons": reasons,
        "n_required": verdict.get("n_required", {}),
        "evaluation": evaluation_words(result),
        "screen": first_screen(result),
    }


def _test_rows(run: RunResult) -> str:
    """What test rows are in this run, in one sentence; empty for results that did not record it."""
    methods = {result.evaluation.get("method") for result in run.symbols.values()}
    windows = (
        "those of later windows, each predicted once by models fitted on the rows before it, all choices made there"
    )
    if methods == {"walk_forward"}:
        return f"{windows}."
    if methods == {"holdout"}:
        return "the newest part of the rows, kept aside."
    if methods == {"walk_forward", "holdout"}:
        return f"{windows}; of symbols too short for that, the newest part of the rows, kept aside."
    return ""


def evaluation_words(result: SymbolResult) -> str:
    """Which rows the verdict stands on."""
    made = result.evaluation
    if made.get("method") != "walk_forward":
        note = f" ({made['note']})" if made.get("note") else ""
        return f"The verdict stands on the test part{note}." if made else ""
    windows = made["windows"]
    return (
        f"Test rows are those of {len(windows)} later windows ({windows[0]['test_first'][:10]} to "
        f"{windows[-1]['test_last'][:10]}), each predicted once by models fitted on the rows before it; the model was "
        f"chosen on the {windows[0]['train_rows']:,} rows before the first."
    )


def _model_line(model: ModelResult, result: SymbolResult) -> dict[str, Any]:
    gap = gap_of(model)
    low, high = model.intervals.get("test") or [None, None]
    return {
        "model": model.model_name,
        "chosen": model.model_name == result.verdict.get("model"),
        "train_accuracy": model.history["train_accuracy"],
        "val_accuracy": model.history["val_accuracy"],
        "test_accuracy": model.history["test_accuracy"],
        "oos_accuracy": model.history.get("oos_accuracy"),
        "low": low,
        "high": high,
        "majority": model.baselines.get("test", {}).get("majority"),
        "last_label": model.baselines.get("test", {}).get("last_label"),
        "balanced_accuracy": model.test_metrics.get("balanced_accuracy"),
        "auc": model.test_metrics.get("auc"),
        "direction_auc": (model.test_metrics.get("direction") or {}).get("auc"),
        "log_loss": model.test_metrics.get("log_loss"),
        "gap": gap,
        "severity": severity(gap),
        "cv": model.cv,
        "confusion": model.test_metrics.get("confusion_matrix") or [],
        "silent_rows": model.test_metrics.get("silent_rows", 0),
        "importance": _importance(model)[:10],
        "warnings": model.warnings,
        "trading": model.trading_metrics,
        "augmentation": model.augmentation,
        "complete": model.complete,
        "stop_reason": model.stop_reason,
        "seconds": model.training_duration_seconds,
        "steps": len(model.curves.get("step", [])),
    }


def _importance(model: ModelResult) -> list[dict[str, Any]]:
    """The model's own importance of each feature, and beside it what it is worth on the inner folds."""
    held_out = {row["feature"]: row for row in model.importances if row["kind"] == "mda"}
    return [
        {
            "feature": row["feature"],
            "importance": row["importance"],
            "held_out": held_out.get(row["feature"], {}).get("raw"),
            "se": held_out.get(row["feature"], {}).get("se"),
        }
        for row in model.feature_importance
    ]


def _consensus(result: SymbolResult) -> dict[str, Any]:
    """The ten features the families put first, and how far the families agree."""
    found = result.consensus
    if not found:
        return {}
    rows = [
        {name: row[name] for name in ("feature", "consensus", "n_agree")}
        | {"scores": [row[family] for family in found["families"]]}
        for row in found["features"][:10]
    ]
    return {"families": found["families"], "top": found["top"], "features": rows, "agreement": found["agreement"]}


def tuning_words(result: SymbolResult) -> list[str]:
    """What the search for settings of a weak symbol came to; empty where there was none."""
    made = result.tuning
    if not made:
        return []
    ends = {
        "tuned": "other settings did better and are used",
        "kept": "nothing did better; the settings stay",
        "review the data": "no settings made it better than that: review the data, the labels and the columns",
    }
    first = (
        f"Weak symbol: the best inner accuracy was {100 * made['best_inner']:.1f} %. A search over settings on rows "
        f"before the test ended with: {ends.get(made['outcome'], made['outcome'])}."
    )
    return [first, *(f"{name}: {found['reason']}" for name, found in made["families"].items())]


def _windows(result: SymbolResult) -> list[dict[str, Any]]:
    """What each outer window came to, a line for each: dates, rows, accuracy of every model."""
    made = result.evaluation
    families = made.get("families", {})
    return [
        {**window, "accuracies": {name: found["windows"][number]["accuracy"] for name, found in families.items()}}
        for number, window in enumerate(made.get("windows", []))
    ]


def _shown(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def _settings(config: dict[str, Any], prefix: str = "") -> list[dict[str, str]]:
    rows: list[dict[str, str]] = []
    for key, value in config.items():
        dotted = f"{prefix}.{key}" if prefix else key
        rows += _settings(value, dotted) if isinstance(value, dict) else [{"key": dotted, "value": str(value)}]
    return rows
