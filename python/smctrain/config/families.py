"""Settings of the model families of a run. Defaults of the four first ones: document 001 ("Enhanced Regularization");
what it leaves open is ours.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StrictBool, StrictFloat, StrictInt

from smctrain.config.section import AtLeastOne, AtLeastZero, NotNegative, Positive, Section, Share, no_bool


class RandomForest(Section):
    """Histogram random forest."""

    n_estimators: AtLeastOne = 200
    max_depth: AtLeastOne | None = 10
    min_samples_split: Annotated[StrictInt, Field(ge=2)] = 20
    min_samples_leaf: AtLeastOne = 10
    max_features: Literal["sqrt", "log2"] | Share | None = "sqrt"
    max_samples: Annotated[StrictFloat, Field(gt=0.0, le=1.0)] | None = 0.7
    class_weight: Literal["balanced", "balanced_subsample"] | None = "balanced"


class XGBoost(Section):
    """Gradient boosting through XGBoost's C library."""

    n_estimators: AtLeastOne = 200
    max_depth: AtLeastOne = 4
    learning_rate: Annotated[StrictFloat, Field(gt=0.0, le=1.0)] = 0.1
    subsample: Annotated[StrictFloat, Field(gt=0.0, le=1.0)] = 0.7
    colsample_bytree: Annotated[StrictFloat, Field(gt=0.0, le=1.0)] = 0.7
    min_child_weight: Annotated[StrictFloat, Field(ge=0.0)] = 5.0
    reg_alpha: Annotated[StrictFloat, Field(ge=0.0)] = 0.2
    reg_lambda: Annotated[StrictFloat, Field(ge=0.0)] = 2.0
    early_stopping_rounds: AtLeastOne = 20
    class_weight: Literal["balanced"] | None = "balanced"


class Network(Section):
    """What every network trained here has: see `smctrain.models._neural_settings.NetSettings`."""

    min_delta: AtLeastZero = 0.0
    clip_norm: Positive = 1.0
    class_weight: Literal["balanced"] | None = "balanced"
    optimizer: Annotated[Literal["adamw", "sgd"], BeforeValidator(no_bool)] = "adamw"
    momentum: Annotated[StrictFloat, Field(ge=0.0, lt=1.0)] = 0.9
    """Of sgd (Nesterov)."""
    schedule: Annotated[
        Literal["constant", "plateau", "exponential", "cosine", "one_cycle"], BeforeValidator(no_bool)
    ] = "constant"
    """How the learning rate moves."""
    plateau_epochs: AtLeastOne = 3
    """Schedule plateau: flat epochs before the rate is halved."""
    min_learning_rate: AtLeastZero = 0.0
    """Schedule plateau: the fit ends when the rate would fall below."""
    decay: Annotated[StrictFloat, Field(gt=0.0, le=1.0)] = 0.95
    """Schedule exponential: factor of an epoch."""
    warmup_epochs: AtLeastZero = 0.0
    """Epochs over which the rate rises from 0, whatever the schedule."""
    visible_from: dict[str, AtLeastOne] | None = None
    """Curriculum: epoch from which columns are shown, by name or pattern, such as {"htf_*": 10}; others from the first.
    Until then a column is held at its mean, and no epoch counts as best."""
    freeze_layers: NotNegative = 0
    """The first layers keep their weights ..."""
    freeze_after: NotNegative = 0
    """... after this epoch; 0: never."""
    nan_recoveries: NotNegative = 2
    """How often a loss that is not finite goes back to sound weights at a quarter of the rate."""
    restarts: NotNegative = 0
    """How often a fit whose best epoch was among its first three begins anew."""
    device: Annotated[Literal["auto", "cpu", "cuda"], BeforeValidator(no_bool)] = "auto"
    """Where to train; auto: a CUDA device where there is one that works, else the CPU. The choice is logged."""
    calibration: Literal["temperature"] | None = None
    """temperature: scale the logits so that probabilities match frequencies on the early-stopping rows."""


Mode = Annotated[Literal["standard", "fast"], BeforeValidator(no_bool)]
"""fast: larger batches at a scaled rate, and shared work between the windows of LSTM and GRU; not the same fit."""
OneMode = Annotated[Literal["standard"], BeforeValidator(no_bool)]
"""Of families that have no fast mode: larger batches would hardly save them time."""


class NeuralNetwork(Network):
    """Multi-layer perceptron."""

    mode: Mode = "standard"
    hidden_dims: Annotated[tuple[AtLeastOne, ...], Field(min_length=1)] = (256, 128, 64)
    dropout: Annotated[StrictFloat, Field(ge=0.0, lt=1.0)] = 0.4
    weight_decay: Annotated[StrictFloat, Field(ge=0.0)] = 0.001
    label_smoothing: Annotated[StrictFloat, Field(ge=0.0, lt=1.0)] = 0.2
    learning_rate: Positive = 0.001
    batch_size: Annotated[StrictInt, Field(ge=2)] = 64
    max_epochs: AtLeastOne = 50
    patience: AtLeastOne = 8


