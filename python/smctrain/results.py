"""What a run leaves behind, as plain values: written once by training, read by reports, selection and deployment.

Every record turns into strict JSON and back (`to_dict`, `from_dict`); keys of `mission` 5.1 keep name and meaning.
"""

from __future__ import annotations

import datetime as dt
import traceback as _traceback
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from smctrain.verdict import Verdict

SCHEMA_VERSION = 1


def now() -> str:
    """Current time as ISO text, seconds, UTC."""
    return dt.datetime.now(dt.UTC).replace(microsecond=0, tzinfo=None).isoformat()


@dataclass
class _Record:
    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        known = {f.name for f in fields(cls)}
        return cls(**{key: value for key, value in data.items() if key in known})


@dataclass
class FailureRecord(_Record):
    """A symbol or model that could not be trained; the others went on."""

    error: str
    error_type: str
    symbol: str
    stage: str
    """bars, features, labels, dataset, split, training, artifact, worker ..."""
    model: str | None = None
    timestamp: str = field(default_factory=now)
    traceback: str = ""
    training_duration_seconds: float = 0.0

    @classmethod
    def of(
        cls, error: BaseException, symbol: str, stage: str, model: str | None = None, seconds: float = 0.0
    ) -> FailureRecord:
        """Record of an exception."""
        return cls(
            error=str(error) or type(error).__name__,
            error_type=type(error).__name__,
            symbol=symbol,
            stage=stage,
            model=model,
            traceback="".join(_traceback.format_exception(error)),
            training_duration_seconds=round(seconds, 3),
        )


@dataclass
class ModelResult(_Record):
    """One trained model of one symbol."""

    symbol: str
    model_name: str
    timestamp: str
    history: dict[str, Any]
    """train_accuracy, val_accuracy, test_accuracy, train_val_gap, overfitting_detected, cv_* (null if unavailable);
    oos_accuracy over the pooled outer windows, where there are any."""
    train_metrics: dict[str, Any]
    val_metrics: dict[str, Any]
    test_metrics: dict[str, Any]
    baselines: dict[str, Any]
    """Per part (validation, test): majority, majority_class, prior, last_label."""
    intervals: dict[str, Any]
    """95 % interval of the accuracy per part, from the effective sample size."""
    n_effective: dict[str, float]
    feature_importance: list[dict[str, Any]]
    warnings: list[str]
    training_duration_seconds: float
    curves: dict[str, list[float | None]]
    """Per epoch or round: step, train_loss, val_loss, train_accuracy, val_accuracy, grad_norm, learning_rate."""
    cv: dict[str, Any]
    """mean, std, folds, verdict, poor_folds ...; {"available": false, "reason": ...} when it could not be run."""
    settings: dict[str, Any]
    seed: int
    complete: bool = True
    stop_reason: str = ""
    device: str = ""
    """Where a network was trained, "cpu" or "cuda"; empty for other families."""
    trading_metrics: dict[str, Any] = field(default_factory=dict)
    calibration: dict[str, Any] = field(default_factory=dict)
    """reliability and ece per part, probabilities_ok, calibrator and threshold from validation rows (reported only)."""
    augmentation: dict[str, Any] = field(default_factory=dict)
    importances: list[dict[str, Any]] = field(default_factory=list)
    """Rows of importance tables: feature, kind, importance, raw, sd, se, rank, n. First the model's own kind, then
    `mda`: how much the log-loss rises on inner folds when the column is moved, where that was measured."""
    artifact: dict[str, Any] = field(default_factory=dict)
    """path (relative to the run folder), sha256, bytes."""
    final: dict[str, Any] = field(default_factory=dict)
    """The model refit on all rows, of the model that may go live: path, sha256, bytes, rows, rounds (null: as set)."""
    data_hash: str = ""
    config_hash: str = ""
    selection: dict[str, Any] = field(default_factory=dict)
    """Of features: method, used, reason, mean_gain, standard_error; folds and final: selected, importances, dropped."""

    def __repr__(self) -> str:
        accuracy = self.history.get("test_accuracy")
        majority = self.baselines.get("test", {}).get("majority")
        numbers = ", ".join(
            f"{word} {100 * value:.1f} %"
            for word, value in (("test accuracy", accuracy), ("majority", majority))
            if value is not None
        )
        return f"ModelResult({self.symbol} {self.model_name}{': ' + numbers if numbers else ''})"


