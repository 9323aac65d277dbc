"""The settings tree. Frozen, closed (unknown keys are errors), no NaN; the docstrings are the descriptions.

Defaults of the four families: document 001 ("Enhanced Regularization"); what it leaves open is ours.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    field_validator,
    model_validator,
)

# Strict numbers: pydantic would otherwise read `true` as 1 and the text "2" as 2.
Share = Annotated[StrictFloat, Field(ge=0.0, le=1.0)]
Positive = Annotated[StrictFloat, Field(gt=0.0)]
AtLeastZero = Annotated[StrictFloat, Field(ge=0.0)]
AtLeastOne = Annotated[StrictInt, Field(ge=1)]
NotNegative = Annotated[StrictInt, Field(ge=0)]


def _no_bool(value: object) -> object:
    # True == 1 satisfies a Literal, too.
    return repr(value) if isinstance(value, bool) else value


class _Section(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        protected_namespaces=(),
    )


class Data(_Section):
    """What the bars mean."""

    tz: str = "UTC"
    """Zone of naive time stamps: UTC, an IANA name, fixed:+HH:MM, or America/New_York+7h."""
    stamp: Literal["open", "close"] = "open"
    """Whether a time stamp is a bar's opening or closing time."""
    base: str | None = None
    """Timeframe decisions are taken on (M15, H1, ...); null takes each symbol's finest."""
    fix: tuple[Literal["sort", "drop-duplicates"], ...] = ()
    """Repairs that are allowed while reading."""
    quarantine: bool = True
    """Whether splits, bad prints and the like start a segment, and bad bars are kept out of training and labels."""
    calendar: Literal["XNYS", "24/7", "fx"] | None = None
    """Trading days and sessions; null: those of "fx" for currency pairs and metals, else UTC days."""
    day_roll: str | None = None
    """Where a trading day begins, such as 17:00 America/New_York; null: as the calendar says."""


class Features(_Section):
    """Which columns are built from the bars."""

    preset: Literal["default", "full"] = "default"
    higher: tuple[str, ...] = ("H1", "H4")
    """Higher timeframes; resampled from the base where the data lacks them."""
    groups: tuple[str, ...] | None = None
    """Families to keep; null keeps all of the preset."""
    columns: tuple[str, ...] | None = None
    """Exact columns; null keeps all of the preset."""
    settings: dict[str, Any] = {}
    """How columns are computed: settings.smc.swing_left, settings.fvg.min_atr ...; `smctrain features --settings`."""
    extra: tuple[str, ...] = ()
    """Columns behind those: derived ones by name (ret_1_lag_2, rsi_wilder_14_z_100), or ones the preset leaves out."""


class Labels(_Section):
    """Triple barrier: which of target, stop and time limit a trade meets first."""

    horizon: AtLeastOne = 20
    """Longest holding time in bars."""
    target: Positive = 2.0
    stop: Positive = 1.0
    unit: Literal["atr", "vol", "pct", "abs"] = "atr"
    entry: Literal["next_open", "close"] = "next_open"
    side: Annotated[Literal[-1, 1], BeforeValidator(_no_bool)] = 1
    costs: Literal["spread"] | Annotated[StrictFloat, Field(ge=0.0)] | None = "spread"
    """Spread from the data, a fixed price difference, or null for none."""
    slippage: AtLeastZero = 0.0
    """Price lost per fill, counted twice."""
    commission: AtLeastZero = 0.0
    """Price per round trip."""
    quote: Literal["bar", "bid_ask"] = "bar"
    """bid_ask: fills and exits at the quotes instead of the spread as a cost; then costs is null or a number."""
    flat_at_session_end: StrictBool = False
    """Whether trades end with the session of their fill."""
    gap_target: Literal["level", "open"] = "level"
    """Exit price when a bar opens beyond the target."""
    tie: Literal["stop", "target", "drop"] = "stop"
    timeout: Literal["zero", "sign", "loss", "drop"] = "zero"
    timeout_band: AtLeastZero = 0.0
    """In units of the risk, for timeout "sign": a smaller outcome is class 0."""
    min_class: AtLeastOne = 30
    """Classes with fewer training rows are dropped from all splits (short data: 5 % of the training rows)."""

    @model_validator(mode="after")
    def _spread_once(self) -> Labels:
        if self.quote == "bid_ask" and self.costs == "spread":
            raise ValueError("quote bid_ask trades at the quotes already: costs must be null or a number")
        return self


