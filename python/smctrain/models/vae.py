"""Variational autoencoder with a prediction head: a latent space, denoised rows, anomaly scores and predictions.

An encoder gives each row a mean and a variance for each of a few latent units, a decoder makes the row again from a
draw of them, and a linear head predicts from the same draw. One loss trains all three:

    head_weight * head loss + (reconstruction_weight * reconstruction + kl_weight * KL) / columns

with the reconstruction half the squared error, summed over the columns, and KL the divergence of the latent
distribution from the standard normal. With `reconstruction_weight` 1, `kl_weight` is the variance of the noise that
the decoder allows around a row, in units of a scaled column's variance; what varies less than that is not encoded.

Sources: Kingma and Welling, "Auto-encoding variational Bayes" (ICLR 2014); active units: Burda, Grosse and
Salakhutdinov, "Importance weighted autoencoders" (ICLR 2016).

>>> trainer = VAETrainer(latent_dim=8)
>>> fitted = trainer.fit(task)                                    # doctest: +SKIP
>>> fitted.active_units                                           # doctest: +SKIP
3
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from smctrain import _load
from smctrain.exceptions import ArtifactError, InputError
from smctrain.models._neural_common import FittedNet, NetShape, fit_network
from smctrain.models._neural_settings import NetSettings, Problems
from smctrain.models.base import FitTask, FloatMatrix

ACTIVE_VARIANCE = 0.01
"""A latent unit is active where its mean varies more than this over the training rows."""
_SCORED_ROWS = 20_000  # training rows the score quantiles are taken from, evenly spaced
_QUANTILES = 1001
_SCORES = ("elbo", "reconstruction")


class FittedVAE(FittedNet):
    """A trained variational autoencoder; see `FittedNet`.

    Attributes
    ----------
    kl_weight, reconstruction_weight : float
        Of the loss; the scores use them too.
    latent_variance : float64 (latent_dim,)
        Variance of each latent unit's mean over the training rows.
    score_quantiles : float64 (1001, 2)
        Quantiles 0, 0.001, .. 1 of the training rows' scores: "elbo", then "reconstruction".
    """

    family: ClassVar[str] = "VAE"
    _kind: ClassVar[str] = "vae"

    kl_weight: float
    reconstruction_weight: float
    latent_variance: NDArray[np.float64]
    score_quantiles: NDArray[np.float64]
    _codes: Any = None

    @property
    def active_units(self) -> int:
        """Latent units whose mean varies over the training rows (variance above 0.01). 0: the latent space collapsed,
        every row has the same code."""
        return int((self.latent_variance > ACTIVE_VARIANCE).sum())

    def latent(self, X: FloatMatrix, rows: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """Latent means (m, latent_dim) of `rows` of X (all when None); X as in `predict_proba`."""
        means: NDArray[np.float64] = self._ask("codes", X, rows)[:, : self.shape.latent_dim]
        return means

    def latent_sd(self, X: FloatMatrix, rows: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """Standard deviations of the latent distribution (m, latent_dim)."""
        deviations: NDArray[np.float64] = np.exp(0.5 * self._ask("codes", X, rows)[:, self.shape.latent_dim :])
        return deviations

    def reconstruct(self, X: FloatMatrix, rows: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """Rows decoded from their latent means (m, d): the denoised rows, in units of X."""
        return self._ask("reconstruction", X, rows)

    def losses(self, X: FloatMatrix, rows: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """Reconstruction loss (half the squared error, summed over the columns) and KL divergence (m, 2)."""
        return self._ask("losses", X, rows)

    def anomaly_score(
        self, X: FloatMatrix, rows: NDArray[np.int64] | None = None, kind: str = "elbo"
    ) -> NDArray[np.float64]:
        """How unlike the training rows a row is (m,); larger is stranger.

        Parameters
        ----------
        kind : "elbo" or "reconstruction"
            "elbo": (reconstruction_weight * reconstruction + kl_weight * KL) / d, up to constants the negative evidence
            lower bound, with the latent means in place of draws. "reconstruction": the mean squared error of the
            reconstruction.
        """
        if kind not in _SCORES:
            raise InputError(f"kind must be 'elbo' or 'reconstruction', but is {kind!r}.")
        return self._scores(self.losses(X, rows))[:, _SCORES.index(kind)]

    def training_share(self, score: NDArray[np.float64], kind: str = "elbo") -> NDArray[np.float64]:
        """Share of the training rows with a lower score (m,), in [0, 1]: 0.99 is stranger than 99 % of them."""
        if kind not in _SCORES:
            raise InputError(f"kind must be 'elbo' or 'reconstruction', but is {kind!r}.")
        levels = np.linspace(0.0, 1.0, _QUANTILES)
        return np.interp(score, self.score_quantiles[:, _SCORES.index(kind)], levels)

    def _scores(self, losses: NDArray[np.float64]) -> NDArray[np.float64]:
        weights = np.array([self.reconstruction_weight, self.kl_weight])
        return np.column_stack([losses @ weights, 2.0 * losses[:, 0]]) / self.n_features

    def _ask(self, method: str, X: FloatMatrix, rows: NDArray[np.int64] | None) -> NDArray[np.float64]:
        if rows is None:
            rows = np.arange(len(X), dtype=np.int64)
        codes = self._codes
        if codes is None:
            codes = _load.core().VaeCodes(self.shape.native(), self.arrays)
            self._codes = codes
        answer: NDArray[np.float64] = getattr(codes, method)(X, rows)
        return answer

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_codes": None}

    def _learn_latent_space(self, trainer: VAETrainer, task: FitTask) -> None:
        """What the training rows say about the latent space."""
        self.kl_weight = float(trainer.kl_weight)
        self.reconstruction_weight = float(trainer.reconstruction_weight)
        rows = task.rows if task.weight is None else task.rows[task.weight[task.rows] > 0]
        rows = np.ascontiguousarray(rows[:: -(-len(rows) // _SCORED_ROWS)])
        self.latent_variance = self.latent(task.X, rows).var(axis=0)
        self.score_quantiles = np.quantile(
            self._scores(self.losses(task.X, rows)), np.linspace(0.0, 1.0, _QUANTILES), axis=0
        )
        active, units = self.active_units, self.shape.latent_dim
        if active == 0:
            self.warnings.append(
                f"the latent space collapsed: none of {units} latent units is active (no mean varies by more than "
                f"{ACTIVE_VARIANCE} over the training rows), so codes, reconstructions and scores say nothing about a "
                "row - lower kl_weight or give it a longer kl_warmup_epochs."
            )

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """As `FittedNet.to_state`, with the weights of the loss and what the training rows said."""
        meta, arrays = super().to_state()
        meta |= {"kl_weight": self.kl_weight, "reconstruction_weight": self.reconstruction_weight}
        arrays |= {"training.latent_variance": self.latent_variance, "training.score_quantiles": self.score_quantiles}
        return meta, arrays

    @classmethod
    def from_state(cls, meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """Inverse of `to_state`.

        Raises
        ------
        ArtifactError
            As of `FittedNet.from_state`.
        """
        arrays = dict(arrays)
        extra = {name: arrays.pop(f"training.{name}", None) for name in ("latent_variance", "score_quantiles")}
        found: dict[str, NDArray[np.float64]] = {}
        fitted = super().from_state(meta, arrays)
        shapes = {"latent_variance": (fitted.shape.latent_dim,), "score_quantiles": (_QUANTILES, 2)}
        for name, wanted in shapes.items():
            array = extra[name]
            if array is None or array.dtype != np.float64 or array.shape != wanted:
                what = "missing" if array is None else f"{array.dtype} {array.shape}"
                raise ArtifactError(f"VAE: array training.{name} must be float64 {wanted}, but is {what}.")
            if not np.isfinite(array).all() or (array < 0).any():
                raise ArtifactError(f"VAE: array training.{name} must be finite and not negative.")
            found[name] = np.array(array, dtype=np.float64)
        if (found["score_quantiles"][1:] < found["score_quantiles"][:-1]).any():
            raise ArtifactError("VAE: array training.score_quantiles must ascend.")
        for name in ("kl_weight", "reconstruction_weight"):
            value = meta.get(name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
                raise ArtifactError(f"VAE: {name} must be a number of at least 0, but is {value!r}.")
        fitted.kl_weight = float(meta["kl_weight"])
        fitted.reconstruction_weight = float(meta["reconstruction_weight"])
        fitted.latent_variance = found["latent_variance"]
        fitted.score_quantiles = found["score_quantiles"]
        return fitted


@dataclass(frozen=True)
class VAETrainer(NetSettings):
    """Settings of the variational autoencoder.

    Parameters
    ----------
    hidden_dims : sequence of int
        Width of each block of the encoder; the decoder has them in reverse order.
    latent_dim : int
        Latent units.
    reconstruction_weight, kl_weight, head_weight : float
        Weights of the loss's parts. `head_weight` 0 learns the latent space without y.
    kl_warmup_epochs : float
        `kl_weight` rises linearly from 0 over so many epochs, against a latent space that collapses before it is used.
        `train_loss` and `val_loss` count KL at its full weight throughout, and patience is not used up before.
    dropout : float
        After each ReLU of the encoder.
    freeze_layers : int
        Counts the encoder's blocks.
    other settings
        See `NetSettings`; `device` must be "auto" or "cpu": training is on the CPU.

    Raises
    ------
    InputError
        Lists every wrong setting.
    """

    hidden_dims: Sequence[int] = (128, 64)
    latent_dim: int = field(default=16, kw_only=True)
    reconstruction_weight: float = field(default=1.0, kw_only=True)
    kl_weight: float = field(default=0.1, kw_only=True)
    head_weight: float = field(default=1.0, kw_only=True)
    kl_warmup_epochs: float = field(default=5.0, kw_only=True)
    dropout: float = field(default=0.1, kw_only=True)

    family: ClassVar[str] = "VAE"

    def _check(self, problems: Problems) -> None:
        problems.widths("hidden_dims", self.hidden_dims)
        problems.integer("latent_dim", self.latent_dim, 1, 65_536)
        for name in ("reconstruction_weight", "kl_weight", "head_weight", "kl_warmup_epochs"):
            problems.real(name, getattr(self, name), "of at least 0", 0.0, math.inf)
        if self.device == "cuda":
            problems.found.append("device must be auto or cpu (a VAE is trained on the CPU), but is cuda")
        super()._check(problems)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "hidden_dims", tuple(int(width) for width in self.hidden_dims))

    def native(self) -> dict[str, Any]:
        weights = ("reconstruction_weight", "kl_weight", "head_weight", "kl_warmup_epochs")
        return {**super().native(), **{name: float(getattr(self, name)) for name in weights}}

    def fit(self, task: FitTask) -> FittedVAE:
        """Train on the task's rows; X scaled and imputed by the caller. `val_loss`, which early stopping watches, is
        the whole loss.

        Raises
        ------
        InputError
            X is not finite in a used row (column and row named), or a label or weight is out of range.
        TooFewRows, OneClass
            There is nothing to learn from.
        """
        shape = NetShape(
            "vae", int(task.X.shape[1]), tuple(self.hidden_dims), 1, int(task.n_classes),
            latent_dim=int(self.latent_dim),
        )  # fmt: skip
        fitted = FittedVAE._of_fit(shape, fit_network(self, task, shape))
        fitted._learn_latent_space(self, task)
        return fitted
