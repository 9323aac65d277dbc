"""
Native core of smctrain: everything tabular. Use the typed faces in the package, not this module.
"""

from __future__ import annotations
import collections.abc
import numpy
import numpy.typing
import typing
import typing_extensions

__all__: list[str] = [
    "BinnedMatrix",
    "BoostedTrees",
    "EProcessStream",
    "FeatureStream",
    "Forest",
    "NeuralPredictor",
    "RoundJudge",
    "SMC_EVENT_KINDS",
    "SMC_ZONE_STATES",
    "STANDARD_SESSIONS",
    "Timeline",
    "TrainingMatrices",
    "VaeCodes",
    "apply_columns",
    "auc_influence",
    "average_linkage",
    "background_work",
    "baselines",
    "benjamini_hochberg",
    "bin_matrix",
    "binary_trees",
    "binned_information",
    "block_length",
    "boosted_moved_scores",
    "boosting_samples",
    "bootstrap_column_means",
    "bootstrap_counts",
    "bootstrap_means",
    "check_bars",
    "check_order",
    "circular_boruta",
    "circular_shift_score_test",
    "circular_shift_test",
    "classification_metrics",
    "column_auc",
    "column_moments",
    "column_scores",
    "compiled_offsets",
    "copy_rows",
    "correlation_matrix",
    "crc32c",
    "cusum_events",
    "data_snooping",
    "day_spans",
    "day_starts",
    "describe_columns",
    "e_benjamini_hochberg",
    "e_process",
    "effective_size",
    "expected_max_sharpe",
    "f_scores",
    "feature_dropout",
    "feature_setting_problems",
    "feature_settings",
    "feature_settings_table",
    "features_build",
    "features_catalogue",
    "filter_columns",
    "find_breaks",
    "fit_elastic_net",
    "fit_forest",
    "fit_ftrl",
    "fit_isotonic",
    "fit_least_squares",
    "fit_logistic",
    "fit_platt",
    "fit_preprocessing",
    "fit_ridge",
    "fit_temperature",
    "forest_moved_scores",
    "forward_return",
    "fractional_weights",
    "group_borders",
    "hac_mean",
    "half_samples",
    "horizon_windows",
    "jitter",
    "kendall_tau_b",
    "label_uniqueness",
    "last_resolved_labels",
    "lightgbm_fit",
    "lightgbm_open",
    "lightgbm_setting_problems",
    "linear_moved_scores",
    "linear_proba",
    "linear_scores",
    "longest_overlap",
    "minimum_track_record",
    "model_confidence_set",
    "move_borders",
    "near_twins",
    "nearest_rows",
    "nearest_zones",
    "neighbour_information",
    "normal_cdf",
    "normal_quantile",
    "oblivious_trees",
    "panel_cross_section",
    "panel_order",
    "panel_sample",
    "parse_bar_csv",
    "parse_times",
    "path_target",
    "pbo",
    "period_events",
    "permuted_rows",
    "philox_uniform",
    "prediction_score",
    "preprocess_select",
    "price_digits",
    "probabilistic_sharpe",
    "prune_correlated",
    "purge_events",
    "purpose_hash",
    "quantile_metrics",
    "random_entries",
    "rank_biased_overlap",
    "rank_consensus",
    "rank_ic",
    "regression_metrics",
    "reliability_table",
    "required_sample",
    "resample_bars",
    "restore_columns",
    "retracement_events",
    "return_volatility",
    "return_weights",
    "row_fingerprints",
    "sequential_bootstrap",
    "session_events",
    "sharpe_standard_error",
    "shifted_rows",
    "shifted_scores",
    "shifted_statistics",
    "sides",
    "simulate_bars",
    "smc_catalogue",
    "smc_columns",
    "smc_default_columns",
    "smc_events",
    "smote",
    "snap_prices",
    "spearman",
    "spearman_matrix",
    "stability_selection",
    "stationary_bootstrap_variance",
    "stouffer",
    "track_quantiles",
    "trades_taken",
    "trading_metrics",
    "trend_scanning",
    "triple_barrier",
    "wait_for_background",
    "wilder_atr",
    "wilson_interval",
    "xgboost_fit",
    "xgboost_setting_problems",
    "xgboost_version",
]

class FeatureStream:
    def __init__(
        self,
        base_length_ns: typing.SupportsInt | typing.SupportsIndex,
        higher: list,
        columns: collections.abc.Sequence[str],
        digits: typing.SupportsInt | typing.SupportsIndex | None,
        segment_gap_ns: typing.SupportsInt | typing.SupportsIndex,
        days: typing.Any = None,
        quarantine: collections.abc.Sequence[str] | None = None,
        settings: dict = {},
        double_precision: bool = True,
    ) -> None: ...
    def kept_bars(self) -> tuple: ...
    def push(
        self,
        arg0: typing.SupportsInt | typing.SupportsIndex,
        arg1: typing.SupportsInt | typing.SupportsIndex,
        arg2: typing.SupportsFloat | typing.SupportsIndex,
        arg3: typing.SupportsFloat | typing.SupportsIndex,
        arg4: typing.SupportsFloat | typing.SupportsIndex,
        arg5: typing.SupportsFloat | typing.SupportsIndex,
        arg6: typing.SupportsFloat | typing.SupportsIndex,
        arg7: typing.SupportsFloat | typing.SupportsIndex,
    ) -> numpy.ndarray: ...
    def push_higher(
        self,
        arg0: typing.SupportsInt | typing.SupportsIndex,
        arg1: typing.SupportsInt | typing.SupportsIndex,
        arg2: typing.SupportsInt | typing.SupportsIndex,
        arg3: typing.SupportsFloat | typing.SupportsIndex,
        arg4: typing.SupportsFloat | typing.SupportsIndex,
        arg5: typing.SupportsFloat | typing.SupportsIndex,
        arg6: typing.SupportsFloat | typing.SupportsIndex,
        arg7: typing.SupportsFloat | typing.SupportsIndex,
        arg8: typing.SupportsFloat | typing.SupportsIndex,
    ) -> None: ...
    def replay(
        self, times: numpy.ndarray, kinds: numpy.ndarray, values: numpy.ndarray, finders: numpy.ndarray
    ) -> None: ...
    @property
    def last_row(self) -> numpy.typing.NDArray[numpy.float64]: ...
    @property
    def settled(self) -> bool: ...

