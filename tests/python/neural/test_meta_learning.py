"""Meta-learning: its arithmetic against torch, what it may see, few-shot learning, storage and bad input."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

import smctrain as st
from smctrain import _load
from smctrain.exceptions import ArtifactError, InputError, OneClass, TooFewRows
from smctrain.models._neural_common import NetShape
from smctrain.models.base import FitTask
from smctrain.models.estimators.meta_learning import MetaLearningClassifier, MetaLearningRegressor
from smctrain.models.estimators.neural import MLPClassifier, MLPRegressor
from smctrain.models.meta_learning import FittedMeta, MetaLearningTrainer
from smctrain.models.neural_network import FittedMLP, NeuralNetworkTrainer
from smctrain.models.registry import fitted_from_state, make_trainer

SMALL: dict[str, Any] = {"support_rows": 10, "query_rows": 10, "meta_batch": 2, "steps_per_epoch": 2, "max_epochs": 2}


def market(seed: int, n_symbols: int = 24, n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Symbols (n_symbols, n, 6) that share one nonlinear structure, each with a sign and an offset of its own."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_symbols, n, 6))
    structure = np.abs(X[:, :, 0]) - np.abs(X[:, :, 1])
    sign, offset = rng.choice([-1.0, 1.0], (n_symbols, 1)), rng.normal(0, 0.3, (n_symbols, 1))
    return X, sign * structure + offset + 0.2 * rng.normal(size=structure.shape)


def flat(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return X.reshape(-1, X.shape[2]), y.ravel(), np.repeat(np.arange(len(X)), X.shape[1])


def as_task(X: Any, y: Any, **more: Any) -> FitTask:
    return FitTask(
        X=np.ascontiguousarray(X, dtype=np.float32),
        y=np.asarray(y, dtype=np.int32),
        rows=np.arange(len(X), dtype=np.int64),
        n_classes=2,
        **more,
    )


# ---- arithmetic ------


def torch_net(torch: Any, arrays: dict[str, np.ndarray]) -> list[Any]:
    return [torch.tensor(array, dtype=torch.float64, requires_grad=True) for array in arrays.values()]


def torch_loss(torch: Any, weights: list[Any], X: np.ndarray, y: np.ndarray) -> Any:
    x = torch.tensor(X, dtype=torch.float64)
    for i in range(0, len(weights) - 2, 2):
        x = torch.relu(x @ weights[i].T + weights[i + 1])
    out = x @ weights[-2].T + weights[-1]
    if y.dtype.kind == "f":
        return 0.5 * ((out[:, 0] - torch.tensor(y)) ** 2).mean()
    return torch.nn.functional.cross_entropy(out, torch.tensor(y).long())


def torch_adapt(torch: Any, weights: list[Any], X: np.ndarray, y: np.ndarray, steps: int, rate: float) -> list[Any]:
    for _ in range(steps):
        gradients = torch.autograd.grad(torch_loss(torch, weights, X, y), weights)
        weights = [(w - rate * g).detach().requires_grad_() for w, g in zip(weights, gradients, strict=True)]
    return weights


@pytest.mark.parametrize(("hidden", "n_classes"), [((7,), 3), ((5, 4), 2), ((6, 6, 3), 0)])
def test_gradients_of_the_net_without_norm_are_those_of_torch(hidden: tuple[int, ...], n_classes: int) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(2)
    X = rng.normal(size=(30, 4)).astype(np.float32)
    y: Any = rng.integers(0, n_classes, 30).astype(np.int32) if n_classes else rng.normal(size=30)
    if not n_classes:
        y = (y - y.mean()) / y.std()
    shape = NetShape("mlp", 4, hidden, 1, n_classes, norm=False)
    arrays = {name: rng.normal(scale=0.5, size=s).astype(np.float32) for name, s in shape.array_shapes().items()}
    settings = NeuralNetworkTrainer(dropout=0.0, label_smoothing=0.0, class_weight=None).native()
    loss, gradients = _load.neural().neural_gradient(X, y, np.arange(30), None, None, shape.native(), settings, arrays)
    weights = torch_net(torch, arrays)
    expected = torch_loss(torch, weights, X, y)
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-5)
    for name, weight in zip(arrays, weights, strict=True):
        np.testing.assert_allclose(gradients[name], weight.grad.numpy(), atol=1e-5, err_msg=name)
    logits = NetPredictor(shape, arrays).predict(X, np.arange(30), None)
    with torch.no_grad():
        x = torch.tensor(X, dtype=torch.float64)
        for i in range(0, len(weights) - 2, 2):
            x = torch.relu(x @ weights[i].T + weights[i + 1])
        out = x @ weights[-2].T + weights[-1]
        np.testing.assert_allclose(logits, out.softmax(1) if n_classes else out, atol=1e-5)


class NetPredictor:
    """Prediction of bare arrays, by the face every fitted network uses."""

    def __init__(self, shape: NetShape, arrays: dict[str, np.ndarray]) -> None:
        history = {name: np.empty(0) for name in ("step",)}
        self.fitted = FittedMLP(shape, arrays, history, [], "", 0, float("nan"), 0)

    def predict(self, X: np.ndarray, rows: np.ndarray, segment: Any) -> np.ndarray:
        return self.fitted._outputs(X, rows, segment)


@pytest.fixture(scope="module")
def twins() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two symbols of the same 20 rows: whichever is drawn, the episode is the same."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(20, 4)).astype(np.float32)
    y = (X[:, 0] > 0).astype(np.int32)
    return np.vstack([X, X]), np.tile(y, 2), np.repeat([0, 1], 20).astype(np.int32)


@pytest.mark.parametrize("algorithm", ["fomaml", "reptile"])
def test_one_outer_step_is_that_of_torch(twins: Any, algorithm: str) -> None:
    torch = pytest.importorskip("torch")
    X, y, groups = twins
    settings: dict[str, Any] = SMALL | {
        "hidden_dims": (6, 5), "steps_per_epoch": 1, "max_epochs": 1, "inner_steps": 3, "inner_learning_rate": 0.2,
        "validation_fraction": 0.0, "optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.0, "clip_norm": 0.0,
        "algorithm": algorithm,
    }  # fmt: skip
    start = MetaLearningTrainer(**settings, learning_rate=1e-30).fit(as_task(X, y), groups).arrays
    moved = MetaLearningTrainer(**settings, learning_rate=0.5).fit(as_task(X, y), groups).arrays
    weights = torch_net(torch, start)
    if algorithm == "fomaml":
        adapted = torch_adapt(torch, weights, X[:10], y[:10], 3, 0.2)
        outer = torch.autograd.grad(torch_loss(torch, adapted, X[10:20], y[10:20]), adapted)
    else:
        adapted = torch_adapt(torch, weights, X[:20], y[:20], 3, 0.2)
        outer = [(w - a) / (3 * 0.2) for w, a in zip(weights, adapted, strict=True)]
    for name, w, g in zip(start, weights, outer, strict=True):
        np.testing.assert_allclose(moved[name], (w - 0.5 * g).detach().numpy(), atol=2e-6, err_msg=name)
        assert np.abs(moved[name] - start[name]).max() > 1e-4


def test_adapting_is_that_of_torch(twins: Any) -> None:
    torch = pytest.importorskip("torch")
    X, y, groups = twins
    fitted = MetaLearningTrainer((6, 5), **SMALL).fit(as_task(X, y), groups)
    rows = np.array([1, 2, 5, 8, 9], dtype=np.int64)
    adapted = fitted.adapt(X, y, rows, steps=4, learning_rate=0.3)
    expected = torch_adapt(torch, torch_net(torch, fitted.arrays), X[rows], y[rows], 4, 0.3)
    for name, w in zip(fitted.arrays, expected, strict=True):
        np.testing.assert_allclose(adapted.arrays[name], w.detach().numpy(), atol=2e-6, err_msg=name)
    same = fitted.adapt(X, y, steps=0)
    assert all(array.tobytes() == fitted.arrays[name].tobytes() for name, array in same.arrays.items())


# ---- what it may see ------


def test_query_rows_come_after_the_labels_of_all_support_rows_are_known() -> None:
    """10 support rows whose labels take 5 bars, 10 query rows: with 25 rows a symbol there is one episode, and the
    labels of the 5 rows between are in nobody's reach."""
    rng = np.random.default_rng(4)
    X = rng.normal(size=(50, 4)).astype(np.float32)
    y = (X[:, 0] > 0).astype(np.int32)
    groups = np.repeat([0, 1], 25).astype(np.int32)
    t1 = np.minimum(np.arange(50) + 5, np.repeat([24, 49], 25)).astype(np.int64)
    trainer = MetaLearningTrainer((6,), **SMALL)

    def weights(labels: np.ndarray, known: Any = t1) -> bytes:
        return trainer.fit(as_task(X, labels), groups, known).arrays["head.weight"].tobytes()

    between, query = y.copy(), y.copy()
    between[[10, 14, 35, 39]] ^= 1
    query[[15, 40]] ^= 1
    assert weights(between) == weights(y)
    assert weights(query) != weights(y)
    assert weights(between, None) != weights(y, None)  # labels known at once: those rows are used
    with pytest.raises(TooFewRows, match="at least 2 symbols"):
        weights(y, np.minimum(np.arange(50) + 6, 49).astype(np.int64))


