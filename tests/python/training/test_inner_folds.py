"""Inner folds by `cv.kind`: each is the splitter it names, every fold is audited, pooled answers are weighed right."""

from __future__ import annotations

import time
from dataclasses import replace
from math import comb
from typing import Any

import numpy as np
import pytest

import smctrain as st
from smctrain.config import Config, resolve
from smctrain.dataset import Dataset
from smctrain.exceptions import ConfigError, InputError, SplitLeak
from smctrain.models.registry import make_trainer
from smctrain.prepare import Preparation
from smctrain.splits import EmbargoShare, EventAwareSplit, PurgedKFold
from smctrain.testing import noise_table
from smctrain.training.arrays import Evaluation, evaluate_arrays
from smctrain.training.bounds import Bounds
from smctrain.training.choosing import decide
from smctrain.training.fitting import Fitter, _Held, gain_decision
from smctrain.training.guard import Guard
from smctrain.training.inner import inner_splitter
from smctrain.training.parts import Fold, Parts, make_parts

N, H = 1_500, 10
CLOSES = np.datetime64("2025-01-06", "ns") + np.arange(N + H) * np.timedelta64(15, "m")
NEWS = [[str(CLOSES[row - 3]), str(CLOSES[row + 4]), "news"] for row in (320, 640)]
KINDS = ["purged_kfold", "walk_forward", "cpcv", "event_aware"]


def settings(kind: str, **more: Any) -> Config:
    given = {"cv.kind": kind, "cv.folds": 4, "cv.embargo": 5, "augmentation.enabled": False}
    given |= {"split.calendar": NEWS} if kind == "event_aware" else {}
    return resolve(overrides=given | {key.replace("__", "."): value for key, value in more.items()}).config


def table(seed: int = 1) -> Dataset:
    made, rows = noise_table(N, 0.2, seed), np.arange(N)
    X, words = np.ascontiguousarray(made.X, dtype=np.float32), np.full(N, "", dtype=object)
    names = [f"x{i}" for i in range(12)]
    return Dataset(
        "table", X, names, rows, made.y.astype(np.float64), rows, np.minimum(rows + H, N - 1), np.full(N, np.nan),
        words, np.zeros(N, dtype=np.int32), CLOSES[:N],
    )  # fmt: skip


def case(kind: str, **more: Any) -> tuple[Dataset, Parts, Config]:
    data, config = table(), settings(kind, **more)
    return data, make_parts(data, config, CLOSES[:N]), config


@pytest.mark.parametrize("kind", KINDS)
def test_folds_are_those_of_the_splitter_and_pass_every_audit(kind: str) -> None:
    data, parts, config = case(kind)
    splitter, intervals = inner_splitter(data, parts.train, config)
    pairs = list(splitter.split(parts.train))
    assert len(parts.folds) == len(pairs) == config.cv.splits
    for fold, (inside, outside) in zip(parts.folds, pairs, strict=True):
        np.testing.assert_array_equal(fold.test, parts.train[outside])
        assert set(fold.fit) | set(fold.stop) <= set(parts.train[inside])
    assert st.splits.audit(splitter, parts.train, intervals).ok
    guard = Guard(data, parts, config)
    guard.check_intervals()
    assert "no overlap" in guard.checks["D intervals"]
    assert parts.report["folds_kind"] == kind
    everything = kind != "walk_forward"
    assert np.array_equal(parts.held, parts.train) == everything


def test_walk_forward_folds_learn_from_the_past_only() -> None:
    data, parts, config = case("walk_forward", cv__min_train=0.5)
    for fold in parts.folds:
        learned = np.union1d(fold.fit, fold.stop)
        assert data.t1[learned].max() + config.cv.embargo < fold.test[0]
    assert len(parts.held) == len(parts.train) - len(parts.train) // 2
    assert not parts.both_sides


def test_combinatorial_folds_are_all_choices_and_a_row_is_answered_by_the_first_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data, parts, config = case("cpcv")
    assert len(parts.folds) == comb(4, 2)

    def numbered(self: Fitter, number: int, fold: Fold, *_: Any) -> _Held:
        share = number / 100.0
        return _Held(np.tile([share, 1.0 - share], (len(fold.test), 1)), None, None)

    monkeypatch.setattr(Fitter, "predict_fold", numbered)
    bounds = Bounds(1, 1, np.zeros(1, dtype=np.uint8), time.monotonic() + 60.0)
    prepare = Preparation.fit(data.X, parts.train, data.names)
    trainer = make_trainer("LogisticRegression", {})
    outcome = Fitter(data, parts, trainer, config, bounds, prepare, lambda *_: None).cross_validate(False, 0)
    splitter, _ = inner_splitter(data, parts.train, config)
    first = splitter.paths()[0]  # type: ignore[attr-defined]
    for group, rows in enumerate(splitter.path_rows(parts.train)):  # type: ignore[attr-defined]
        assert set(np.round(100 * outcome.proba[parts.train[rows], 0])) == {first[group]}
    assert len(outcome.accuracies) == comb(4, 2)


def test_borders_of_event_aware_folds_keep_out_of_the_calendar() -> None:
    data, plain, _ = case("purged_kfold")
    at = [int(fold.test[0]) for fold in plain.folds[1:]]
    news = [[str(CLOSES[row - 2]), str(CLOSES[row + 3]), "news"] for row in at]
    _, moved, config = case("event_aware", split__calendar=news)
    assert [int(fold.test[0]) for fold in moved.folds[1:]] == [row + 4 for row in at]
    with pytest.raises(InputError, match="needs rows with times"):
        inner_splitter(replace(data, closes=None), plain.train, config)
    assert isinstance(inner_splitter(data, plain.train, config)[0], EventAwareSplit)


