"""Settings that every network has, and how they are checked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Any, ClassVar

import numpy as np

from smctrain.exceptions import InputError

DEVICES = ("auto", "cpu", "cuda")
MODES = ("standard", "fast")
SCHEDULES = ("constant", "plateau", "exponential", "cosine", "one_cycle")


class Problems:
    """Collects what is wrong with settings, then raises one `InputError` with all of it."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.found: list[str] = []

    def integer(self, name: str, value: Any, low: int, high: int) -> None:
        right = isinstance(value, (int, np.integer)) and not isinstance(value, bool) and low <= value <= high
        if not right:
            self.found.append(f"{name} must be an integer from {low} to {high}, but is {value!r}")

    def real(self, name: str, value: Any, rule: str, low: float, high: float, *, open_low: bool = False) -> None:
        number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or value < low or value >= high or (open_low and value == low):
            self.found.append(f"{name} must be a number {rule}, but is {value!r}")

    def choice(self, name: str, value: Any, allowed: tuple[Any, ...]) -> None:
        if not any(value is option or (isinstance(value, str) and value == option) for option in allowed):
            words = " or ".join(repr(option) for option in allowed)
            self.found.append(f"{name} must be {words}, but is {value!r}")

    def widths(self, name: str, value: Any) -> None:
        if isinstance(value, (str, bytes)) or not hasattr(value, "__len__") or not 1 <= len(value) <= 64:
            self.found.append(f"{name} must list 1 to 64 widths, but is {value!r}")
            return
        for i, width in enumerate(value):
            self.integer(f"{name}[{i}]", width, 1, 65_536)

    def raise_if_any(self) -> None:
        if self.found:
            raise InputError(f"{self.owner}: " + "; ".join(self.found) + ".")