class Split(_Section):
    """Shares of the time axis. Training rows whose label reaches into a later part are purged."""

    train: Share = 0.70
    validation: Share = 0.15
    test: Share = 0.15
    embargo: NotNegative = 0
    """Further rows left out before validation and test."""

    @model_validator(mode="after")
    def _sum(self) -> Split:
        if abs(self.train + self.validation + self.test - 1.0) > 1e-9:
            raise ValueError("train + validation + test must be 1")
        if min(self.train, self.validation, self.test) <= 0.0:
            raise ValueError("train, validation and test must each be above 0")
        return self


class CrossValidation(_Section):
    """Purged k-fold inside the training part."""

    folds: NotNegative = 5
    """Number of folds; 0 switches cross-validation off (no stability verdict, weaker evidence)."""
    embargo: NotNegative = 20
    """Bars left out behind each test fold, on top of the purge."""
    stop_share: Annotated[StrictFloat, Field(gt=0.0, lt=0.5)] = 0.15
    """Share of the newest training rows that early stopping watches."""


class Augmentation(_Section):
    """Synthetic training rows for very short data."""

    enabled: StrictBool = True
    threshold: NotNegative = 300
    """Below this many training rows the training part is enlarged."""
    noise: Positive = 0.05
    """Jitter in units of a column's training standard deviation."""
    method: Literal["copies", "gan"] = "copies"
    """"copies": jittered, shifted and dropped-out rows. "gan": rows of a generator trained on the same training rows
    (needs the extra `neural`, and columns without missing values). Either is used only where it gains."""


class Prepare(_Section):
    """Columns of families that need finite, scaled ones; learned on each fold's training rows. Trees take them raw."""

    impute: Literal["median", "mean", "constant"] = "median"
    """What replaces missing values."""
    fill_value: StrictFloat = 0.0
    """What impute "constant" puts there."""
    indicator: Share | None = None
    """A column missing at least this share of the training rows gets an indicator column; null: none."""
    clip: tuple[Share, Share] | None = (0.001, 0.999)
    """Quantiles of the training rows to clip to; null: no clipping."""
    scale: Literal["standard", "robust", "minmax"] | None = "standard"
    """By mean and deviation, median and interquartile range (where it is 0: dropped), minimum and range; null: not."""
    max_missing: Share = 0.5
    """Columns that miss a larger share of the training rows are dropped, for all families."""

    @model_validator(mode="after")
    def _ascending(self) -> Prepare:
        if self.clip is not None and not self.clip[0] < self.clip[1]:
            raise ValueError("clip must be two ascending quantiles or null")
        return self


class FeatureSelection(_Section):
    """Which columns a model sees: chosen on each fold's training rows, compared with all columns over the folds."""

    method: Literal["none", "score", "stability", "boruta", "default"] = "none"
    """score: forest importance and mutual information; boruta: circular-shift Boruta; default: Boruta and stable."""
    min_features: AtLeastOne | None = None
    """Columns that always stay, the best first; null: 30 for score, else 5."""
    top_m: AtLeastOne | None = None
    """Columns that may stay at most; null: no limit."""
    drop_lowest: Annotated[StrictFloat, Field(ge=0.0, lt=1.0)] = 0.25
    """Share of the columns with the lowest score that goes (score)."""
    correlation: Share = 0.9
    """Of two columns that correlate more, the weaker goes (score)."""
    repeats: AtLeastOne = 50
    """Repeats of Boruta."""
    pairs: AtLeastOne = 25
    """Pairs of halves of time blocks (stability)."""
    frequency: Annotated[StrictFloat, Field(gt=0.5, le=1.0)] = 0.7
    """Share of the halves that must choose a column (stability)."""
    time_limit_s: Positive = 60.0
    """Longest time for one choice; beyond it all columns are kept, and the report says so."""

    @model_validator(mode="after")
    def _ordered(self) -> FeatureSelection:
        least = self.min_features or (30 if self.method == "score" else 5)
        if self.top_m is not None and self.method != "none" and self.top_m < least:
            raise ValueError(f"top_m must be at least min_features ({least}) or null")
        return self


