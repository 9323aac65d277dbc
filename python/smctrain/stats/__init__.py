"""Honest statistics for overlapping labels: is it skill, how sure is it, how many rows would tell."""

from __future__ import annotations

from smctrain.stats.agreement import Rbo, correlation_clusters, kendall_tau, rbo, spearman, spearman_matrix
from smctrain.stats.many import Combined, Pbo, benjamini_hochberg, e_benjamini_hochberg, pbo, stouffer
from smctrain.stats.skill import CircularShiftTest, EProcess, circular_shift_test, e_process
from smctrain.stats.uncertainty import (
    DeflatedSharpe,
    EffectiveSampleSize,
    HacMean,
    Interval,
    bootstrap_interval,
    deflated_sharpe,
    effective_sample_size,
    hac_mean,
    minimum_track_record,
    probabilistic_sharpe,
    required_sample,
    sharpe_standard_error,
    wilson_interval,
)

__all__ = [
    "CircularShiftTest",
    "Combined",
    "DeflatedSharpe",
    "EProcess",
    "EffectiveSampleSize",
    "HacMean",
    "Interval",
    "Pbo",
    "Rbo",
    "benjamini_hochberg",
    "bootstrap_interval",
    "circular_shift_test",
    "correlation_clusters",
    "deflated_sharpe",
    "e_benjamini_hochberg",
    "e_process",
    "effective_sample_size",
    "hac_mean",
    "kendall_tau",
    "minimum_track_record",
    "pbo",
    "probabilistic_sharpe",
    "rbo",
    "required_sample",
    "sharpe_standard_error",
    "spearman",
    "spearman_matrix",
    "stouffer",
    "wilson_interval",
]
