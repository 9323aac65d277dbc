"""Several quantiles at once, with coverage that is told and can be put right."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from smctrain.exceptions import InputError
from smctrain.models.boosting import is_integer, is_real, pinball_loss, quantile_skill
from smctrain.models.calibration import chance_spread, effective_rows
from smctrain.models.estimators._input import numbers_of, validated_matrix, validated_weight
from smctrain.models.estimators._regressor import NativeRegressor
from smctrain.models.quantile import FittedQuantile, HeldOut, crossing_of, track


@dataclass(frozen=True)
class QuantileReport:
    """How true predicted quantiles are on rows that were not trained on.

    Attributes
    ----------
    n, n_effective : rows, and rows that count where labels overlap
    crossing : float
        Share of rows whose quantiles came out of the base in a wrong order, before `predict` sorts them.
    levels : dict
        Columns `quantile`, `coverage` (share of outcomes at or below it), `spread` (how far chance alone takes it in 95
        of 100 samples of n_effective rows), `ok`, `pinball` (mean loss) and `skill` (1 - loss / loss of the constant
        quantiles of these outcomes, which know them).
    blocks : float64 (b, q)
        Coverage in consecutive blocks of rows: columns that drift say that the coverage does not hold over time.
    drift : float
        Largest distance of a block's coverage from that of all rows, in standard deviations of chance.
    """

    n: int
    n_effective: float
    crossing: float
    levels: dict[str, NDArray[Any]]
    blocks: NDArray[np.float64]
    drift: float

    @property
    def ok(self) -> bool:
        """Whether every coverage is within what chance alone does."""
        return bool(self.levels["ok"].all())

    @property
    def table(self) -> Any:
        """`levels` as a pandas frame where pandas is installed, else as it is."""
        if importlib.util.find_spec("pandas") is None:
            return self.levels
        import pandas as pd

        return pd.DataFrame(self.levels)


class QuantileRegressor(NativeRegressor):
    """Several quantiles of a number that never cross; NaN is a missing value.

    `held_` says after `fit` how they did on rows that were not trained on; `report(X, y)` says it for any rows.

    Parameters
    ----------
    base : "xgboost", "lightgbm", "catboost", "forest" or "linear"
        What is fitted: boosting with the pinball loss, a quantile regression forest, or one plane a quantile (missing
        values count as the column's median).
    quantiles : float or list of float
        Ascending, between 0 and 1.
    conformal : bool
        Shift each quantile so that its coverage holds on the newer half of the validation rows (the older half decides
        when to stop), or without `X_val` on the newest `held_share` of the rows, which are then not trained on. Assumes
        that later rows are exchangeable with those; where the market changes, use `track`.
    held_share : float
    gap : int
        Rows left out before the held ones, at least the horizon of overlapping labels less one.
    settings : dict or None
        More settings of the base, in its own words, such as {"max_depth": 3}.
    random_state, n_jobs
        As everywhere.

    Attributes
    ----------
    held_ : HeldOut or None
        Rows, share of crossings, coverage and pinball loss on held rows, before conformal shifts; None without such
        rows.
    shifts_ : ndarray (q,)
        What the conformal correction adds to each quantile.
    """

    _family: ClassVar[str] = "Quantile"
    _allow_nan: ClassVar[bool] = True

    def __init__(
        self,
        base: str = "xgboost",
        *,
        quantiles: Any = (0.05, 0.25, 0.5, 0.75, 0.95),
        conformal: bool = False,
        held_share: float = 0.2,
        gap: int = 0,
        settings: dict[str, Any] | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
    ) -> None:
        self.base = base
        self.quantiles = quantiles
        self.conformal = conformal
        self.held_share = held_share
        self.gap = gap
        self.settings = settings
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _make_trainer(self) -> Any:
        from smctrain.models.quantile import QuantileTrainer

        return QuantileTrainer(
            base=self.base,
            quantiles=self.quantiles,
            conformal=self.conformal,
            held_share=self.held_share,
            gap=self.gap,
            settings_of_base=self.settings,
        )

    @property
    def held_(self) -> HeldOut | None:
        check_is_fitted(self, "fitted_")
        return self._quantile().held

    @property
    def shifts_(self) -> NDArray[np.float64]:
        check_is_fitted(self, "fitted_")
        return self._quantile().shifts.copy()

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Predicted quantiles (n, q), ascending in every row; (n,) for one quantile."""
        return super().predict(X)

    def predict_interval(self, X: Any, level: float = 0.9) -> NDArray[np.float64]:
        """Central interval (n, 2) of a level whose two quantiles were fitted."""
        check_is_fitted(self, "fitted_")
        levels = np.array(self._quantile().quantiles)
        wanted = np.array([(1 - level) / 2, (1 + level) / 2]) if is_real(level) else np.array([np.nan])
        at = [np.flatnonzero(np.abs(levels - one) < 1e-9) for one in wanted]
        if len(at) != 2 or not all(len(found) for found in at):
            raise InputError(
                f"level must be that of two fitted quantiles, (1 - level) / 2 and (1 + level) / 2, but is {level!r} "
                f"with the quantiles {levels.tolist()}."
            )
        return self._quantiles_at(X)[:, [int(found[0]) for found in at]]

    def crossing_share(self, X: Any) -> float:
        """Share of rows whose quantiles come out of the base in a wrong order, before `predict` sorts them."""
        check_is_fitted(self, "fitted_")
        matrix, _ = validated_matrix(self, X, reset=False, allow_nan=True)
        return crossing_of(self._quantile().raw(matrix))

    def coverage(self, X: Any, y: ArrayLike) -> dict[float, float]:
        """Share of outcomes at or below each predicted quantile: {quantile: share}."""
        report = self.report(X, y, blocks=1)
        return dict(zip(report.levels["quantile"].tolist(), report.levels["coverage"].tolist(), strict=True))

    def report(self, X: Any, y: ArrayLike, *, horizon: int = 1, blocks: int = 4) -> QuantileReport:
        """Coverage, pinball loss, crossings and drift on rows (n, d) in time order that were not trained on.

        horizon : rows that share one outcome, as overlapping labels do.
        blocks : consecutive parts whose coverages are compared.
        """
        check_is_fitted(self, "fitted_")
        predicted, values = self._quantiles_at(X), self._targets(X, y)
        n, levels = len(values), np.array(self._quantile().quantiles)
        if not (is_integer(blocks) and 1 <= blocks <= n):
            raise InputError(f"blocks must be an integer in 1..{n}, but is {blocks!r}.")
        n_effective = effective_rows(n, horizon)
        below = values[:, None] <= predicted
        coverage, spread = below.mean(axis=0), chance_spread(levels, n_effective)
        parts = np.array([part.mean(axis=0) for part in np.array_split(below, int(blocks))])
        chance = chance_spread(levels, n_effective / int(blocks)) / 1.96
        loss = pinball_loss(values, predicted, levels.tolist())
        constant = np.broadcast_to(np.quantile(values, levels), predicted.shape)
        best = pinball_loss(values, constant, levels.tolist())
        return QuantileReport(
            n=n,
            n_effective=n_effective,
            crossing=self.crossing_share(X),
            levels={
                "quantile": levels,
                "coverage": coverage,
                "spread": spread,
                "ok": np.abs(coverage - levels) <= spread,
                "pinball": loss,
                "skill": 1 - np.divide(loss, best, out=np.ones_like(loss), where=best > 0),
            },
            blocks=parts,
            drift=float((np.abs(parts - coverage) / chance).max()),
        )

    def track(self, X: Any, y: ArrayLike, *, horizon: int = 1, rate: float | None = None) -> NDArray[np.float64]:
        """Quantiles (n, q) of rows in time order that follow their own coverage: after each outcome that comes to be
        known a quantile moves up where it was exceeded and down where it was not (quantile tracking, Angelopoulos,
        Candes and Tibshirani 2023). Long-run coverage holds without any assumption about the market; a row's quantiles
        use the outcomes of earlier rows only, from `horizon` rows before.

        horizon : rows until an outcome is known.
        rate : step of a quantile, in units of y; None: a twentieth of the mean distance between the outermost quantiles
        (of one quantile: of the mean absolute error) on the rows that `fit` held, else on the newest it trained on.
        """
        check_is_fitted(self, "fitted_")
        if not (is_integer(horizon) and horizon >= 1):
            raise InputError(f"horizon must be an integer of at least 1, but is {horizon!r}.")
        predicted, values = self._quantiles_at(X), self._targets(X, y)
        if rate is None:
            rate = self._quantile().spread / 20 or 1e-9
        if not (is_real(rate) and rate > 0):
            raise InputError(f"rate must be a positive number, but is {rate!r}.")
        tracked, _ = track(predicted, values, self._quantile().quantiles, float(rate), int(horizon))
        return tracked

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """1 - pinball loss / pinball loss of the constant quantiles of `y` themselves."""
        predicted, values = self._quantiles_at(X), self._targets(X, y)
        weight = validated_weight(sample_weight, len(values))
        return quantile_skill(values, predicted, self._quantile().quantiles, weight)

    def _quantile(self) -> FittedQuantile:
        return self.fitted_  # type: ignore[return-value]

    def _quantiles_at(self, X: Any) -> NDArray[np.float64]:
        matrix, _ = validated_matrix(self, X, reset=False, allow_nan=True)
        return self._quantile().quantiles_at(matrix)

    def _targets(self, X: Any, y: ArrayLike) -> NDArray[np.float64]:
        values = numbers_of("y", y)
        n = len(X) if hasattr(X, "__len__") else X.shape[0]
        if values.shape != (n,) or n == 0:
            raise InputError(f"y must have one entry for each of the {n} rows, at least 1, but has {values.shape}.")
        return values
