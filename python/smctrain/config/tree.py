"""The settings tree. Frozen, closed (unknown keys are errors), no NaN; the docstrings are the descriptions.

The sections of the model families are in families.py.
"""

from __future__ import annotations

from datetime import UTC, datetime
from math import comb
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    ValidationInfo,
    field_validator,
    model_validator,
)

from smctrain.config import families
from smctrain.config.section import AtLeastOne, AtLeastZero, NotNegative, Positive, Section, Share, no_bool


def _in_utc(*moments: str) -> list[str]:
    """ISO moments without a zone; naive ones are UTC already."""
    read = [datetime.fromisoformat(moment) for moment in moments]
    read = [moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment for moment in read]
    if read[1] < read[0]:
        raise ValueError(f"a window must not end before it starts, but one goes from {moments[0]} to {moments[1]}")
    return [moment.isoformat() for moment in read]


class Data(Section):
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


class Features(Section):
    """Which columns are built from the bars."""

    preset: Literal["default", "full"] = "default"
    higher: tuple[str, ...] = ("H1", "H4")
    """Higher timeframes; resampled from the base where the data lacks them."""
    groups: tuple[str, ...] | None = None
    """Families to keep; null keeps all of the preset."""
    columns: tuple[str, ...] | None = None
    """Exact columns; null keeps all of the preset."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """How columns are computed: settings.smc.swing_left, settings.fvg.min_atr ...; `smctrain features --settings`."""
    extra: tuple[str, ...] = ()
    """Columns behind those: derived ones by name (ret_1_lag_2, rsi_wilder_14_z_100), or ones the preset leaves out."""


class Labels(Section):
    """Triple barrier: which of target, stop and time limit a trade meets first."""

    horizon: AtLeastOne = 20
    """Longest holding time in bars."""
    target: Positive = 2.0
    stop: Positive = 1.0
    unit: Literal["atr", "vol", "pct", "abs"] = "atr"
    entry: Literal["next_open", "close"] = "next_open"
    side: Annotated[Literal[-1, 1], BeforeValidator(no_bool)] = 1
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


class Split(Section):
    """Shares of the time axis. Training rows whose label reaches into a later part are purged."""

    train: Share = 0.70
    validation: Share = 0.15
    test: Share = 0.15
    embargo: NotNegative = 0
    """Further rows left out before validation and test."""
    calendar: tuple[tuple[str, str] | tuple[str, str, str], ...] | None = None
    """Windows [start, end, name] such as ["2025-03-19T17:30", "2025-03-19T20:00", "FOMC"], UTC unless they say
    otherwise: a part of the data that would begin inside one begins behind it."""
    exclude: StrictBool = False
    """Whether rows whose labels meet a window of the calendar are left out altogether."""

    @field_validator("calendar")
    @classmethod
    def _moments(cls, windows: tuple[tuple[str, ...], ...] | None) -> tuple[tuple[str, ...], ...] | None:
        return None if windows is None else tuple((*_in_utc(*window[:2]), *window[2:]) for window in windows)

    @model_validator(mode="after")
    def _windows(self) -> Split:
        if self.exclude and self.calendar is None:
            raise ValueError("exclude needs calendar: it removes the rows whose labels meet its windows")
        return self

    @model_validator(mode="after")
    def _sum(self) -> Split:
        if abs(self.train + self.validation + self.test - 1.0) > 1e-9:
            raise ValueError("train + validation + test must be 1")
        if min(self.train, self.validation, self.test) <= 0.0:
            raise ValueError("train, validation and test must each be above 0")
        return self


class CrossValidation(Section):
    """Inner folds: how the training part of a window is cut for every choice made inside it."""

    kind: Literal["purged_kfold", "walk_forward", "cpcv", "event_aware"] = "purged_kfold"
    """purged_kfold; walk_forward: each fold predicted by the rows before it; cpcv: every choice of test_groups folds;
    event_aware: k-fold whose borders keep out of split.calendar."""
    folds: NotNegative = 5
    """Number of folds; 0 switches cross-validation off (no stability verdict, weaker evidence)."""
    embargo: NotNegative = 20
    """Bars left out behind each held-out fold (walk_forward: before it), on top of the purge."""
    embargo_share: Annotated[StrictFloat, Field(gt=0.0, le=1.0)] | None = None
    """Embargo as a share of the fold's length, at most `embargo` bars; null: `embargo` bars."""
    test_groups: AtLeastOne = 2
    """Folds held out together (cpcv)."""
    min_train: Annotated[StrictFloat, Field(gt=0.0, lt=1.0)] = 0.4
    """Share of the rows before the first fold (walk_forward)."""
    lookback: NotNegative = 0
    """Rows that features reach back: training rows whose features touch a held-out label are left out, too; 0: none."""
    stop_share: Annotated[StrictFloat, Field(gt=0.0, lt=0.5)] = 0.15
    """Share of the newest training rows that early stopping watches."""

    @field_validator("kind", mode="before")
    @classmethod
    def _no_diagnostic(cls, kind: object) -> object:
        if kind in ("regime", "loso"):
            raise ValueError(
                f"{kind} shows how a model does where it has not been, and may not choose one: use "
                f"smctrain.splits.{'RegimeSplit' if kind == 'regime' else 'LeaveOneSymbolOut'} on its own"
            )
        return kind

    @model_validator(mode="after")
    def _fits_together(self) -> CrossValidation:
        if self.folds == 1 and self.kind != "walk_forward":
            raise ValueError(f"{self.kind} needs at least 2 folds (or 0: none), but folds is 1")
        if self.kind == "cpcv" and 0 < self.folds <= self.test_groups:
            raise ValueError(
                f"cpcv holds out test_groups ({self.test_groups}) of folds ({self.folds}): test_groups must be smaller"
            )
        if self.embargo_share is not None and self.kind == "walk_forward":
            raise ValueError("embargo_share is behind a fold, where walk_forward never trains: leave it null")
        if self.embargo_share is not None and self.embargo == 0:
            raise ValueError("embargo is the most that embargo_share may leave out: it must be above 0")
        return self

    @property
    def splits(self) -> int:
        """Fits that the folds cost."""
        return comb(self.folds, self.test_groups) if self.kind == "cpcv" else self.folds

    @property
    def independent_splits(self) -> float:
        """As many independent folds as the splits are worth: the mean over all C choices of k of n folds varies as the
        mean of the n folds, by S^2 / n, and single choices (ddof 1) by S^2 (n - k) / (k n) C / (C - 1)."""
        if self.kind != "cpcv":
            return float(self.folds)
        n, k, choices = self.folds, self.test_groups, self.splits
        return (n - k) / k * choices / (choices - 1)


