"""Any tabular family behind a variational autoencoder: it learns from what the autoencoder says about rows.

The autoencoder learns the training rows of the fit, without their labels, and nothing else; the family then learns from
each row's anomaly score, its latent means or the denoised row, beside the row itself or in its place. So in a run both
are fitted anew in every fold, and stored and loaded as one model.

    anomaly    share of the training rows that are less strange, centred and scaled to unit variance (1 column)
    codes      latent means (latent_dim columns)
    denoised   the row decoded from its latent means (d columns)

>>> trainer = VAEColumnsTrainer("XGBoost", columns=("anomaly",))
>>> fitted = trainer.fit(task)                                    # doctest: +SKIP
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from smctrain.exceptions import ArtifactError, InputError
from smctrain.models._neural_settings import Problems
from smctrain.models.base import FitTask, FittedModel, FloatMatrix, History
from smctrain.models.vae import FittedVAE, VAETrainer

KINDS = ("anomaly", "codes", "denoised")
_VAE_SEED = 0x3C6EF372FE94F82B
_NOT_BEHIND = ("VAEColumns", "MultiTask", "MetaLearning")
_UNIT = math.sqrt(12.0)  # a share that is uniform on [0, 1] has the variance 1 / 12


@dataclass(frozen=True, eq=False)
class Widening:
    """What a family sees of a row: the row itself, if it is kept, and what an autoencoder says about it.

    Attributes
    ----------
    vae : FittedVAE
    kinds : tuple of str
        "anomaly", "codes", "denoised".
    keep_rows : bool
        Whether the row's own columns stand in front.
    """

    vae: FittedVAE
    kinds: tuple[str, ...]
    keep_rows: bool

    def columns(self, X: FloatMatrix, rows: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """Of `rows` of X (all when None), scaled and imputed as in training: float32 (m, width)."""
        if rows is None:
            rows = np.arange(len(X), dtype=np.int64)
        parts: list[NDArray[Any]] = [X[rows]] if self.keep_rows else []
        if "anomaly" in self.kinds:
            share = self.vae.training_share(self.vae.anomaly_score(X, rows))
            parts.append(_UNIT * (share[:, None] - 0.5))
        if "codes" in self.kinds:
            parts.append(self.vae.latent(X, rows))
        if "denoised" in self.kinds:
            parts.append(self.vae.reconstruct(X, rows))
        return np.ascontiguousarray(np.concatenate(parts, axis=1), dtype=np.float32)

    def names(self, of_row: Sequence[str]) -> list[str]:
        """Names of the columns, for rows with these names."""
        names = list(of_row) if self.keep_rows else []
        if "anomaly" in self.kinds:
            names.append("vae_anomaly")
        if "codes" in self.kinds:
            names += [f"vae_{k}" for k in range(self.vae.shape.latent_dim)]
        if "denoised" in self.kinds:
            names += [f"vae_denoised_{name}" for name in of_row]
        return names

    @property
    def width(self) -> int:
        """How many columns."""
        return len(self.names([""] * self.vae.n_features))


class FittedVAEColumns:
    """A family that was trained on a variational autoencoder's columns. Not to be changed; any thread may ask.

    Attributes
    ----------
    widening : Widening
        The autoencoder, and which columns it makes.
    model : FittedModel
        The family, fitted on these columns.
    """

    family: ClassVar[str] = "VAEColumns"

    def __init__(self, widening: Widening, model: FittedModel) -> None:
        self.widening = widening
        self.model = model
        vae = widening.vae
        self.n_features = vae.n_features
        self.n_classes = model.n_classes
        self.history: History = model.history
        self.warnings = [f"VAE: {sentence}" for sentence in vae.warnings] + list(model.warnings)
        self.stop_reason = model.stop_reason or vae.stop_reason
        self.complete = model.complete and vae.complete

    def predict_proba(
        self, X: FloatMatrix, rows: NDArray[np.int64] | None = None, segment: NDArray[np.int32] | None = None
    ) -> NDArray[np.float64]:
        """Class probabilities (m, n_classes) of `rows` of X (all when None), scaled and imputed as in training."""
        return self.model.predict_proba(self.widening.columns(X, rows))

    def feature_importances(self) -> NDArray[np.float64] | None:
        """None: what the autoencoder's columns are worth cannot be shared out among the row's own."""
        return None

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Metadata and named arrays of both, `vae/...` and `model/...`."""
        vae_meta, vae_arrays = self.widening.vae.to_state()
        meta, arrays = self.model.to_state()
        return (
            {
                "family": self.model.family,
                "kinds": list(self.widening.kinds),
                "keep_rows": self.widening.keep_rows,
                "vae": vae_meta,
                "model": meta,
            },
            {f"vae/{name}": array for name, array in vae_arrays.items()}
            | {f"model/{name}": array for name, array in arrays.items()},
        )

    @classmethod
    def from_state(cls, meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """Inverse of `to_state`.

        Raises
        ------
        ArtifactError
            A setting is out of range, a part contradicts itself, or the parts do not fit one another.
        """
        from smctrain.models.registry import fitted_from_state

        kinds, keep_rows, family = meta.get("kinds"), meta.get("keep_rows"), meta.get("family")
        if not isinstance(kinds, list) or not kinds or any(kind not in KINDS for kind in kinds):
            raise ArtifactError(f"VAEColumns: kinds must list some of {', '.join(KINDS)}, but is {kinds!r}.")
        if not isinstance(keep_rows, bool):
            raise ArtifactError(f"VAEColumns: keep_rows must be true or false, but is {keep_rows!r}.")
        if not isinstance(family, str) or family == cls.family:
            raise ArtifactError(f"VAEColumns: family must be the name of another family, but is {family!r}.")
        if not isinstance(meta.get("vae"), dict) or not isinstance(meta.get("model"), dict):
            raise ArtifactError("VAEColumns: the metadata must describe an autoencoder and a model.")
        parts: dict[str, dict[str, NDArray[Any]]] = {"vae": {}, "model": {}}
        for name, array in arrays.items():
            part, _, rest = name.partition("/")
            if part not in parts:
                raise ArtifactError(f"VAEColumns: the array {name!r} is unknown.")
            parts[part][rest] = array
        vae = FittedVAE.from_state(meta["vae"], parts["vae"])
        widening = Widening(vae, tuple(kinds), keep_rows)
        model = fitted_from_state(family, meta["model"], parts["model"])
        if model.n_features != widening.width:
            raise ArtifactError(
                f"VAEColumns: the {family} must take {widening.width} columns, but takes {model.n_features}."
            )
        return cls(widening, model)


@dataclass(frozen=True)
class VAEColumnsTrainer:
    """Settings of a family behind a variational autoencoder.

    Parameters
    ----------
    model : str
        The family that learns from the columns: any but the sequence families.
    columns : sequence of "anomaly", "codes", "denoised"
        What the autoencoder says about a row.
    keep_rows : bool
        Whether the row's own columns stay in front.
    vae, model_settings : dict, optional
        Settings of the autoencoder (see `VAETrainer`) and of the family; defaults for those not named. The
        autoencoder never sees labels (`head_weight` is 0 and `class_weight` None, whatever it says): codes that know
        the labels of the training rows would look better to the family there than they are on later rows.

    Raises
    ------
    InputError
        Lists every wrong setting.
    """

    model: str = "RandomForest"
    columns: Sequence[str] = ("anomaly", "codes")
    keep_rows: bool = True
    vae: Mapping[str, Any] | None = field(default=None, kw_only=True)
    model_settings: Mapping[str, Any] | None = field(default=None, kw_only=True)

    family: ClassVar[str] = "VAEColumns"
    needs_scaling: ClassVar[bool] = True
    is_sequence: ClassVar[bool] = False
    uses_stop_rows: ClassVar[bool] = True

    def __post_init__(self) -> None:
        from smctrain.models.registry import FAMILIES, resolve_family

        problems = Problems(self.family)
        listed = isinstance(self.columns, Sequence) and not isinstance(self.columns, (str, bytes))
        if not listed or not self.columns or any(kind not in KINDS for kind in self.columns):
            problems.found.append(f"columns must list some of {', '.join(KINDS)}, but is {self.columns!r}")
        elif len(set(self.columns)) < len(self.columns):
            problems.found.append(f"columns must name each kind once, but is {self.columns!r}")
        problems.choice("keep_rows", self.keep_rows, (True, False))
        name = resolve_family(self.model)
        entry = FAMILIES[name]
        if entry.is_sequence or not entry.trainer or entry.task != "classification" or name in _NOT_BEHIND:
            problems.found.append(f"model must be a family that predicts classes from single rows, but is {name!r}")
        problems.raise_if_any()
        object.__setattr__(self, "model", name)
        object.__setattr__(self, "columns", tuple(kind for kind in KINDS if kind in self.columns))
        self._trainers()

    def _trainers(self) -> tuple[VAETrainer, Any]:
        from smctrain.models.registry import make_trainer

        vae: Any = make_trainer("VAE", {**(self.vae or {}), "head_weight": 0.0, "class_weight": None})
        return vae, make_trainer(self.model, dict(self.model_settings or {}))

    def settings(self) -> dict[str, Any]:
        """Plain settings, for metadata and hashes."""
        vae, model = self._trainers()
        return {
            "model": self.model,
            "columns": list(self.columns),
            "keep_rows": self.keep_rows,
            "vae": vae.settings(),
            "model_settings": model.settings(),
        }

    def fit(self, task: FitTask) -> FittedVAEColumns:
        """Fit the autoencoder, then the family, on the task's rows; X scaled and imputed by the caller. A time limit is
        that of both.

        Raises
        ------
        InputError
            X is not finite in a used row (column and row named), or a label or weight is out of range.
        TooFewRows, OneClass
            There is nothing to learn from.
        """
        if task.n_classes == 0:
            raise InputError("VAEColumns predicts classes: give class labels.")
        begin = time.monotonic()
        learner, trainer = self._trainers()
        vae = learner.fit(replace(task, seed=(task.seed ^ _VAE_SEED) % (1 << 64), binned=None, shared=None))
        widening = Widening(vae, tuple(self.columns), self.keep_rows)
        used = np.concatenate([task.rows, task.stop_rows])
        wide = np.zeros((len(task.X), widening.width), dtype=np.float32)
        wide[used] = widening.columns(task.X, used)
        names = None if task.names is None else widening.names(task.names)
        left = 0.0 if task.time_limit_s <= 0 else max(1e-3, task.time_limit_s - (time.monotonic() - begin))
        return FittedVAEColumns(
            widening,
            trainer.fit(replace(task, X=wide, names=names, time_limit_s=left, binned=None, shared=None)),
        )