class _Recurrent(Network):
    mode: Mode = "standard"
    hidden_dim: AtLeastOne = 64
    num_layers: AtLeastOne = 1
    lookback: AtLeastOne = 10
    dropout: Annotated[StrictFloat, Field(ge=0.0, lt=1.0)] = 0.5
    weight_decay: Annotated[StrictFloat, Field(ge=0.0)] = 0.0001
    label_smoothing: Annotated[StrictFloat, Field(ge=0.0, lt=1.0)] = 0.0
    learning_rate: Positive = 0.0005
    batch_size: Annotated[StrictInt, Field(ge=2)] = 16
    max_epochs: AtLeastOne = 30
    patience: AtLeastOne = 15


class LSTM(_Recurrent):
    """Long short-term memory over windows that end with the decision bar."""


class GRU(_Recurrent):
    """Gated recurrent units over windows that end with the decision bar."""


class CNN1D(Network):
    """Causal convolutions over windows that end with the decision bar."""

    mode: OneMode = "standard"
    channels: Annotated[tuple[AtLeastOne, ...], Field(min_length=1)] = (32, 32, 32)
    kernel_size: AtLeastOne = 3
    lookback: AtLeastOne = 20
    dropout: Annotated[StrictFloat, Field(ge=0.0, lt=1.0)] = 0.3
    weight_decay: Annotated[StrictFloat, Field(ge=0.0)] = 0.001
    label_smoothing: Annotated[StrictFloat, Field(ge=0.0, lt=1.0)] = 0.0
    learning_rate: Positive = 0.001
    batch_size: Annotated[StrictInt, Field(ge=2)] = 64
    max_epochs: AtLeastOne = 50
    patience: AtLeastOne = 8


class Transformer(Network):
    """Causal self-attention over windows that end with the decision bar."""

    mode: OneMode = "standard"
    d_model: AtLeastOne = 32
    num_heads: AtLeastOne = 4
    num_layers: AtLeastOne = 2
    feed_forward: AtLeastOne = 64
    lookback: AtLeastOne = 20
    dropout: Annotated[StrictFloat, Field(ge=0.0, lt=1.0)] = 0.2
    weight_decay: Annotated[StrictFloat, Field(ge=0.0)] = 0.01
    label_smoothing: Annotated[StrictFloat, Field(ge=0.0, lt=1.0)] = 0.0
    learning_rate: Positive = 0.001
    warmup_epochs: AtLeastZero = 1.0
    batch_size: Annotated[StrictInt, Field(ge=2)] = 64
    max_epochs: AtLeastOne = 50
    patience: AtLeastOne = 15


class VAE(Network):
    """Variational autoencoder with a head that predicts from the latent units."""

    mode: OneMode = "standard"
    hidden_dims: Annotated[tuple[AtLeastOne, ...], Field(min_length=1)] = (128, 64)
    """Width of each block of the encoder; the decoder has them in reverse order."""
    latent_dim: AtLeastOne = 16
    reconstruction_weight: AtLeastZero = 1.0
    kl_weight: AtLeastZero = 0.1
    """Variance of the noise allowed around a row, in units of a scaled column's; what varies less is not encoded."""
    head_weight: AtLeastZero = 1.0
    kl_warmup_epochs: AtLeastZero = 5.0
    """Epochs over which kl_weight rises from 0."""
    dropout: Annotated[StrictFloat, Field(ge=0.0, lt=1.0)] = 0.1
    weight_decay: Annotated[StrictFloat, Field(ge=0.0)] = 0.001
    label_smoothing: Annotated[StrictFloat, Field(ge=0.0, lt=1.0)] = 0.0
    learning_rate: Positive = 0.001
    batch_size: Annotated[StrictInt, Field(ge=2)] = 64
    max_epochs: AtLeastOne = 50
    patience: AtLeastOne = 8


class VAEColumns(Section):
    """A family that learns from what an autoencoder says about rows. Both are fitted anew in every fold; the
    autoencoder has the settings of `vae` and sees no labels, the family those of its own section."""

    model: Literal[
        "RandomForest",
        "XGBoost",
        "NeuralNetwork",
        "ExtraTrees",
        "LightGBM",
        "GradientBoosting",
        "LogisticRegression",
        "FTRLProximal",
        "CatBoost",
        "NGBoost",
    ] = "RandomForest"
    columns: Annotated[tuple[Literal["anomaly", "codes", "denoised"], ...], Field(min_length=1)] = ("anomaly", "codes")
    """anomaly: how strange the row is; codes: latent means; denoised: the row as the autoencoder decodes it."""
    keep_rows: StrictBool = True
    """Keep the row's own columns beside them."""