def test_symbols_held_out_move_no_weight() -> None:
    X, s = market(1, n_symbols=6, n=40)
    flat_X, y, groups = flat(X, (s > 0).astype(int))
    model = MetaLearningClassifier((6,), **SMALL, patience=100, random_state=3).fit(flat_X, y, groups)
    held_out = model.held_out_
    assert len(held_out) == 1
    other = np.where(groups == held_out[0], 1 - y, y)
    again = MetaLearningClassifier((6,), **SMALL, patience=100, random_state=3).fit(flat_X, other, groups)
    np.testing.assert_array_equal(again.held_out_, held_out)
    np.testing.assert_array_equal(model.history_["train_loss"], again.history_["train_loss"])
    assert (model.history_["val_loss"] != again.history_["val_loss"]).all()


def test_the_best_epoch_by_held_out_symbols_is_kept() -> None:
    rng = np.random.default_rng(5)
    X, y = rng.normal(size=(400, 5)), rng.integers(0, 2, 400)
    settings = SMALL | {"max_epochs": 80, "steps_per_epoch": 5, "inner_steps": 2}
    trainer = MetaLearningTrainer((16,), **settings, patience=3, learning_rate=0.01)
    fitted = trainer.fit(as_task(X, y), np.repeat(np.arange(10), 40).astype(np.int32))
    losses = fitted.history["val_loss"]
    assert len(losses) == fitted.best_epoch + 3 < 80
    assert fitted.best_loss == losses.min() == losses[fitted.best_epoch - 1]