class Timeline:
    def __init__(self, t0: numpy.ndarray, t1: numpy.ndarray) -> None: ...
    def audit(
        self,
        train: numpy.ndarray,
        test: numpy.ndarray,
        forward: bool,
        gap: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
        embargo: tuple[
            typing.SupportsInt | typing.SupportsIndex,
            typing.SupportsInt | typing.SupportsIndex,
            typing.SupportsFloat | typing.SupportsIndex,
        ],
        lookback: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
    ) -> tuple: ...
    def balance_borders(
        self,
        stratum: numpy.ndarray,
        n_strata: typing.SupportsInt | typing.SupportsIndex,
        borders: numpy.ndarray,
        admissible: typing.Any,
        share: typing.SupportsFloat | typing.SupportsIndex,
        tolerance: typing.SupportsFloat | typing.SupportsIndex,
    ) -> tuple: ...
    def check(self) -> None: ...
    def event_graph(self, ids: numpy.ndarray) -> tuple: ...
    def forward_split(
        self,
        first: typing.SupportsInt | typing.SupportsIndex,
        last: typing.SupportsInt | typing.SupportsIndex,
        width: typing.SupportsInt | typing.SupportsIndex,
        gap: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
    ) -> numpy.typing.NDArray[numpy.uint8]: ...
    def meets_window(self, start: numpy.ndarray, end: numpy.ndarray) -> numpy.typing.NDArray[numpy.uint8]: ...
    def purge_and_embargo(
        self,
        is_test: numpy.ndarray,
        embargo: tuple[
            typing.SupportsInt | typing.SupportsIndex,
            typing.SupportsInt | typing.SupportsIndex,
            typing.SupportsFloat | typing.SupportsIndex,
        ],
        lookback: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
        block: bool,
    ) -> numpy.typing.NDArray[numpy.uint8]: ...
    def stamp(self, index: typing.SupportsInt | typing.SupportsIndex) -> int: ...
    def starts_outside(
        self,
        start: numpy.ndarray,
        end: numpy.ndarray,
        gap: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
    ) -> numpy.typing.NDArray[numpy.int64]: ...
    def symbol_split(
        self,
        symbol: numpy.ndarray,
        held_out: typing.SupportsInt | typing.SupportsIndex,
        first: typing.SupportsInt | typing.SupportsIndex,
        last: typing.SupportsInt | typing.SupportsIndex,
        strict: bool,
        gap: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
        embargo: tuple[
            typing.SupportsInt | typing.SupportsIndex,
            typing.SupportsInt | typing.SupportsIndex,
            typing.SupportsFloat | typing.SupportsIndex,
        ],
        lookback: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
        block: bool,
    ) -> numpy.typing.NDArray[numpy.uint8]: ...
    def temporal_split(
        self,
        validation_first: typing.SupportsInt | typing.SupportsIndex,
        test_first: typing.SupportsInt | typing.SupportsIndex,
        gap: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
    ) -> numpy.typing.NDArray[numpy.uint8]: ...
    def window_split(
        self,
        windows: collections.abc.Sequence[
            tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex]
        ],
        embargo: tuple[
            typing.SupportsInt | typing.SupportsIndex,
            typing.SupportsInt | typing.SupportsIndex,
            typing.SupportsFloat | typing.SupportsIndex,
        ],
        lookback: tuple[typing.SupportsInt | typing.SupportsIndex, typing.SupportsInt | typing.SupportsIndex],
        block: bool,
    ) -> numpy.typing.NDArray[numpy.uint8]: ...
    @property
    def n_stamps(self) -> int: ...

class BinnedMatrix:
    def codes(self) -> numpy.ndarray:
        """
        Bin codes (n_features, n_rows): uint8, 255 is missing; uint16 where n_bins is above 255, 65535 is missing.
        """
    def edges(self, column: typing.SupportsInt | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float32]:
        """
        Edges between the bins of a column, ascending float32.
        """
    @property
    def n_features(self) -> int: ...
    @property
    def n_rows(self) -> int: ...

class Forest:
    @staticmethod
    def from_state(
        n_features: typing.SupportsInt | typing.SupportsIndex,
        n_classes: typing.SupportsInt | typing.SupportsIndex,
        arrays: dict,
    ) -> Forest: ...
    def arrays(self) -> dict: ...
    def importances(self) -> numpy.typing.NDArray[numpy.float64]: ...
    def predict_proba(
        self, X: numpy.ndarray, rows: typing.Any, threads: typing.SupportsInt | typing.SupportsIndex
    ) -> numpy.typing.NDArray[numpy.float64]: ...
    def predict_row(self, x: numpy.ndarray) -> numpy.typing.NDArray[numpy.float64]:
        """
        Values of one row (n_classes,).
        """
    def quantiles(
        self, X: numpy.ndarray, levels: numpy.ndarray, threads: typing.SupportsInt | typing.SupportsIndex
    ) -> numpy.typing.NDArray[numpy.float64]:
        """
        Quantiles (n_rows, n_levels) of a regression forest that keeps its members.
        """
    def shap_values(
        self, X: numpy.ndarray, threads: typing.SupportsInt | typing.SupportsIndex
    ) -> numpy.typing.NDArray[numpy.float64]:
        """
        Contributions (n_rows, n_features + 1, n_classes), the base value last.
        """
    @property
    def n_classes(self) -> int: ...
    @property
    def n_features(self) -> int: ...
    @property
    def n_trees(self) -> int: ...