class Evaluation(Section):
    """On which unseen rows the verdict stands."""

    outer: Literal["walk_forward", "holdout"] = "walk_forward"
    """walk_forward: later windows, each predicted by models of the rows before it; holdout: the test part alone."""
    n_splits: AtLeastOne = 5
    """Windows."""
    min_train: Annotated[StrictFloat, Field(gt=0.0, lt=1.0)] = 0.4
    """Share of the rows before the first window."""
    window: AtLeastOne | None = None
    """Rolling: each window learns from this many of the latest decisions; null: from all before it."""
    dependence: Literal["independent", "arbitrary"] = "independent"
    """How symbols are judged together: Benjamini-Hochberg, or e-BH, which holds however they depend on each other but
    leans on E, which luck can raise where outcomes drift."""
    final_refit: StrictBool = True
    """Whether a model that may be deployed is fitted once more on all rows; that one goes live."""


class Augmentation(Section):
    """Synthetic training rows for very short data."""

    enabled: StrictBool = True
    threshold: NotNegative = 300
    """Below this many training rows the training part is enlarged."""
    noise: Positive = 0.05
    """Jitter in units of a column's training standard deviation."""
    method: Literal["copies", "gan"] = "copies"
    """"copies": jittered, shifted and dropped-out rows. "gan": rows of a generator trained on the same training rows
    (needs the extra `neural`, and columns without missing values). Either is used only where it gains."""


class Prepare(Section):
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


class FeatureSelection(Section):
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


class Selection(Section):
    """What is chosen inside training."""

    features: FeatureSelection = FeatureSelection()


class Tuning(Section):
    """A bounded search for settings where no family is good on inner rows."""

    enabled: StrictBool = False
    """Off but in the preset thorough: at most 18 further fits of each family, where the trigger fires."""
    below: Share = 0.60
    """The search starts where no family reaches this inner accuracy."""


class Selector(Section):
    """Which models may be chosen at all."""

    profile: Literal["default", "seed"] = "default"
    """default: beat the baseline; seed: the fixed thresholds of document 001."""
    max_gap: Share = 0.20
    min_accuracy: Share = 0.55
    stability_threshold: Share = 0.05


class Training(Section):
    """How the work is bounded."""

    seed: NotNegative = 42
    time_limit_minutes: Positive = 10.0
    """Longest time for one model of one symbol, cross-validation included; and again for its outer windows."""
    min_rows: Annotated[StrictInt, Field(ge=20)] = 100
    """Symbols with fewer labelled rows fail with TooFewRows."""
    workers: NotNegative = 0
    """Symbols trained at the same time; 0 means one per core."""
    held_out_importance: StrictBool = True
    """Measure on the inner folds what moving each column costs (families of trees and linear models)."""