# ---- few-shot ------


def test_fifty_rows_of_a_new_symbol_are_enough() -> None:
    """Over 3 markets and 4 new symbols each: adapted to 50 rows it is right in more than 0.83 of the later rows, at
    least 0.1 above the better of two networks trained on these rows alone, and 0.3 above the start itself."""
    scores = []
    for seed in range(3):
        X, s = market(seed)
        y = (s > 0).astype(int)
        flat_X, flat_y, groups = flat(X[:20], y[:20])
        model = MetaLearningClassifier((32, 32), max_epochs=20, random_state=seed).fit(flat_X, flat_y, groups)
        for k in range(20, 24):
            few, later = (X[k, :50], y[k, :50]), (X[k, 50:], y[k, 50:])
            scratch = [
                MLPClassifier((32, 32), dropout=dropout, learning_rate=0.01, max_epochs=epochs, random_state=seed)
                .fit(*few)
                .score(*later)
                for dropout, epochs in ((0.1, 30), (0.3, 100))
            ]
            scores.append([model.adapt(*few).score(*later), max(scratch), model.score(*later)])
    adapted, scratch_best, start = np.mean(scores, axis=0)
    assert adapted > 0.83
    assert adapted > scratch_best + 0.1
    assert adapted > start + 0.3


def test_a_regression_adapts_too() -> None:
    """Over 4 new symbols: R2 after 50 rows above 0.4, the start and a network from scratch far below."""
    X, s = market(7)
    flat_X, values, groups = flat(X[:20], 100 + 10 * s[:20])
    model = MetaLearningRegressor((32, 32), max_epochs=30, random_state=1).fit(flat_X, values, groups)
    scores = []
    for k in range(20, 24):
        few, later = (X[k, :50], 100 + 10 * s[k, :50]), (X[k, 50:], 100 + 10 * s[k, 50:])
        scratch = MLPRegressor((32, 32), dropout=0.1, learning_rate=0.01, max_epochs=60, random_state=1).fit(*few)
        scores.append([model.adapt(*few).score(*later), scratch.score(*later), model.score(*later)])
    adapted, from_scratch, start = np.mean(scores, axis=0)
    assert adapted > 0.4
    assert adapted > from_scratch + 0.2
    assert adapted > start + 0.2