class Selection(_Section):
    """What is chosen inside training."""

    features: FeatureSelection = FeatureSelection()


class RandomForest(_Section):
    """Histogram random forest."""

    n_estimators: AtLeastOne = 200
    max_depth: AtLeastOne | None = 10
    min_samples_split: Annotated[StrictInt, Field(ge=2)] = 20
    min_samples_leaf: AtLeastOne = 10
    max_features: Literal["sqrt", "log2"] | Share | None = "sqrt"
    max_samples: Annotated[StrictFloat, Field(gt=0.0, le=1.0)] | None = 0.7
    class_weight: Literal["balanced", "balanced_subsample"] | None = "balanced"


class ExtraTrees(_Section):
    """Extremely randomised trees."""

    n_estimators: AtLeastOne = 200
    max_depth: AtLeastOne | None = 10
    min_samples_split: Annotated[StrictInt, Field(ge=2)] = 20
    min_samples_leaf: AtLeastOne = 10
    max_features: Literal["sqrt", "log2"] | Share | None = "sqrt"
    class_weight: Literal["balanced", "balanced_subsample"] | None = "balanced"


class XGBoost(_Section):
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


class NeuralNetwork(_Section):
    """Multi-layer perceptron."""

    hidden_dims: Annotated[tuple[AtLeastOne, ...], Field(min_length=1)] = (256, 128, 64)
    dropout: Annotated[StrictFloat, Field(ge=0.0, lt=1.0)] = 0.4
    weight_decay: Annotated[StrictFloat, Field(ge=0.0)] = 0.001
    label_smoothing: Annotated[StrictFloat, Field(ge=0.0, lt=1.0)] = 0.2
    learning_rate: Positive = 0.001
    batch_size: Annotated[StrictInt, Field(ge=2)] = 64
    max_epochs: AtLeastOne = 50
    patience: AtLeastOne = 8
    clip_norm: Positive = 1.0
    class_weight: Literal["balanced"] | None = "balanced"


class LSTM(_Section):
    """Long short-term memory over windows that end with the decision bar."""

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
    clip_norm: Positive = 1.0
    class_weight: Literal["balanced"] | None = "balanced"


class LightGBM(_Section):
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


class GradientBoosting(_Section):
    """Gradient boosting in scikit-learn's words."""

    n_estimators: AtLeastOne = 100
    max_depth: AtLeastOne = 3
    learning_rate: Annotated[StrictFloat, Field(gt=0.0, le=1.0)] = 0.1
    subsample: Annotated[StrictFloat, Field(gt=0.0, le=1.0)] = 1.0
    max_features: Literal["sqrt", "log2"] | Share | None = None
    n_iter_no_change: AtLeastOne | None = 20
    class_weight: Literal["balanced"] | None = "balanced"


class CatBoost(_Section):
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


class NGBoost(_Section):
    """Natural gradient boosting of class probabilities by the ngboost package."""

    n_estimators: AtLeastOne = 200
    max_depth: AtLeastOne = 3
    learning_rate: Annotated[StrictFloat, Field(gt=0.0, le=1.0)] = 0.05
    min_samples_leaf: AtLeastOne = 10
    minibatch_frac: Annotated[StrictFloat, Field(gt=0.0, le=1.0)] = 1.0
    col_sample: Annotated[StrictFloat, Field(gt=0.0, le=1.0)] = 1.0
    early_stopping_rounds: AtLeastOne = 20
    class_weight: Literal["balanced"] | None = "balanced"


