"""Variational autoencoder with scikit-learn's faces: classifier or regressor, and transformer. Put a scaler in front.

>>> model = VAEClassifier(latent_dim=8).fit(X, y, X_val=X_val, y_val=y_val)   # doctest: +SKIP
>>> model.transform(X_new)                                                    # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from smctrain.models.base import Trainer
from smctrain.models.estimators._base import NativeClassifier
from smctrain.models.estimators._input import validated_matrix
from smctrain.models.estimators._regressor import NativeRegressor
from smctrain.models.estimators.neural import _ClassifierParameters, _RegressorParameters
from smctrain.models.vae import FittedVAE, VAETrainer


@dataclass(repr=False, eq=False)
class _Latent(TransformerMixin):  # type: ignore[misc]
    hidden_dims: Sequence[int] = (128, 64)
    latent_dim: int = field(default=16, kw_only=True)
    reconstruction_weight: float = field(default=1.0, kw_only=True)
    kl_weight: float = field(default=0.1, kw_only=True)
    head_weight: float = field(default=1.0, kw_only=True)
    kl_warmup_epochs: float = field(default=5.0, kw_only=True)
    dropout: float = field(default=0.1, kw_only=True)

    _family: ClassVar[str] = "VAE"

    def _make_trainer(self) -> Trainer:
        return VAETrainer(**self._settings())

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags

    def _rows(self, X: Any) -> NDArray[np.float32]:
        check_is_fitted(self, "fitted_")
        matrix, _ = validated_matrix(self, X, reset=False, allow_nan=False)
        return matrix

    @property
    def _net(self) -> FittedVAE:
        check_is_fitted(self, "fitted_")
        return cast(FittedVAE, self.fitted_)

    @property
    def active_units_(self) -> int:
        """Latent units whose mean varies over the training rows; 0 means that the latent space collapsed."""
        return self._net.active_units

    def transform(self, X: Any) -> NDArray[np.float64]:
        """Latent means (n, latent_dim), named by `get_feature_names_out`."""
        return self._net.latent(self._rows(X))

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[np.object_]:
        """`vae_0`, `vae_1`, ...: the names of `transform`'s columns."""
        return np.array([f"vae_{k}" for k in range(self._net.shape.latent_dim)], dtype=object)

    def reconstruct(self, X: Any) -> Any:
        """The denoised rows: X decoded from its latent means (n, d), in units of X. A frame with X's columns and index
        where X is a pandas frame."""
        again = self._net.reconstruct(self._rows(X))
        if hasattr(X, "columns") and hasattr(X, "index"):
            return type(X)(again, columns=X.columns, index=X.index)
        return again

    def anomaly_score(self, X: Any, *, kind: str = "elbo", as_share: bool = False) -> NDArray[np.float64]:
        """How unlike the training rows each row is (n,); larger is stranger.

        Parameters
        ----------
        kind : "elbo" or "reconstruction"
            See `FittedVAE.anomaly_score`.
        as_share : bool
            The share of training rows with a lower score instead, in [0, 1]: 0.99 is stranger than 99 % of them.
        """
        score = self._net.anomaly_score(self._rows(X), kind=kind)
        return self._net.training_share(score, kind) if as_share else score

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> NDArray[np.float64]:
        """`fit`, then `transform` of the same rows."""
        self.fit(X, y, **fit_params)
        return self.transform(X)


@dataclass(repr=False, eq=False)
class VAEClassifier(_Latent, _ClassifierParameters, NativeClassifier):
    """Variational autoencoder with a class head.

    Parameters
    ----------
    hidden_dims : sequence of int
        Width of each block of the encoder; the decoder has them in reverse order.
    latent_dim : int
    reconstruction_weight, kl_weight, head_weight, kl_warmup_epochs : float
        See `smctrain.models.vae.VAETrainer`.
    class_weight : "balanced", dict or None
    random_state : int, RandomState, Generator or None
    n_jobs : int or None
        Accepted for uniformity; one fit uses one thread.
    other parameters
        See `smctrain.models.vae.VAETrainer`. Early stopping and `calibration` need `X_val`, `y_val` in `fit`.

    Notes
    -----
    In a pipeline it is the last step as a classifier, or a step before others as a transformer. It learns from y too
    (`head_weight` 0: from X alone), so fit it inside each fold.
    """


@dataclass(repr=False, eq=False)
class VAERegressor(_Latent, _RegressorParameters, NativeRegressor):
    """Variational autoencoder with a head for numbers; parameters as of `VAEClassifier`, and `loss`, "squared" or
    "huber"."""