@dataclass
class SymbolResult(_Record):
    """All models of one symbol, the split they were trained on, and the verdict."""

    symbol: str
    timeframe: str
    n_bars: int
    first_time: str
    last_time: str
    n_rows: int
    """Labelled decision rows."""
    features: list[str]
    dropped_features: list[dict[str, str]]
    classes: list[int]
    dropped_classes: list[dict[str, Any]]
    class_shares: dict[str, dict[str, float]]
    """Part -> class -> share."""
    split: dict[str, Any]
    """Rows, dates and purge counts of train, validation, test."""
    horizon: int
    """Longest label in rows: what neighbouring rows share."""
    labels: dict[str, Any]
    """Counts per status and rule, costs."""
    models: dict[str, ModelResult]
    failures: list[FailureRecord]
    verdict: dict[str, Any]
    """kind, model, reasons, evidence, n_required, action, alternatives, rejected."""
    selection: dict[str, Any] = field(default_factory=dict)
    evaluation: dict[str, Any] = field(default_factory=dict)
    """On which rows the verdict stands: `method` (walk_forward, holdout), `rows`, `note`; `windows` with rows and
    dates, and per family what each window came to."""
    tuning: dict[str, Any] = field(default_factory=dict)
    """Of a weak symbol: `best_inner`, `outcome` (tuned, kept, review the data), `families` with their trials."""
    issues: list[dict[str, Any]] = field(default_factory=list)
    preparation: dict[str, Any] = field(default_factory=dict)
    """How columns were imputed, clipped and scaled, on how many training rows, and which got an indicator."""
    data_hash: str = ""
    config_hash: str = ""
    seconds: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    """Wall seconds per stage."""
    leak_audit: dict[str, Any] = field(default_factory=dict)
    """What the leak guard checked and found: `LeakReport.to_dict()`."""
    consensus: dict[str, Any] = field(default_factory=dict)
    """What the families agree on: `families`, `features` (rows of the consensus table), `agreement` (a row for each
    pair of families). Empty with fewer than two families that have importances."""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SymbolResult:
        record = super().from_dict(data)
        record.models = {
            name: value if isinstance(value, ModelResult) else ModelResult.from_dict(value)
            for name, value in record.models.items()
        }
        record.failures = [
            value if isinstance(value, FailureRecord) else FailureRecord.from_dict(value) for value in record.failures
        ]
        return record

    def __getitem__(self, model: str) -> ModelResult:
        try:
            return self.models[model]
        except KeyError:
            failed = next((f.error for f in self.failures if f.model == model), None)
            hint = f"it failed: {failed}" if failed else f"trained: {', '.join(self.models) or 'none'}"
            raise KeyError(f"{self.symbol} has no model {model!r}; {hint}.") from None

    def __repr__(self) -> str:
        return f"SymbolResult({self.symbol} {self.timeframe}: {self.verdict.get('kind')}; {', '.join(self.models)})"

    @property
    def best(self) -> ModelResult | None:
        """The model the verdict speaks about; without one, the best on validation."""
        name = self.verdict.get("model") or self.verdict.get("evidence", {}).get("shown_model")
        if name in self.models:
            return self.models[name]
        ranked = sorted(self.models.values(), key=lambda m: (-(m.val_metrics.get("accuracy") or 0.0), m.model_name))
        return ranked[0] if ranked else None

    @property
    def judged(self) -> dict[str, Any]:
        """Of the rows the verdict stands on: accuracy of the shown model with its interval, majority, rows."""
        evidence, best = self.verdict.get("evidence", {}), self.best
        if evidence.get("accuracy") is not None:
            names = ("accuracy", "accuracy_low", "accuracy_high", "majority_accuracy", "n_oos", "n_eff")
            values = [evidence.get(name) for name in names]
        elif best is not None:
            values = [
                best.history.get("test_accuracy"), *(best.intervals.get("test") or [None, None]),
                best.baselines.get("test", {}).get("majority"), best.test_metrics.get("rows"),
                best.n_effective.get("test"),
            ]  # fmt: skip
        else:
            values = [None] * 6
        return dict(zip(("accuracy", "low", "high", "majority", "n_test", "n_effective"), values, strict=True))


