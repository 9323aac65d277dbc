"""A family behind a variational autoencoder, with scikit-learn's face. Put a scaler in front.

>>> model = VAEColumnsClassifier("XGBoost", columns=("anomaly",)).fit(X, y, X_val=X_val, y_val=y_val)   # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from smctrain.models.base import Trainer
from smctrain.models.estimators._base import NativeClassifier
from smctrain.models.estimators._input import validated_matrix
from smctrain.models.vae_columns import FittedVAEColumns, VAEColumnsTrainer


@dataclass(repr=False, eq=False)
class VAEColumnsClassifier(NativeClassifier):
    """Any tabular family that learns from what a variational autoencoder says about rows.

    Parameters
    ----------
    model : str
        The family, such as "RandomForest" or "XGBoost".
    columns : sequence of "anomaly", "codes", "denoised"
        How strange the row is (1 column), its latent means, and the row as the autoencoder decodes it.
    keep_rows : bool
        Whether the row's own columns stay beside them.
    vae, model_settings : dict, optional
        Settings of the autoencoder (see `smctrain.models.vae.VAETrainer`) and of the family. The autoencoder never sees
        labels.
    random_state : int, RandomState, Generator or None
    n_jobs : int or None

    Notes
    -----
    Early stopping of both needs `X_val`, `y_val` in `fit`. In a training run:
    `--models vae_columns --set vae_columns.model=XGBoost 'vae_columns.columns=[anomaly]' vae.latent_dim=8`.
    """

    model: str = "RandomForest"
    columns: Sequence[str] = ("anomaly", "codes")
    keep_rows: bool = True
    vae: Mapping[str, Any] | None = field(default=None, kw_only=True)
    model_settings: Mapping[str, Any] | None = field(default=None, kw_only=True)
    random_state: Any = field(default=None, kw_only=True)
    n_jobs: int | None = field(default=None, kw_only=True)

    _family: ClassVar[str] = "VAEColumns"

    def _make_trainer(self) -> Trainer:
        return VAEColumnsTrainer(
            self.model, self.columns, self.keep_rows, vae=self.vae, model_settings=self.model_settings
        )

    def widened(self, X: Any) -> NDArray[np.float32]:
        """What the family sees of X (n, width): its own columns, if they are kept, and those of the autoencoder."""
        check_is_fitted(self, "fitted_")
        matrix, _ = validated_matrix(self, X, reset=False, allow_nan=False)
        return cast(FittedVAEColumns, self.fitted_).widening.columns(matrix)

    def widened_names(self) -> list[str]:
        """Names of these columns: `vae_anomaly`, `vae_0`, ..., `vae_denoised_<column>` behind those of X."""
        check_is_fitted(self, "fitted_")
        names = getattr(self, "feature_names_in_", None)
        of_row = [f"x{i}" for i in range(self.n_features_in_)] if names is None else [str(name) for name in names]
        return cast(FittedVAEColumns, self.fitted_).widening.names(of_row)