class LeakAudit(Section):
    """What the leak guard looks at beside splits, provenance and synthetic rows, which it always checks."""

    duplicates: StrictBool = True
    """Copies of held-out rows among training rows: a few leave training, many stop the symbol."""
    single_columns: StrictBool = True
    """Columns that know the answer by themselves, or together, are taken out, and everything is fitted again."""
    on_leak: Literal["quarantine", "fail"] = "quarantine"
    """What happens where such a column is found: "fail" stops the symbol and names it."""
    max_auc: Annotated[StrictFloat, Field(gt=0.5, le=1.0)] = 0.70
    """Out-of-fold AUC of one column alone, above which (by 2 standard errors) it goes into quarantine."""
    max_correlation: Annotated[StrictFloat, Field(gt=0.0, le=1.0)] = 0.999
    """Correlation of a column with the label or an outcome, from which on it goes into quarantine."""
    sentinels: StrictBool = False
    """Sentinels: later labels, all columns, symbol hold-out, and a window fitted again on altered held-out rows."""
    canary: NotNegative = 0
    """Draws of bars that cannot be predicted, on which models may not beat the majority; 0: none, else at least 3."""

    @model_validator(mode="after")
    def _enough_draws(self) -> LeakAudit:
        if 0 < self.canary < 3:
            raise ValueError("canary must be 0 or at least 3 draws")
        return self


class Output(Section):
    """Where runs go."""

    root: str = "runs"
    """Folder that holds run folders; SMCTRAIN_RUNS overrides it."""
    ledger: str | None = None
    """Folder of the trial ledger; null: $SMCTRAIN_LEDGER, else `ledger` beside the run folder."""


class Config(Section):
    """All settings of a training run."""

    symbols: tuple[str, ...] | None = None
    """Symbols to train; null takes all."""
    models: Annotated[tuple[families.Family, ...], Field(min_length=1)] = (
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
    evaluation: Evaluation = Evaluation()
    augmentation: Augmentation = Augmentation()
    prepare: Prepare = Prepare()
    selection: Selection = Selection()
    random_forest: families.RandomForest = families.RandomForest()
    xgboost: families.XGBoost = families.XGBoost()
    neural_network: families.NeuralNetwork = families.NeuralNetwork()
    lstm: families.LSTM = families.LSTM()
    gru: families.GRU = families.GRU()
    cnn1d: families.CNN1D = families.CNN1D()
    transformer: families.Transformer = families.Transformer()
    vae: families.VAE = families.VAE()
    vae_columns: families.VAEColumns = families.VAEColumns()
    extra_trees: families.ExtraTrees = families.ExtraTrees()
    lightgbm: families.LightGBM = families.LightGBM()
    gradient_boosting: families.GradientBoosting = families.GradientBoosting()
    logistic_regression: families.LogisticRegression = families.LogisticRegression()
    ftrl_proximal: families.FTRLProximal = families.FTRLProximal()
    catboost: families.CatBoost = families.CatBoost()
    ngboost: families.NGBoost = families.NGBoost()
    selector: Selector = Selector()
    leak_audit: LeakAudit = LeakAudit()
    tuning: Tuning = Tuning()
    training: Training = Training()
    output: Output = Output()

    @field_validator("cv")
    @classmethod
    def _has_calendar(cls, cv: CrossValidation, info: ValidationInfo) -> CrossValidation:
        split = info.data.get("split")
        if cv.kind == "event_aware" and split is not None and split.calendar is None:
            raise ValueError("kind event_aware needs split.calendar: its borders keep out of those windows")
        return cv

    @field_validator("symbols", "models")
    @classmethod
    def _each_once(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        twice = sorted({name for name in names or () if (names or ()).count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(map(repr, twice))} is named more than once")
        return names

    def family_settings(self, family: str) -> dict[str, object]:
        """Settings of one family as its trainer takes them."""
        if family == "VAEColumns":
            behind = self.family_settings(self.vae_columns.model)
            return {**dict(self.vae_columns), "vae": dict(self.vae), "model_settings": behind}
        return dict(getattr(self, SECTIONS[family]))

    def with_family_settings(self, family: str, changes: dict[str, Any]) -> Config:
        """A copy with other settings of one family, checked as if they had been given."""
        section = getattr(self, SECTIONS[family])
        changed = type(section).model_validate({**dict(section), **changes})
        return self.model_copy(update={SECTIONS[family]: changed})


SECTIONS = {
    "RandomForest": "random_forest",
    "XGBoost": "xgboost",
    "NeuralNetwork": "neural_network",
    "LSTM": "lstm",
    "GRU": "gru",
    "CNN1D": "cnn1d",
    "Transformer": "transformer",
    "VAE": "vae",
    "VAEColumns": "vae_columns",
    "ExtraTrees": "extra_trees",
    "LightGBM": "lightgbm",
    "GradientBoosting": "gradient_boosting",
    "LogisticRegression": "logistic_regression",
    "FTRLProximal": "ftrl_proximal",
    "CatBoost": "catboost",
    "NGBoost": "ngboost",
}
"""Where the settings of a family stand."""
