"""What the network families share: the fit, the fitted model and its stored state."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from smctrain import _load
from smctrain.exceptions import ArtifactError, InputError
from smctrain.models._devices import WORK_FOR_A_DEVICE, WORK_OF_A_TRANSFORMER, choose_device
from smctrain.models._neural_fast import fast_settings
from smctrain.models._neural_settings import NetSettings, epochs_by_column
from smctrain.models.base import FitTask, FloatMatrix, History
from smctrain.models.memory import check_memory

logger = logging.getLogger(__name__)

_HISTORY = ("step", "train_loss", "val_loss", "train_accuracy", "val_accuracy", "grad_norm", "learning_rate")
_NORM = ("norm.weight", "norm.bias", "norm.running_mean", "norm.running_var")
_STOP_REASONS = ("", "divergence", "nan_loss", "timeout", "cancelled", "interrupted")
_ENDED_FROM_OUTSIDE = ("timeout", "cancelled", "interrupted")
_DEVICES = ("cpu", "cuda")
# "torch": LibTorch's path on the CPU too, for tests. The hand-written passes know no Transformer and no other device.
_path_for_tests = "fused"
_ADDED = ("columns_visible", "layers_frozen")  # columns of the history that files of earlier versions lack
VAE_HISTORY = (
    "train_reconstruction", "val_reconstruction", "train_kl", "val_kl", "train_head", "val_head", "kl_weight",
)  # fmt: skip


@dataclass(frozen=True)
class NetShape:
    """What a network is built from; everything else about its arrays follows.

    Attributes
    ----------
    kind : "mlp", "lstm", "gru", "cnn", "transformer" or "vae"
    n_features : int
    n_classes : int
        0: a regression, with one output.
    hidden : tuple of int
        Width of each block (MLP) or layer (the others); all equal in a Transformer.
    lookback : int
        Rows of a window, the decision row included; 1 for the MLP.
    kernel_size : int
        Taps of a convolution; 0 where there is none.
    num_heads, feed_forward : int
        Of a Transformer; 0 elsewhere.
    tasks : tuple of int
        Several targets: classes of each, 0 for a number; `n_classes` is 0 then. Empty: one target.
    norm : bool
        Whether the blocks of an MLP hold BatchNorm.
    latent_dim : int
        Latent units of a VAE; 0 where there are none.
    """

    kind: str
    n_features: int
    hidden: tuple[int, ...]
    lookback: int
    n_classes: int
    kernel_size: int = 0
    num_heads: int = 0
    feed_forward: int = 0
    tasks: tuple[int, ...] = ()
    norm: bool = True
    latent_dim: int = 0

    @property
    def n_outputs(self) -> int:
        if self.tasks:
            return sum(classes or 1 for classes in self.tasks)
        return self.n_classes or 1

    def native(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "n_features": self.n_features,
            "hidden": list(self.hidden),
            "lookback": self.lookback,
            "n_classes": self.n_classes,
            **({"kernel_size": self.kernel_size} if self.kind == "cnn" else {}),
            **({"num_heads": self.num_heads, "feed_forward": self.feed_forward} if self.kind == "transformer" else {}),
            **({"tasks": list(self.tasks)} if self.tasks else {}),
            **({} if self.norm else {"norm": False}),
            **({"latent_dim": self.latent_dim} if self.kind == "vae" else {}),
        }

    def array_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name -> shape of every array, in the order of the layers."""
        if self.kind == "transformer":
            return self._transformer_shapes()
        shapes: dict[str, tuple[int, ...]] = {}
        width_in = self.n_features
        for i, width in enumerate(self.hidden):
            if self.kind in ("mlp", "vae"):
                shapes.update(_block("encoder" if self.kind == "vae" else "blocks", i, width_in, width, self.norm))
            elif self.kind == "cnn":
                shapes[f"layers.{i}.conv.weight"] = (self.kernel_size, width, width_in)
                shapes.update({f"layers.{i}.{name}": (width,) for name in ("conv.bias", *_NORM)})
            else:
                gates = 3 if self.kind == "gru" else 4
                shapes[f"layers.{i}.weight_ih"] = (gates * width, width_in)
                shapes[f"layers.{i}.weight_hh"] = (gates * width, width)
                shapes[f"layers.{i}.bias"] = (gates * width,)
                if self.kind == "gru":
                    shapes[f"layers.{i}.bias_hn"] = (width,)
            width_in = width
        if self.kind == "vae":
            shapes["latent.weight"] = (2 * self.latent_dim, width_in)
            shapes["latent.bias"] = (2 * self.latent_dim,)
            width_in = self.latent_dim
            for i, width in enumerate(reversed(self.hidden)):
                shapes.update(_block("decoder", i, width_in, width))
                width_in = width
            shapes["output.weight"] = (self.n_features, width_in)
            shapes["output.bias"] = (self.n_features,)
            width_in = self.latent_dim
        shapes["head.weight"] = (self.n_outputs, width_in)
        shapes["head.bias"] = (self.n_outputs,)
        return shapes

    def _transformer_shapes(self) -> dict[str, tuple[int, ...]]:
        width, wide = self.hidden[0], self.feed_forward
        shapes: dict[str, tuple[int, ...]] = {
            "embed.weight": (width, self.n_features),
            "embed.bias": (width,),
            "positions": (self.lookback, width),
        }
        for i in range(len(self.hidden)):
            for half, maps in (
                ("attention", {"in": (3 * width, width), "out": (width, width)}),
                ("feed", {"up": (wide, width), "down": (width, wide)}),
            ):
                shapes[f"layers.{i}.{half}.norm.weight"] = (width,)
                shapes[f"layers.{i}.{half}.norm.bias"] = (width,)
                for name, extents in maps.items():
                    shapes[f"layers.{i}.{half}.{name}.weight"] = extents
                    shapes[f"layers.{i}.{half}.{name}.bias"] = extents[:1]
        shapes["final.norm.weight"] = (width,)
        shapes["final.norm.bias"] = (width,)
        shapes["head.weight"] = (self.n_outputs, width)
        shapes["head.bias"] = (self.n_outputs,)
        return shapes


