"""Watching a training run: early warnings, and the gap between training and validation.

The native trainers watch themselves with the same five alarms; these classes serve loops written in Python.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from smctrain.exceptions import InputError

logger = logging.getLogger(__name__)


class TrainingMonitor:
    """Five alarms. Each check returns True when it fires and stores one sentence.

    Attributes
    ----------
    warnings : the sentences so far
    should_stop : True once training cannot go on (a loss that is NaN or infinite)
    """

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.should_stop = False

    def _add(self, sentence: str, level: int = logging.WARNING) -> bool:
        self.warnings.append(sentence)
        logger.log(level, sentence)
        return True

    def check_overfitting(self, train_acc: float, val_acc: float, epoch: int) -> bool:
        """Training accuracy above 0.95 while validation accuracy is below 0.60."""
        if train_acc > 0.95 and val_acc < 0.60:
            return self._add(
                f"Epoch {epoch}: Severe overfitting detected (train={train_acc:.2f}, val={val_acc:.2f})"
            )
        return False

    def check_divergence(self, val_losses: Sequence[float], patience: int = 10) -> bool:
        """The last `patience` validation losses each rise over the one before."""
        if patience < 2:
            raise InputError(f"patience must be at least 2 epochs, but is {patience}.")
        if len(val_losses) < patience:
            return False
        recent = list(val_losses[-patience:])
        if all(later > earlier for earlier, later in pairwise(recent)):
            return self._add(f"Validation loss increasing for {patience} consecutive epochs")
        return False

    def check_nan_loss(self, loss: float, epoch: int) -> bool:
        """A loss that is NaN or infinite; sets `should_stop`."""
        if math.isfinite(loss):
            return False
        self.should_stop = True
        kind = "NaN" if math.isnan(loss) else "Infinite"
        return self._add(f"Epoch {epoch}: {kind} loss detected - stopping training", logging.ERROR)

    def check_exploding_gradients(
        self, grad_norm: float, threshold: float = 10.0, epoch: int | None = None
    ) -> bool:
        """Gradient norm above `threshold`, or not finite."""
        if grad_norm <= threshold:
            return False
        where = "" if epoch is None else f"Epoch {epoch}: "
        return self._add(f"{where}Exploding gradient detected (norm={grad_norm:.2f})")

    def check_timeout(self, start_time: datetime | float, max_minutes: float = 10) -> bool:
        """More than `max_minutes` since `start_time`, a `datetime` or a reading of `time.monotonic()`."""
        if isinstance(start_time, datetime):
            seconds = (datetime.now(start_time.tzinfo) - start_time).total_seconds()
        else:
            seconds = time.monotonic() - start_time
        if seconds > 60.0 * max_minutes:
            return self._add(f"Training exceeded {max_minutes} minutes")
        return False

    def get_warnings(self) -> list[str]:
        """All sentences so far."""
        return self.warnings


class OverfittingMonitor:
    """Follows training and validation accuracy and loss per epoch and says how far apart they ended.

    Parameters
    ----------
    gap_threshold : gap (training minus validation accuracy) above which a model is called overfit
    """

    def __init__(self, gap_threshold: float = 0.15) -> None:
        if not 0.0 < gap_threshold < 1.0:
            raise InputError(f"gap_threshold must lie between 0 and 1, but is {gap_threshold}.")
        self.gap_threshold = gap_threshold
        self.history: list[dict[str, Any]] = []
        self._started = time.monotonic()
        self._updated = self._started

    def update(
        self, epoch: int, train_accuracy: float, val_accuracy: float, train_loss: float, val_loss: float
    ) -> bool:
        """Records one epoch. True when its gap is above the threshold."""
        self._updated = time.monotonic()
        gap = float(train_accuracy) - float(val_accuracy)
        self.history.append(
            {
                "epoch": int(epoch),
                "train_accuracy": float(train_accuracy),
                "val_accuracy": float(val_accuracy),
                "train_loss": float(train_loss),
                "val_loss": float(val_loss),
                "gap": gap,
            }
        )
        return gap > self.gap_threshold

    @property
    def best_epoch(self) -> int | None:
        """Epoch of the lowest finite validation loss (the first on ties); None before the first update."""
        finite = [row for row in self.history if math.isfinite(row["val_loss"])]
        if not finite:
            return int(self.history[-1]["epoch"]) if self.history else None
        return int(min(finite, key=lambda row: row["val_loss"])["epoch"])

    @staticmethod
    def _severity(gap: float) -> str:
        for limit, word in ((0.25, "severe"), (0.20, "moderate"), (0.15, "mild"), (0.10, "watch")):
            if gap > limit:
                return word
        return "good"

    def summary(self) -> dict[str, Any]:
        """Status, gap, final and best values, duration. `status` is "no data" before the first update."""
        if not self.history:
            return {"status": "no data", "epochs": 0, "gap_threshold": self.gap_threshold}
        last = self.history[-1]
        best = next(row for row in self.history if row["epoch"] == self.best_epoch)
        finite = all(math.isfinite(last[key]) for key in ("gap", "train_loss", "val_loss"))
        return {
            "status": "failed" if not finite else "overfit" if last["gap"] > self.gap_threshold else "ok",
            "gap": last["gap"],
            "gap_threshold": self.gap_threshold,
            "severity": self._severity(last["gap"]) if finite else "unknown",
            "max_gap": max(row["gap"] for row in self.history),
            "epochs": len(self.history),
            "best_epoch": self.best_epoch,
            "final": {key: value for key, value in last.items() if key != "gap"},
            "best": {key: value for key, value in best.items() if key != "gap"},
            "duration_seconds": self._updated - self._started,
        }

    def save(self, path: str | Path) -> tuple[Path, Path]:
        """Writes `path`.png (accuracy and loss per epoch) and `path`.json (summary and history).

        A suffix .png or .json in `path` is ignored. Returns both paths.
        """
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        target = Path(path)
        if target.suffix in (".png", ".json"):
            target = target.with_suffix("")
        target.parent.mkdir(parents=True, exist_ok=True)
        picture = target.with_name(target.name + ".png")
        document = target.with_name(target.name + ".json")

        figure = Figure(figsize=(11, 4.2), layout="constrained")
        FigureCanvasAgg(figure)
        epochs = [row["epoch"] for row in self.history]
        for axes, quantity in zip(figure.subplots(1, 2), ("accuracy", "loss"), strict=True):
            for side, colour, word in (("train", "#1f77b4", "training"), ("val", "#d95f02", "validation")):
                axes.plot(
                    epochs, [row[f"{side}_{quantity}"] for row in self.history], color=colour, label=word
                )
            if self.best_epoch is not None:
                axes.axvline(
                    self.best_epoch, color="#888888", linestyle=":", label=f"best epoch {self.best_epoch}"
                )
                axes.legend(frameon=False)
            axes.set_xlabel("epoch")
            axes.set_title(quantity.capitalize())
            axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(picture, dpi=120)

        record = {"summary": self.summary(), "history": self.history}
        document.write_text(json.dumps(_finite(record), indent=2, allow_nan=False), encoding="utf-8")
        return picture, document


def _finite(value: Any) -> Any:
    """NaN and infinities become None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return value