class BoostedTrees:
    """
    Boosted trees as validated flat arrays; immutable, any thread may predict.
    """
    def __init__(
        self,
        n_features: typing.SupportsInt | typing.SupportsIndex,
        n_classes: typing.SupportsInt | typing.SupportsIndex,
        arrays: dict,
        wide: bool = False,
        zero_is_missing: bool = False,
    ) -> None: ...
    def arrays(self) -> dict: ...
    def contributions(
        self,
        X: numpy.ndarray,
        rows: typing.Any = None,
        stop: typing.Any = None,
        time_limit_s: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    ) -> numpy.ndarray: ...
    def importances(self) -> dict: ...
    def margins(self, X: numpy.ndarray, rows: typing.Any = None) -> typing.Any: ...
    def predict_proba(self, X: numpy.ndarray, rows: typing.Any = None) -> numpy.typing.NDArray[numpy.float64]: ...
    def predict_row(self, x: numpy.ndarray) -> numpy.typing.NDArray[numpy.float64]:
        """
        Probabilities of one row (n_classes,), or its values (width,) in a regression.
        """
    @property
    def n_classes(self) -> int: ...
    @property
    def n_features(self) -> int: ...
    @property
    def n_rounds(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def zero_is_missing(self) -> bool: ...

class TrainingMatrices:
    """
    Training matrices of boosting libraries, shared by the fits on one X.
    """
    def __init__(self, X: numpy.ndarray) -> None: ...
    def __len__(self) -> int: ...
    def clear(self) -> None: ...
    @property
    def built(self) -> int: ...

class RoundJudge:
    """
    Judges the rounds of a package that trains by itself: best round, patience, alarms, stop flag and time limit.
    """
    def __init__(
        self,
        early_stopping_rounds: typing.SupportsInt | typing.SupportsIndex,
        min_delta: typing.SupportsFloat | typing.SupportsIndex,
        higher_is_better: bool,
        has_validation: bool,
        learning_rate: typing.SupportsFloat | typing.SupportsIndex,
        stop: typing.Any = None,
        time_limit_s: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    ) -> None: ...
    def begin(self) -> bool: ...
    def observe(
        self,
        train_loss: typing.SupportsFloat | typing.SupportsIndex,
        val_loss: typing.SupportsFloat | typing.SupportsIndex,
        train_accuracy: typing.SupportsFloat | typing.SupportsIndex,
        val_accuracy: typing.SupportsFloat | typing.SupportsIndex,
        val_metric: typing.SupportsFloat | typing.SupportsIndex,
    ) -> bool: ...
    def result(self) -> dict: ...

class NeuralPredictor:
    """
    Inference of one network from its named arrays; thread-safe.
    """
    def __init__(self, shape: dict, arrays: dict) -> None: ...
    def predict(
        self, X: numpy.ndarray, rows: numpy.ndarray, segment: typing.Any, stop: typing.Any = None
    ) -> numpy.typing.NDArray[numpy.float64]:
        """
        Probabilities (rows, classes), or values (rows, 1) of a regression; NaN in a row without a full window.
        """

class VaeCodes:
    """
    A variational autoencoder from its named arrays; thread-safe.
    """
    def __init__(self, shape: dict, arrays: dict) -> None: ...
    def codes(self, X: numpy.ndarray, rows: numpy.ndarray) -> numpy.typing.NDArray[numpy.float64]:
        """
        Means, then log variances of the latent units (rows, 2 latent).
        """
    def losses(self, X: numpy.ndarray, rows: numpy.ndarray) -> numpy.typing.NDArray[numpy.float64]:
        """
        Half the squared error of the reconstruction, and KL divergence (rows, 2).
        """
    def reconstruction(self, X: numpy.ndarray, rows: numpy.ndarray) -> numpy.typing.NDArray[numpy.float64]:
        """
        Rows decoded from their latent means (rows, columns).
        """

class EProcessStream:
    """
    The interleaved e-process, row by row.
    """
    def __init__(
        self,
        n_models: typing.SupportsInt | typing.SupportsIndex,
        horizon: typing.SupportsInt | typing.SupportsIndex,
        baseline: typing.SupportsFloat | typing.SupportsIndex,
        train_shares: typing.Any = None,
        train_rows: typing.SupportsFloat | typing.SupportsIndex = 0.0,
    ) -> None: ...
    def push(self, y_true: numpy.ndarray, predictions: numpy.ndarray) -> numpy.typing.NDArray[numpy.float64]:
        """
        E after each of these rows (m,); predictions (k, m).
        """
    def restore(
        self,
        rows: typing.SupportsInt | typing.SupportsIndex,
        largest: typing.SupportsFloat | typing.SupportsIndex,
        wealth: numpy.ndarray,
        resolved: numpy.ndarray,
        open: numpy.ndarray,
    ) -> None: ...
    def state(
        self,
    ) -> tuple[
        int,
        float,
        numpy.typing.NDArray[numpy.float64],
        numpy.typing.NDArray[numpy.int64],
        numpy.typing.NDArray[numpy.int32],
    ]: ...
    @property
    def largest(self) -> float: ...
    @property
    def rows(self) -> int: ...
    @property
    def value(self) -> float: ...

def apply_columns(
    X: numpy.ndarray,
    rows: typing.Any,
    kept: numpy.ndarray,
    fill: numpy.ndarray,
    low: numpy.ndarray,
    high: numpy.ndarray,
    center: numpy.ndarray,
    scale: numpy.ndarray,
    indicators: numpy.ndarray,
    threads: typing.SupportsInt | typing.SupportsIndex,
) -> typing.Any:
    """
    Columns `kept`: missing values filled, clipped, then (x - center) / scale; then the indicators of missing values.
    """

def auc_influence(y_true: numpy.ndarray, proba: numpy.ndarray) -> numpy.typing.NDArray[numpy.float64]:
    """
    What each row adds to the AUC (n,); empty where there is none.
    """

def average_linkage(
    distance: numpy.ndarray, cut: typing.SupportsFloat | typing.SupportsIndex
) -> numpy.typing.NDArray[numpy.int32]:
    """
    Cluster of each member.
    """

def background_work() -> int: ...
def baselines(
    y_true: numpy.ndarray, y_train: numpy.ndarray, t0: typing.Any, t1: typing.Any, all_y: typing.Any
) -> dict: ...
def benjamini_hochberg(
    p: numpy.ndarray, q: typing.SupportsFloat | typing.SupportsIndex
) -> numpy.typing.NDArray[numpy.uint8]: ...
def bin_matrix(
    X: numpy.ndarray,
    rows: numpy.ndarray,
    n_bins: typing.SupportsInt | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex,
    stop: typing.Any = None,
    time_limit_s: typing.SupportsFloat | typing.SupportsIndex = 0.0,
) -> BinnedMatrix:
    """
    Bins of the columns of X, fitted on `rows`. TrainingFailed where `stop` or the time limit ended it.
    """

def binary_trees(
    n_features: typing.SupportsInt | typing.SupportsIndex,
    base_margin: numpy.ndarray,
    tree_offset: numpy.ndarray,
    left: numpy.ndarray,
    right: numpy.ndarray,
    feature: numpy.ndarray,
    threshold: numpy.ndarray,
    missing_left: numpy.ndarray,
    value: numpy.ndarray,
    gain: numpy.ndarray,
    cover: numpy.ndarray,
) -> BoostedTrees: ...
def binned_information(
    X: numpy.ndarray,
    y: numpy.ndarray,
    n_classes: typing.SupportsInt | typing.SupportsIndex,
    weight: typing.Any,
    n_bins: typing.SupportsInt | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex,
) -> numpy.typing.NDArray[numpy.float64]:
    """
    Mutual information in nats of each column, by bins, less the Miller-Madow bias.
    """

def block_length(values: numpy.ndarray) -> float:
    """
    Automatic mean block length of the stationary bootstrap.
    """

def boosted_moved_scores(
    trees: BoostedTrees,
    X: numpy.ndarray,
    y: numpy.ndarray,
    metric: str,
    quantiles: collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex],
    sources: numpy.ndarray,
    groups: numpy.ndarray,
    n_groups: typing.SupportsInt | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex,
    stop: typing.Any = None,
) -> tuple:
    """
    As forest_moved_scores.
    """

def boosting_samples(
    X: numpy.ndarray,
    y: numpy.ndarray,
    rows: numpy.ndarray,
    stop_rows: numpy.ndarray,
    weight: typing.Any,
    n_classes: typing.SupportsInt | typing.SupportsIndex,
    balanced: bool,
) -> tuple: ...
def bootstrap_column_means(
    values: numpy.ndarray,
    mean_block: typing.SupportsFloat | typing.SupportsIndex,
    draws: typing.SupportsInt | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex = 1,
    stop: typing.Any = None,
) -> numpy.typing.NDArray[numpy.float64]:
    """
    Means of all columns of each stationary-bootstrap resample of rows.
    """

def bootstrap_counts(
    cells: numpy.ndarray,
    n_cells: typing.SupportsInt | typing.SupportsIndex,
    mean_block: typing.SupportsFloat | typing.SupportsIndex,
    draws: typing.SupportsInt | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex = 1,
    stop: typing.Any = None,
) -> numpy.typing.NDArray[numpy.int64]:
    """
    How often each cell occurs in each stationary-bootstrap resample, (draws, n_cells).
    """

def bootstrap_means(
    values: numpy.ndarray,
    mean_block: typing.SupportsFloat | typing.SupportsIndex,
    draws: typing.SupportsInt | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex = 1,
    stop: typing.Any = None,
) -> numpy.typing.NDArray[numpy.float64]:
    """
    Mean of each stationary-bootstrap resample.
    """

def check_bars(arrays: dict, timeframe_s: typing.SupportsInt | typing.SupportsIndex) -> tuple: ...
def check_order(time: numpy.ndarray) -> dict: ...
def circular_boruta(
    X: numpy.ndarray,
    y: numpy.ndarray,
    n_classes: typing.SupportsInt | typing.SupportsIndex,
    weight: typing.Any,
    horizon: typing.SupportsInt | typing.SupportsIndex,
    repeats: typing.SupportsInt | typing.SupportsIndex,
    n_trees: typing.SupportsInt | typing.SupportsIndex,
    max_depth: typing.SupportsInt | typing.SupportsIndex,
    level: typing.SupportsFloat | typing.SupportsIndex,
    circular: bool,
    thin: bool,
    seed: typing.SupportsInt | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex,
    stop: typing.Any,
    time_limit_s: typing.SupportsFloat | typing.SupportsIndex,
) -> dict: ...
def circular_shift_score_test(
    y_true: numpy.ndarray,
    predictions: numpy.ndarray,
    horizon: typing.SupportsInt | typing.SupportsIndex,
    statistic: str,
    train_mean: typing.SupportsFloat | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex = 1,
    judged: typing.SupportsInt | typing.SupportsIndex = 0,
    stop: typing.Any = None,
) -> dict:
    """
    Circular-shift max test on float64 scores; predictions (k, n).
    """