class FTRLProximal(_Section):
    """Online logistic regression (FTRL-proximal) on imputed and scaled columns."""

    alpha: Positive = 0.1
    beta: AtLeastZero = 1.0
    l1: AtLeastZero = 1.0
    l2: AtLeastZero = 1.0
    n_passes: AtLeastOne = 1


class Selector(_Section):
    """Which models may be chosen at all."""

    profile: Literal["default", "seed"] = "default"
    """default: beat the baseline; seed: the fixed thresholds of document 001."""
    max_gap: Share = 0.20
    min_accuracy: Share = 0.55
    stability_threshold: Share = 0.05


class Training(_Section):
    """How the work is bounded."""

    seed: NotNegative = 42
    time_limit_minutes: Positive = 10.0
    """Longest time for one model of one symbol, cross-validation included."""
    min_rows: Annotated[StrictInt, Field(ge=20)] = 100
    """Symbols with fewer labelled rows fail with TooFewRows."""
    workers: NotNegative = 0
    """Symbols trained at the same time; 0 means one per core."""
    held_out_importance: StrictBool = True
    """Measure on the inner folds what moving each column costs (families of trees and linear models)."""


class Output(_Section):
    """Where runs go."""

    root: str = "runs"
    """Folder that holds run folders; SMCTRAIN_RUNS overrides it."""


class LogisticRegression(_Section):
    """Logistic regression on imputed and scaled columns."""

    C: Positive = 1.0
    l1_ratio: Annotated[StrictFloat, Field(ge=0.0, le=1.0)] = 0.0
    class_weight: Literal["balanced"] | None = "balanced"
    max_iter: AtLeastOne = 100


Family = Literal[
    "RandomForest",
    "XGBoost",
    "NeuralNetwork",
    "LSTM",
    "ExtraTrees",
    "LightGBM",
    "GradientBoosting",
    "LogisticRegression",
    "FTRLProximal",
    "CatBoost",
    "NGBoost",
]


class Config(_Section):
    """All settings of a training run."""

    symbols: tuple[str, ...] | None = None
    """Symbols to train; null takes all."""
    models: Annotated[tuple[Family, ...], Field(min_length=1)] = (
        "RandomForest",
        "XGBoost",
        "NeuralNetwork",
        "LSTM",
    )
    data: Data = Data()
    features: Features = Features()
    labels: Labels = Labels()
    split: Split = Split()
    cv: CrossValidation = CrossValidation()
    augmentation: Augmentation = Augmentation()
    prepare: Prepare = Prepare()
    selection: Selection = Selection()
    random_forest: RandomForest = RandomForest()
    xgboost: XGBoost = XGBoost()
    neural_network: NeuralNetwork = NeuralNetwork()
    lstm: LSTM = LSTM()
    extra_trees: ExtraTrees = ExtraTrees()
    lightgbm: LightGBM = LightGBM()
    gradient_boosting: GradientBoosting = GradientBoosting()
    logistic_regression: LogisticRegression = LogisticRegression()
    ftrl_proximal: FTRLProximal = FTRLProximal()
    catboost: CatBoost = CatBoost()
    ngboost: NGBoost = NGBoost()
    selector: Selector = Selector()
    training: Training = Training()
    output: Output = Output()

    @field_validator("symbols", "models")
    @classmethod
    def _each_once(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        twice = sorted({name for name in names or () if (names or ()).count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(map(repr, twice))} is named more than once")
        return names

    def family_settings(self, family: str) -> dict[str, object]:
        """Settings of one family as its trainer takes them."""
        section = {
            "RandomForest": self.random_forest,
            "XGBoost": self.xgboost,
            "NeuralNetwork": self.neural_network,
            "LSTM": self.lstm,
            "ExtraTrees": self.extra_trees,
            "LightGBM": self.lightgbm,
            "GradientBoosting": self.gradient_boosting,
            "LogisticRegression": self.logistic_regression,
            "FTRLProximal": self.ftrl_proximal,
            "CatBoost": self.catboost,
            "NGBoost": self.ngboost,
        }[family]
        return dict(section)
