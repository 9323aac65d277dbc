"""Model families: scikit-learn estimators over native trainers. Everything is loaded at first use.

Odd and bad input has one outcome for all families, classifiers and regressors. Errors are of `smctrain.exceptions`, are
`ValueError`s too, and name the parameter, column and row.

========================================================  ============================================================
X                                                         outcome
========================================================  ============================================================
float16, float32, float64, integers, booleans, objects    trained as float32: the same bits from every form that holds
that are numbers; lists; pandas, polars and Arrow         the same numbers; nothing passed is changed
frames; Fortran order, strides, read-only, memory maps
NaN                                                       forests and boosters take it; linear, FTRL and networks:
                                                          InputError
infinite; beyond float32 (1e300); integers above 2**53    InputError
text, None in plain objects, dates, complex numbers       InputError
one dimension, three, sparse                              InputError
0 rows, fewer than 2 of positive weight                   TooFewRows
0 columns                                                 TooFewColumns
constant, duplicate, few or very many columns             trained
column without values                                     as NaN
two columns of one name                                   InputError
at prediction: other names, order or number of columns    InputError
========================================================  ============================================================

========================================================  ============================================================
y, weights                                                outcome
========================================================  ============================================================
any two or more labels of one kind: {1, 2}, {-1, 1},      `classes_` in ascending order; predictions in these labels
{0, 5, 9}, texts, booleans; up to 100 and more classes
one class (rows of weight 0 do not count)                 OneClass
fractions for a classifier, labels of several kinds       InputError
NaN, infinite                                             InputError
a regressor's y beyond float32 (linear: 1e150), text      InputError
the same y in all rows, for a regressor                   trained: predicts it
another length than X, two columns, None                  InputError
sample_weight: NaN, infinite, negative, another length    InputError
sample_weight all 0                                       TooFewRows
sample_weight 0 in a row                                  as if the row were not there
X_val without y_val or the reverse; unknown labels in it  InputError
========================================================  ============================================================

========================================================  ============================================================
segment, of LSTM, GRU, CNN1D and Transformer              outcome
========================================================  ============================================================
integers of any size and sign, an array or a list         windows end where the id changes; rows without a full window:
                                                          left out of training (`left_out_`), masked in `predict`, NaN
                                                          in `predict_proba`
None                                                      one stretch
another length, fractions, texts, None or NaN in it       InputError
ids that come back (rows of several symbols mixed)        a new stretch each time, named in `warnings_`
fewer than 4 rows with a full window                      TooFewRows; at prediction: no answer
========================================================  ============================================================

These four take the same X, y and weights as all others; a row of weight 0 is still read by the windows behind it.
`MultiTaskMLP` takes several targets (NaN or None where one is missing), `MetaLearning...` the symbol of each row too.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from smctrain.models.registry import FAMILIES, GENERATORS, list_families

if TYPE_CHECKING:
    from os import PathLike

_ESTIMATORS = {entry.estimator: entry.estimator_module for entry in FAMILIES.values()}
_ESTIMATORS |= {entry.regressor: entry.estimator_module for entry in FAMILIES.values() if entry.regressor}
_ESTIMATORS |= {entry.estimator: entry.estimator_module for entry in GENERATORS.values()}
_DOCUMENTED = {
    f"{name}SMCModel": "smctrain.models.documents" for name in ("RandomForest", "XGBoost", "NeuralNetwork", "LSTM")
}
_SHARED_WORK = {
    "LoadedModel": "smctrain.models.loaded",
    "BinnedMatrix": "smctrain.models.binned",
    "BinnedView": "smctrain.models.binned",
    "Folds": "smctrain.models.folds",
    "Range": "smctrain.models.settings_search",
    "cross_validate": "smctrain.models.cross_validation",
    "fit_many": "smctrain.models.many",
    "search": "smctrain.models.settings_search",
}
_LAZY = _ESTIMATORS | _DOCUMENTED | _SHARED_WORK

__all__ = ["list_families", "load_model", *_LAZY]


def load_model(path: str | PathLike[str], *, light: bool = False) -> Any:
    """The estimator that `save` wrote into a `.smc` file; a bare fitted model where the file holds one.

    Parameters
    ----------
    path : path
    light : bool
        True: a `LoadedModel` instead, with `predict`, `predict_proba`, `classes_` and `feature_names_in_` and the same
        answers, of networks and families of trees. It needs no scikit-learn and no pandas, whose import takes a fresh
        process a second: ready in some 50 ms.

    Raises
    ------
    ArtifactError
        The file is damaged, foreign or from a newer version.
    """
    from smctrain import artifact
    from smctrain.models.registry import fitted_from_state

    family, meta, arrays = artifact.read_model(path)
    if family in GENERATORS and "generator_of_rows" in meta:
        from smctrain.models.estimators.gan import TabularGAN

        return TabularGAN._of_state(meta, arrays)
    if light and "estimator" in meta:
        from smctrain.models.loaded import loaded_model

        return loaded_model(family, meta, arrays)
    if "estimator" not in meta:
        return fitted_from_state(family, meta, arrays)
    from smctrain.models.estimators._base import estimator_from_state

    return estimator_from_state(family, meta, arrays)


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'smctrain.models' has no attribute {name!r}")
    value = getattr(importlib.import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
