"""The Transformer: PyTorch's own encoder layer as reference, causality, what it learns and what it does not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from smctrain import _load
from smctrain.exceptions import ArtifactError, InputError
from smctrain.models._neural_common import NetShape
from smctrain.models.base import FitTask
from smctrain.models.neural_network import NeuralNetworkTrainer
from smctrain.models.transformer import FittedTransformer, TransformerTrainer

from .conftest import make_task

SMALL: dict[str, Any] = {"d_model": 8, "num_heads": 2, "feed_forward": 12, "lookback": 5}
CASES = [(1, 8, 2, 1), (5, 8, 1, 1), (6, 12, 3, 2), (4, 8, 8, 3)]


def shape_of(lookback: int, width: int, heads: int, layers: int, classes: int = 3) -> NetShape:
    return NetShape("transformer", 6, (width,) * layers, lookback, classes, num_heads=heads, feed_forward=10)


def random_arrays(shape: NetShape) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    return {
        name: rng.normal(scale=0.4, size=extents).astype(np.float32) for name, extents in shape.array_shapes().items()
    }


def fitted_of(shape: NetShape, arrays: dict[str, np.ndarray]) -> FittedTransformer:
    return FittedTransformer(shape, arrays, {}, [], "", 1, np.nan, 0)


def torch_model(shape: NetShape, arrays: dict[str, np.ndarray], causal: bool = True) -> tuple[Any, dict[str, Any]]:
    """Outputs of windows (row, step, column) by `torch.nn.TransformerEncoderLayer`, and its parameters by our names."""
    torch = pytest.importorskip("torch")
    width = shape.hidden[0]
    named: dict[str, Any] = {}

    def load(module: Any, pairs: dict[str, str]) -> Any:
        module.double()
        for theirs, ours in pairs.items():
            parameter = module.get_parameter(theirs)
            parameter.data = torch.tensor(arrays[ours]).double()
            named[ours] = parameter
        return module

    def both(theirs: str, ours: str) -> dict[str, str]:
        return {f"{theirs}.{part}": f"{ours}.{part}" for part in ("weight", "bias")}

    embed = load(torch.nn.Linear(shape.n_features, width), {n: f"embed.{n}" for n in ("weight", "bias")})
    positions = torch.tensor(arrays["positions"]).double().requires_grad_()
    named["positions"] = positions
    layers = []
    for i in range(len(shape.hidden)):
        layer = torch.nn.TransformerEncoderLayer(
            width, shape.num_heads, shape.feed_forward, dropout=0.0, activation="gelu", batch_first=True,
            norm_first=True,
        )  # fmt: skip
        at = f"layers.{i}."
        load(layer, {
            "self_attn.in_proj_weight": at + "attention.in.weight", "self_attn.in_proj_bias": at + "attention.in.bias",
            **both("self_attn.out_proj", at + "attention.out"), **both("norm1", at + "attention.norm"),
            **both("norm2", at + "feed.norm"), **both("linear1", at + "feed.up"), **both("linear2", at + "feed.down"),
        })  # fmt: skip
        layers.append(layer)
    norm = load(torch.nn.LayerNorm(width), {n: f"final.norm.{n}" for n in ("weight", "bias")})
    head = load(torch.nn.Linear(width, shape.n_outputs), {n: f"head.{n}" for n in ("weight", "bias")})
    mask = torch.nn.Transformer.generate_square_subsequent_mask(shape.lookback, dtype=torch.float64)

    def forward(windows: np.ndarray) -> Any:
        x = embed(torch.tensor(windows).double()) + positions
        for layer in layers:
            x = layer(x, src_mask=mask, is_causal=True) if causal else layer(x)
        return head(norm(x[:, -1]))

    return forward, named


def windows_of(X: np.ndarray, rows: np.ndarray, lookback: int) -> np.ndarray:
    return np.stack([X[row - lookback + 1 : row + 1] for row in rows])


@pytest.mark.parametrize(("lookback", "width", "heads", "layers"), CASES)
def test_gradients_equal_those_of_torchs_encoder_layer(lookback: int, width: int, heads: int, layers: int) -> None:
    torch = pytest.importorskip("torch")
    shape = shape_of(lookback, width, heads, layers)
    arrays = random_arrays(shape)
    rng = np.random.default_rng(1)
    X = rng.normal(size=(47, 6)).astype(np.float32)
    y = rng.integers(0, 3, size=47).astype(np.int32)
    rows = np.arange(lookback - 1, 47, dtype=np.int64)
    settings = NeuralNetworkTrainer(dropout=0.0, label_smoothing=0.0, max_epochs=1, class_weight=None).native()
    loss, gradient = _load.neural().neural_gradient(X, y, rows, None, None, shape.native(), settings, arrays)
    forward, named = torch_model(shape, arrays)
    reference = torch.nn.functional.cross_entropy(
        forward(windows_of(X, rows, lookback)), torch.tensor(y[rows], dtype=torch.long)
    )
    reference.backward()
    assert loss == pytest.approx(reference.item(), rel=1e-5)
    assert gradient.keys() == named.keys()
    for name, parameter in named.items():
        expected = parameter.grad.numpy()
        scale = max(float(np.abs(expected).max()), 1e-3)
        np.testing.assert_allclose(gradient[name], expected, atol=2e-5 * scale, err_msg=name)


@pytest.mark.parametrize(("lookback", "width", "heads", "layers"), CASES)
def test_probabilities_without_torch_equal_torchs(lookback: int, width: int, heads: int, layers: int) -> None:
    torch = pytest.importorskip("torch")
    shape = shape_of(lookback, width, heads, layers)
    arrays = random_arrays(shape)
    X = np.random.default_rng(2).normal(size=(150, 6)).astype(np.float32)
    rows = np.arange(lookback - 1, 150, dtype=np.int64)
    with torch.no_grad():
        expected = torch.softmax(torch_model(shape, arrays)[0](windows_of(X, rows, lookback)), dim=1).numpy()
    np.testing.assert_allclose(fitted_of(shape, arrays).predict_proba(X, rows), expected, atol=1e-5)


def test_training_and_prediction_use_one_formula() -> None:
    """The validation loss, by LibTorch, is that of the stored arrays, by plain loops."""
    rng = np.random.default_rng(4)
    X, y = rng.normal(size=(300, 4)).astype(np.float32), rng.integers(0, 3, 300)
    fitted = TransformerTrainer(**SMALL, max_epochs=5, class_weight=None).fit(make_task(X, y, 200, 100))
    stop = np.arange(200, 300)
    loss = -np.mean(np.log(fitted.predict_proba(X, stop)[np.arange(100), y[stop]]))
    assert loss == pytest.approx(fitted.best_loss, rel=1e-5)


def test_only_the_bars_of_the_window_matter() -> None:
    shape = shape_of(5, 8, 2, 2)
    fitted = fitted_of(shape, random_arrays(shape))
    rng = np.random.default_rng(5)
    X = rng.normal(size=(30, 6)).astype(np.float32)
    row = np.array([14])
    before = fitted.predict_proba(X, row)
    other = X.copy()
    other[15:], other[:10] = rng.normal(size=(15, 6)), rng.normal(size=(10, 6))
    np.testing.assert_array_equal(fitted.predict_proba(other, row), before)
    for inside in range(10, 15):
        changed = X.copy()
        changed[inside] += 1
        assert np.abs(fitted.predict_proba(changed, row) - before).max() > 1e-4, inside
    swapped = X.copy()
    swapped[[10, 12]] = X[[12, 10]]
    assert np.abs(fitted.predict_proba(swapped, row) - before).max() > 1e-4  # a set of bars is not a window


def test_a_rows_result_does_not_depend_on_other_rows() -> None:
    shape = shape_of(5, 8, 2, 2)
    fitted = fitted_of(shape, random_arrays(shape))
    X = np.random.default_rng(6).normal(size=(40, 6)).astype(np.float32)
    whole = fitted.predict_proba(X)
    assert np.isnan(whole[:4]).all()
    assert np.isfinite(whole[4:]).all()
    for row in range(4, 40):  # alone, and with nothing after it
        np.testing.assert_array_equal(fitted.predict_proba(X[: row + 1], np.array([row]))[0], whole[row])


def test_inner_steps_do_not_look_ahead() -> None:
    """In a net of two layers the mask changes the answer, so equality with the masked reference says something."""
    torch = pytest.importorskip("torch")
    shape = shape_of(5, 8, 2, 2)
    arrays = random_arrays(shape)
    X = np.random.default_rng(2).normal(size=(30, 6)).astype(np.float32)
    rows = np.arange(4, 30, dtype=np.int64)
    ours = fitted_of(shape, arrays).predict_proba(X, rows)
    answers = []
    for causal in (True, False):
        with torch.no_grad():
            logits = torch_model(shape, arrays, causal)[0](windows_of(X, rows, 5))
        answers.append(torch.softmax(logits, dim=1).numpy())
    np.testing.assert_allclose(ours, answers[0], atol=1e-5)
    assert np.abs(ours - answers[1]).max() > 1e-3


def test_no_window_crosses_a_segment() -> None:
    shape = shape_of(5, 8, 2, 1)
    fitted = fitted_of(shape, random_arrays(shape))
    X = np.random.default_rng(7).normal(size=(20, 6)).astype(np.float32)
    segment = np.repeat(np.array([0, 1], dtype=np.int32), 10)
    found = fitted.predict_proba(X, segment=segment)
    assert np.flatnonzero(np.isnan(found[:, 0])).tolist() == [0, 1, 2, 3, 10, 11, 12, 13]
    rng = np.random.default_rng(8)
    trained = TransformerTrainer(**SMALL, max_epochs=1).fit(make_task(X, rng.integers(0, 2, 20), 20, segment=segment))
    assert trained.left_out == 8


def planted(n: int = 1700) -> tuple[np.ndarray, np.ndarray]:
    """Class = sign of the product of this bar and the bar two back: no bar alone and no weighted sum of bars tells."""
    X = np.random.default_rng(2).normal(size=(n, 2)).astype(np.float32)
    return X, (X[:, 0] * np.roll(X[:, 0], 2) > 0).astype(np.int32)


def test_it_learns_structure_over_time_that_a_linear_model_cannot_find() -> None:
    X, y = planted()
    trainer = TransformerTrainer(
        d_model=16, feed_forward=32, lookback=4, dropout=0.0, max_epochs=40, patience=40, batch_size=48,
        learning_rate=0.005,
    )  # fmt: skip
    fitted = trainer.fit(make_task(X, y, 1200, 200))
    test = np.arange(1400, 1700)
    assert np.mean(fitted.predict_proba(X, test).argmax(axis=1) == y[test]) > 0.85
    lags = np.hstack([np.roll(X, lag, axis=0) for lag in range(4)])
    weights = np.linalg.lstsq(lags[4:1400], y[4:1400] - 0.5, rcond=None)[0]
    assert np.mean((lags[test] @ weights > 0) == y[test]) < 0.6


def test_on_noise_it_finds_nothing() -> None:
    rng = np.random.default_rng(10)
    X, y = rng.normal(size=(1200, 4)).astype(np.float32), (rng.random(1200) < 0.5).astype(np.int32)
    fitted = TransformerTrainer(**SMALL, max_epochs=15, batch_size=32).fit(make_task(X, y, 600, 200))
    test = np.arange(800, 1200)
    hits = int(np.sum(fitted.predict_proba(X, test).argmax(axis=1) == y[test]))
    assert abs(hits - 200) < 2.576 * np.sqrt(100)  # the 99 % interval of a coin


def test_a_regression_finds_a_product_over_time_in_units_of_its_target() -> None:
    X, _ = planted()
    y = 1000 + 30 * X[:, 0] * np.roll(X[:, 1], 2).astype(np.float64)
    task = FitTask(X, y, np.arange(3, 1200), 0, stop_rows=np.arange(1200, 1400))
    trainer = TransformerTrainer(
        d_model=16, feed_forward=32, lookback=4, dropout=0.0, max_epochs=40, patience=40, batch_size=48,
        learning_rate=0.005,
    )  # fmt: skip
    test = np.arange(1400, 1700)
    predicted = trainer.fit(task).predict(X, test)
    assert 1 - np.mean((predicted - y[test]) ** 2) / np.var(y[test]) > 0.6


def test_the_same_seed_gives_the_same_bits_and_freezing_stops_the_layers_below() -> None:
    rng = np.random.default_rng(11)
    task = make_task(rng.normal(size=(200, 4)), rng.integers(0, 3, 200), 150, 50)
    trainer = TransformerTrainer(**SMALL, max_epochs=4, dropout=0.3)
    first, second = trainer.fit(task), trainer.fit(task)
    for name, array in first.arrays.items():
        np.testing.assert_array_equal(array, second.arrays[name], err_msg=name)
    plain = make_task(task.X, task.y, 150)
    early = TransformerTrainer(**SMALL, max_epochs=2, dropout=0.3).fit(plain)
    late = TransformerTrainer(**SMALL, max_epochs=4, dropout=0.3, freeze_layers=1, freeze_after=2).fit(plain)
    for name in early.arrays:
        frozen = name.startswith(("embed", "positions", "layers.0."))
        assert np.array_equal(early.arrays[name], late.arrays[name]) == frozen, name


def test_fits_side_by_side_give_the_bits_of_fits_one_by_one() -> None:
    rng = np.random.default_rng(13)
    task = make_task(rng.normal(size=(200, 4)), rng.integers(0, 3, 200), 150, 50)
    trainers = [TransformerTrainer(**SMALL, max_epochs=4, dropout=rate) for rate in (0.0, 0.1, 0.2, 0.3)]
    alone = [trainer.fit(task) for trainer in trainers]
    with ThreadPoolExecutor(4) as pool:
        beside = list(pool.map(lambda trainer: trainer.fit(task), trainers))
    for one, other in zip(alone, beside, strict=True):
        for name, array in one.arrays.items():
            np.testing.assert_array_equal(array, other.arrays[name], err_msg=name)


def test_a_stored_transformer_predicts_the_same_and_a_changed_one_is_refused() -> None:
    rng = np.random.default_rng(12)
    X = rng.normal(size=(120, 4)).astype(np.float32)
    fitted = TransformerTrainer(**SMALL, max_epochs=1).fit(make_task(X, rng.integers(0, 3, 120), 100))
    meta, arrays = fitted.to_state()
    again = FittedTransformer.from_state(meta, arrays)
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    for wrong, message in (
        ({"num_heads": 3}, "num_heads must divide"),
        ({"hidden": [8, 4]}, "equally wide"),
        ({"feed_forward": 13}, "feed.up.weight"),
        ({"lookback": 6}, "positions"),
        ({"kind": "lstm"}, "kind"),
    ):
        with pytest.raises(ArtifactError, match=message):
            FittedTransformer.from_state({**meta, **wrong}, arrays)


def test_wrong_settings_are_named() -> None:
    with pytest.raises(InputError, match=r"num_heads must divide d_model \(32\), but is 5"):
        TransformerTrainer(num_heads=5)
    with pytest.raises(InputError, match=r"d_model must be .* but is 0; .*feed_forward must be"):
        TransformerTrainer(0, feed_forward=0)