def circular_shift_test(
    y_true: numpy.ndarray,
    predictions: numpy.ndarray,
    n_classes: typing.SupportsInt | typing.SupportsIndex,
    horizon: typing.SupportsInt | typing.SupportsIndex,
    balanced: bool,
    threads: typing.SupportsInt | typing.SupportsIndex = 1,
    judged: typing.SupportsInt | typing.SupportsIndex = 0,
    stop: typing.Any = None,
) -> dict:
    """
    Circular-shift max test on int32 class codes; predictions (k, n), of which the first `judged` (0: all) are put against luck.
    """

def classification_metrics(y_true: numpy.ndarray, proba: numpy.ndarray) -> dict: ...
def column_auc(
    X: numpy.ndarray,
    rows: numpy.ndarray,
    codes: numpy.ndarray,
    n_classes: typing.SupportsInt | typing.SupportsIndex,
    folds: collections.abc.Sequence[tuple[numpy.ndarray, numpy.ndarray]],
    min_leaf: typing.SupportsInt | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex = 1,
) -> numpy.typing.NDArray[numpy.float64]:
    """
    (columns, folds): AUC of a depth-2 tree on each column alone, on the rows the fold holds out.
    """

def column_moments(
    X: numpy.ndarray, rows: numpy.ndarray, weight: typing.Any, threads: typing.SupportsInt | typing.SupportsIndex
) -> tuple[numpy.typing.NDArray[numpy.float64], numpy.typing.NDArray[numpy.float64]]:
    """
    Weighted (mean, standard deviation) of the columns.
    """

def column_scores(
    X: numpy.ndarray,
    y: numpy.ndarray,
    n_classes: typing.SupportsInt | typing.SupportsIndex,
    weight: typing.Any,
    methods: collections.abc.Sequence[str],
    n_trees: typing.SupportsInt | typing.SupportsIndex,
    max_depth: typing.SupportsInt | typing.SupportsIndex,
    n_bins: typing.SupportsInt | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex,
    stop: typing.Any,
    time_limit_s: typing.SupportsFloat | typing.SupportsIndex,
) -> numpy.typing.NDArray[numpy.float64]:
    """
    Scores (methods, columns) in the order forest, mutual_info, f; empty where it was ended.
    """

def compiled_offsets(zone: str, utc: numpy.ndarray) -> numpy.typing.NDArray[numpy.int64]:
    """
    Offsets from UTC in nanoseconds by the rules compiled into the core.
    """

def copy_rows(
    X: numpy.ndarray,
    classes: numpy.ndarray,
    segment: typing.Any,
    discrete: typing.Any,
    copies: typing.SupportsInt | typing.SupportsIndex,
    order_is_time: bool,
    std: typing.SupportsFloat | typing.SupportsIndex,
    max_shift: typing.SupportsInt | typing.SupportsIndex,
    dropout_rate: typing.SupportsFloat | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
) -> tuple: ...
def correlation_matrix(
    X: numpy.ndarray, ranks: bool, threads: typing.SupportsInt | typing.SupportsIndex
) -> numpy.typing.NDArray[numpy.float64]:
    """
    Pearson or, of ranks, Spearman correlation of all pairs of columns.
    """

def crc32c(data: typing_extensions.Buffer) -> int:
    """
    CRC32C of a bytes-like object.
    """

def cusum_events(bars: dict, threshold: numpy.ndarray) -> tuple: ...
def data_snooping(
    advantage: numpy.ndarray,
    level: typing.SupportsFloat | typing.SupportsIndex,
    mean_block: typing.SupportsFloat | typing.SupportsIndex,
    draws: typing.SupportsInt | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex = 1,
    stop: typing.Any = None,
) -> dict:
    """
    White's reality check, Hansen's SPA and StepM of (periods, models) advantages.
    """

def day_spans(utc: numpy.ndarray, days: typing.Any) -> tuple: ...
def day_starts(numbers: numpy.ndarray, days: typing.Any) -> numpy.typing.NDArray[numpy.int64]: ...
def describe_columns(
    X: numpy.ndarray,
    rows: typing.Any,
    weight: typing.Any,
    shares: numpy.ndarray,
    threads: typing.SupportsInt | typing.SupportsIndex,
) -> dict:
    """
    Of the values present in `rows` (None: all): count, mean, unbiased deviation, extremes, quantiles. `weight` has one entry for each of `rows`, and acts on all but the quantiles.
    """

def e_benjamini_hochberg(
    e: numpy.ndarray, q: typing.SupportsFloat | typing.SupportsIndex
) -> numpy.typing.NDArray[numpy.uint8]: ...
def e_process(
    y_true: numpy.ndarray,
    predictions: numpy.ndarray,
    n_classes: typing.SupportsInt | typing.SupportsIndex,
    horizon: typing.SupportsInt | typing.SupportsIndex,
    baseline: typing.SupportsFloat | typing.SupportsIndex,
    train_shares: typing.Any = None,
    train_rows: typing.SupportsFloat | typing.SupportsIndex = 0.0,
) -> numpy.typing.NDArray[numpy.float64]:
    """
    Path of the interleaved e-process; 1 stands first.
    """

def effective_size(
    correct: numpy.ndarray, horizon: typing.SupportsInt | typing.SupportsIndex
) -> tuple[float, float, float]:
    """
    (n_eff, design effect, raw design effect).
    """

def expected_max_sharpe(
    n_trials: typing.SupportsFloat | typing.SupportsIndex, trial_variance: typing.SupportsFloat | typing.SupportsIndex
) -> float: ...
def f_scores(
    X: numpy.ndarray,
    y: numpy.ndarray,
    n_classes: typing.SupportsInt | typing.SupportsIndex,
    weight: typing.Any,
    threads: typing.SupportsInt | typing.SupportsIndex,
) -> dict:
    """
    F and p of each column: one-way ANOVA, or regression with n_classes 1.
    """

def feature_dropout(
    X: numpy.ndarray,
    discrete: typing.Any,
    rate: typing.SupportsFloat | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
) -> numpy.typing.NDArray[numpy.float64]: ...
def feature_setting_problems(given: dict) -> list[tuple[str, str]]:
    """
    Key and sentence of each fault.
    """

def feature_settings(given: dict) -> dict:
    """
    The settings that differ from their default, in one form; raises InputError with all faults.
    """

def feature_settings_table() -> list:
    """
    One entry per setting: key, argument of the st.smc functions, what is allowed, default, meaning.
    """

def features_build(
    bars: dict,
    base_length_ns: typing.SupportsInt | typing.SupportsIndex,
    higher: list,
    higher_bars: list,
    columns: collections.abc.Sequence[str],
    double_precision: bool,
    days: typing.Any = None,
    settings: dict = {},
) -> tuple: ...
def features_catalogue(
    base_length_ns: typing.SupportsInt | typing.SupportsIndex, higher: list, settings: dict = {}, asked: dict = {}
) -> list: ...
def filter_columns(
    X: numpy.ndarray,
    rows: typing.Any,
    max_missing: typing.SupportsFloat | typing.SupportsIndex,
    constant: bool,
    duplicates: bool,
    threads: typing.SupportsInt | typing.SupportsIndex,
) -> tuple[numpy.typing.NDArray[numpy.int8], numpy.typing.NDArray[numpy.int64]]:
    """
    (reason of each column, 0 for kept; the kept column it duplicates, or -1).
    """

