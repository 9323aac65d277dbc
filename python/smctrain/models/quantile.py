"""Several quantiles of a number at once: they never cross, and their coverage is told and can be put right.

base        what is fitted: XGBoost, LightGBM or CatBoost with the pinball loss, a quantile forest, or planes.
sorting     predicted quantiles of a row are sorted, which never makes them worse (Chernozhukov, Fernandez-Val and
            Galichon, Econometrica 2010); the share of rows that needed it is reported.
held rows   rows that were not trained on, the newest ones. Coverage and pinball loss on them are kept.
conformal   each level q gets a shift: the ceil(q (n + 1))-th smallest error on the n held rows (from 0.5 on, else
            the floor of that). Then an outcome lies at or below it with probability at least (at most) q, if held and
            later rows are exchangeable: conformalised quantile regression, tail by tail (Romano, Patterson and
            Candes, NeurIPS 2019, theorem 2). A market that changes breaks that assumption, and overlapping labels
            weaken it; `track` follows the coverage without it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from smctrain import _load
from smctrain.exceptions import ArtifactError, InputError, TooFewRows
from smctrain.models.base import FitTask, FloatMatrix, History
from smctrain.models.boosting import is_integer, is_real, pinball_loss, quantiles_of, stored_value

BASES = ("xgboost", "lightgbm", "catboost", "forest", "linear")
_MOST_SPREAD_ROWS = 1000
DEFAULT_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class HeldOut:
    """What the rows say that were kept from training, before any conformal shift.

    Attributes
    ----------
    n : int
    crossing : float
        Share of rows whose quantiles had to be sorted.
    coverage, pinball : float64 (q,)
        Share of outcomes at or below each quantile, and mean pinball loss.
    chosen_on : bool
        Whether early stopping watched the same rows, which flatters them a little.
    """

    n: int
    crossing: float
    coverage: NDArray[np.float64]
    pinball: NDArray[np.float64]
    chosen_on: bool


@dataclass(frozen=True)
class QuantileTrainer:
    """Quantiles by a base family, with conformal correction on rows kept from training.

    Parameters
    ----------
    base : "xgboost", "lightgbm", "catboost", "forest" or "linear"
    quantiles : float or list of float
        Ascending, between 0 and 1.
    conformal : bool
        Shift each quantile so that its coverage holds on held rows: the newer half of the stop rows, or without stop
        rows the newest `held_share` of the training rows, which are then not trained on.
    held_share : float
        See `conformal`.
    gap : int
        Training rows left out before the held ones, at least the horizon of overlapping labels less one.
    settings_of_base : mapping or None
        More settings of the base, in its own words, such as {"max_depth": 3}.

    Raises
    ------
    InputError
        If settings are out of range; the message lists all of them.
    """

    family: ClassVar[str] = "Quantile"
    needs_scaling: ClassVar[bool] = False
    is_sequence: ClassVar[bool] = False
    uses_stop_rows: ClassVar[bool] = True

    base: str = "xgboost"
    quantiles: Any = DEFAULT_QUANTILES
    conformal: bool = False
    held_share: float = 0.2
    gap: int = 0
    settings_of_base: Any = None

    def __post_init__(self) -> None:
        problems = []
        if self.base not in BASES:
            problems.append(f"base must be one of {', '.join(map(repr, BASES))}, but is {self.base!r}.")
        try:
            levels = quantiles_of(self.quantiles, "quantiles")
            object.__setattr__(self, "quantiles", levels)
            if not levels or list(levels) != sorted(set(levels)) or not (levels[0] > 0 and levels[-1] < 1):
                problems.append(f"quantiles must be ascending numbers between 0 and 1, but are {list(levels)}.")
        except InputError as error:
            problems.append(str(error))
        if self.conformal not in (True, False):
            problems.append(f"conformal must be True or False, but is {self.conformal!r}.")
        if not (is_real(self.held_share) and 0 < self.held_share < 1):
            problems.append(f"held_share must lie between 0 and 1, but is {self.held_share!r}.")
        if not (is_integer(self.gap) and self.gap >= 0):
            problems.append(f"gap must be an integer of at least 0, but is {self.gap!r}.")
        if self.settings_of_base is not None and not isinstance(self.settings_of_base, Mapping):
            problems.append(f"settings must be a mapping or None, but is {self.settings_of_base!r}.")
        if problems:
            raise InputError(" ".join(problems))
        self._base_trainer()  # checks the rest

    def settings(self) -> dict[str, Any]:
        """Plain settings, for metadata and hashes."""
        return {
            "base": self.base, "quantiles": list(self.quantiles), "conformal": bool(self.conformal),
            "held_share": float(self.held_share), "gap": int(self.gap), "settings": dict(self.settings_of_base or {}),
        }  # fmt: skip

    def _base_trainer(self) -> Any:
        from smctrain.models import registry

        if self.base == "linear":
            return self._linear_trainer()
        name, fixed = {
            "xgboost": (
                "XGBoost",
                {"objective": "reg:quantileerror", "quantile_alpha": list(self.quantiles), "class_weight": None},
            ),
            "lightgbm": ("LightGBM", {"objective": "quantile", "alpha": list(self.quantiles), "class_weight": None}),
            "catboost": ("CatBoost", {"objective": "Quantile", "alpha": list(self.quantiles), "class_weight": None}),
            "forest": ("RandomForestQuantileRegressor", {}),
        }[self.base]
        given = dict(self.settings_of_base or {})
        taken = sorted(set(given) & set(fixed))
        if taken:
            raise InputError(f"settings must not hold {', '.join(taken)}: the quantiles decide about them.")
        return registry.make_trainer(name, given | fixed)

    def _linear_trainer(self) -> Any:
        from smctrain.models.linear_quantile import LinearQuantileTrainer

        given = dict(self.settings_of_base or {})
        known = ("l2", "tol", "max_iter")
        if set(given) - set(known):
            raise InputError(
                f"the base 'linear' has the settings {', '.join(known)}, but got {', '.join(map(str, given))}."
            )
        return LinearQuantileTrainer(tuple(self.quantiles), **given)

    def fit(self, task: FitTask) -> FittedQuantile:
        """Fit one task (n_classes 0, y float64).

        Raises
        ------
        InputError, TooFewRows, TooFewColumns, MissingDependency, NativeLibraryError
            As of the base; TooFewRows also where the held rows are too few for the outermost quantile.
        """
        if task.n_classes != 0:
            raise InputError(f"n_classes must be 0 for quantiles, but is {task.n_classes}.")
        trainer = self._base_trainer()
        rows, stop, held = self._parts(task, trainer.uses_stop_rows)
        inner = trainer.fit(replace(task, rows=rows, stop_rows=stop))
        fitted = FittedQuantile(inner, self.base, tuple(self.quantiles))
        fitted.spread = _spread(fitted, task, held if len(held) else rows[-_MOST_SPREAD_ROWS:])
        if task.weight is not None:
            held = held[task.weight[held] > 0]
        if len(held):
            y = np.asarray(task.y, dtype=np.float64)[held]
            raw = fitted.raw(task.X, held)
            made = np.sort(raw, axis=1)
            fitted.held = HeldOut(
                n=len(held),
                crossing=crossing_of(raw),
                coverage=(y[:, None] <= made).mean(axis=0),
                pinball=pinball_loss(y, made, self.quantiles),
                chosen_on=bool(np.isin(held, stop).any()),
            )
            if self.conformal:
                fitted.shifts = conformal_shifts(y, made, self.quantiles)
        elif self.conformal:
            raise TooFewRows("conformal quantiles need held rows, but 0 rows are left for them.")
        return fitted

    def _parts(self, task: FitTask, stops: bool) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Training, stop and held rows."""
        rows, stop = task.rows, task.stop_rows
        if not self.conformal:
            return rows, stop, stop
        if len(stop):
            if not stops:
                return rows, stop[:0], stop
            return rows, stop[: len(stop) // 2], stop[len(stop) // 2 :]
        n_held = math.ceil(self.held_share * len(rows))
        border = len(rows) - n_held
        return rows[: max(0, border - int(self.gap))], stop, rows[border:]


def _spread(fitted: FittedQuantile, task: FitTask, rows: NDArray[np.int64]) -> float:
    """Mean distance of the outermost quantiles; of one quantile the mean distance of the target from it."""
    made = np.sort(fitted.raw(task.X, rows), axis=1)
    wide = made[:, -1] - made[:, 0] if made.shape[1] > 1 else np.abs(np.asarray(task.y)[rows] - made[:, 0])
    return float(wide.mean())


def crossing_of(raw: NDArray[np.float64]) -> float:
    """Share of rows whose quantiles are not in ascending order."""
    return float((np.diff(raw, axis=1) < 0).any(axis=1).mean()) if len(raw) else 0.0


def conformal_shifts(
    y: NDArray[np.float64], predicted: NDArray[np.float64], quantiles: tuple[float, ...]
) -> NDArray[np.float64]:
    """What to add to each predicted quantile (n, q) so that its coverage of y (n,) holds for the next row."""
    n = len(y)
    errors = np.sort(y[:, None] - predicted, axis=0)
    shifts = np.empty(len(quantiles))
    for k, level in enumerate(quantiles):
        # 1e-9: 0.95 * 20 is a little more than 19 in binary.
        rank = math.ceil(level * (n + 1) - 1e-9) if level >= 0.5 else math.floor(level * (n + 1) + 1e-9)
        if not 1 <= rank <= n:
            need = math.ceil(1 / min(level, 1 - level) - 1e-9) - 1
            raise TooFewRows(f"the conformal quantile {level} needs at least {need} held rows, but has {n}.")
        shifts[k] = errors[rank - 1, k]
    return shifts


_INNER = {
    "xgboost": ("smctrain.models.xgboost", "FittedXGBoost"),
    "lightgbm": ("smctrain.models.lightgbm", "FittedLightGBM"),
    "catboost": ("smctrain.models.catboost", "FittedCatBoost"),
    "forest": ("smctrain.models.forest_regression", "FittedQuantileForest"),
    "linear": ("smctrain.models.linear_quantile", "FittedLinearQuantile"),
}


class FittedQuantile:
    """A fitted base, shifts of its quantiles, and what the held rows said."""

    family: ClassVar[str] = "Quantile"
    n_classes: ClassVar[int] = 0

    def __init__(self, inner: Any, base: str, quantiles: tuple[float, ...]) -> None:
        self.inner, self.base, self.quantiles = inner, base, quantiles
        self.n_features: int = inner.n_features
        self.shifts: NDArray[np.float64] = np.zeros(len(quantiles))
        self.held: HeldOut | None = None
        self.spread = 0.0
        """Mean distance of the outermost quantiles on held rows, else on the newest training rows."""
        self.history: History = inner.history
        self.warnings: list[str] = list(inner.warnings)
        self.stop_reason: str = inner.stop_reason
        self.complete: bool = inner.complete

    def raw(self, X: FloatMatrix, rows: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """Quantiles as the base predicts them (len(rows), q): neither shifted nor sorted."""
        if self.base == "forest":
            part = X if rows is None else np.ascontiguousarray(X[rows])
            values: NDArray[np.float64] = self.inner.predict_quantiles(part, np.array(self.quantiles))
            return values
        margins: NDArray[np.float64] = self.inner.margins(X, rows).astype(np.float64)
        return margins

    def quantiles_at(self, X: FloatMatrix, rows: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """Predicted quantiles (len(rows), q), ascending in every row."""
        return np.sort(np.sort(self.raw(X, rows), axis=1) + self.shifts, axis=1)

    def predict(self, X: FloatMatrix, rows: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """As `quantiles_at`; (len(rows),) for one quantile."""
        values = self.quantiles_at(X, rows)
        return values if len(self.quantiles) > 1 else values[:, 0]

    def feature_importances(self) -> NDArray[np.float64]:
        """Those of the base."""
        values: NDArray[np.float64] = self.inner.feature_importances()
        return values

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Plain metadata and named arrays."""
        inner, inner_arrays = self.inner.to_state()
        meta: dict[str, Any] = {"base": self.base, "quantiles": list(self.quantiles), "inner": inner, "held": None}
        meta["spread"] = self.spread
        arrays = {f"inner_{name}": values for name, values in inner_arrays.items()} | {"shifts": self.shifts}
        if self.held is not None:
            held = self.held
            meta["held"] = {"n": held.n, "crossing": held.crossing, "chosen_on": held.chosen_on}
            arrays |= {"held_coverage": held.coverage, "held_pinball": held.pinball}
        return meta, arrays

    @classmethod
    def from_state(cls, meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """Inverse of `to_state`; checks meaning before any use and raises `ArtifactError`."""
        from importlib import import_module

        base = stored_value(meta, "base", str)
        if base not in _INNER:
            raise ArtifactError(f"base must be one of {', '.join(_INNER)}, but is {base!r}.")
        levels = stored_value(meta, "quantiles", list)
        good = all(isinstance(level, float) and 0 < level < 1 for level in levels)
        if not levels or not good or sorted(set(levels)) != levels:
            raise ArtifactError(f"quantiles must be ascending numbers between 0 and 1, but are {levels}.")
        module, name = _INNER[base]
        inner = getattr(import_module(module), name).from_state(
            stored_value(meta, "inner", dict),
            {key.removeprefix("inner_"): value for key, value in arrays.items() if key.startswith("inner_")},
        )
        if inner.n_classes != 0 or (base != "forest" and tuple(inner.quantiles) != tuple(levels)):
            raise ArtifactError("the base of the quantiles predicts something else.")
        fitted = cls(inner, base, tuple(levels))
        fitted.shifts = _row(arrays, "shifts", len(levels))
        fitted.spread = stored_value(meta, "spread", float)
        if not (math.isfinite(fitted.spread) and fitted.spread >= 0):
            raise ArtifactError(f"spread must be finite and at least 0, but is {fitted.spread}.")
        held = meta.get("held")
        if held is not None:
            if not isinstance(held, dict):
                raise ArtifactError("held must be a table or null.")
            fitted.held = HeldOut(
                n=stored_value(held, "n", int),
                crossing=stored_value(held, "crossing", float),
                coverage=_row(arrays, "held_coverage", len(levels)),
                pinball=_row(arrays, "held_pinball", len(levels)),
                chosen_on=stored_value(held, "chosen_on", bool),
            )
        return fitted


def _row(arrays: dict[str, NDArray[Any]], name: str, length: int) -> NDArray[np.float64]:
    value = arrays.get(name)
    if not isinstance(value, np.ndarray) or value.dtype != np.float64 or value.shape != (length,):
        raise ArtifactError(f"{name} must be float64 of shape ({length},).")
    if not np.isfinite(value).all():
        raise ArtifactError(f"{name} must be finite.")
    return np.ascontiguousarray(value)


def track(
    predicted: NDArray[np.float64], y: NDArray[np.float64], quantiles: tuple[float, ...], rate: float, delay: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Quantiles that follow their coverage row by row, and the shifts after the last one."""
    values, shift = _load.core().track_quantiles(
        np.ascontiguousarray(predicted), np.ascontiguousarray(y), np.array(quantiles), np.zeros(len(quantiles)), rate,
        delay,
    )  # fmt: skip
    return values, shift