class ExtraTrees(Section):
    """Extremely randomised trees."""

    n_estimators: AtLeastOne = 200
    max_depth: AtLeastOne | None = 10
    min_samples_split: Annotated[StrictInt, Field(ge=2)] = 20
    min_samples_leaf: AtLeastOne = 10
    max_features: Literal["sqrt", "log2"] | Share | None = "sqrt"
    class_weight: Literal["balanced", "balanced_subsample"] | None = "balanced"


class LightGBM(Section):
    """Leaf-wise gradient boosting through LightGBM's C library."""

    n_estimators: AtLeastOne = 200
    num_leaves: Annotated[StrictInt, Field(ge=2)] = 15
    learning_rate: Annotated[StrictFloat, Field(gt=0.0, le=1.0)] = 0.1
    subsample: Annotated[StrictFloat, Field(gt=0.0, le=1.0)] = 0.7
    colsample_bytree: Annotated[StrictFloat, Field(gt=0.0, le=1.0)] = 0.7
    min_child_samples: AtLeastOne = 20
    reg_alpha: Annotated[StrictFloat, Field(ge=0.0)] = 0.2
    reg_lambda: Annotated[StrictFloat, Field(ge=0.0)] = 2.0
    early_stopping_rounds: AtLeastOne = 20
    class_weight: Literal["balanced"] | None = "balanced"


class GradientBoosting(Section):
    """Gradient boosting in scikit-learn's words."""

    n_estimators: AtLeastOne = 100
    max_depth: AtLeastOne = 3
    learning_rate: Annotated[StrictFloat, Field(gt=0.0, le=1.0)] = 0.1
    subsample: Annotated[StrictFloat, Field(gt=0.0, le=1.0)] = 1.0
    max_features: Literal["sqrt", "log2"] | Share | None = None
    n_iter_no_change: AtLeastOne | None = 20
    class_weight: Literal["balanced"] | None = "balanced"


class LogisticRegression(Section):
    """Logistic regression on imputed and scaled columns."""

    C: Positive = 1.0
    l1_ratio: Annotated[StrictFloat, Field(ge=0.0, le=1.0)] = 0.0
    class_weight: Literal["balanced"] | None = "balanced"
    max_iter: AtLeastOne = 100


class CatBoost(Section):
    """Boosted oblivious trees by the catboost package."""

    n_estimators: AtLeastOne = 200
    depth: Annotated[StrictInt, Field(ge=1, le=12)] = 4
    learning_rate: Annotated[StrictFloat, Field(gt=0.0, le=1.0)] = 0.1
    l2_leaf_reg: Annotated[StrictFloat, Field(ge=0.0)] = 5.0
    random_strength: Annotated[StrictFloat, Field(ge=0.0)] = 1.0
    subsample: Annotated[StrictFloat, Field(gt=0.0, le=1.0)] = 0.7
    rsm: Annotated[StrictFloat, Field(gt=0.0, le=1.0)] = 0.7
    boosting_type: Literal["Plain", "Ordered"] = "Plain"
    early_stopping_rounds: AtLeastOne = 20
    class_weight: Literal["balanced"] | None = "balanced"


class NGBoost(Section):
    """Natural gradient boosting of class probabilities by the ngboost package."""

    n_estimators: AtLeastOne = 200
    max_depth: AtLeastOne = 3
    learning_rate: Annotated[StrictFloat, Field(gt=0.0, le=1.0)] = 0.05
    min_samples_leaf: AtLeastOne = 10
    minibatch_frac: Annotated[StrictFloat, Field(gt=0.0, le=1.0)] = 1.0
    col_sample: Annotated[StrictFloat, Field(gt=0.0, le=1.0)] = 1.0
    early_stopping_rounds: AtLeastOne = 20
    class_weight: Literal["balanced"] | None = "balanced"


class FTRLProximal(Section):
    """Online logistic regression (FTRL-proximal) on imputed and scaled columns."""

    alpha: Positive = 0.1
    beta: AtLeastZero = 1.0
    l1: AtLeastZero = 1.0
    l2: AtLeastZero = 1.0
    n_passes: AtLeastOne = 1


Family = Literal[
    "RandomForest",
    "XGBoost",
    "NeuralNetwork",
    "LSTM",
    "GRU",
    "CNN1D",
    "Transformer",
    "VAE",
    "VAEColumns",
    "ExtraTrees",
    "LightGBM",
    "GradientBoosting",
    "LogisticRegression",
    "FTRLProximal",
    "CatBoost",
    "NGBoost",
]