def find_breaks(
    arrays: dict, timeframe_s: typing.SupportsInt | typing.SupportsIndex, active: collections.abc.Sequence[str]
) -> dict: ...
def fit_elastic_net(
    X: numpy.ndarray,
    rows: numpy.ndarray,
    y: numpy.ndarray,
    weight: typing.Any,
    alphas: numpy.ndarray,
    n_alphas: typing.SupportsInt | typing.SupportsIndex,
    eps: typing.SupportsFloat | typing.SupportsIndex,
    l1_ratio: typing.SupportsFloat | typing.SupportsIndex,
    tol: typing.SupportsFloat | typing.SupportsIndex,
    max_iter: typing.SupportsInt | typing.SupportsIndex,
    fit_intercept: bool,
    standardize: bool,
    threads: typing.SupportsInt | typing.SupportsIndex,
    stop: typing.Any,
    time_limit_s: typing.SupportsFloat | typing.SupportsIndex,
    progress: typing.Any = None,
) -> dict:
    """
    alphas empty: n_alphas of a grid from the smallest one with zeros only down to eps times it.
    """

def fit_forest(
    binned: BinnedMatrix,
    rows: numpy.ndarray,
    labels: numpy.ndarray,
    weights: typing.Any,
    n_classes: typing.SupportsInt | typing.SupportsIndex,
    settings: dict,
    seed: typing.SupportsInt | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex,
    stop: typing.Any,
    time_limit_s: typing.SupportsFloat | typing.SupportsIndex,
    progress: typing.Any = None,
) -> dict: ...
def fit_ftrl(
    X: numpy.ndarray,
    rows: numpy.ndarray,
    y: numpy.ndarray,
    weight: typing.Any,
    n_classes: typing.SupportsInt | typing.SupportsIndex,
    settings: dict,
    z: typing.Any,
    n: typing.Any,
    stop: typing.Any,
    time_limit_s: typing.SupportsFloat | typing.SupportsIndex,
    progress: typing.Any = None,
) -> dict: ...
def fit_isotonic(
    score: numpy.ndarray, is_positive: numpy.ndarray
) -> tuple[numpy.typing.NDArray[numpy.float64], numpy.typing.NDArray[numpy.float64]]:
    """
    Knots (score, value).
    """

def fit_least_squares(
    X: numpy.ndarray,
    rows: numpy.ndarray,
    y: numpy.ndarray,
    weight: typing.Any,
    fit_intercept: bool,
    standardize: bool,
    threads: typing.SupportsInt | typing.SupportsIndex,
    stop: typing.Any,
    time_limit_s: typing.SupportsFloat | typing.SupportsIndex,
) -> dict: ...
def fit_logistic(
    X: numpy.ndarray,
    rows: numpy.ndarray,
    y: numpy.ndarray,
    weight: typing.Any,
    n_classes: typing.SupportsInt | typing.SupportsIndex,
    l1: typing.SupportsFloat | typing.SupportsIndex,
    l2: typing.SupportsFloat | typing.SupportsIndex,
    tol: typing.SupportsFloat | typing.SupportsIndex,
    max_iter: typing.SupportsInt | typing.SupportsIndex,
    fit_intercept: bool,
    standardize: bool,
    threads: typing.SupportsInt | typing.SupportsIndex,
    stop: typing.Any,
    time_limit_s: typing.SupportsFloat | typing.SupportsIndex,
    progress: typing.Any = None,
) -> dict:
    """
    l1 and l2 belong to the mean loss of weighted rows.
    """

def fit_platt(score: numpy.ndarray, is_positive: numpy.ndarray) -> tuple[float, float, bool]:
    """
    (slope, offset, whether the maximum is finite).
    """

def fit_preprocessing(
    X: numpy.ndarray,
    rows: numpy.ndarray,
    max_missing: typing.SupportsFloat | typing.SupportsIndex,
    clip: typing.Any,
    impute: typing.SupportsInt | typing.SupportsIndex,
    fill: typing.SupportsFloat | typing.SupportsIndex,
    scale: typing.SupportsInt | typing.SupportsIndex,
    indicator: typing.SupportsFloat | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex,
) -> dict:
    """
    impute: 0 median, 1 mean, 2 constant, 3 none. scale: 0 standard, 1 robust, 2 min-max, 3 none. clip: quantiles or None. indicator: least share of missing values, infinite for none.
    """

def fit_ridge(
    X: numpy.ndarray,
    rows: numpy.ndarray,
    y: numpy.ndarray,
    weight: typing.Any,
    alphas: numpy.ndarray,
    fit_intercept: bool,
    standardize: bool,
    threads: typing.SupportsInt | typing.SupportsIndex,
    stop: typing.Any,
    time_limit_s: typing.SupportsFloat | typing.SupportsIndex,
) -> dict: ...
def fit_temperature(log_proba: numpy.ndarray, y_true: numpy.ndarray) -> float:
    """
    Temperature.
    """

def forest_moved_scores(
    forest: Forest,
    X: numpy.ndarray,
    y: numpy.ndarray,
    metric: str,
    sources: numpy.ndarray,
    groups: numpy.ndarray,
    n_groups: typing.SupportsInt | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex,
    stop: typing.Any = None,
) -> tuple:
    """
    (score, scores (n_groups, repeats) with one group of columns moved).
    """

def forward_return(
    bars: dict, rows: numpy.ndarray, end: numpy.ndarray, status: numpy.ndarray, next_open: bool, benchmark: typing.Any
) -> dict: ...
def fractional_weights(order: typing.SupportsFloat | typing.SupportsIndex) -> numpy.typing.NDArray[numpy.float64]: ...
def group_borders(
    n_stamps: typing.SupportsInt | typing.SupportsIndex, n_groups: typing.SupportsInt | typing.SupportsIndex
) -> numpy.typing.NDArray[numpy.int64]: ...
def hac_mean(
    values: numpy.ndarray, lags: typing.SupportsInt | typing.SupportsIndex
) -> tuple[float, float, float, float]:
    """
    (mean, long-run variance, standard error, t).
    """

def half_samples(
    rows: typing.SupportsInt | typing.SupportsIndex,
    block: typing.SupportsInt | typing.SupportsIndex,
    pair: typing.SupportsInt | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
) -> tuple:
    """
    Row numbers of the two halves of a pair.
    """

def horizon_windows(
    bars: dict,
    unit: typing.SupportsInt | typing.SupportsIndex,
    count: typing.SupportsInt | typing.SupportsIndex,
    timeframe_ns: typing.SupportsInt | typing.SupportsIndex,
    session: typing.Any,
    quarantine: typing.Any,
) -> dict: ...
def jitter(
    X: numpy.ndarray,
    discrete: typing.Any,
    std: typing.SupportsFloat | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
) -> numpy.typing.NDArray[numpy.float64]: ...
def kendall_tau_b(a: numpy.ndarray, b: numpy.ndarray) -> float: ...
def label_uniqueness(t0: numpy.ndarray, t1: numpy.ndarray) -> numpy.typing.NDArray[numpy.float64]: ...
def last_resolved_labels(
    t0: numpy.ndarray, t1: numpy.ndarray, all_y: numpy.ndarray, fallback: typing.SupportsInt | typing.SupportsIndex
) -> numpy.typing.NDArray[numpy.int32]: ...
def lightgbm_fit(
    library: str,
    settings: dict,
    X: numpy.ndarray,
    y: numpy.ndarray,
    rows: numpy.ndarray,
    stop_rows: numpy.ndarray,
    weight: typing.Any,
    n_classes: typing.SupportsInt | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
    stop: typing.Any,
    time_limit_s: typing.SupportsFloat | typing.SupportsIndex,
    progress: typing.Any,
    init: typing.Any = None,
    objective: typing.Any = None,
    matrices: typing.Any = None,
    slow_round_s: typing.SupportsFloat | typing.SupportsIndex = 0.03,
    metric: typing.Any = None,
    higher_is_better: bool = False,
) -> dict: ...
def lightgbm_open(arg0: str) -> None: ...
def lightgbm_setting_problems(arg0: dict) -> list[str]: ...
def linear_moved_scores(
    coefs: numpy.ndarray,
    intercepts: numpy.ndarray,
    n_classes: typing.SupportsInt | typing.SupportsIndex,
    one_vs_rest: bool,
    X: numpy.ndarray,
    y: numpy.ndarray,
    metric: str,
    sources: numpy.ndarray,
    groups: numpy.ndarray,
    n_groups: typing.SupportsInt | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex,
    stop: typing.Any = None,
) -> tuple:
    """
    As forest_moved_scores.
    """