def test_noise_stays_noise() -> None:
    rng = np.random.default_rng(8)
    X, y = rng.normal(size=(12, 60, 5)), rng.integers(0, 2, (12, 60))
    flat_X, flat_y, groups = flat(X, y)
    settings = SMALL | {"max_epochs": 20, "steps_per_epoch": 5}
    model = MetaLearningClassifier((16,), **settings, random_state=0).fit(flat_X, flat_y, groups)
    new_X, new_y = rng.normal(size=(1050, 5)), rng.integers(0, 2, 1050)
    assert abs(model.adapt(new_X[:50], new_y[:50]).score(new_X[50:], new_y[50:]) - 0.5) < 3 * np.sqrt(0.25 / 1000)


def test_the_same_seed_gives_the_same_model_and_another_another() -> None:
    X, s = market(2, n_symbols=5, n=40)
    flat_X, y, groups = flat(X, (s > 0).astype(int))
    first, again, other = (
        MetaLearningClassifier((8,), **SMALL, dropout=0.2, random_state=seed).fit(flat_X, y, groups)
        for seed in (1, 1, 2)
    )
    weights = [model.fitted_.arrays["head.weight"].tobytes() for model in (first, again, other)]
    assert weights[0] == weights[1] != weights[2]
    few = (X[0, :12], (s[0, :12] > 0).astype(int))
    assert first.adapt(*few).predict_proba(flat_X).tobytes() == again.adapt(*few).predict_proba(flat_X).tobytes()


# ---- face and state ------


@pytest.fixture(scope="module")
def model() -> MetaLearningClassifier:
    X, s = market(2, n_symbols=5, n=40)
    flat_X, y, groups = flat(X, np.where(s > 0, "up", "down"))
    names = np.array(["EURUSD", "GBPUSD", "USDJPY", "XAUUSD", "US500"])[groups]
    return MetaLearningClassifier((8,), **SMALL, random_state=1).fit(flat_X, y, names)


def test_models_are_stored_and_adapt_the_same(model: MetaLearningClassifier, tmp_path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(30, 6))
    y = np.where(X[:, 0] > 0, "up", "down")
    model.save(tmp_path / "start.smc")
    again = st.load_model(tmp_path / "start.smc")
    assert isinstance(again, MetaLearningClassifier)
    assert again.held_out_.tolist() == model.held_out_.tolist()
    assert again.left_out_ == model.left_out_ == 0
    adapted = again.adapt(X, y)
    assert adapted.predict_proba(X).tobytes() == model.adapt(X, y).predict_proba(X).tobytes()
    assert isinstance(adapted, MLPClassifier)
    assert adapted.classes_.tolist() == ["down", "up"]
    for kept in (model, adapted):
        pickled = pickle.loads(pickle.dumps(kept))
        assert pickled.predict_proba(X).tobytes() == kept.predict_proba(X).tobytes()
    adapted.save(tmp_path / "adapted.smc")
    stored = st.load_model(tmp_path / "adapted.smc")
    assert isinstance(stored, MLPClassifier)
    assert stored.predict_proba(X).tobytes() == adapted.predict_proba(X).tobytes()
    assert set(model.predict(X)) <= {"up", "down"}
    assert clone(model).get_params() == model.get_params()


def test_a_stored_regression_answers_in_units_of_y(tmp_path: Path) -> None:
    X, s = market(2, n_symbols=5, n=40)
    flat_X, values, groups = flat(X, 1000 + s)
    model = MetaLearningRegressor((8,), **SMALL, random_state=1).fit(flat_X, values, groups)
    assert np.abs(model.predict(flat_X) - 1000).max() < 10
    model.save(tmp_path / "start.smc")
    again = st.load_model(tmp_path / "start.smc")
    assert again.predict(flat_X).tobytes() == model.predict(flat_X).tobytes()
    few = (flat_X[:20], values[:20])
    assert again.adapt(*few).predict(flat_X).tobytes() == model.adapt(*few).predict(flat_X).tobytes()
    assert np.abs(model.adapt(*few).predict(flat_X) - 1000).max() < 10


