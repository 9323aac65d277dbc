"""Several targets at once: heads, masks, weights, history, storage, and what sharing is good for."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import smctrain as st
from smctrain import _load
from smctrain.exceptions import ArtifactError, InputError, OneClass, TooFewRows
from smctrain.models._neural_common import NetShape
from smctrain.models.base import FitTask
from smctrain.models.estimators.multi_task import MultiTaskMLP
from smctrain.models.multi_task import FittedMultiTask, MultiTaskTrainer
from smctrain.models.registry import fitted_from_state, make_trainer

SMALL: dict[str, Any] = {"trunk_dims": (16,), "head_dim": 8, "dropout": 0.0, "learning_rate": 0.01, "max_epochs": 6}


def two_targets(n: int = 400, seed: int = 1) -> tuple[np.ndarray, pd.DataFrame]:
    """A sign and a number that hang on the same product of two columns."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    signal = X[:, 0] * X[:, 1]
    up = np.where(signal + 0.2 * rng.normal(size=n) > 0, "up", "down")
    return X, pd.DataFrame({"direction": up, "return": 50 + 10 * (signal + 0.2 * rng.normal(size=n))})


def as_task(X: Any, y: Any, n_train: int, n_stop: int = 0, **more: Any) -> FitTask:
    return FitTask(
        X=np.ascontiguousarray(X, dtype=np.float32),
        y=np.ascontiguousarray(y, dtype=np.float64),
        rows=np.arange(n_train, dtype=np.int64),
        stop_rows=np.arange(n_train, n_train + n_stop, dtype=np.int64),
        n_classes=0,
        **more,
    )


def numbers(frame: pd.DataFrame) -> np.ndarray:
    return np.column_stack([(frame["direction"] == "up").to_numpy(float), frame["return"].to_numpy()])


# ---- gradients ------


@pytest.mark.parametrize("tasks", [(2, 0), (3, 2, 0, 0), (0,), (2,)])
def test_loss_and_gradients_are_those_of_torch(tasks: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(4)
    n, d, units = 40, 5, 3
    X = rng.normal(size=(n, d)).astype(np.float32)
    y = np.column_stack([rng.integers(0, c, n).astype(float) if c else rng.normal(3, 5, n) for c in tasks])
    y[rng.random(y.shape) < 0.3] = np.nan
    y[0] = 0.0  # at least one target in a row, and every class
    weight = rng.uniform(0.2, 2.0, n)
    shape = NetShape("mlp", d, (7, units * len(tasks)), 1, 0, tasks=tasks)
    arrays = {name: rng.normal(scale=0.4, size=s).astype(np.float32) for name, s in shape.array_shapes().items()}
    owner = np.repeat(np.arange(len(tasks)), [c or 1 for c in tasks])
    mask = owner[:, None] == np.repeat(np.arange(len(tasks)), units)[None]
    arrays["head.weight"] *= mask
    for name in arrays:
        if name.endswith("running_var"):
            arrays[name] = np.abs(arrays[name]) + 0.5
    shares = [0.5 + k for k in range(len(tasks))]
    settings = MultiTaskTrainer(dropout=0.0, label_smoothing=0.1).native()
    settings |= {"task_weights": shares, "task_names": [f"t{k}" for k in range(len(tasks))]}
    rows = np.flatnonzero(~np.isnan(y).all(axis=1)).astype(np.int64)
    loss, gradients = _load.neural().neural_gradient(X, y, rows, weight, None, shape.native(), settings, arrays)

    values = {k: torch.tensor(v, dtype=torch.float64, requires_grad="running" not in k) for k, v in arrays.items()}
    x = torch.tensor(X[rows], dtype=torch.float64)
    for i in range(2):
        z = x @ values[f"blocks.{i}.linear.weight"].T + values[f"blocks.{i}.linear.bias"]
        z = (z - z.mean(0)) / torch.sqrt(z.var(0, unbiased=False) + 1e-5)
        x = torch.relu(z * values[f"blocks.{i}.norm.weight"] + values[f"blocks.{i}.norm.bias"])
    expected = torch.zeros((), dtype=torch.float64)
    out = x @ (values["head.weight"] * torch.tensor(mask)).T + values["head.bias"]
    first = 0
    for k, classes in enumerate(tasks):
        there = ~np.isnan(y[rows, k])
        target, w = y[rows][there, k], weight[rows][there]
        own = out[there, first : first + (classes or 1)]
        if classes:
            counts = np.bincount(target.astype(int), minlength=classes)
            w = w * (there.sum() / ((counts > 0).sum() * np.maximum(counts, 1)))[target.astype(int)]
            each = torch.nn.functional.cross_entropy(
                own, torch.tensor(target).long(), reduction="none", label_smoothing=0.1
            )
        else:
            mean = np.average(target, weights=w)
            scale = np.sqrt(np.average((target - mean) ** 2, weights=w))
            each = 0.5 * (own[:, 0] - torch.tensor((target - mean) / scale)) ** 2
        expected = expected + shares[k] * (each * torch.tensor(w)).sum() / w.sum()
        first += classes or 1
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-5)
    for name, gradient in gradients.items():
        if "linear.bias" in name:  # before BatchNorm: mathematically zero
            assert not gradient.any()
            continue
        found = values[name].grad.numpy()
        np.testing.assert_allclose(gradient, found, atol=1e-5 * max(1.0, np.abs(found).max()), err_msg=name)
    assert not gradients["head.weight"][~mask].any()