@dataclass(frozen=True, kw_only=True)
class NetSettings:
    """Settings of the training loop. Wrong ones are reported all at once.

    Parameters
    ----------
    dropout : float
        Share of units switched off in training (rounded to 1/65536).
    optimizer : "adamw" or "sgd"
        AdamW (betas 0.9, 0.999), or stochastic gradient descent with Nesterov's `momentum`; both with decoupled
        weight decay.
    momentum : float
        Of "sgd".
    weight_decay, learning_rate : float
    label_smoothing : float
        s: targets are (1 - s) * onehot + s / n_classes, in training and in the validation loss. Where classes have
        weights, a row counts by the weight of its class, its smoothed target whole. PyTorch's
        `CrossEntropyLoss(weight=..., label_smoothing=...)` is the same with either alone; with both it weighs the
        smoothing part of every row by all classes, so that on pure noise its answer is the rarest class.
    loss : "squared" or "huber"
        Of a regression, on the target divided by its standard deviation; "huber" is linear beyond 1.
    batch_size : int
        Rows of a step; a rest of one row joins the batch before it.
    max_epochs : int
    patience : int
        Epochs without a better validation loss (by more than `min_delta`) before the fit ends. The best weights are
        put back. Without stop rows, all epochs are run.
    min_delta : float
    clip_norm : float
        Gradients longer than this are shortened to it; 0: never. The history holds the length before.
    class_weight : "balanced" or None
        "balanced": n / (classes present * rows of the class), times the row weights.
    schedule : "constant", "plateau", "exponential", "cosine" or "one_cycle"
        "plateau": halve the rate after `plateau_epochs` epochs without a better validation loss, and end the fit when
        it falls below `min_learning_rate`. "exponential": times `decay` every epoch. "cosine": down to 0 along half a
        cosine over `max_epochs`. "one_cycle": from 1/25 up to the rate over 30 % of `max_epochs`, then down.
    plateau_epochs : int
    decay : float
    min_learning_rate : float
    warmup_epochs : float
        The rate rises linearly from 0 over so many epochs, whatever the schedule.
    visible_from : sequence of int, mapping of str to int, or None
        Curriculum over features: epoch (from 1) at which each column of X is first shown; until then it is held at 0,
        its scaled mean. Epochs count as best only when all columns are visible. A mapping gives the epoch by name or
        pattern, such as ``{"htf_*": 10}``: of several that match a column the latest epoch counts, a column that none
        matches is shown from the first.
    freeze_layers, freeze_after : int
        The first `freeze_layers` layers keep their weights after epoch `freeze_after` (0: never).
    nan_recoveries : int
        How often a loss that is not finite puts back the last sound weights, at a quarter of the rate, before the fit
        ends.
    restarts : int
        How often a fit whose best epoch was among its first three begins anew from other weights at half the rate; the
        best epoch of all attempts is kept.
    mode : "standard" or "fast"
        "fast" (NeuralNetwork, LSTM and GRU): larger batches at a scaled rate, and for LSTM and GRU batches of
        neighbouring rows whose windows share work; what was changed is among the fitted model's `warnings`. Not the
        same fit: judge it by its validation loss. CNN1D and Transformer would gain a tenth to a fifth of the time and
        have none.
    calibration : "temperature" or None
        "temperature": divide the logits by the number that fits the stop rows best (Guo et al. 2017), so that
        probabilities match frequencies there.
    device : "auto", "cpu" or "cuda"
        Where to train. "auto": a CUDA device where LibTorch has one that works and a step is large enough to gain
        (weights x rows of a batch x rows of a window at least 32 million; 8 million of a Transformer), else the CPU;
        the choice is in `fitted.device` and, with its reason, in the log. "cuda" without such a device is an error.
        The same formulas, dropout and batch order on both; sums are rounded differently.
    """

    dropout: float = 0.4
    weight_decay: float = 0.001
    label_smoothing: float = 0.0
    learning_rate: float = 0.001
    batch_size: int = 64
    max_epochs: int = 50
    patience: int = 8
    min_delta: float = 0.0
    clip_norm: float = 1.0
    class_weight: str | None = "balanced"
    schedule: str = "constant"
    optimizer: str = "adamw"
    momentum: float = 0.9
    loss: str = "squared"
    plateau_epochs: int = 3
    decay: float = 0.95
    min_learning_rate: float = 0.0
    warmup_epochs: float = 0.0
    visible_from: Sequence[int] | Mapping[str, int] | None = None
    freeze_layers: int = 0
    freeze_after: int = 0
    nan_recoveries: int = 2
    restarts: int = 0
    mode: str = "standard"
    calibration: str | None = None
    device: str = "auto"

    family: ClassVar[str]
    needs_scaling: ClassVar[bool] = True
    is_sequence: ClassVar[bool] = False
    uses_stop_rows: ClassVar[bool] = True
    one_thread: ClassVar[bool] = True  # however many a fit is given
    _has_fast_mode: ClassVar[bool] = False

    def __post_init__(self) -> None:
        problems = Problems(self.family)
        self._check(problems)
        problems.raise_if_any()
        if isinstance(self.visible_from, Mapping):
            by_name = {str(name): int(epoch) for name, epoch in self.visible_from.items()}
            object.__setattr__(self, "visible_from", by_name)
        elif self.visible_from is not None:
            object.__setattr__(self, "visible_from", tuple(int(epoch) for epoch in self.visible_from))

    def _check(self, problems: Problems) -> None:
        """A family adds its own settings in front."""
        problems.real("dropout", self.dropout, "of at least 0 and below 1", 0.0, 1.0)
        problems.real("weight_decay", self.weight_decay, "of at least 0", 0.0, math.inf)
        problems.real("label_smoothing", self.label_smoothing, "of at least 0 and below 1", 0.0, 1.0)
        problems.real("learning_rate", self.learning_rate, "above 0", 0.0, math.inf, open_low=True)
        problems.integer("batch_size", self.batch_size, 2, 1_000_000)
        problems.integer("max_epochs", self.max_epochs, 1, 1_000_000)
        problems.integer("patience", self.patience, 1, 1_000_000)
        problems.real("min_delta", self.min_delta, "of at least 0", 0.0, math.inf)
        problems.real("clip_norm", self.clip_norm, "of at least 0 (0: no clipping)", 0.0, math.inf)
        problems.choice("class_weight", self.class_weight, ("balanced", None))
        problems.choice("schedule", self.schedule, SCHEDULES)
        problems.choice("optimizer", self.optimizer, ("adamw", "sgd"))
        problems.real("momentum", self.momentum, "of at least 0 and below 1", 0.0, 1.0)
        problems.choice("loss", self.loss, ("squared", "huber"))
        problems.integer("plateau_epochs", self.plateau_epochs, 1, 1_000_000)
        problems.real("decay", self.decay, "above 0 and at most 1", 0.0, math.nextafter(1.0, 2.0), open_low=True)
        problems.real("min_learning_rate", self.min_learning_rate, "of at least 0", 0.0, math.inf)
        problems.real("warmup_epochs", self.warmup_epochs, "of at least 0", 0.0, math.inf)
        problems.integer("freeze_layers", self.freeze_layers, 0, 64)
        problems.integer("freeze_after", self.freeze_after, 0, 1_000_000)
        problems.integer("nan_recoveries", self.nan_recoveries, 0, 1000)
        problems.integer("restarts", self.restarts, 0, 1000)
        problems.choice("mode", self.mode, MODES)
        if self.mode == "fast" and not self._has_fast_mode:
            problems.found.append(f"mode must be 'standard': {self.family} has no fast mode, but it is 'fast'")
        problems.choice("calibration", self.calibration, ("temperature", None))
        problems.choice("device", self.device, DEVICES)
        visible = self.visible_from
        if visible is not None:
            last = self.max_epochs if isinstance(self.max_epochs, (int, np.integer)) else 1_000_000
            if isinstance(visible, Mapping):
                for name, epoch in visible.items():
                    problems.integer(f"visible_from[{name!r}]", epoch, 1, int(last))
            elif isinstance(visible, (str, bytes)) or not hasattr(visible, "__len__"):
                problems.found.append(
                    f"visible_from must list an epoch for each column or map names to epochs, but is {visible!r}"
                )
            else:
                for i, epoch in enumerate(visible):
                    problems.integer(f"visible_from[{i}]", epoch, 1, int(last))

    def settings(self) -> dict[str, Any]:
        """Plain settings, for metadata and hashes."""
        return plain_settings(self)

    def native(self) -> dict[str, Any]:
        """Settings as the native loop takes them."""
        return {
            "dropout": float(self.dropout),
            "weight_decay": float(self.weight_decay),
            "label_smoothing": float(self.label_smoothing),
            "learning_rate": float(self.learning_rate),
            "batch_size": int(self.batch_size),
            "max_epochs": int(self.max_epochs),
            "patience": int(self.patience),
            "min_delta": float(self.min_delta),
            "clip_norm": float(self.clip_norm),
            "balanced": self.class_weight == "balanced",
            "optimizer": self.optimizer,
            "momentum": float(self.momentum),
            "loss": self.loss,
            "schedule": self.schedule,
            "plateau_epochs": int(self.plateau_epochs),
            "decay": float(self.decay),
            "warmup_epochs": float(self.warmup_epochs),
            "min_learning_rate": float(self.min_learning_rate),
            # by name: `run_fit` turns it into an epoch for each column of its task
            "visible_from": (
                dict(self.visible_from) if isinstance(self.visible_from, Mapping) else list(self.visible_from or ())
            ),
            "freeze_layers": int(self.freeze_layers),
            "freeze_after": int(self.freeze_after),
            "nan_recoveries": int(self.nan_recoveries),
            "restarts": int(self.restarts),
            "calibrate_temperature": self.calibration == "temperature",
        }


def epochs_by_column(by_name: Mapping[str, int], names: Sequence[str] | None) -> tuple[list[int], list[str]]:
    """Epoch at which each column is first shown, and the names and patterns that no column has.

    Raises
    ------
    InputError
        The columns have no names.
    """
    if names is None:
        raise InputError(
            "visible_from names columns, but those of X have no names: pass a frame, or list an epoch for each column."
        )
    epochs = [max((by_name[key] for key in by_name if fnmatchcase(name, key)), default=1) for name in names]
    return epochs, [key for key in by_name if not any(fnmatchcase(name, key) for name in names)]


def plain_settings(trainer: Any) -> dict[str, Any]:
    """A trainer's settings as JSON can hold them."""
    plain: dict[str, Any] = {}
    for item in fields(trainer):
        value = getattr(trainer, item.name)
        if isinstance(value, tuple):
            value = [int(entry) for entry in value]
        elif isinstance(value, (int, np.integer)) and not isinstance(value, bool):
            value = int(value)
        elif isinstance(value, (float, np.floating)):
            value = float(value)
        plain[item.name] = value
    return plain