def test_history_and_held_out_are_told(model: MetaLearningClassifier) -> None:
    assert model.held_out_.tolist()[0] in {"EURUSD", "GBPUSD", "USDJPY", "XAUUSD", "US500"}
    assert np.isfinite(model.history_[["train_loss", "val_loss", "val_loss_before", "val_accuracy"]]).all().all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"inner_steps": -1}, "inner_steps"),
        ({"inner_learning_rate": 0}, "inner_learning_rate"),
        ({"loss": "cubic"}, "loss"),
        ({"target_scale": 0.0}, "target_scale"),
        ({"target_mean": None}, "target_mean"),
        ({"held_out": "x"}, "held_out"),
        ({"norm": True}, "without norm"),
        ({"n_features": 5}, "must be float32"),
    ],
)
def test_a_state_that_contradicts_itself_is_refused(model: MetaLearningClassifier, change: Any, words: str) -> None:
    meta, arrays = model.fitted_.to_state()
    assert isinstance(fitted_from_state("MetaLearning", meta, arrays), FittedMeta)
    with pytest.raises(ArtifactError, match=words):
        FittedMeta.from_state({**meta, **change}, arrays)


# ---- bad input ------


def test_bad_settings_are_named_all_at_once() -> None:
    with pytest.raises(InputError, match=r"algorithm.*support_rows.*inner_learning_rate.*dropout"):
        MetaLearningTrainer(algorithm="maml2", support_rows=0, inner_learning_rate=0, dropout=1.0)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"groups": None}, InputError, "groups must hold the symbol of each row"),
        ({"groups": np.zeros(10)}, InputError, "one symbol for each of the 80 rows"),
        ({"groups": np.zeros(80, dtype=int)}, TooFewRows, "at least 2 symbols"),
        ({"groups": np.repeat([1.0, np.nan], 40)}, InputError, "NaN in row 40"),
        ({"y": np.zeros(80, dtype=int)}, OneClass, "at least 2 classes"),
        ({"t1": np.arange(80) - 1}, InputError, "t1 must be the row"),
        ({"t1": np.arange(80) + 1}, InputError, "t1 must be the row"),
        ({"t1": np.arange(80.0)}, InputError, "t1 must hold a row number"),
        ({"y": np.zeros(70, dtype=int)}, InputError, "70"),
    ],
)
def test_bad_input_is_named(change: Any, error: type[Exception], words: str) -> None:
    rng = np.random.default_rng(0)
    given = {"y": rng.integers(0, 2, 80), "groups": np.repeat([0, 1], 40), "t1": None} | change
    with pytest.raises(error, match=words):
        MetaLearningClassifier((4,), **SMALL, random_state=0).fit(rng.normal(size=(80, 3)), **given)


def test_bad_rows_to_adapt_to_are_named(model: MetaLearningClassifier) -> None:
    X = np.random.default_rng(0).normal(size=(10, 6))
    y = np.array(["up"] * 10)
    assert model.adapt(X, y).predict(X).shape == (10,)  # one class alone is fine
    with pytest.raises(InputError, match="label 'side'"):
        model.adapt(X, np.array(["side"] * 10))
    with pytest.raises(InputError, match="steps"):
        model.adapt(X, y, steps=-1)
    with pytest.raises(InputError, match="learning_rate"):
        model.adapt(X, y, learning_rate=0.0)
    with pytest.raises(InputError, match="blew up"):
        model.adapt(1e30 * X, y, steps=50, learning_rate=1e30)
    with pytest.raises(TooFewRows, match="sample weights are zero"):
        model.adapt(X, y, sample_weight=np.zeros(10))
    with pytest.raises(InputError):
        model.adapt(X[:, :5], y)
    X[4, 2] = np.nan
    with pytest.raises(InputError, match="column 2"):
        model.adapt(X, y)


def test_a_number_that_never_changes_is_answered_as_it_is_and_can_be_unlearned(tmp_path: Path) -> None:
    X, _ = market(2, n_symbols=5, n=40)
    flat_X, _, groups = flat(X, np.zeros((5, 40)))
    model = MetaLearningRegressor((8,), **SMALL, random_state=1).fit(flat_X, np.full(200, 2.5), groups)
    np.testing.assert_array_equal(model.predict(flat_X), 2.5)
    model.save(tmp_path / "start.smc")
    np.testing.assert_array_equal(st.load_model(tmp_path / "start.smc").predict(flat_X), 2.5)
    few = flat_X[:50]
    np.testing.assert_array_equal(model.adapt(few, np.full(50, 2.5)).predict(flat_X), 2.5)
    moved = model.adapt(few, 2.5 + few[:, 0], steps=200)  # from a start that says nothing
    assert moved.score(few, 2.5 + few[:, 0]) > 0.8


