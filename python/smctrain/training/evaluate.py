"""Turns one family's predictions into a `ModelResult`: metrics beside baselines, intervals with honest n, alarms."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain import stats
from smctrain.config import Config
from smctrain.dataset import Dataset
from smctrain.explain import FoldImportance, consensus
from smctrain.metrics import baselines, classification_metrics, trading_report
from smctrain.models.explanation import Table, importance_table, native_importances
from smctrain.results import ModelResult, now
from smctrain.training.calibrating import calibration_record
from smctrain.training.fitting import FamilyFit
from smctrain.training.parts import Parts, Rows
from smctrain.training.stability import StabilityChecker

GAP_REPORTED = 0.15
LOW_ACCURACY = 0.55


def answers(proba: NDArray[np.float64]) -> NDArray[np.int32]:
    """Most probable class code per row; -1 where the model gave no probabilities."""
    silent = np.isnan(proba).any(axis=1)
    return np.where(silent, -1, np.argmax(np.nan_to_num(proba), axis=1)).astype(np.int32)


def evaluate(
    data: Dataset, parts: Parts, config: Config, family: str, fit: FamilyFit, proba: NDArray[np.float64]
) -> ModelResult:
    """Everything that is reported about one model.

    Parameters
    ----------
    proba : float64 (n, K)
        Probabilities of the final model for every bar.
    """
    n_classes = len(parts.label_map.classes)
    named = {"train": parts.train, "validation": parts.validation, "test": parts.test}
    metrics = {name: _metrics(parts.y, proba, rows, n_classes) for name, rows in named.items()}
    metrics["test"]["direction"] = _direction(parts, proba, named["test"])
    references, intervals, n_effective = {}, {}, {}
    for name in ("validation", "test"):
        rows = named[name]
        references[name] = _baselines(data, parts, rows)
        correct = answers(proba[rows]) == parts.y[rows]
        intervals[name], n_effective[name] = accuracy_interval(correct, parts.horizon)
    accuracy = {name: metrics[name]["accuracy"] for name in named}
    gap = accuracy["train"] - accuracy["validation"]
    cv = _stability(fit, parts)
    warnings = list(fit.model.warnings)
    if gap > GAP_REPORTED:
        warnings.append(
            f"training accuracy {accuracy['train']:.1%} against {accuracy['validation']:.1%} on validation: "
            f"gap {gap:.1%} (reported above {GAP_REPORTED:.0%})"
        )
    if cv.get("available") and cv["verdict"] != "stable":
        noise = cv["expected_noise_std"]
        explained = " or more, so that it says nothing about the model" if noise >= cv["std"] else ""
        warnings.append(
            f"cross-validation is {cv['verdict']}: accuracy spreads by {cv['std']:.3f} over the folds; noise alone "
            f"would give {noise:.3f}{explained}"
        )
    if accuracy["test"] < LOW_ACCURACY:
        warnings.append(f"test accuracy {accuracy['test']:.1%} is below {LOW_ACCURACY:.0%}")
    notes = {
        row["note"] for row in (fit.selection.get("final", {}), *fit.selection.get("folds", [])) if row.get("note")
    }
    warnings += [f"feature selection: {note}" for note in sorted(notes)]
    if not fit.model.complete:
        warnings.append(f"the fit ended early ({fit.model.stop_reason}); the model is the best so far")
    history = {
        "train_accuracy": accuracy["train"],
        "val_accuracy": accuracy["validation"],
        "test_accuracy": accuracy["test"],
        "train_val_gap": gap,
        "overfitting_detected": bool(gap > GAP_REPORTED),
        "cv_mean_accuracy": cv.get("mean"),
        "cv_std_accuracy": cv.get("std"),
        "cv_is_stable": cv.get("is_stable"),
        "cv_fold_accuracies": cv.get("folds"),
    }
    return ModelResult(
        symbol=data.symbol,
        model_name=family,
        timestamp=now(),
        history=history,
        train_metrics=metrics["train"],
        val_metrics=metrics["validation"],
        test_metrics=metrics["test"],
        baselines=references,
        intervals=intervals,
        n_effective=n_effective,
        feature_importance=_importance(data, fit),
        importances=_importances(data, fit),
        warnings=warnings,
        training_duration_seconds=round(fit.seconds, 3),
        curves={name: [_plain(v) for v in values] for name, values in fit.model.history.items()},
        cv=cv,
        settings=dict(config.family_settings(family)),
        seed=config.training.seed,
        complete=fit.model.complete,
        stop_reason=fit.model.stop_reason,
        device=getattr(fit.model, "device", ""),
        trading_metrics=_trading(data, parts, proba, config.training.seed),
        calibration=calibration_record(data, parts, proba),
        augmentation=fit.augmentation,
        selection=fit.selection,
    )


def note_pooled(model: ModelResult, codes: NDArray[np.int32], y: NDArray[np.int32], horizon: int) -> None:
    """Put what a family came to over all outer windows beside the numbers of its model."""
    correct = codes == y
    model.history["oos_accuracy"] = float(np.mean(correct))
    model.intervals["oos"], model.n_effective["oos"] = accuracy_interval(correct, horizon)


def probabilities_beat_prior(
    proba: NDArray[np.float64], y: NDArray[np.int32], train_y: NDArray[np.int32]
) -> dict[str, Any]:
    """Whether probabilities are worth more than the class shares of the training rows, by Brier score.

    `ok` False: only the most probable class may be used ("sign only").
    """
    answered = ~np.isnan(proba).any(axis=1)
    if not answered.any():
        return {"ok": False, "brier": None, "prior": None}
    truth = np.eye(proba.shape[1])[y[answered]]
    shares = np.bincount(train_y, minlength=proba.shape[1]) / len(train_y)
    brier = float(((proba[answered] - truth) ** 2).sum(axis=1).mean())
    prior = float(((shares - truth) ** 2).sum(axis=1).mean())
    return {"ok": bool(brier <= prior), "brier": brier, "prior": prior}


def accuracy_interval(correct: NDArray[np.bool_], horizon: int) -> tuple[list[float], float]:
    """95 % interval with the effective sample size, and that size."""
    found = stats.accuracy_interval(correct, horizon)
    return [found.low, found.high], found.n_eff


def _metrics(y: NDArray[np.int32], proba: NDArray[np.float64], rows: Rows, n_classes: int) -> dict[str, Any]:
    """Metrics over the rows the model answers; accuracy counts silence as wrong, `silent_rows` says how many."""
    answered = rows[~np.isnan(proba[rows]).any(axis=1)]
    metrics = dict(classification_metrics(y[answered], np.ascontiguousarray(proba[answered]), n_classes))
    metrics["rows"] = len(rows)
    metrics["silent_rows"] = len(rows) - len(answered)
    if len(rows):
        metrics["accuracy"] = float(np.mean(answers(proba[rows]) == y[rows]))
    return metrics


def _direction(parts: Parts, proba: NDArray[np.float64], rows: Rows) -> dict[str, Any] | None:
    """Target against stop on the rows that met one of them, from the two probabilities alone.

    With a time-out class, multi-class scores flatter: a model that knows when the market is quiet predicts time-outs
    well without knowing where the price goes. This is the part a trade lives on.
    """
    classes = parts.label_map.classes
    if len(classes) < 3 or -1 not in classes or 1 not in classes:
        return None
    columns = [classes.index(-1), classes.index(1)]
    decided = rows[np.isin(parts.y[rows], columns) & ~np.isnan(proba[rows]).any(axis=1)]
    pair = proba[decided][:, columns] + 1e-12
    truth = (parts.y[decided] == columns[1]).astype(np.int32)
    scored = classification_metrics(truth, np.ascontiguousarray(pair / pair.sum(axis=1, keepdims=True)), 2)
    share = float(truth.mean()) if len(truth) else float("nan")
    return {
        "rows": len(decided),
        "accuracy": scored["accuracy"],
        "auc": scored["auc"],
        "majority": max(share, 1.0 - share),
    }


def _baselines(data: Dataset, parts: Parts, rows: Rows) -> dict[str, Any]:
    result = dict(baselines(parts.y[rows], parts.y[parts.train], t0=data.t0[rows], t1=data.t1, all_y=parts.y))
    result["majority_class"] = parts.label_map.classes[int(result["majority_class"])]
    return result


def _stability(fit: FamilyFit, parts: Parts) -> dict[str, Any]:
    folds = fit.folds.accuracies
    if len(folds) < 2 or len(folds) < len(parts.folds):
        return {"available": False, "reason": fit.folds.note or "no folds were run"}
    least = max(50, 10 * parts.horizon)
    smallest = min(len(fold.test) for fold in parts.folds)
    if smallest < least:
        return {
            "available": False,
            "folds": folds,
            "reason": f"the smallest fold has {smallest} rows, and at least {least} (10 times the longest label) are "
            "needed to speak of stability",
        }
    correct = [answers(fit.folds.proba[fold.test]) == parts.y[fold.test] for fold in parts.folds]
    sizes = [stats.effective_sample_size(right.astype(np.int32), parts.horizon) for right in correct]
    checked = StabilityChecker().check(folds, [size.n_eff for size in sizes])
    return {
        "available": True,
        "mean": checked.mean,
        "std": checked.std,
        "min": checked.min,
        "max": checked.max,
        "is_stable": checked.is_stable,
        "verdict": checked.verdict,
        "folds": folds,
        "poor_folds": list(checked.poor_folds),
        "expected_noise_std": checked.expected_noise_std,
        "oof_accuracy": _oof_accuracy(fit, parts),
    }


def _oof_accuracy(fit: FamilyFit, parts: Parts) -> float:
    held = parts.held
    return float(np.mean(answers(fit.folds.proba[held]) == parts.y[held]))


def _importance(data: Dataset, fit: FamilyFit) -> list[dict[str, Any]]:
    values = fit.model.feature_importances()
    if values is None:
        return []
    names = fit.prepare.names_out(scaled=len(values) > len(fit.prepare.kept))
    order = np.argsort(-values, kind="stable")
    return [{"feature": names[i], "importance": float(values[i])} for i in order]


def _importances(data: Dataset, fit: FamilyFit) -> list[dict[str, Any]]:
    """The model's own kind, and what its columns are worth on the inner folds."""
    rows: list[dict[str, Any]] = []
    names = fit.prepare.names_out(scaled=fit.model.n_features > len(fit.prepare.kept))
    for kind, values in list(native_importances(fit.model).items())[:1]:
        rows += _records(importance_table(names, kind, values))
    folds = fit.folds.losses
    if folds and all(folds):
        # A column that a fold dropped is worth nothing there.
        values = np.array([[fold.get(name, 0.0) for name in names] for fold in folds])
        rows += _records(FoldImportance(names, "mda", values).to_table())
    return rows


