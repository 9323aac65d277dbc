"""Feature columns and structure events of market bars, none of which is visible before it is known."""

from smctrain.features.build import build_features
from smctrain.features.derived import fractional, interactions, lags, rolling, squares
from smctrain.features.events import EventTable
from smctrain.features.spec import ColumnInfo, FeatureSpec, feature_settings
from smctrain.features.stationarity import choose_d
from smctrain.features.stream import FeatureStream
from smctrain.features.table import FeatureTable

__all__ = [
    "ColumnInfo", "EventTable", "FeatureSpec", "FeatureStream", "FeatureTable", "build_features", "choose_d",
    "feature_settings", "fractional", "interactions", "lags", "rolling", "squares",
]  # fmt: skip