def test_a_symbol_that_never_moves_among_others_is_learned_with_them() -> None:
    X, s = market(2, n_symbols=5, n=40)
    s[2] = 3.0
    flat_X, values, groups = flat(X, s)
    model = MetaLearningRegressor((8,), **SMALL, random_state=1).fit(flat_X, values, groups)
    adapted = model.adapt(X[2, :20], np.full(20, 3.0), steps=300)
    assert np.abs(adapted.predict(X[2, :20]) - 3.0).max() < 0.3
    assert model.predict(flat_X).std() > 0


def test_symbols_too_short_are_left_out_and_counted() -> None:
    X, s = market(2, n_symbols=4, n=40)
    flat_X, y, groups = flat(X, (s > 0).astype(int))
    keep = (groups < 3) | (np.arange(160) < 130)
    fitted = MetaLearningTrainer((4,), **SMALL).fit(as_task(flat_X[keep], y[keep]), groups[keep].astype(np.int32))
    assert fitted.left_out == 10
    assert "1 symbols have too few rows" in fitted.warnings[-1]


def test_without_groups_a_training_run_is_told() -> None:
    X = np.random.default_rng(0).normal(size=(40, 3))
    with pytest.raises(InputError, match="learns across symbols"):
        make_trainer("meta_learning").fit(as_task(X, np.arange(40) % 2))


def test_a_stop_flag_ends_the_fit_with_what_there_is() -> None:
    X, s = market(2, n_symbols=5, n=40)
    flat_X, y, groups = flat(X, (s > 0).astype(int))
    stop = np.zeros(1, dtype=np.uint8)

    def cancel(epoch: int, epochs: int) -> None:
        stop[0] = 1

    task = as_task(flat_X, y, stop=stop, progress=cancel)
    fitted = MetaLearningTrainer((4,), **SMALL | {"max_epochs": 50}).fit(task, groups.astype(np.int32))
    assert fitted.stop_reason == "cancelled"
    assert not fitted.complete
    assert len(fitted.history["step"]) == 1
    assert fitted.best_epoch == 1


def test_labels_that_end_out_of_order_hold_the_query_back() -> None:
    """One early support row is known last: no episode that holds it may ask before that, the others may."""
    rng = np.random.default_rng(6)
    X = rng.normal(size=(60, 4)).astype(np.float32)
    y = (X[:, 0] > 0).astype(np.int32)
    groups = np.repeat([0, 1], 30).astype(np.int32)
    t1 = np.arange(60)
    t1[[2, 32]] = [19, 49]
    trainer = MetaLearningTrainer((6,), **SMALL | {"validation_fraction": 0.0, "steps_per_epoch": 50})

    def weights(labels: np.ndarray) -> bytes:
        return trainer.fit(as_task(X, labels), groups, t1.astype(np.int64)).arrays["head.weight"].tobytes()

    # Support rows 0..9, 1..10 and 2..11 wait for row 19 and then ask rows 20..29; those from 3 on need not wait.
    always = y.copy()
    always[[20, 50]] ^= 1
    assert weights(always) != weights(y)
    with pytest.raises(TooFewRows):  # 31 rows for an episode, of 30
        MetaLearningTrainer(**SMALL | {"support_rows": 21}).fit(as_task(X, y), groups, t1.astype(np.int64))
    late = t1.copy()
    late[[2, 32]] = [20, 50]  # now the first three supports have 9 query rows only, and row 2 is in no episode
    late_fit = trainer.fit(as_task(X, y), groups, late.astype(np.int64)).arrays["head.weight"]
    changed = y.copy()
    changed[[0, 1, 2, 30, 31, 32]] ^= 1
    again = trainer.fit(as_task(X, changed), groups, late.astype(np.int64)).arrays["head.weight"]
    assert late_fit.tobytes() == again.tobytes()
    assert weights(changed) != weights(y)
