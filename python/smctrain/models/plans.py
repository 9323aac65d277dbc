"""One setting of many: what it is made of, and its fit on one fold."""

from __future__ import annotations

import inspect
import time
import traceback
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.exceptions import InputError, TrainingFailed
from smctrain.models.base import FitTask
from smctrain.models.fit_results import FAILED, NOT_RUN, OK, PARTIAL, Fit
from smctrain.models.folds import Data, Fold, Folds
from smctrain.models.registry import FAMILIES, estimator_class, make_trainer, predicts_numbers, resolve_family
from smctrain.models.side_by_side import Limits


class Plan:
    """One setting: a trainer, or an estimator.

    Attributes
    ----------
    family : str
    told : dict
        Family and settings as plain values.
    trainer : Trainer or None
    estimator : estimator or None
        To be cloned; beside a trainer it is the face of its models.
    problem : Exception or None
        Why there is neither: every fit of this setting fails with it.
    """

    def __init__(self, setting: Any, raises: bool = False) -> None:
        self.family = ""
        self.told: dict[str, Any] = {}
        self.trainer: Any = None
        self.estimator: Any = None
        self.problem: Exception | None = None
        try:
            self._read(setting)
        except Exception as error:
            if raises:
                raise
            self.problem = error
            self.told = self.told or {"family": self.family or repr(setting)}

    def _read(self, setting: Any) -> None:
        if isinstance(setting, str):
            setting = (setting, {})
        if isinstance(setting, tuple) and len(setting) == 2 and isinstance(setting[0], str):
            name, values = setting
            self.family = name
            self.family = resolve_family(name)
            values = {} if values is None else dict(values)
            self.told = {"family": self.family, **values}
            entry = FAMILIES[self.family]
            if entry.trainer:
                self.trainer = make_trainer(self.family, values)
            else:
                self.estimator = _estimator(self.family, values)
        elif hasattr(setting, "settings") and hasattr(setting, "family"):
            self.trainer, self.family = setting, setting.family
            self.told = {"family": self.family, **setting.settings()}
        elif hasattr(setting, "fit") and hasattr(setting, "get_params"):
            self.estimator, self.family = setting, type(setting).__name__
            self.told = {"family": self.family, **setting.get_params(deep=False)}
            native = hasattr(setting, "_make_trainer") and hasattr(setting, "_adopt")
            if native and not isinstance(getattr(setting, "class_weight", None), dict):
                self.trainer = setting._make_trainer()
        else:
            raise InputError(
                "a setting must be a family name, (family, settings), a trainer or an estimator, but is "
                f"{type(setting).__name__}."
            )

    @property
    def is_regression(self) -> bool:
        if self.estimator is None and self.trainer is not None:
            return predicts_numbers(self.trainer)
        from sklearn.base import is_regressor

        return bool(is_regressor(self.estimator))

    def fit(
        self, blank: Fit, data: Data, fold: Fold, target: Target, seed: int, limits: Limits, keep_model: bool
    ) -> Fit:
        """`blank` filled in. Never raises what a setting or its data may cause."""
        started = time.monotonic()
        try:
            if self.problem is not None:
                raise self.problem
            run = self._by_trainer if self.trainer is not None else self._by_estimator
            return run(blank, data, fold, target, seed, limits, keep_model)
        except Exception as error:
            text = "".join(traceback.format_exception(error))
            # Frames would keep this fold's matrices alive for as long as the results are.
            error = error.with_traceback(None)
            error.__context__ = None
            seconds = time.monotonic() - started
            if isinstance(error, TrainingFailed) and limits.reason:  # ended before there was anything to keep
                return replace(blank, status=NOT_RUN, stop_reason=limits.reason, seconds=seconds)
            return replace(blank, status=FAILED, error=error, traceback=text, seconds=seconds)

    def _by_trainer(
        self, blank: Fit, data: Data, fold: Fold, target: Target, seed: int, limits: Limits, keep_model: bool
    ) -> Fit:
        started = time.monotonic()
        inputs = fold.inputs(self.trainer)
        own_seed = getattr(self.estimator, "random_state", None)
        model = self.trainer.fit(
            FitTask(
                X=inputs.X,
                y=target.y,
                rows=inputs.rows,
                stop_rows=inputs.stop_rows,
                n_classes=target.n_classes,
                weight=data.weight,
                segment=data.segment,
                seed=_seed(own_seed, seed),
                threads=limits.threads,
                stop=limits.stop,
                time_limit_s=limits.seconds_left(),
                shared=inputs.shared,
            )
        )
        between = time.monotonic()
        if len(fold.test) == 0:
            prediction = None
        elif target.n_classes:
            prediction = model.predict_proba(inputs.X, fold.test, data.segment)
        else:
            prediction = model.predict(inputs.X, fold.test)
        kept = model
        if self.estimator is not None and keep_model:
            kept = _clone(self.estimator, seed)
            kept.n_features_in_ = inputs.X.shape[1]
            kept._adopt(model, target.classes)
        return replace(
            blank,
            status=OK if model.complete else PARTIAL,
            model=kept if keep_model else None,
            prepare=inputs.prepare,
            prediction=prediction,
            stop_reason=model.stop_reason,
            train_rows=len(inputs.rows),
            seconds=between - started,
            predict_seconds=time.monotonic() - between,
        )

    def _by_estimator(
        self, blank: Fit, data: Data, fold: Fold, target: Target, seed: int, limits: Limits, keep_model: bool
    ) -> Fit:
        started = time.monotonic()
        inputs = fold.inputs(_Values)
        model = _clone(self.estimator, seed)
        known = inspect.signature(model.fit).parameters
        options: dict[str, Any] = {}
        if data.weight is not None:
            if "sample_weight" not in known:
                raise InputError(f"{self.family}.fit takes no sample_weight, but the data have weights.")
            options["sample_weight"] = data.weight[inputs.rows]
        if "time_limit" in known and limits.seconds_left() > 0:
            options["time_limit"] = limits.seconds_left()
        model.fit(inputs.X[inputs.rows], data.y[inputs.rows], **options)
        between = time.monotonic()
        held_out = inputs.X[fold.test]
        if len(held_out) == 0:
            prediction = None
        elif target.classes is None:
            prediction = np.asarray(model.predict(held_out), dtype=np.float64)
        else:
            if not hasattr(model, "predict_proba"):
                raise InputError(f"{self.family} has no predict_proba, which held-out predictions need.")
            prediction = np.zeros((len(held_out), target.n_classes))
            prediction[:, np.searchsorted(target.classes, model.classes_)] = model.predict_proba(held_out)
        complete = bool(getattr(model, "complete_", True))
        return replace(
            blank,
            status=OK if complete else PARTIAL,
            model=model if keep_model else None,
            prepare=inputs.prepare,
            prediction=prediction,
            stop_reason=str(getattr(model, "stop_reason_", "")),
            train_rows=len(inputs.rows),
            seconds=between - started,
            predict_seconds=time.monotonic() - between,
        )