def linear_proba(
    X: numpy.ndarray,
    rows: typing.Any,
    coefs: numpy.ndarray,
    intercepts: numpy.ndarray,
    threads: typing.SupportsInt | typing.SupportsIndex,
) -> numpy.typing.NDArray[numpy.float64]: ...
def linear_scores(
    X: numpy.ndarray,
    rows: typing.Any,
    coefs: numpy.ndarray,
    intercepts: numpy.ndarray,
    threads: typing.SupportsInt | typing.SupportsIndex,
) -> numpy.typing.NDArray[numpy.float64]: ...
def longest_overlap(t0: numpy.ndarray, t1: numpy.ndarray) -> int:
    """
    h: 1 + the most later decisions that fall inside one label.
    """

def minimum_track_record(
    sharpe: typing.SupportsFloat | typing.SupportsIndex,
    benchmark: typing.SupportsFloat | typing.SupportsIndex,
    level: typing.SupportsFloat | typing.SupportsIndex,
    skew: typing.SupportsFloat | typing.SupportsIndex,
    kurtosis: typing.SupportsFloat | typing.SupportsIndex,
    form: typing.SupportsInt | typing.SupportsIndex,
    autocorrelation: typing.SupportsFloat | typing.SupportsIndex = 0.0,
) -> float: ...
def model_confidence_set(
    losses: numpy.ndarray,
    mean_block: typing.SupportsFloat | typing.SupportsIndex,
    draws: typing.SupportsInt | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex = 1,
    stop: typing.Any = None,
) -> numpy.typing.NDArray[numpy.float64]:
    """
    p of every model of (periods, models) losses.
    """

def move_borders(
    borders: numpy.ndarray, admissible: numpy.ndarray, starts: numpy.ndarray
) -> numpy.typing.NDArray[numpy.int64]: ...
def near_twins(
    X: numpy.ndarray,
    center: numpy.ndarray,
    weight: numpy.ndarray,
    queries: numpy.ndarray,
    base: numpy.ndarray,
    radius: typing.SupportsFloat | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex = 1,
) -> numpy.typing.NDArray[numpy.int64]:
    """
    A base row within the radius of each queried row, or -1.
    """

def nearest_rows(
    X: numpy.ndarray,
    center: numpy.ndarray,
    weight: numpy.ndarray,
    queries: numpy.ndarray,
    base: numpy.ndarray,
    threads: typing.SupportsInt | typing.SupportsIndex = 1,
) -> tuple[numpy.typing.NDArray[numpy.float64], numpy.typing.NDArray[numpy.int64]]:
    """
    (distance, row) of the nearest base row of each queried row.
    """

def nearest_zones(
    bars: dict,
    rows: numpy.ndarray,
    side: numpy.ndarray,
    zone_side: numpy.ndarray,
    origin: numpy.ndarray,
    known_at: numpy.ndarray,
    invalidated_at: numpy.ndarray,
    top: numpy.ndarray,
    bottom: numpy.ndarray,
) -> numpy.typing.NDArray[numpy.int64]: ...
def neighbour_information(
    x: numpy.ndarray,
    y: numpy.ndarray,
    n_classes: typing.SupportsInt | typing.SupportsIndex,
    k: typing.SupportsInt | typing.SupportsIndex,
) -> float:
    """
    Mutual information in nats of one column, by nearest neighbours.
    """

def normal_cdf(z: typing.SupportsFloat | typing.SupportsIndex) -> float: ...
def normal_quantile(p: typing.SupportsFloat | typing.SupportsIndex) -> float: ...
def oblivious_trees(
    n_features: typing.SupportsInt | typing.SupportsIndex,
    n_classes: typing.SupportsInt | typing.SupportsIndex,
    base_margin: numpy.ndarray,
    split_offset: numpy.ndarray,
    feature: numpy.ndarray,
    border: numpy.ndarray,
    missing_right: numpy.ndarray,
    leaf_value: numpy.ndarray,
    leaf_weight: numpy.ndarray,
) -> BoostedTrees: ...
def panel_cross_section(
    values: numpy.ndarray,
    start: numpy.ndarray,
    columns: numpy.ndarray,
    where: typing.Any,
    min_count: typing.SupportsInt | typing.SupportsIndex,
    rank: bool,
    z: bool,
    out: numpy.ndarray,
) -> None: ...
def panel_order(
    stamps: collections.abc.Sequence[numpy.ndarray],
    names: collections.abc.Sequence[str],
    min_count: typing.SupportsInt | typing.SupportsIndex,
    max_rows: typing.SupportsInt | typing.SupportsIndex,
) -> dict: ...
def panel_sample(
    time: numpy.ndarray,
    symbol: numpy.ndarray,
    symbol_key: numpy.ndarray,
    rows: numpy.ndarray,
    seed: typing.SupportsInt | typing.SupportsIndex,
    whole_stamps: bool,
    newest: bool,
    per_stamp: typing.SupportsInt | typing.SupportsIndex,
    share: typing.SupportsFloat | typing.SupportsIndex,
    max_rows: typing.SupportsInt | typing.SupportsIndex,
) -> numpy.typing.NDArray[numpy.int64]: ...
def parse_bar_csv(data: bytes, name: str) -> dict: ...
def parse_times(data: bytes) -> dict: ...
def path_target(
    bars: dict,
    rows: numpy.ndarray,
    end: numpy.ndarray,
    status: numpy.ndarray,
    next_open: bool,
    kind: typing.SupportsInt | typing.SupportsIndex,
    size: typing.SupportsFloat | typing.SupportsIndex,
) -> dict: ...
def pbo(
    matrix: numpy.ndarray,
    n_blocks: typing.SupportsInt | typing.SupportsIndex,
    purge: typing.SupportsInt | typing.SupportsIndex,
    stop: typing.Any = None,
) -> tuple[float, numpy.typing.NDArray[numpy.float64]]:
    """
    (pbo, logits).
    """

def period_events(bars: dict, period: str, settings: dict, days: typing.Any) -> dict: ...
def permuted_rows(
    rows: typing.SupportsInt | typing.SupportsIndex,
    horizon: typing.SupportsInt | typing.SupportsIndex,
    repeats: typing.SupportsInt | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
    method: str = "blocks",
) -> numpy.typing.NDArray[numpy.int32]:
    """
    Source rows (repeats, rows) of moved rows.
    """

def philox_uniform(
    seed: typing.SupportsInt | typing.SupportsIndex,
    purpose: typing.SupportsInt | typing.SupportsIndex,
    n: typing.SupportsInt | typing.SupportsIndex,
) -> numpy.typing.NDArray[numpy.float64]:
    """
    n uniform doubles in [0, 1) of the stream (seed, purpose).
    """

