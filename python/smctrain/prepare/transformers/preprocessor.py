"""The whole preparation of a fold as one scikit-learn transformer."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain.exceptions import ArtifactError
from smctrain.prepare.preparation import Preparation, PrepareSettings, indicator_name
from smctrain.prepare.transformers._base import NativeTransformer


class Preprocessor(NativeTransformer):
    """Bad columns out, missing values in, outliers clipped, columns scaled: what a run does in each fold.

    In this order, on the fit rows alone: infinite becomes missing; columns without values, with more than `max_missing`
    missing, constant or equal to an earlier one are dropped; missing values are replaced; values are clipped to
    quantiles; columns are scaled, and dropped where their scale is zero; indicators of missing values follow, as 0 and
    1, one for all columns that are missing in the same fit rows.

    Parameters
    ----------
    scale : "standard", "robust", "minmax" or None
        Mean and standard deviation (n - 1); median and interquartile range; minimum and range.
    clip : (low, high) or None
        Quantiles to clip to.
    indicator : float or None
        Least share of missing values that earns a column an indicator; None: no indicators, as in a run unless
        `prepare.indicator` is set.
    impute : "median", "mean", "constant" or None
        None leaves values missing.
    fill_value : float
        Of "constant".
    max_missing : float
    n_jobs : int or None
        Threads; the result is the same for any number.

    Attributes
    ----------
    kept_ : int64 (k,)
        Columns that are kept, ascending.
    dropped_ : list of (name, reason)
    indicators_ : int64 (m,)
        Columns that have an indicator.
    preparation_ : Preparation
        The numbers, as a run holds them.
    n_samples_seen_, fit_rows_, fit_rows_hash_, n_features_in_, feature_names_in_
        As of `StandardScaler`.

    The output is float32.
    """

    _allow_infinite: ClassVar[bool] = True
    _keep_double: ClassVar[bool] = False

    def __init__(
        self,
        *,
        scale: str | None = "standard",
        clip: tuple[float, float] | None = (0.001, 0.999),
        indicator: float | None = 0.01,
        impute: str | None = "median",
        fill_value: float = 0.0,
        max_missing: float = 0.5,
        n_jobs: int | None = None,
    ) -> None:
        self.scale = scale
        self.clip = clip
        self.indicator = indicator
        self.impute = impute
        self.fill_value = fill_value
        self.max_missing = max_missing
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None, *, rows: ArrayLike | None = None) -> Self:
        """Learn from the given rows of X (None: all); raises TooFewColumns where no column is usable."""
        return self._fit(X, rows)

    def _settings(self) -> PrepareSettings:
        return PrepareSettings(self.impute, self.fill_value, self.indicator, self.clip, self.scale, self.max_missing)

    def _check(self) -> None:
        self._settings()

    def _learn(
        self, X: NDArray[Any], rows: NDArray[np.int64], weight: NDArray[np.float64] | None, threads: int
    ) -> None:
        self._take(Preparation.fit(X, rows, self._names(), self._settings(), threads=threads))

    def _take(self, made: Preparation) -> None:
        self.preparation_ = made
        self.kept_, self.dropped_, self.indicators_ = made.kept, list(made.dropped), made.indicators

    def _program(self) -> dict[str, NDArray[Any]]:
        return {
            name: getattr(self.preparation_, name)
            for name in ("kept", "fill", "low", "high", "center", "scale", "indicators")
        }

    def _names_out(self, names: list[str]) -> list[str]:
        return [names[int(j)] for j in self.kept_] + [indicator_name(names[int(j)]) for j in self.indicators_]

    def _extra_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        return self.preparation_.to_state()

    def _restore(self, meta: dict[str, Any], arrays: dict[str, NDArray[Any]], need: Any) -> None:
        made = Preparation.from_state(meta, {name: value for name, value in arrays.items() if name != "fit_rows"})
        if made.names != self._names() or made.fit_rows_hash != self.fit_rows_hash_:
            raise ArtifactError("the Preprocessor cannot be loaded: columns or rows disagree with its preparation.")
        self._take(made)