def estimate_bytes(batch_size: int, shape: NetShape) -> int:
    """Bytes that a fit is going to need: weights, gradients, moments and copies; the activations of a batch."""
    weights = sum(math.prod(extents) for extents in shape.array_shapes().values())
    attention = shape.lookback * shape.num_heads + 4 * shape.feed_forward if shape.kind == "transformer" else 0
    units = shape.n_features + 14 * sum(shape.hidden) + len(shape.hidden) * attention
    return 4 * (7 * weights + max(batch_size + 1, 256) * shape.lookback * units)


def work_of_a_step(shape: NetShape, batch_size: int) -> int:
    """Weights x rows: what the sums of a training step are proportional to."""
    return sum(math.prod(extents) for extents in shape.array_shapes().values()) * batch_size * shape.lookback


def _block(stack: str, i: int, width_in: int, width: int, norm: bool = True) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {f"{stack}.{i}.linear.weight": (width, width_in)}
    shapes.update({f"{stack}.{i}.{name}": (width,) for name in ("linear.bias", *(_NORM if norm else ()))})
    return shapes


def fit_network(trainer: NetSettings, task: FitTask, shape: NetShape) -> dict[str, Any]:
    """One native fit: arrays, history, warnings, stop_reason, best_epoch, best_loss, left_out, temperature, device."""
    if task.n_classes == 0 and trainer.calibration is not None:
        raise InputError("calibration must be None in a regression: a temperature scales class probabilities.")
    settings, changed = trainer.native(), ""
    if trainer.mode == "fast":
        settings, changed = fast_settings(settings, len(task.rows), runs=shape.kind in ("lstm", "gru"))
    on_cpu = ("cpu", "a VAE is trained there")
    enough = WORK_OF_A_TRANSFORMER if shape.kind == "transformer" else WORK_FOR_A_DEVICE
    work = work_of_a_step(shape, min(settings["batch_size"], len(task.rows)))
    device, words = on_cpu if shape.kind == "vae" else choose_device(trainer.device, work, enough)
    logger.info("%s trains on %s (device=%r: %s)", trainer.family, device, trainer.device, words)
    check_memory(
        trainer.family, estimate_bytes(settings["batch_size"], shape), "a smaller batch_size, lookback or width"
    )
    result = run_fit(task, shape, {**settings, "device": device, "path": _path_for_tests})
    if device == "cuda" and trainer.device == "auto":
        result["warnings"].append(f"trained on a CUDA device ({words}), which device='auto' found.")
    if changed:
        result["warnings"].append(changed)
    return result


