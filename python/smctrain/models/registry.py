"""The model families: where trainer, fitted model and estimator of each live. Nothing is imported early."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from smctrain.exceptions import ArtifactError, InputError
from smctrain.models.base import FittedModel, Trainer


@dataclass(frozen=True)
class FamilyEntry:
    """One model family.

    Attributes
    ----------
    name : str
        Name in configs, results and file names.
    aliases : tuple of str
        Spellings a person may type; lower case, without underscores or hyphens.
    module : str
        Module of the trainer and the fitted model.
    trainer, fitted : str
        Class names there; no trainer where only the estimator fits.
    estimator_module, estimator : str
        The scikit-learn face.
    extra : str
        Extra of the package that it needs, or empty.
    task : str
        "classification" or "regression": what the estimator does. Training runs predict classes.
    is_sequence : bool
        Whether it looks back over a window of rows.
    regressor : str
        The scikit-learn face for numbers instead of classes, in the same module; empty where there is none.
    """

    name: str
    aliases: tuple[str, ...]
    module: str
    trainer: str
    fitted: str
    estimator_module: str
    estimator: str
    extra: str = ""
    task: str = "classification"
    is_sequence: bool = False
    regressor: str = ""


_ENTRIES = (
    FamilyEntry(
        "RandomForest", ("randomforest", "forest", "rf"),
        "smctrain.models.random_forest", "RandomForestTrainer", "FittedForest",
        "smctrain.models.estimators.forest", "RandomForestClassifier",
    ),
    FamilyEntry(
        "XGBoost", ("xgboost", "xgb"),
        "smctrain.models.xgboost", "XGBoostTrainer", "FittedXGBoost",
        "smctrain.models.estimators.boosting", "XGBoostClassifier", regressor="XGBoostRegressor",
    ),
    FamilyEntry(
        "NeuralNetwork", ("neuralnetwork", "mlp", "nn"),
        "smctrain.models.neural_network", "NeuralNetworkTrainer", "FittedMLP",
        "smctrain.models.estimators.neural", "MLPClassifier", extra="neural", regressor="MLPRegressor",
    ),
    FamilyEntry(
        "LSTM", ("lstm",),
        "smctrain.models.lstm", "LSTMTrainer", "FittedLSTM",
        "smctrain.models.estimators.neural", "LSTMClassifier", extra="neural", is_sequence=True,
        regressor="LSTMRegressor",
    ),
    FamilyEntry(
        "GRU", ("gru",),
        "smctrain.models.gru", "GRUTrainer", "FittedGRU",
        "smctrain.models.estimators.neural", "GRUClassifier", extra="neural", is_sequence=True,
        regressor="GRURegressor",
    ),
    FamilyEntry(
        "CNN1D", ("cnn1d", "cnn"),
        "smctrain.models.cnn1d", "CNN1DTrainer", "FittedCNN1D",
        "smctrain.models.estimators.neural", "CNN1DClassifier", extra="neural", is_sequence=True,
        regressor="CNN1DRegressor",
    ),
    FamilyEntry(
        "Transformer", ("transformer",),
        "smctrain.models.transformer", "TransformerTrainer", "FittedTransformer",
        "smctrain.models.estimators.neural", "TransformerClassifier", extra="neural", is_sequence=True,
        regressor="TransformerRegressor",
    ),
    FamilyEntry(
        "MultiTask", ("multitask", "multitaskmlp"),
        "smctrain.models.multi_task", "MultiTaskTrainer", "FittedMultiTask",
        "smctrain.models.estimators.multi_task", "MultiTaskMLP", extra="neural", regressor="MultiTaskMLP",
    ),
    FamilyEntry(
        "MetaLearning", ("metalearning", "maml"),
        "smctrain.models.meta_learning", "MetaLearningTrainer", "FittedMeta",
        "smctrain.models.estimators.meta_learning", "MetaLearningClassifier", extra="neural",
        regressor="MetaLearningRegressor",
    ),
    FamilyEntry(
        "VAE", ("vae", "variationalautoencoder"),
        "smctrain.models.vae", "VAETrainer", "FittedVAE",
        "smctrain.models.estimators.vae", "VAEClassifier", extra="neural", regressor="VAERegressor",
    ),
    FamilyEntry(
        "VAEColumns", ("vaecolumns",),
        "smctrain.models.vae_columns", "VAEColumnsTrainer", "FittedVAEColumns",
        "smctrain.models.estimators.vae_columns", "VAEColumnsClassifier", extra="neural",
    ),
    FamilyEntry(
        "ExtraTrees", ("extratrees", "et"),
        "smctrain.models.extra_trees", "ExtraTreesTrainer", "FittedExtraTrees",
        "smctrain.models.estimators.forest", "ExtraTreesClassifier",
    ),
    FamilyEntry(
        "RandomForestRegressor", ("randomforestregressor", "rfregressor"),
        "smctrain.models.forest_regression", "RandomForestRegressorTrainer", "FittedRegressionForest",
        "smctrain.models.estimators.forest_regression", "RandomForestRegressor", task="regression",
    ),
    FamilyEntry(
        "ExtraTreesRegressor", ("extratreesregressor", "etregressor"),
        "smctrain.models.forest_regression", "ExtraTreesRegressorTrainer", "FittedExtraTreesRegression",
        "smctrain.models.estimators.forest_regression", "ExtraTreesRegressor", task="regression",
    ),
    FamilyEntry(
        "RandomForestQuantileRegressor", ("randomforestquantileregressor", "quantileforest"),
        "smctrain.models.forest_regression", "QuantileForestTrainer", "FittedQuantileForest",
        "smctrain.models.estimators.forest_regression", "RandomForestQuantileRegressor", task="regression",
    ),
    FamilyEntry(
        "Quantile", ("quantile", "quantiles", "quantileregressor"),
        "smctrain.models.quantile", "QuantileTrainer", "FittedQuantile",
        "smctrain.models.estimators.quantile", "QuantileRegressor", task="regression",
    ),
    FamilyEntry(
        "LightGBM", ("lightgbm", "lgbm", "lgb"),
        "smctrain.models.lightgbm", "LightGBMTrainer", "FittedLightGBM",
        "smctrain.models.estimators.lightgbm", "LightGBMClassifier", extra="lightgbm",
        regressor="LightGBMRegressor",
    ),
    FamilyEntry(
        "GradientBoosting", ("gradientboosting", "gbm", "gb"),
        "smctrain.models.gradient_boosting", "GradientBoostingTrainer", "FittedGradientBoosting",
        "smctrain.models.estimators.gradient_boosting", "GradientBoostingClassifier",
        regressor="GradientBoostingRegressor",
    ),
    FamilyEntry(
        "CatBoost", ("catboost", "cat"),
        "smctrain.models.catboost", "CatBoostTrainer", "FittedCatBoost",
        "smctrain.models.estimators.catboost", "CatBoostClassifier", extra="catboost",
        regressor="CatBoostRegressor",
    ),
    FamilyEntry(
        "NGBoost", ("ngboost", "ngb"),
        "smctrain.models.ngboost", "NGBoostTrainer", "FittedNGBoost",
        "smctrain.models.estimators.ngboost", "NGBoostClassifier", extra="ngboost",
        regressor="NGBoostRegressor",
    ),
    FamilyEntry(
        "LogisticRegression", ("logisticregression", "logistic", "logit"),
        "smctrain.models.linear", "LogisticRegressionTrainer", "FittedLogisticRegression",
        "smctrain.models.estimators.linear_classifiers", "LogisticRegression",
    ),
    FamilyEntry(
        "FTRLProximal", ("ftrlproximal", "ftrl"),
        "smctrain.models.linear", "FTRLTrainer", "FittedFTRL",
        "smctrain.models.estimators.linear_classifiers", "FTRLClassifier",
    ),
    *(
        FamilyEntry(
            name, (name.lower(),), "smctrain.models.linear", "", f"Fitted{name}",
            "smctrain.models.estimators.linear_regressors", name, task="regression",
        )
        for name in ("LinearRegression", "Ridge", "Lasso", "ElasticNet")
    ),
)  # fmt: skip

FAMILIES: dict[str, FamilyEntry] = {entry.name: entry for entry in _ENTRIES}

GENERATORS: dict[str, FamilyEntry] = {
    "GAN": FamilyEntry(
        "GAN", ("gan", "tabulargan"), "smctrain.models.gan", "GANTrainer", "FittedGAN",
        "smctrain.models.estimators.gan", "TabularGAN", extra="neural", task="rows",
    ),
}  # fmt: skip
"""Families that make rows and predict nothing: a training run cannot name them."""
_ALIASES = {alias: entry.name for entry in _ENTRIES for alias in entry.aliases}


def resolve_family(name: str) -> str:
    """The family's name for any accepted spelling: `rf`, `random_forest`, `Random-Forest` are `RandomForest`.

    Raises
    ------
    InputError
        Unknown; names the nearest and all known families.
    """
    if not isinstance(name, str):
        raise InputError(f"a model family must be a name such as 'RandomForest', but is {name!r}.")
    plain = name.strip().lower().replace("_", "").replace("-", "").replace(" ", "")
    if plain in _ALIASES:
        return _ALIASES[plain]
    for entry in GENERATORS.values():
        if plain in entry.aliases:
            raise InputError(f"{entry.name} makes rows and predicts nothing: use smctrain.models.{entry.estimator}.")
    from difflib import get_close_matches  # of mistakes only: loading a model should not wait for it

    near = get_close_matches(plain, _ALIASES, n=1)
    hint = f" Did you mean {_ALIASES[near[0]]!r}?" if near else ""
    raise InputError(f"there is no model family {name!r}.{hint} Known: {', '.join(FAMILIES)}.")


def make_trainer(family: str, settings: dict[str, Any] | None = None) -> Trainer:
    """The family's trainer with these settings (defaults for those not named)."""
    entry = FAMILIES[resolve_family(family)]
    if not entry.trainer:
        raise InputError(f"{entry.name} predicts numbers, and a training run needs class probabilities.")
    cls = getattr(importlib.import_module(entry.module), entry.trainer)
    settings = dict(settings or {})
    known = list(inspect.signature(cls).parameters)
    for name in settings:
        if name not in known:
            from difflib import get_close_matches

            near = get_close_matches(str(name), known, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise InputError(f"{entry.name} has no setting {name!r}.{hint} Known: {', '.join(known)}.")
    trainer: Trainer = cls(**settings)
    return trainer


def predicts_numbers(trainer: Trainer) -> bool:
    """Whether the trainer's task is a regression: its family is one, or its objective or loss says so. The trainer of a
    network takes classes and numbers; on its own it stands for classes."""
    entry = FAMILIES.get(trainer.family)
    if entry is not None and entry.extra == "neural":
        return False
    if entry is not None and entry.task == "regression":
        return True
    return getattr(trainer, "objective", None) is not None or getattr(trainer, "loss", "log_loss") != "log_loss"


def fitted_from_state(family: str, meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> FittedModel:
    """The fitted model of a stored state, its meaning checked.

    Raises
    ------
    ArtifactError
        The family is unknown or the state contradicts itself.
    """
    entry = FAMILIES.get(family) or GENERATORS.get(family)
    if entry is None:
        raise ArtifactError(f"the model is of the family {family!r}, which this version does not know.")
    cls = getattr(importlib.import_module(entry.module), entry.fitted)
    fitted: FittedModel = cls.from_state(meta, arrays)
    return fitted


def estimator_class(family: str, task: str = "classification") -> Any:
    """The scikit-learn estimator class of a family for "classification" or "regression"."""
    entry = FAMILIES[resolve_family(family)]
    name = entry.estimator if task == entry.task else entry.regressor
    if not name:
        raise ArtifactError(f"{entry.name} has no {task}.")
    return getattr(importlib.import_module(entry.estimator_module), name)


def list_families() -> Any:
    """The families as a table: name, estimator, regressor, task, extra needed, sequence. A pandas frame where pandas is
    installed, else a list of dictionaries."""
    rows = [
        {
            "name": entry.name,
            "estimator": entry.estimator,
            "regressor": entry.estimator if entry.task == "regression" else entry.regressor,
            "task": entry.task,
            "extra": entry.extra,
            "sequence": entry.is_sequence,
            "aliases": ", ".join(entry.aliases),
        }
        for entry in _ENTRIES
    ]
    if importlib.util.find_spec("pandas") is None:
        return rows
    import pandas as pd

    return pd.DataFrame(rows)