# ---- masks ------


def test_a_missing_target_changes_nothing_in_its_head() -> None:
    """A head whose target is there in the first half only moves by those rows: whatever stands for 'missing'."""
    X, frame = two_targets()
    y = numbers(frame)
    y[200:, 0] = np.nan
    other = y.copy()
    other[200:, 0] = -1.0
    trainer = MultiTaskTrainer(**SMALL)
    one, two = (trainer.fit(as_task(X, t, 400), n_classes=(2, 0)) for t in (y, other))
    for name, array in one.arrays.items():
        assert array.tobytes() == two.arrays[name].tobytes()


def test_the_gradient_of_a_row_without_a_target_is_zero_in_its_head() -> None:
    X, frame = two_targets(60)
    y = numbers(frame)
    y[:, 0][30:] = np.nan
    shape = NetShape("mlp", 4, (6, 6), 1, 0, tasks=(2, 0))
    rng = np.random.default_rng(0)
    arrays = {name: np.abs(rng.normal(size=s)).astype(np.float32) for name, s in shape.array_shapes().items()}
    arrays["head.weight"][:2, 3:] = 0.0
    arrays["head.weight"][2:, :3] = 0.0
    settings = {**MultiTaskTrainer(dropout=0.0, class_weight=None).native(), "task_names": ["a", "b"]}

    def gradient(weights: list[float], targets: np.ndarray) -> Any:
        return _load.neural().neural_gradient(
            X.astype(np.float32), targets, np.arange(60), None, None, shape.native(),
            {**settings, "task_weights": weights}, arrays,
        )[1]  # fmt: skip

    light, heavy = gradient([1.0, 1.0], y), gradient([1.0, 3.0], y)
    np.testing.assert_array_equal(light["head.bias"][:2], heavy["head.bias"][:2])  # a head is its own
    np.testing.assert_allclose(3 * light["head.bias"][2:], heavy["head.bias"][2:], rtol=1e-5)
    moved = y.copy()
    moved[30:, 0] = -1.0
    again = gradient([1.0, 1.0], moved)
    for name in light:
        assert light[name].tobytes() == again[name].tobytes()


def test_rows_without_any_target_are_left_out_and_counted() -> None:
    X, frame = two_targets()
    y = numbers(frame)
    gone = np.arange(50, 80)
    y[gone] = np.nan
    whole = MultiTaskTrainer(**SMALL).fit(as_task(X, y, 400), n_classes=(2, 0))
    assert whole.left_out == 30
    assert "30 of 400 training rows have none of the targets" in whole.warnings[0]
    kept = np.setdiff1d(np.arange(400), gone)
    without = MultiTaskTrainer(**SMALL).fit(as_task(X[kept], y[kept], 370), n_classes=(2, 0))
    for name, array in whole.arrays.items():
        assert array.tobytes() == without.arrays[name].tobytes()


# ---- what a fit says ------


def test_history_tells_every_target_and_adds_up() -> None:
    X, frame = two_targets()
    trainer = MultiTaskTrainer(**SMALL, task_weights={"return": 0.25})
    fitted = trainer.fit(as_task(X, numbers(frame), 300, 100), ("direction", "return"), (2, 0))
    history = fitted.history
    for when in ("train_loss", "val_loss"):
        np.testing.assert_allclose(
            history[when], history[f"direction.{when}"] + 0.25 * history[f"return.{when}"], rtol=1e-9
        )
    assert fitted.best_epoch == int(history["step"][np.argmin(history["val_loss"])])
    np.testing.assert_array_equal(history["val_accuracy"], history["direction.val_score"])
    best = fitted.best_epoch - 1
    outputs = fitted.outputs(X.astype(np.float32), np.arange(300, 400))
    truth = numbers(frame)[300:]
    assert (outputs["direction"].argmax(axis=1) == truth[:, 0]).mean() == history["direction.val_score"][best]
    residual = ((outputs["return"] - truth[:, 1]) ** 2).sum() / ((truth[:, 1] - truth[:, 1].mean()) ** 2).sum()
    assert 1 - residual == pytest.approx(history["return.val_score"][best], abs=1e-4)