def run_fit(task: FitTask, shape: NetShape, settings: dict[str, Any]) -> dict[str, Any]:
    """As `fit_network`, with the native settings at hand; on the CPU where they name no device."""
    unmatched: list[str] = []
    if isinstance(settings["visible_from"], Mapping):
        epochs, unmatched = epochs_by_column(settings["visible_from"], task.names)
        settings = {**settings, "visible_from": epochs}
    native = _load.neural_devices()
    result: dict[str, Any] = native.neural_fit(
        task.X,
        task.y,
        task.rows,
        task.stop_rows,
        task.weight,
        task.segment,
        shape.native(),
        settings,
        task.seed,
        task.stop,
        task.time_limit_s,
        task.progress,
    )
    warnings = [message for _, _, message in result.pop("alarms")]
    if result["left_out"]:
        lacks = "none of the targets" if shape.tasks else f"no full window of {shape.lookback} rows inside one segment"
        warnings.append(f"{result['left_out']} of {len(task.rows)} training rows have {lacks} and were left out.")
    warnings += [f"visible_from names {name!r}, which no column has." for name in unmatched]
    result["warnings"] = warnings
    result["device"] = settings.get("device", "cpu")
    return result


class FittedNet:
    """A trained network. Not to be changed; predict from any thread. Predicting needs no torch, only
    native loops of the core over the stored arrays.

    Attributes
    ----------
    shape : NetShape
    arrays : dict of float32 arrays
        Weights and running statistics; read-only.
    best_epoch : int
        Epoch the weights are from: the one with the lowest validation loss, or the last without stop rows;
        0 where no epoch was completed.
    best_loss : float
        Its validation loss; NaN without stop rows.
    left_out : int
        Training rows without a full window.
    temperature : float
        What calibration divided the logits by; already in the weights. 1: none.
    device : "cpu" or "cuda"
        Where it was trained. Prediction is on the CPU.
    """

    family: ClassVar[str]
    _kind: ClassVar[str]

    def __init__(
        self,
        shape: NetShape,
        arrays: dict[str, NDArray[np.float32]],
        history: History,
        warnings: list[str],
        stop_reason: str,
        best_epoch: int,
        best_loss: float,
        left_out: int,
        temperature: float = 1.0,
        device: str = "cpu",
    ) -> None:
        self.shape = shape
        self.arrays = dict(arrays)
        for array in self.arrays.values():
            array.setflags(write=False)
        self.n_features = shape.n_features
        self.n_classes = shape.n_classes
        self.history = history
        self.warnings = list(warnings)
        self.stop_reason = stop_reason
        self.complete = stop_reason not in _ENDED_FROM_OUTSIDE
        self.best_epoch = best_epoch
        self.best_loss = best_loss
        self.left_out = left_out
        self.temperature = temperature
        self.device = device
        self._native: Any = None

    @classmethod
    def _of_fit(cls, shape: NetShape, result: dict[str, Any]) -> Self:
        return cls(
            shape=shape,
            arrays=result["arrays"],
            history=result["history"],
            warnings=result["warnings"],
            stop_reason=result["stop_reason"],
            best_epoch=result["best_epoch"],
            best_loss=result["best_loss"],
            left_out=result["left_out"],
            temperature=result["temperature"],
            device=result.get("device", "cpu"),
        )

    def predict_proba(
        self, X: FloatMatrix, rows: NDArray[np.int64] | None = None, segment: NDArray[np.int32] | None = None
    ) -> NDArray[np.float64]:
        """Class probabilities of `rows` of X (all when None).

        Parameters
        ----------
        X : float32 (n, d), C order
            Scaled and imputed as in training; finite in every row that is used.
        rows : int64 (m,), optional
        segment : int32 (n,), optional
            Rows of one unbroken stretch share an id. Ignored by the MLP.

        Returns
        -------
        float64 (m, n_classes)
            NaN in rows without a full window (sequence families). A row's numbers do not depend on which
            other rows are asked for.

        Raises
        ------
        InputError
            Names the column and row that is not finite, or the wrong number of columns.
        """
        return self._outputs(X, rows, segment)

    def predict(
        self, X: FloatMatrix, rows: NDArray[np.int64] | None = None, segment: NDArray[np.int32] | None = None
    ) -> NDArray[np.float64]:
        """Values of a regression (m,), in units of y; otherwise as `predict_proba`."""
        return self._outputs(X, rows, segment)[:, 0]

    def _outputs(
        self, X: FloatMatrix, rows: NDArray[np.int64] | None, segment: NDArray[np.int32] | None
    ) -> NDArray[np.float64]:
        if rows is None:
            rows = np.arange(len(X), dtype=np.int64)
        values: NDArray[np.float64] = self._predictor().predict(X, rows, segment)
        return values

    def _predictor(self) -> Any:
        # Built at first use, so that reading a model does not load the native module. Two threads may both
        # build one; they are equal and either may stay.
        native = self._native
        if native is None:
            native = _load.core().NeuralPredictor(self.shape.native(), self.arrays)
            self._native = native
        return native

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_native": None}

    def feature_importances(self) -> NDArray[np.float64] | None:
        """None: a network has no importances of its own."""
        return None

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Metadata and named arrays; the history is stored as arrays `history.<column>`."""
        meta = {
            **self.shape.native(),
            "stop_reason": self.stop_reason,
            "warnings": list(self.warnings),
            "best_epoch": int(self.best_epoch),
            "best_loss": None if math.isnan(self.best_loss) else float(self.best_loss),
            "left_out": int(self.left_out),
            "temperature": float(self.temperature),
            "device": self.device,
        }
        arrays: dict[str, NDArray[Any]] = dict(self.arrays)
        arrays.update({f"history.{name}": np.asarray(self.history[name]) for name in self._history_names()})
        return meta, arrays

    def _history_names(self) -> tuple[str, ...]:
        return (*_HISTORY, *(VAE_HISTORY if self.shape.kind == "vae" else ()), *_ADDED)

    @classmethod
    def from_state(cls, meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """Inverse of `to_state`.

        Raises
        ------
        ArtifactError
            A setting is out of range, an array is missing, foreign, of another shape than the settings imply,
            or not finite.
        """
        return cls._from_parts(shape_from(cls.family, cls._kind, meta), meta, arrays)

    @classmethod
    def _from_parts(
        cls, shape: NetShape, meta: dict[str, Any], arrays: dict[str, NDArray[Any]], more_history: tuple[str, ...] = ()
    ) -> Self:
        weights, history = _arrays_from(cls.family, shape, arrays, more_history)
        reason, warnings = meta.get("stop_reason", ""), meta.get("warnings", [])
        if reason not in _STOP_REASONS:
            raise ArtifactError(f"{cls.family}: stop_reason must be one of {_STOP_REASONS}, but is {reason!r}.")
        if not isinstance(warnings, list) or not all(isinstance(sentence, str) for sentence in warnings):
            raise ArtifactError(f"{cls.family}: warnings must be a list of sentences, but is {warnings!r}.")
        best_loss = meta.get("best_loss")
        if best_loss is not None and not (_is_real(best_loss) and math.isfinite(best_loss)):
            raise ArtifactError(f"{cls.family}: best_loss must be finite or null, but is {best_loss!r}.")
        temperature = meta.get("temperature", 1.0)
        if not (_is_real(temperature) and 0 < temperature < math.inf):
            raise ArtifactError(f"{cls.family}: temperature must be above 0, but is {temperature!r}.")
        device = meta.get("device", "cpu")  # absent in files of earlier versions
        if device not in _DEVICES:
            raise ArtifactError(f"{cls.family}: device must be one of {_DEVICES}, but is {device!r}.")
        return cls(
            shape=shape,
            arrays=weights,
            history=history,
            warnings=list(warnings),
            stop_reason=reason,
            best_epoch=_whole(cls.family, meta, "best_epoch", 0, 2**31),
            best_loss=math.nan if best_loss is None else float(best_loss),
            left_out=_whole(cls.family, meta, "left_out", 0, 2**62),
            temperature=float(temperature),
            device=device,
        )


def _is_real(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _whole(family: str, meta: dict[str, Any], name: str, low: int, high: int) -> int:
    value = meta.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ArtifactError(f"{family}: {name} must be an integer from {low} to {high}, but is {value!r}.")
    return value


def shape_from(family: str, kind: str, meta: dict[str, Any]) -> NetShape:
    if meta.get("kind") != kind:
        raise ArtifactError(f"{family}: the state must be of kind {kind!r}, but is of {meta.get('kind')!r}.")
    hidden = meta.get("hidden")
    if not isinstance(hidden, list) or not 1 <= len(hidden) <= 64:
        raise ArtifactError(f"{family}: hidden must list 1 to 64 widths, but is {hidden!r}.")
    widths = tuple(_whole(family, {"hidden": width}, "hidden", 1, 65_536) for width in hidden)
    n_classes = _whole(family, meta, "n_classes", 0, 10_000)
    if n_classes == 1:
        raise ArtifactError(f"{family}: n_classes must be 0 or at least 2, but is 1.")
    transformer = kind == "transformer"
    num_heads = _whole(family, meta, "num_heads", 1, 65_536) if transformer else 0
    if transformer and (len(set(widths)) != 1 or widths[0] % num_heads != 0):
        raise ArtifactError(
            f"{family}: all layers must be equally wide and num_heads must divide the width, but hidden is {hidden!r} "
            f"and num_heads {num_heads}."
        )
    return NetShape(
        kind=kind,
        n_features=_whole(family, meta, "n_features", 1, 1_000_000),
        hidden=widths,
        lookback=_whole(family, meta, "lookback", 1, 1 if kind in ("mlp", "vae") else 10_000),
        n_classes=n_classes,
        kernel_size=_whole(family, meta, "kernel_size", 1, 1000) if kind == "cnn" else 0,
        num_heads=num_heads,
        feed_forward=_whole(family, meta, "feed_forward", 1, 65_536) if transformer else 0,
        norm=kind != "mlp" or meta.get("norm", True) is not False,
        latent_dim=_whole(family, meta, "latent_dim", 1, 65_536) if kind == "vae" else 0,
    )


def _arrays_from(
    family: str, shape: NetShape, arrays: dict[str, NDArray[Any]], more_history: tuple[str, ...] = ()
) -> tuple[dict[str, NDArray[np.float32]], History]:
    expected = shape.array_shapes()
    added = {f"history.{name}": name for name in _ADDED if f"history.{name}" in arrays}
    own_history = VAE_HISTORY if shape.kind == "vae" else ()
    history_names = {f"history.{name}": name for name in (*_HISTORY, *own_history, *more_history)} | added
    foreign = sorted(set(arrays) - set(expected) - set(history_names))
    missing = sorted((set(expected) | set(history_names)) - set(arrays))
    if foreign or missing:
        raise ArtifactError(
            f"{family}: the arrays must be those of its settings; missing: {missing}, unknown: {foreign}."
        )
    weights: dict[str, NDArray[np.float32]] = {}
    for name, wanted in expected.items():
        array = np.asarray(arrays[name])
        if array.dtype != np.float32 or array.shape != wanted:
            raise ArtifactError(f"{family}: array {name} must be float32 {wanted}, but is {array.dtype} {array.shape}.")
        if not np.isfinite(array).all():
            raise ArtifactError(f"{family}: array {name} must be finite, but holds NaN or infinity.")
        if name.endswith("running_var") and (array < 0).any():
            raise ArtifactError(f"{family}: array {name} holds variances, but one is negative.")
        weights[name] = np.array(array, dtype=np.float32, order="C")
    history: History = {}
    for stored, name in history_names.items():
        column = np.asarray(arrays[stored])
        if column.dtype != np.float64 or column.ndim != 1 or len(column) != len(arrays["history.step"]):
            raise ArtifactError(
                f"{family}: array {stored} must be a float64 column as long as history.step, but is "
                f"{column.dtype} {column.shape}."
            )
        history[name] = np.array(column)
    return weights, history