@dataclass
class RunResult:
    """A finished run. `run["EURUSD"]["XGBoost"]` is one model's result.

    Attributes
    ----------
    symbols : dict of str to SymbolResult
    failures : list of FailureRecord
        Symbols and models that could not be trained.
    config : dict
        The resolved settings.
    folder : Path or None
        The run folder.
    """

    name: str
    timestamp: str
    symbols: dict[str, SymbolResult]
    symbol_failures: list[FailureRecord]
    config: dict[str, Any]
    config_hash: str
    folder: Path | None = None
    seconds: float = 0.0
    truth: list[dict[str, Any]] = field(default_factory=list)
    interrupted: bool = False
    pending: list[str] = field(default_factory=list)
    """Symbols an interrupted run did not get to."""
    environment: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, symbol: str) -> SymbolResult:
        if symbol in self.symbols:
            return self.symbols[symbol]
        failed = next((f.error for f in self.symbol_failures if f.symbol == symbol), None)
        hint = f"it failed: {failed}" if failed else f"trained: {', '.join(self.symbols) or 'none'}"
        raise KeyError(f"The run has no symbol {symbol!r}; {hint}.")

    def __iter__(self) -> Iterator[str]:
        return iter(self.symbols)

    def __repr__(self) -> str:
        kinds = [result.verdict.get("kind") for result in self.symbols.values()]
        counts = [
            f"{kinds.count(kind)} {kind}" for kind in ("DEPLOY", "NO_EVIDENCE", "TOO_LITTLE_DATA") if kind in kinds
        ]
        failed = [f"{len(self.failures)} failed"] if self.failures else []
        return f"RunResult({self.name}: {', '.join([*counts, *failed]) or 'nothing trained'})"

    @property
    def failures(self) -> list[FailureRecord]:
        """Everything that failed: symbols first, then single models."""
        return [*self.symbol_failures, *(f for result in self.symbols.values() for f in result.failures)]

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """Verdict per symbol."""
        from smctrain.verdict import Verdict

        return {symbol: Verdict.from_dict(result.verdict) for symbol, result in self.symbols.items()}

    @property
    def report_path(self) -> Path | None:
        """Path of `report.html`."""
        return None if self.folder is None else self.folder / "report.html"

    def leaderboard_rows(self) -> list[dict[str, Any]]:
        """One row per symbol and model, verdict's model first, then by validation accuracy."""
        rows = []
        for symbol, result in self.symbols.items():
            chosen = result.verdict.get("model")
            for model in sorted(
                result.models.values(),
                key=lambda m: (m.model_name != chosen, -(m.val_metrics.get("accuracy") or 0.0), m.model_name),
            ):
                interval = model.intervals.get("test") or [None, None]
                rows.append(
                    {
                        "symbol": symbol,
                        "model": model.model_name,
                        "selected": model.model_name == chosen,
                        "verdict": result.verdict.get("kind"),
                        "train_accuracy": model.history.get("train_accuracy"),
                        "val_accuracy": model.history.get("val_accuracy"),
                        "test_accuracy": model.history.get("test_accuracy"),
                        "test_low": interval[0],
                        "test_high": interval[1],
                        "oos_accuracy": model.history.get("oos_accuracy"),
                        "majority": model.baselines.get("test", {}).get("majority"),
                        "cv_mean": model.history.get("cv_mean_accuracy"),
                        "cv_std": model.history.get("cv_std_accuracy"),
                        "gap": model.history.get("train_val_gap"),
                        "seconds": model.training_duration_seconds,
                        "warnings": len(model.warnings),
                    }
                )
        return rows

    @property
    def leaderboard(self) -> Any:
        """`leaderboard_rows` as a table (an empty one with the same columns when nothing was trained)."""
        rows = self.leaderboard_rows()
        try:
            import pandas as pd
        except ImportError:
            return rows
        return pd.DataFrame(rows, columns=list(rows[0]) if rows else _LEADERBOARD)

    def exit_code(self, require_deploy: bool = False) -> int:
        """0 ok, 1 some failed, 3 all failed for data reasons, 4 nothing deployed (on request), 130 interrupted."""
        if self.interrupted:
            return 130
        if not self.symbols:
            data = all(f.stage in {"bars", "features", "labels", "dataset", "split"} for f in self.symbol_failures)
            return 3 if data else 1
        if self.failures:
            return 1
        if require_deploy and not any(r.verdict.get("kind") == "DEPLOY" for r in self.symbols.values()):
            return 4
        return 0


_LEADERBOARD = [
    "symbol", "model", "selected", "verdict", "train_accuracy", "val_accuracy", "test_accuracy", "test_low",
    "test_high", "oos_accuracy", "majority", "cv_mean", "cv_std", "gap", "seconds", "warnings",
]  # fmt: skip