def test_early_stopping_watches_the_validation_loss() -> None:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(260, 8))
    y = np.column_stack([rng.integers(0, 2, 260), rng.normal(size=260)])  # noise: training gets better, validation not
    settings = SMALL | {"max_epochs": 60, "trunk_dims": (32,)}
    fitted = MultiTaskTrainer(**settings, patience=4).fit(as_task(X, y, 130, 130), n_classes=(2, 0))
    history = fitted.history
    assert len(history["step"]) == fitted.best_epoch + 4 < 60
    assert history["train_loss"][-1] < history["train_loss"][fitted.best_epoch - 1]
    assert fitted.best_loss == history["val_loss"].min()


def test_a_target_without_stop_rows_is_named() -> None:
    X, frame = two_targets()
    y = numbers(frame)
    y[300:, 1] = np.nan
    fitted = MultiTaskTrainer(**SMALL).fit(as_task(X, y, 300, 100), ("direction", "return"), (2, 0))
    assert "No stop row has the target return: early stopping does not watch it." in fitted.warnings
    assert np.isnan(fitted.history["return.val_loss"]).all()
    np.testing.assert_array_equal(fitted.history["val_loss"], fitted.history["direction.val_loss"])


def test_the_same_seed_gives_the_same_model_and_another_another() -> None:
    X, frame = two_targets()
    make = MultiTaskTrainer(**SMALL).fit
    first, again = (make(as_task(X, numbers(frame), 400, seed=7), n_classes=(2, 0)) for _ in range(2))
    other = make(as_task(X, numbers(frame), 400, seed=8), n_classes=(2, 0))
    assert first.arrays["head.weight"].tobytes() == again.arrays["head.weight"].tobytes()
    assert first.arrays["head.weight"].tobytes() != other.arrays["head.weight"].tobytes()


# ---- what it learns ------


def test_a_plain_task_is_one_target() -> None:
    X, frame = two_targets()
    task = as_task(X, numbers(frame)[:, 0], 400)
    fitted = make_trainer("multi_task", SMALL | {"max_epochs": 25}).fit(
        FitTask(X=task.X, y=task.y.astype(np.int32), rows=task.rows, n_classes=2)
    )
    proba = fitted.predict_proba(task.X)
    assert proba.shape == (400, 2)
    assert (proba.argmax(axis=1) == task.y).mean() > 0.85


def test_sharing_beats_learning_alone_on_few_rows() -> None:
    """A rare target (40 rows) that hangs on what a plentiful one (600 rows) teaches: over 4 seeds, together is better
    than alone by more than 0.1 of accuracy."""
    together, alone = [], []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(2600, 10))
        signal = np.abs(X[:, 0]) - np.abs(X[:, 1])
        rare = (signal > 0).astype(float)
        rare[40:600] = np.nan
        y = np.column_stack([rare, signal + 0.1 * rng.normal(size=2600)])
        settings: dict[str, Any] = {
            "trunk_dims": (32, 16), "head_dim": 8, "dropout": 0.1, "learning_rate": 0.01, "max_epochs": 25,
            "batch_size": 32,
        }  # fmt: skip
        test = np.arange(600, 2600)
        both = MultiTaskTrainer(**settings).fit(as_task(X, y, 600, seed=seed), n_classes=(2, 0))
        one = MultiTaskTrainer(**settings | {"max_epochs": 100}).fit(
            as_task(X, y[:, :1], 40, seed=seed), n_classes=(2,)
        )
        for found, fitted in ((together, both), (alone, one)):
            answer = fitted.predict_proba(X.astype(np.float32), test).argmax(axis=1)
            found.append((answer == y[test, 0]).mean())
    assert np.mean(together) > np.mean(alone) + 0.1
    assert np.mean(together) > 0.75