def prediction_score(
    predicted: numpy.ndarray,
    y: numpy.ndarray,
    metric: str,
    n_classes: typing.SupportsInt | typing.SupportsIndex,
    quantiles: collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex] = [],
) -> float:
    """
    Score of predictions (n, classes), larger is better; n_classes 0: numbers.
    """

def preprocess_select(
    X: numpy.ndarray, rows: typing.Any, kept: numpy.ndarray, threads: typing.SupportsInt | typing.SupportsIndex
) -> numpy.typing.NDArray[numpy.float32]: ...
def price_digits(columns: list) -> int: ...
def probabilistic_sharpe(
    sharpe: typing.SupportsFloat | typing.SupportsIndex,
    n: typing.SupportsFloat | typing.SupportsIndex,
    benchmark: typing.SupportsFloat | typing.SupportsIndex,
    skew: typing.SupportsFloat | typing.SupportsIndex,
    kurtosis: typing.SupportsFloat | typing.SupportsIndex,
    form: typing.SupportsInt | typing.SupportsIndex,
    autocorrelation: typing.SupportsFloat | typing.SupportsIndex = 0.0,
) -> float: ...
def prune_correlated(
    correlation: numpy.ndarray,
    scores: numpy.ndarray,
    limit: typing.SupportsFloat | typing.SupportsIndex,
    min_keep: typing.SupportsInt | typing.SupportsIndex,
) -> numpy.typing.NDArray[numpy.int64]:
    """
    Of each column: the kept one that took it out, or -1.
    """

def purge_events(ids: numpy.ndarray, fates: numpy.ndarray) -> numpy.typing.NDArray[numpy.uint8]: ...
def purpose_hash(text: str) -> int:
    """
    FNV-1a-64 hash that turns a purpose string into a stream key.
    """

def quantile_metrics(
    y_true: numpy.ndarray, quantiles: numpy.ndarray, levels: numpy.ndarray
) -> tuple[numpy.typing.NDArray[numpy.float64], numpy.typing.NDArray[numpy.float64], int]:
    """
    (pinball, coverage, crossings).
    """

def random_entries(
    take: numpy.ndarray,
    r_net: numpy.ndarray,
    t0: numpy.ndarray,
    t1: numpy.ndarray,
    one_at_a_time: bool,
    min_shift: typing.SupportsInt | typing.SupportsIndex,
    draws: typing.SupportsInt | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex = 1,
) -> dict: ...
def rank_biased_overlap(
    item1: numpy.ndarray,
    depth1: numpy.ndarray,
    item2: numpy.ndarray,
    depth2: numpy.ndarray,
    p: typing.SupportsFloat | typing.SupportsIndex,
) -> tuple[float, float, float]:
    """
    (min, res, ext).
    """

def rank_consensus(scores: numpy.ndarray) -> numpy.typing.NDArray[numpy.float64]:
    """
    Mean over lists (rows) of (p - rank) / (p - 1): 1 is best everywhere.
    """

def rank_ic(
    y_true: numpy.ndarray,
    y_pred: numpy.ndarray,
    stamps: numpy.ndarray,
    min_rows: typing.SupportsInt | typing.SupportsIndex,
) -> tuple[numpy.typing.NDArray[numpy.int64], numpy.typing.NDArray[numpy.float64], numpy.typing.NDArray[numpy.int64]]:
    """
    (stamps, ic, rows).
    """

def regression_metrics(
    y_true: numpy.ndarray, y_pred: numpy.ndarray, train_mean: typing.SupportsFloat | typing.SupportsIndex
) -> dict: ...
def reliability_table(
    confidence: numpy.ndarray, correct: numpy.ndarray, n_bins: typing.SupportsInt | typing.SupportsIndex
) -> dict: ...
def required_sample(
    edge: typing.SupportsFloat | typing.SupportsIndex,
    alpha: typing.SupportsFloat | typing.SupportsIndex,
    beta: typing.SupportsFloat | typing.SupportsIndex,
    design_effect: typing.SupportsFloat | typing.SupportsIndex,
    p0: typing.SupportsFloat | typing.SupportsIndex,
) -> float: ...
def resample_bars(arrays: dict, timeframe_s: typing.SupportsInt | typing.SupportsIndex, days: typing.Any) -> dict: ...
def restore_columns(
    X: numpy.ndarray, center: numpy.ndarray, scale: numpy.ndarray, threads: typing.SupportsInt | typing.SupportsIndex
) -> typing.Any:
    """
    x * scale + center.
    """

def retracement_events(
    bars: dict,
    left: typing.SupportsInt | typing.SupportsIndex,
    right: typing.SupportsInt | typing.SupportsIndex,
    levels: collections.abc.Sequence[typing.SupportsFloat | typing.SupportsIndex],
) -> dict: ...
def return_volatility(bars: dict) -> numpy.typing.NDArray[numpy.float64]: ...
def return_weights(bars: dict, t0: numpy.ndarray, t1: numpy.ndarray) -> numpy.typing.NDArray[numpy.float64]: ...
def row_fingerprints(
    X: numpy.ndarray,
    rows: numpy.ndarray,
    digits: typing.SupportsInt | typing.SupportsIndex = 6,
    threads: typing.SupportsInt | typing.SupportsIndex = 1,
) -> numpy.typing.NDArray[numpy.uint64]:
    """
    Hash of each row, its values rounded to significant digits.
    """

def sequential_bootstrap(
    t0: numpy.ndarray,
    t1: numpy.ndarray,
    size: typing.SupportsInt | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
) -> numpy.typing.NDArray[numpy.int64]: ...
def session_events(bars: dict, standard: collections.abc.Sequence[str], settings: dict) -> dict: ...
def sharpe_standard_error(
    sharpe: typing.SupportsFloat | typing.SupportsIndex,
    n: typing.SupportsFloat | typing.SupportsIndex,
    skew: typing.SupportsFloat | typing.SupportsIndex,
    kurtosis: typing.SupportsFloat | typing.SupportsIndex,
    form: typing.SupportsInt | typing.SupportsIndex,
    autocorrelation: typing.SupportsFloat | typing.SupportsIndex = 0.0,
) -> float: ...
def shifted_rows(
    rows: typing.SupportsInt | typing.SupportsIndex,
    segment: typing.Any,
    max_shift: typing.SupportsInt | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
) -> numpy.typing.NDArray[numpy.int64]: ...
def shifted_scores(
    y_true: numpy.ndarray,
    predictions: numpy.ndarray,
    statistic: str,
    train_mean: typing.SupportsFloat | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex = 1,
) -> numpy.typing.NDArray[numpy.float64]:
    """
    Statistic of every model at every shift, (models, n).
    """

def shifted_statistics(
    y_true: numpy.ndarray,
    predictions: numpy.ndarray,
    n_classes: typing.SupportsInt | typing.SupportsIndex,
    balanced: bool,
    threads: typing.SupportsInt | typing.SupportsIndex = 1,
) -> numpy.typing.NDArray[numpy.float64]:
    """
    Statistic of every model at every shift, (k, n).
    """

def sides(fates: numpy.ndarray) -> tuple: ...
def simulate_bars(
    n: typing.SupportsInt | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
    purpose: str,
    planted: bool,
    drift: typing.SupportsFloat | typing.SupportsIndex,
    mean_spell: typing.SupportsFloat | typing.SupportsIndex,
    leak: typing.SupportsFloat | typing.SupportsIndex,
    sigma: typing.SupportsFloat | typing.SupportsIndex,
    bars_per_week: typing.SupportsInt | typing.SupportsIndex,
    start_price: typing.SupportsFloat | typing.SupportsIndex,
) -> dict: ...
def smc_catalogue() -> dict:
    """
    Role, warmup and settle of each column of the machine.
    """