def _records(table: Table) -> list[dict[str, Any]]:
    whole = {name: [_item(value) for value in column] for name, column in table.items()}
    return [{name: column[i] for name, column in whole.items()} for i in range(len(whole["feature"]))]


def _item(value: Any) -> Any:
    if isinstance(value, str):
        return value
    return int(value) if isinstance(value, np.integer) else _plain(value)


def agreed(models: dict[str, ModelResult]) -> dict[str, Any]:
    """What the families of a symbol agree on: `SymbolResult.consensus`."""
    given: dict[str, list[Table]] = {}
    for name, model in models.items():
        for kind in dict.fromkeys(row["kind"] for row in model.importances):
            rows = [row for row in model.importances if row["kind"] == kind]
            table = {key: np.asarray([row[key] for row in rows]) for key in ("feature", "kind", "raw")}
            if table["raw"].any():  # a model without a split ranks nothing
                given.setdefault(name, []).append(table)
    if len(given) < 2:
        return {}
    found = consensus(given, top=10)
    first, second = np.triu_indices(len(found.families), 1)
    return {
        "families": found.families,
        "top": found.top,
        "features": _records(found.to_table()),
        "agreement": [
            {"first": found.families[a], "second": found.families[b]}
            | {name: _plain(getattr(found, name)[a, b]) for name in ("spearman", "kendall", "rbo")}
            for a, b in zip(first, second, strict=True)
        ],
    }


def _trading(data: Dataset, parts: Parts, proba: NDArray[np.float64], seed: int) -> dict[str, Any]:
    """Outcome of taking the labelled trade on every test row whose most probable class is the target."""
    if max(parts.label_map.classes) <= 0:
        return {}
    rows = parts.test
    take = answers(proba[rows]) == len(parts.label_map.classes) - 1
    outcome = np.ascontiguousarray(data.r[rows])
    report = trading_report(take, outcome, data.t0[rows], data.t1[rows], horizon=parts.horizon, n_draws=500, seed=seed)
    return {
        **report.metrics,
        "trades_effective": report.trades_effective,
        "intervals": {name: list(pair) for name, pair in report.intervals.items()},
        "take_every_row": dict(report.take_every),
        "random_entry": dict(report.random_entry),
    }


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