def test_noise_is_not_learned() -> None:
    rng = np.random.default_rng(9)
    X = rng.normal(size=(1400, 5))
    y = np.column_stack([rng.integers(0, 2, 1400), rng.normal(size=1400)])
    fitted = MultiTaskTrainer(**SMALL | {"max_epochs": 30, "dropout": 0.4}).fit(
        as_task(X, y, 400, 200), n_classes=(2, 0)
    )
    outputs = fitted.outputs(X.astype(np.float32), np.arange(600, 1400))
    hits = (outputs["y0"].argmax(axis=1) == y[600:, 0]).mean()
    assert abs(hits - 0.5) < 3 * np.sqrt(0.25 / 800)
    assert 1 - ((outputs["y1"] - y[600:, 1]) ** 2).sum() / (y[600:, 1] ** 2).sum() < 0.02


def test_a_number_that_never_changes_is_answered_as_it_is() -> None:
    X, frame = two_targets()
    y = np.column_stack([numbers(frame), np.full(400, 2.5)])
    fitted = MultiTaskTrainer(**SMALL).fit(as_task(X, y, 400), n_classes=(2, 0, 0))
    np.testing.assert_array_equal(fitted.outputs(X.astype(np.float32))["y2"], 2.5)
    assert fitted.outputs(X.astype(np.float32))["y1"].std() > 1


# ---- state ------


@pytest.fixture(scope="module")
def fitted() -> FittedMultiTask:
    X, frame = two_targets()
    return MultiTaskTrainer(**SMALL).fit(as_task(X, numbers(frame), 300, 100), ("direction", "return"), (2, 0))


def test_state_round_trip_is_bit_equal(fitted: FittedMultiTask) -> None:
    again: Any = fitted_from_state("MultiTask", *fitted.to_state())
    X = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    for name, values in fitted.outputs(X).items():
        assert again.outputs(X)[name].tobytes() == values.tobytes()
    assert again.targets == fitted.targets
    assert again.history.keys() == fitted.history.keys()
    for name, column in fitted.history.items():
        assert again.history[name].tobytes() == column.tobytes()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"targets": ["direction"]}, "its own name"),
        ({"targets": ["a", "a"]}, "its own name"),
        ({"targets": "ab"}, "list of names"),
        ({"tasks": [2, 1]}, "tasks must list"),
        ({"tasks": [True, 0]}, "tasks must list"),
        ({"tasks": None}, "tasks must list"),
        ({"tasks": [3, 0]}, "missing|must be float32"),
        ({"hidden": [16, 15]}, "equally"),
        ({"targets": ["direction", "other"]}, "missing"),
    ],
)
def test_a_state_that_contradicts_itself_is_refused(fitted: FittedMultiTask, change: Any, words: str) -> None:
    meta, arrays = fitted.to_state()
    with pytest.raises(ArtifactError, match=words):
        FittedMultiTask.from_state({**meta, **change}, arrays)


def test_a_head_that_reads_foreign_units_is_refused(fitted: FittedMultiTask) -> None:
    meta, arrays = fitted.to_state()
    arrays["head.weight"] = arrays["head.weight"].copy()
    arrays["head.weight"][0, -1] = 0.5
    with pytest.raises(ArtifactError, match="head of direction must read its own units"):
        FittedMultiTask.from_state(meta, arrays)


# ---- the estimator ------


def test_the_estimator_speaks_in_the_users_targets(tmp_path: Path) -> None:
    X, frame = two_targets(700)
    frame.loc[10:40, "direction"] = None
    model = MultiTaskMLP(**SMALL | {"max_epochs": 30}, random_state=1)
    model.fit(X[:500], frame[:500], X_val=X[500:600], y_val=frame[500:600])
    assert model.targets_ == ["direction", "return"]
    assert model.classes_["direction"].tolist() == ["down", "up"]
    assert "return" not in model.classes_
    found = model.predict(X[600:])
    assert set(found["direction"]) <= {"down", "up"}
    scores = model.scores(X[600:], frame[600:])
    assert scores["direction"] > 0.8
    assert scores["return"] > 0.7
    assert model.score(X[600:], frame[600:]) == pytest.approx(np.mean(list(scores.values())))
    assert model.predict_proba(X, "direction").shape == (700, 2)
    assert set(model.predict_proba(X)) == {"direction"}
    model.save(tmp_path / "model.smc")
    again = st.load_model(tmp_path / "model.smc")
    assert isinstance(again, MultiTaskMLP)
    assert again.get_params() == {**model.get_params(), "trunk_dims": [16]}
    np.testing.assert_array_equal(again.predict(X)["direction"], model.predict(X)["direction"])
    pickled = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(pickled.predict(X)["return"], model.predict(X)["return"])
    copied = clone(model)
    assert copied.get_params() == model.get_params()
    assert not hasattr(copied, "fitted_")


