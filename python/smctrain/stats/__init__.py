"""Honest statistics for overlapping labels: is it skill, how sure is it, how many rows would tell.

Two models on 2,000 rows whose labels reach 10 rows ahead, so that neighbouring rows share their outcome; the second one
knows something:

>>> rng = np.random.default_rng(0)
>>> y = np.repeat(rng.integers(0, 2, 200), 10)
>>> guesses, misses = np.repeat(rng.integers(0, 2, 200), 10), np.repeat(rng.random(200) < 0.35, 10)
>>> answers = np.stack([guesses, np.where(misses, 1 - y, y)])
>>> st.stats.accuracy_interval(answers[1] == y, horizon=10)      # how sure is the figure?
70.0 % (63.8-75.6 %, 95%; 2000 rows, 234 independent)
>>> test = st.stats.circular_shift_test(y, answers, horizon=10)  # does luck do as well, with the best of both?
>>> test.best_model, test.p_value < 0.01
(1, True)
>>> bool(st.stats.e_process(y, answers[1], horizon=10).end > 2)  # does a bet against luck grow, row by row?
True
>>> st.stats.required_sample(0.03, design_effect=10)             # rows that would show a lead of 3 points
41332
>>> st.stats.benjamini_hochberg([0.001, 0.02, 0.4], q=0.05)      # which of three symbols remain?
array([ True,  True, False])
"""

from __future__ import annotations

from smctrain.stats.agreement import Rbo, correlation_clusters, kendall_tau, rbo, spearman, spearman_matrix
from smctrain.stats.many import (
    Combined,
    DataSnooping,
    ModelConfidenceSet,
    Pbo,
    benjamini_hochberg,
    data_snooping,
    e_benjamini_hochberg,
    effective_trials,
    model_confidence_set,
    pbo,
    stouffer,
)
from smctrain.stats.skill import CircularShiftTest, EProcess, EProcessStream, circular_shift_test, e_process
from smctrain.stats.uncertainty import (
    AccuracyInterval,
    DeflatedSharpe,
    EffectiveSampleSize,
    HacMean,
    Interval,
    SharpeRatio,
    accuracy_interval,
    block_length,
    bootstrap_interval,
    deflated_sharpe,
    effective_sample_size,
    hac_mean,
    minimum_track_record,
    probabilistic_sharpe,
    required_sample,
    sharpe_ratio,
    sharpe_standard_error,
    wilson_interval,
)

__all__ = [
    "AccuracyInterval",
    "CircularShiftTest",
    "Combined",
    "DataSnooping",
    "DeflatedSharpe",
    "EProcess",
    "EProcessStream",
    "EffectiveSampleSize",
    "HacMean",
    "Interval",
    "ModelConfidenceSet",
    "Pbo",
    "Rbo",
    "SharpeRatio",
    "accuracy_interval",
    "benjamini_hochberg",
    "block_length",
    "bootstrap_interval",
    "circular_shift_test",
    "correlation_clusters",
    "data_snooping",
    "deflated_sharpe",
    "e_benjamini_hochberg",
    "e_process",
    "effective_sample_size",
    "effective_trials",
    "hac_mean",
    "kendall_tau",
    "minimum_track_record",
    "model_confidence_set",
    "pbo",
    "probabilistic_sharpe",
    "rbo",
    "required_sample",
    "sharpe_ratio",
    "sharpe_standard_error",
    "spearman",
    "spearman_matrix",
    "stouffer",
    "wilson_interval",
]
