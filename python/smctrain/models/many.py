"""Many small fits side by side: settings x folds, one thread each, over the cores.

>>> results = st.models.fit_many(                                                  # doctest: +SKIP
...     (X, y, None, None, t0, t1),
...     [("RandomForest", {"min_samples_leaf": leaf}) for leaf in (5, 20, 50)] + ["XGBoost"],
...     st.splits.PurgedKFold(5),
... )
>>> results.table()                                                                # doctest: +SKIP
>>> results.out_of_fold(0)                                                         # doctest: +SKIP

Fits run fold by fold, all settings of a fold before the next: bin codes and prepared matrices of a fold are made once
and dropped behind its last fit, so that at most about one fold a worker is in memory; and where a time limit ends the
work, all settings have been judged on the same folds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.exceptions import InputError
from smctrain.models.fit_results import NOT_RUN, PARTIAL, Fit, FitResults
from smctrain.models.folds import Folds
from smctrain.models.plans import Plan, Target
from smctrain.models.side_by_side import Limits, seed_of, side_by_side, workers_of


def fit_many(
    data: Any,
    settings: Iterable[Any],
    splits: Any = None,
    *,
    n_jobs: int | None = None,
    seed: int = 42,
    stop: NDArray[np.uint8] | None = None,
    time_limit: float | None = None,
    progress: Callable[[int, int], None] | None = None,
    on_error: str = "record",
    stop_share: float = 0.0,
    prepare: bool = False,
    keep_models: bool = True,
    first: str = "folds",
) -> FitResults:
    """Fit every setting on every fold, one thread a fit, as many side by side as there are workers.

    Parameters
    ----------
    data : tuple (X, y[, weight, segment, t0, t1]), mapping of these names, Dataset, or Folds
        See `Folds`. Pass a `Folds` to share bin codes and prepared matrices over several calls, as a search that asks
        for one batch of settings after another does; `splits`, `stop_share` and `prepare` are then its own.
    settings : list
        Each a family name, (family, dictionary of settings), a trainer, or an estimator with `fit`: ours or
        scikit-learn's, pipelines included. Estimators are cloned, get one thread and, where theirs is None, the seed.
    splits : splitter, list of (train, test), or int
        See `Folds`.
    n_jobs : int, optional
        Workers; None: all cores. Each runs one-thread fits, so that n_jobs cores are busy.
    seed : int
        Seed of every fit, so that settings are compared under the same draws.
    stop : uint8 array (1,), optional
        Others set it to 1 to end the work within a fraction of a second.
    time_limit : float, optional
        Seconds for everything.
    progress : callable, optional
        `progress(done, total)` in this thread, after each fit.
    on_error : "record" or "raise"
        "record": a failing fit is a result with its error and the others go on. "raise": the others are ended.
    stop_share, prepare
        See `Folds`.
    keep_models : bool
        False: only predictions are kept.
    first : "folds" or "settings"
        "folds": all settings of a fold before the next fold. "settings": all folds of a setting before the next
        setting, so that a time limit leaves whole settings; what all folds share then stays in memory to the end.

    Returns
    -------
    FitResults
        Complete or not: after a time limit, `stop` or Ctrl-C it holds what there is, each fit marked with its status.

    Notes
    -----
    The result is the same bit for bit for any number of workers and any order of finishing, and each fit equals the
    single fit of that setting on that fold with this seed. Bins and preparation are learned from the fold's training
    rows only and shared by all its settings; sharing them over folds would leak held-out rows into the models.
    """
    if on_error not in ("record", "raise"):
        raise InputError(f"on_error must be 'record' or 'raise', but is {on_error!r}.")
    if first not in ("folds", "settings"):
        raise InputError(f"first must be 'folds' or 'settings', but is {first!r}.")
    fit_seed = seed_of(seed)
    limits, started = Limits(stop, time_limit), time.monotonic()
    workers = workers_of(n_jobs)
    keeps = isinstance(data, Folds)
    if keeps == (splits is not None):
        raise InputError(
            "splits must be None where data is a Folds, which has its own."
            if keeps
            else "splits must be a splitter, a list of (train, test) or a number of folds, but is None."
        )
    folds: Folds = data if keeps else Folds(data, splits, stop_share=stop_share, prepare=prepare)
    plans = [Plan(setting, raises=on_error == "raise") for setting in settings]
    target = Target(plans, folds.data)
    pairs = [(setting, fold) for fold in range(len(folds)) for setting in range(len(plans))]
    if first == "settings":
        pairs.sort()
    fits = {
        (setting, fold): Fit(setting, fold, plan.family, NOT_RUN, folds[fold].positions)
        for setting, plan in enumerate(plans)
        for fold in range(len(folds))
    }
    left = [len(plans)] * len(folds)
    done = 0

    def job(setting: int, fold: int) -> Callable[[], Fit]:
        blank = fits[setting, fold]
        return lambda: plans[setting].fit(blank, folds.data, folds[fold], target, fit_seed, limits, keep_models)

    def finished(index: int, fit: Fit | None, error: BaseException | None) -> None:
        nonlocal done
        if fit is None:
            raise error or RuntimeError("a fit returned nothing.")
        setting, fold = pairs[index]
        fits[setting, fold] = fit
        left[fold] -= 1
        if left[fold] == 0 and not keeps:
            folds[fold].shared.drop()
        if on_error == "raise" and fit.error is not None:
            raise fit.error
        done += 1
        if progress is not None:
            progress(done, len(pairs))

    flag_before = int(limits.stop[0])
    try:
        interrupted = side_by_side([job(*pair) for pair in pairs], workers, limits, finished)
    except BaseException:
        limits.stop[0] = flag_before  # it was ours that ended the others
        raise
    ordered = [fits[setting, fold] for setting in range(len(plans)) for fold in range(len(folds))]
    ended_early = any(fit.status in (NOT_RUN, PARTIAL) for fit in ordered)
    return FitResults(
        fits=ordered,
        settings=[plan.told for plan in plans],
        n_folds=len(folds),
        classes=target.classes,
        y=target.y[folds.data.rows],
        seconds=time.monotonic() - started,
        stop_reason="interrupted" if interrupted else limits.reason if ended_early else "",
    )