class Target:
    """Labels as fits read them: class codes, or numbers where the settings are regressions."""

    def __init__(self, plans: Sequence[Plan], data: Data) -> None:
        kinds = {plan.is_regression for plan in plans if plan.problem is None}
        if len(kinds) > 1:
            raise InputError("settings must all be classifications or all be regressions, but are both.")
        self.classes: NDArray[Any] | None = None
        self.y: NDArray[Any]
        if kinds == {True}:
            self.y = data.numbers()
        else:
            self.y, self.classes = data.codes()

    @property
    def n_classes(self) -> int:
        """0 in a regression."""
        return 0 if self.classes is None else len(self.classes)


class _Values:
    """What an estimator reads of a fold: all training rows, imputed and scaled where the folds are prepared."""

    uses_stop_rows = False
    is_sequence = False
    needs_scaling = True


def refit(setting: Any, folds: Folds, seed: int, threads: int, time_limit: float | None) -> Fit:
    """One setting fitted on all rows of the folds' data; raises what ends the fit."""
    data = folds.data
    everything = np.arange(len(data), dtype=np.int64)
    fold = Fold(data, folds.prepare, everything, everything[:0], folds.stop_share)
    plan = Plan(setting, raises=True)
    limits = Limits(None, time_limit)
    limits.threads = threads
    fit = plan.fit(
        Fit(0, 0, plan.family, NOT_RUN, fold.positions), data, fold, Target([plan], data), seed, limits, True
    )
    if fit.error is not None:
        raise fit.error
    if fit.model is None:
        raise TrainingFailed(f"the fit was ended ({fit.stop_reason}) before there was anything to keep.")
    return fit


def _seed(own: Any, otherwise: int) -> int:
    is_own = isinstance(own, (int, np.integer)) and not isinstance(own, bool)
    return int(own) if is_own else otherwise


def _estimator(family: str, values: dict[str, Any]) -> Any:
    cls = estimator_class(family, FAMILIES[family].task)
    known = cls._get_param_names()
    unknown = [name for name in values if name not in known]
    if unknown:
        raise InputError(f"{family} has no setting {unknown[0]!r}. Known: {', '.join(known)}.")
    return cls(**values)


def _clone(estimator: Any, seed: int) -> Any:
    """An unfitted copy with one thread and, where it has none of its own, this seed; parts of a pipeline too."""
    from sklearn.base import clone

    copy = clone(estimator)
    values = copy.get_params(deep=True)
    ours: dict[str, Any] = {}
    for path, value in values.items():
        owner, _, name = path.rpartition("__")
        library = type(values[owner] if owner else copy).__module__.partition(".")[0]
        # None means one thread in scikit-learn and here, all cores elsewhere.
        if name == "n_jobs" and not (value is None and library in ("sklearn", "smctrain")):
            ours[path] = 1
        if name == "random_state" and value is None:
            ours[path] = seed % 2**32
    return copy.set_params(**ours)