def test_an_embargo_may_be_a_share_of_the_fold_and_is_audited_as_one() -> None:
    data, parts, config = case("purged_kfold", cv__embargo=40, cv__embargo_share=0.1)
    splitter, _ = inner_splitter(data, parts.train, config)
    assert isinstance(splitter, PurgedKFold)
    assert splitter.embargo == EmbargoShare(0.1, 40)
    fold = parts.folds[0]
    behind = int(fold.fit[fold.fit > fold.test[-1]][0]) - int(data.t1[fold.test[-1]]) - 1
    assert behind == int(np.ceil(0.1 * len(fold.test))) == 26  # the smaller of a share and the cap
    inside = Fold(np.union1d(fold.fit, [fold.fit[fold.fit > fold.test[-1]][0] - 1]), fold.stop, fold.test)
    guard = Guard(data, replace(parts, folds=[inside, *parts.folds[1:]]), config)
    with pytest.raises(SplitLeak, match="fold 0: 1 training rows lie in the embargo"):
        guard.check_intervals()


def test_windows_of_a_sequence_family_leave_only_what_reaches_a_held_out_block() -> None:
    data, parts, config = case("cpcv")
    trainer = make_trainer("LSTM", {"lookback": 20})
    bounds = Bounds(1, 1, np.zeros(1, dtype=np.uint8), 0.0)
    prepare = Preparation.fit(data.X, parts.train, data.names)
    fitter = Fitter(data, parts, trainer, config, bounds, prepare, lambda *_: None)
    for fold in parts.folds:
        kept = fitter.without_windows_into(fold)
        held = np.zeros(N + H, dtype=bool)
        for row in fold.test:
            held[row : data.t1[row] + 1] = True
        reaches = np.array([held[max(0, row - 19) : row + 1].any() for row in fold.fit])
        np.testing.assert_array_equal(kept.fit, fold.fit[~reaches])
        assert len(kept.fit) > 200


def test_overlapping_splits_do_not_count_as_independent_ones() -> None:
    cv = settings("cpcv", cv__folds=6).cv
    assert (cv.splits, cv.independent_splits) == (15, pytest.approx(15 / 7))
    assert (settings("purged_kfold").cv.splits, settings("purged_kfold").cv.independent_splits) == (4, 4.0)
    rng = np.random.default_rng(0)  # the variance of a mean over all pairs of six folds, against the formula
    groups = rng.standard_normal((4_000, 6))
    pairs = np.stack([groups[:, [a, b]].mean(axis=1) for a in range(6) for b in range(a)], axis=1)
    assert np.mean(pairs.var(axis=1, ddof=1)) / cv.independent_splits == pytest.approx(1 / 6, rel=0.05)
    gains, zeros = [0.01, -0.005] * 7 + [0.01], [0.0] * 15
    alone = decide("score", zeros, gains, 15, "")["standard_error"]
    assert decide("score", zeros, gains, 15, "", 2.4)["standard_error"] == pytest.approx(alone * np.sqrt(15 / 2.4))
    errors = [gain_decision(gains * 3, 15, independent)["standard_error"] for independent in (None, 2.4)]
    assert errors[1] == pytest.approx(errors[0] * np.sqrt(15 / 2.4))


# ---- through the whole choice and verdict ------


def evaluated(kind: str, **more: Any) -> Evaluation:
    made, rows = noise_table(N, 0.2, 3), np.arange(N)
    config = {"cv.kind": kind, "cv.folds": 3, "evaluation.n_splits": 2, "augmentation.enabled": False}
    return evaluate_arrays(
        made.X, made.y, rows, rows + H, models=["LogisticRegression"], config=config | more, first_oos=900
    )


def test_only_answers_of_folds_that_learn_from_each_other_are_corrected() -> None:
    found = {kind: evaluated(kind).verdict.evidence for kind in ("purged_kfold", "cpcv", "walk_forward")}
    for kind, evidence in found.items():
        forward = kind == "walk_forward"
        assert (evidence["p_in"] == evidence["p_in_raw"]) == forward
        assert evidence["n_inner"] == (890 - 356 if forward else 890)
    # Later rows are judged by the same models, however the inner folds are cut.
    assert len({evidence["accuracy"] for evidence in found.values()}) == 1


def test_other_folds_give_the_same_answers_on_unseen_rows() -> None:
    one, two = evaluated("purged_kfold"), evaluated("walk_forward")
    np.testing.assert_array_equal(one.families["LogisticRegression"].proba, two.families["LogisticRegression"].proba)


# ---- settings ------


def test_settings_that_do_not_fit_together_are_told_with_all_others() -> None:
    given = {"cv.kind": "regime", "labels.horizon": 0, "split.train": 0.5}
    with pytest.raises(ConfigError) as found:
        resolve(overrides=given)
    text = str(found.value)
    assert text.startswith("3 problems")
    assert "cv.kind is wrong: regime shows how a model does where it has not been" in text
    assert "smctrain.splits.RegimeSplit" in text


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"kind": "loso"}, "LeaveOneSymbolOut"),
        ({"kind": "kfold"}, "'purged_kfold', 'walk_forward', 'cpcv' or 'event_aware'"),
        ({"kind": "event_aware"}, "needs split.calendar"),
        ({"kind": "cpcv", "test_groups": 5}, "test_groups must be smaller"),
        ({"folds": 1}, "at least 2 folds"),
        ({"kind": "walk_forward", "embargo_share": 0.1}, "leave it null"),
        ({"embargo": 0, "embargo_share": 0.1}, "must be above 0"),
        ({"embargo_share": 0.0}, "greater than 0"),
        ({"min_train": 1.0}, "less than 1"),
    ],
)
def test_a_setting_that_cannot_be_is_told_in_words(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        resolve(overrides={f"cv.{key}": value for key, value in given.items()})