def smc_columns(bars: dict, settings: dict = {}) -> tuple[numpy.typing.NDArray[numpy.float64], list[str]]:
    """
    All columns of the machine: float64 (n, d) and their names.
    """

def smc_default_columns() -> list[str]:
    """
    Names of the structure and zone columns of the default preset.
    """

def smc_events(
    bars: dict,
    bar_length_ns: typing.SupportsInt | typing.SupportsIndex,
    settings: dict,
    kinds: collections.abc.Sequence[str] = [],
    columns: collections.abc.Sequence[str] = [],
) -> dict:
    """
    Events of a bar array as columns, in the order in which they became known. `kinds`: those wanted, all of bos and choch, of pool, sweep and run, or of the swings of one sort at once; `columns`: those wanted. Everything if empty.
    """

def smote(
    X: numpy.ndarray,
    class_rows: numpy.ndarray,
    discrete: typing.Any,
    count: typing.SupportsInt | typing.SupportsIndex,
    k: typing.SupportsInt | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
    purpose: str,
) -> tuple: ...
def snap_prices(prices: numpy.ndarray, digits: typing.SupportsInt | typing.SupportsIndex) -> tuple: ...
def spearman(a: numpy.ndarray, b: numpy.ndarray) -> float: ...
def spearman_matrix(
    X: numpy.ndarray, rows: numpy.ndarray, threads: typing.SupportsInt | typing.SupportsIndex = 1
) -> numpy.typing.NDArray[numpy.float64]:
    """
    Spearman's correlation of the columns.
    """

def stability_selection(
    X: numpy.ndarray,
    y: numpy.ndarray,
    n_classes: typing.SupportsInt | typing.SupportsIndex,
    weight: typing.Any,
    block: typing.SupportsInt | typing.SupportsIndex,
    pairs: typing.SupportsInt | typing.SupportsIndex,
    n_select: typing.SupportsInt | typing.SupportsIndex,
    methods: collections.abc.Sequence[str],
    n_trees: typing.SupportsInt | typing.SupportsIndex,
    max_depth: typing.SupportsInt | typing.SupportsIndex,
    n_bins: typing.SupportsInt | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex,
    stop: typing.Any,
    time_limit_s: typing.SupportsFloat | typing.SupportsIndex,
) -> dict: ...
def stationary_bootstrap_variance(
    values: numpy.ndarray, mean_block: typing.SupportsFloat | typing.SupportsIndex
) -> float:
    """
    Variance of sqrt(n) times a resampled mean, in closed form.
    """

def stouffer(p: numpy.ndarray, weights: numpy.ndarray) -> tuple[float, float]:
    """
    (z, p).
    """

def track_quantiles(
    prediction: numpy.ndarray,
    y: numpy.ndarray,
    levels: numpy.ndarray,
    shift: numpy.ndarray,
    rate: typing.SupportsFloat | typing.SupportsIndex,
    delay: typing.SupportsInt | typing.SupportsIndex,
) -> tuple[numpy.typing.NDArray[numpy.float64], numpy.typing.NDArray[numpy.float64]]: ...
def trades_taken(
    take: numpy.ndarray, r_net: numpy.ndarray, t0: numpy.ndarray, t1: numpy.ndarray, one_at_a_time: bool
) -> numpy.typing.NDArray[numpy.int64]:
    """
    Rows of the trades taken, in order of t0.
    """

def trading_metrics(
    take: numpy.ndarray,
    r_net: numpy.ndarray,
    t0: numpy.ndarray,
    t1: numpy.ndarray,
    r_gross: typing.Any,
    bars_held: typing.Any,
    is_timeout: typing.Any,
    reward_risk: typing.SupportsFloat | typing.SupportsIndex,
    one_at_a_time: bool,
) -> dict: ...
def trend_scanning(bars: dict, rows: numpy.ndarray, max_length: typing.SupportsInt | typing.SupportsIndex) -> dict: ...
def triple_barrier(
    bars: dict,
    rows: numpy.ndarray,
    side: numpy.ndarray,
    horizon: typing.SupportsInt | typing.SupportsIndex,
    target: typing.SupportsFloat | typing.SupportsIndex,
    stop: typing.SupportsFloat | typing.SupportsIndex,
    scale: typing.Any,
    relative: bool,
    rr: typing.SupportsFloat | typing.SupportsIndex,
    entry: typing.SupportsInt | typing.SupportsIndex,
    wait: typing.SupportsInt | typing.SupportsIndex,
    limit: typing.Any,
    stop_price: typing.Any,
    min_risk: typing.SupportsFloat | typing.SupportsIndex,
    max_risk: typing.SupportsFloat | typing.SupportsIndex,
    tie: typing.SupportsInt | typing.SupportsIndex,
    lower: typing.Any,
    timeout: typing.SupportsInt | typing.SupportsIndex,
    timeout_band: typing.SupportsFloat | typing.SupportsIndex,
    gap_target_at_open: bool,
    bid_ask: bool,
    point: typing.SupportsFloat | typing.SupportsIndex,
    fixed_cost: typing.SupportsFloat | typing.SupportsIndex,
    session: typing.Any,
    quarantine: typing.Any,
    window_end: typing.Any,
    window_status: typing.Any,
    later: bool,
) -> dict: ...
def wait_for_background(milliseconds: typing.SupportsInt | typing.SupportsIndex) -> bool: ...
def wilder_atr(
    bars: dict, period: typing.SupportsInt | typing.SupportsIndex
) -> numpy.typing.NDArray[numpy.float64]: ...
def wilson_interval(
    successes: typing.SupportsFloat | typing.SupportsIndex,
    n: typing.SupportsFloat | typing.SupportsIndex,
    level: typing.SupportsFloat | typing.SupportsIndex,
    degrees_of_freedom: typing.SupportsFloat | typing.SupportsIndex = ...,
) -> tuple[float, float]: ...
def xgboost_fit(
    library: str,
    settings: dict,
    X: numpy.ndarray,
    y: numpy.ndarray,
    rows: numpy.ndarray,
    stop_rows: numpy.ndarray,
    weight: typing.Any,
    n_classes: typing.SupportsInt | typing.SupportsIndex,
    seed: typing.SupportsInt | typing.SupportsIndex,
    threads: typing.SupportsInt | typing.SupportsIndex,
    stop: typing.Any,
    time_limit_s: typing.SupportsFloat | typing.SupportsIndex,
    progress: typing.Any,
    init: typing.Any = None,
    objective: typing.Any = None,
    matrices: typing.Any = None,
    slow_round_s: typing.SupportsFloat | typing.SupportsIndex = 0.03,
    metric: typing.Any = None,
    higher_is_better: bool = False,
) -> dict: ...
def xgboost_setting_problems(arg0: dict) -> list[str]: ...
def xgboost_version(arg0: str) -> str: ...

SMC_EVENT_KINDS: list = [
    "swing_high",
    "swing_low",
    "bos",
    "choch",
    "fvg",
    "order_block",
    "pool",
    "sweep",
    "run",
    "breaker",
    "zigzag_high",
    "zigzag_low",
]
SMC_ZONE_STATES: list = ["fresh", "touched", "filled", "invalidated", "expired", "merged"]
STANDARD_SESSIONS: list = ["sydney", "tokyo", "london", "ny", "kz_asia", "kz_london", "kz_ny", "kz_lclose"]
__version__: str = "0.1.0"
