"""A run built by hand: two symbols with two models each, a failed symbol, a failed model, and hostile names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smctrain.results import FailureRecord, ModelResult, RunResult, SymbolResult

WHEN = "2024-05-06T07:08:09"
SCRIPT = "<script>alert(1)</script>"
PIPE = "a|b"
LINK = "[x](javascript:alert(1))"
HANDLER = '"><img src=x onerror=alert(1)>'
LINES = "two\nlines | and a cell"
TURNED = "\u202eevil"
FORMULA = r"$\frac{1$"


def make_model(
    symbol: str, name: str, train: float, val: float, test: float, *, folds: bool = True, warn: bool = True
) -> ModelResult:
    steps = [] if name == "RandomForest" else list(range(1, 9))
    return ModelResult(
        symbol=symbol,
        model_name=name,
        timestamp=WHEN,
        history={
            "train_accuracy": train,
            "val_accuracy": val,
            "test_accuracy": test,
            "train_val_gap": train - val,
            "overfitting_detected": train - val > 0.15,
            "cv_mean_accuracy": 0.52 if folds else None,
            "cv_std_accuracy": 0.03 if folds else None,
            "cv_is_stable": True if folds else None,
            "cv_fold_accuracies": [0.5, 0.54] if folds else None,
        },
        train_metrics={"accuracy": train, "rows": 900},
        val_metrics={"accuracy": val, "rows": 200},
        test_metrics={
            "accuracy": test, "rows": 210, "balanced_accuracy": test - 0.02, "auc": float("nan"), "log_loss": 0.69,
            "confusion_matrix": [[60, 45], [40, 65]], "silent_rows": 0, "direction": {"auc": 0.51},
        },
        baselines={"test": {"majority": 0.55, "majority_class": 0, "prior": 0.5, "last_label": 0.56}},
        intervals={"validation": [val - 0.05, val + 0.05], "test": [test - 0.06, test + 0.06]},
        n_effective={"test": 42.0},
        feature_importance=[{"feature": f, "importance": 0.5} for f in (SCRIPT, PIPE)],
        warnings=[f"gap of {LINK} is large", LINES] if warn else [],
        training_duration_seconds=1.25,
        curves={
            "step": steps,
            "train_loss": [1.0 / s for s in steps],
            "val_loss": [0.7 if s < 3 else 0.6 + 0.05 * s if s != 5 else None for s in steps],
        },
        cv={"available": True, "mean": 0.52, "std": 0.03, "verdict": "stable", "folds": [0.5, 0.54]}
        if folds
        else {"available": False, "reason": "no folds were run"},
        settings={"max_depth": 4, "learning_rate": 0.1, "min_child_weight": 5.0, "min_samples_leaf": 10},
        seed=42,
        trading_metrics={
            "trades": 12, "win_rate": 0.4, "expectancy": 0.1, "expectancy_r": 0.1,
            "take_every_row": {"trades": 40, "win_rate": 0.35, "expectancy": -0.1, "expectancy_r": -0.1},
        },
        augmentation={"mean_gain": 0.01, "reason": "short data"},
        importances=[
            {"feature": f, "kind": "mda", "importance": 0.5, "raw": 0.01, "sd": 0.02, "se": None, "rank": 1.5, "n": 5}
            for f in (SCRIPT, PIPE)
        ],
    )  # fmt: skip


def make_choice(used: bool) -> dict[str, Any]:
    """A feature selection of two folds whose names and notes are hostile."""

    def record(fold: int | str) -> dict[str, Any]:
        return {
            "fold": fold, "family": "XGBoost", "selected": [SCRIPT, FORMULA],
            "importances": {SCRIPT: 1.0, FORMULA: 0.0},
            "dropped": [{"feature": PIPE, "reason": LINES}, {"feature": LINK, "reason": HANDLER}],
            "kept_because": {SCRIPT: HANDLER}, "complete": False, "note": LINK,
        }  # fmt: skip

    choice = {"method": "boruta", "used": used, "reason": HANDLER, "folds": [record(0), record(1)]}
    return choice | ({"final": record("final")} if used else {})


def make_symbol(symbol: str, models: list[ModelResult], kind: str, failures: list[FailureRecord]) -> SymbolResult:
    part = {"rows": 900, "first": "2020-01-01T00:00:00", "last": "2021-01-01T00:00:00"}
    return SymbolResult(
        symbol=symbol,
        timeframe="M15",
        n_bars=24_000,
        first_time="2020-01-01T00:00:00",
        last_time="2023-01-01T00:00:00",
        n_rows=1310,
        features=["rsi_14", SCRIPT],
        dropped_features=[{"feature": PIPE, "reason": f"constant {LINK}"}],
        classes=[0, 1],
        dropped_classes=[],
        class_shares={"test": {"0": 0.5, "1": 0.5}},
        split={"train": part, "validation": part, "test": part, "purged": 17},
        horizon=20,
        labels={"status": {"ok": 1310}, "rule": {}, "costs": "spread"},
        models={model.model_name: model for model in models},
        failures=failures,
        verdict={
            "kind": kind,
            "model": models[0].model_name if kind == "DEPLOY" and models else None,
            "reasons": [f"{HANDLER} the interval reaches the baseline", "second reason"],
            "evidence": {"p_value": 0.2, "metric": "accuracy", "skill": 0.012, "note": SCRIPT},
            "n_required": {"0.02": 40919, "0.05": 6547},
            "rejected": {},
        },
        selection={
            "selected_model": models[0].model_name if models else None,
            "test_accuracy": 0.5,
            "train_val_gap": 0.1,
            "alternatives": [model.model_name for model in models[1:]],
            "reason": LINES,
        },
        issues=[{"kind": "gap", "file": f"{SCRIPT}.csv", "count": 3, "first_row": 7, "example": HANDLER}],
        seconds=2.5,
        consensus={
            "families": ["RandomForest", PIPE], "top": 10,
            "features": [
                {"feature": f, "consensus": 0.5, "rank": 1.5, "sd": 0.1, "n_agree": 2, "n_families": 2,
                 "RandomForest": 0.4, PIPE: 0.6}
                for f in (SCRIPT, PIPE)
            ],
            "agreement": [
                {"first": "RandomForest", "second": PIPE, "spearman": None, "kendall": 0.5, "rbo": 0.87}
            ],
        } if len(models) > 1 else {},
    )  # fmt: skip


def make_run(folder: Path | None, symbols: list[SymbolResult], failures: list[FailureRecord]) -> RunResult:
    return RunResult(
        name=f"run {PIPE}",
        timestamp=WHEN,
        symbols={result.symbol: result for result in symbols},
        symbol_failures=failures,
        config={"cv": {"folds": 5}, "symbols": [SCRIPT], "output": {"root": LINK}},
        config_hash="0123",
        folder=folder,
        seconds=12.5,
        truth=[{"symbol": SCRIPT, "planted": True, "bayes_accuracy": 0.6, "majority": 0.55}],
        environment={"python": "3.11", "numpy": "2"},
    )


def failure(symbol: str, model: str | None = None) -> FailureRecord:
    return FailureRecord(
        error=f"{SCRIPT} {LINES}", error_type="BarError", symbol=symbol, stage="bars", model=model, timestamp=WHEN
    )


def make_full_run(folder: Path) -> RunResult:
    first = make_symbol(
        SCRIPT,
        [
            make_model(SCRIPT, "RandomForest", 0.93, 0.56, 0.55),
            make_model(SCRIPT, "XGBoost", 0.72, 0.55, 0.57, folds=False, warn=False),
        ],
        "NO_EVIDENCE",
        [failure(SCRIPT, "LSTM")],
    )
    second = make_symbol(
        PIPE,
        [
            make_model(PIPE, "XGBoost", 0.62, 0.60, 0.61),
            make_model(PIPE, "NeuralNetwork", 0.60, 0.61, 0.60),
        ],
        "DEPLOY",
        [],
    )
    first.models["RandomForest"].selection = make_choice(used=False)
    second.models["XGBoost"].selection = make_choice(used=True)
    return make_run(folder, [first, second], [failure(LINK), failure(TURNED)])


@pytest.fixture
def full_run(tmp_path: Path) -> RunResult:
    return make_full_run(tmp_path / "run")


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """The same run with its reports written; to be read only."""
    from smctrain.reports import write_run

    run = make_full_run(tmp_path_factory.mktemp("written") / "run")
    write_run(run)
    return run


@pytest.fixture
def builders() -> dict[str, Callable[..., Any]]:
    return {"run": make_run, "symbol": make_symbol, "model": make_model, "failure": failure}