def test_targets_may_be_a_frame_a_mapping_or_an_array() -> None:
    X, frame = two_targets(200)
    frame["direction"] = (frame["direction"] == "up").astype(int)
    kinds = {"direction": "classification", "return": "regression"}
    make = lambda tasks: MultiTaskMLP(**SMALL | {"max_epochs": 2}, tasks=tasks, random_state=1)  # noqa: E731
    models = [
        make(kinds).fit(X, frame),
        make(kinds).fit(X, {name: frame[name].to_numpy() for name in frame}),
        make(kinds).fit(X, frame.to_numpy()),
        make(None).fit(X, frame.to_numpy()),
    ]
    assert [model.targets_ for model in models[:3]] == [["direction", "return"]] * 3
    assert models[3].targets_ == ["y0", "y1"]
    weights = {model.fitted_.arrays["head.weight"].tobytes() for model in models}
    assert len(weights) == 1


def test_kinds_are_inferred() -> None:
    X = np.random.default_rng(0).normal(size=(100, 3))
    y = {
        "flag": np.arange(100) % 2 == 0,
        "text": np.where(X[:, 0] > 0, "a", "b"),
        "small": (np.arange(100) % 3 - 1).astype(float),
        "many": np.arange(100),
        "number": X[:, 1],
    }
    model = MultiTaskMLP(**SMALL | {"max_epochs": 1}, random_state=0).fit(X, y)
    assert list(model.classes_) == ["flag", "text", "small"]
    assert model.classes_["small"].tolist() == [-1, 0, 1]


@pytest.mark.parametrize(
    ("settings", "y", "error", "words"),
    [
        ({}, {"a": [0.0] * 100}, OneClass, "task a.*single class"),
        ({}, {"a": [np.nan] * 100}, InputError, "a is missing in every row"),
        ({}, {"a": [1.0, 0.0, 1.0] + [None] * 97}, TooFewRows, "needs at least 4"),
        ({}, {"a": [np.inf, 0.5] * 50}, InputError, "a must be finite"),
        ({}, {"a": [0, 1] * 40}, InputError, "a must have one value for each of the 100 rows"),
        ({}, {"a": [0, "x"] * 50}, InputError, "labels of one kind"),
        ({}, None, InputError, "y must hold the targets"),
        ({}, {}, InputError, "at least one target"),
        ({"tasks": {"b": "regression"}}, {"a": [0, 1] * 50}, InputError, "must name the targets"),
        ({"tasks": {"a": "ranking"}}, {"a": [0, 1] * 50}, InputError, "'classification' or 'regression'"),
        ({"tasks": {"a": "classification"}}, {"a": [0.5, 1] * 50}, InputError, "fractions"),
        ({"tasks": {"a": "regression"}}, {"a": ["x", "y"] * 50}, InputError, "numbers"),
        ({"class_weight": {0: 2.0}}, {"a": [0, 1] * 50}, InputError, "class_weight must be"),
        ({"task_weights": {"b": 1.0}}, {"a": [0, 1] * 50}, InputError, "task_weights names b"),
        ({"task_weights": {"a": 0.0}}, {"a": [0, 1] * 50}, InputError, "above 0"),
        ({"head_dim": 0, "trunk_dims": ()}, {"a": [0, 1] * 50}, InputError, "trunk_dims.*head_dim"),
    ],
)
def test_bad_targets_and_settings_are_named(settings: Any, y: Any, error: type[Exception], words: str) -> None:
    X = np.random.default_rng(0).normal(size=(100, 3))
    columns = None if y is None else {name: np.asarray(values, dtype=object) for name, values in y.items()}
    with pytest.raises(error, match=words):
        MultiTaskMLP(**SMALL | {"max_epochs": 1} | settings, random_state=0).fit(X, columns)


def test_unknown_labels_targets_and_columns_are_named() -> None:
    X, frame = two_targets(100)
    model = MultiTaskMLP(**SMALL | {"max_epochs": 1}, random_state=0)
    with pytest.raises(InputError, match="y_val: target direction holds the label 'side'"):
        model.fit(X, frame, X_val=X, y_val=frame.assign(direction="side"))
    with pytest.raises(InputError, match="y_val must hold the targets"):
        model.fit(X, frame, X_val=X, y_val=frame[["return"]])
    with pytest.raises(InputError, match="given together"):
        model.fit(X, frame, X_val=X)
    model.fit(X, frame)
    with pytest.raises(InputError, match="target must be one of those that are classes \\(direction\\)"):
        model.predict_proba(X, "return")
    broken = X.copy()
    broken[3, 1] = np.nan
    with pytest.raises(InputError, match="column 1"):
        model.predict(broken)
    with pytest.raises(InputError):
        model.predict(X[:, :3])
