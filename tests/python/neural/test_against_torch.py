"""Every pass against PyTorch's own modules and autograd: gradients, loss, probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smctrain import _load
from smctrain.models._neural_common import NetShape
from smctrain.models.lstm import LSTMTrainer
from smctrain.models.neural_network import NeuralNetworkTrainer

from .conftest import make_task

torch = pytest.importorskip("torch")

SETTINGS = NeuralNetworkTrainer(
    dropout=0.0, weight_decay=0.0, label_smoothing=0.1, max_epochs=1, patience=1, class_weight=None
).native()


def random_arrays(shape: NetShape, seed: int = 3) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    arrays = {name: rng.normal(scale=0.4, size=extents) for name, extents in shape.array_shapes().items()}
    for name, array in arrays.items():
        if name.endswith("running_var"):
            arrays[name] = np.abs(array) + 0.5
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def torch_mlp(shape: NetShape, arrays: dict[str, np.ndarray]) -> Any:
    """A plain module with our weights, in double."""
    layers: list[Any] = []
    width_in = shape.n_features
    for i, width in enumerate(shape.hidden):
        linear, norm = torch.nn.Linear(width_in, width), torch.nn.BatchNorm1d(width)
        linear.load_state_dict({k: torch.tensor(arrays[f"blocks.{i}.linear.{k}"]) for k in ("weight", "bias")})
        names = ("weight", "bias", "running_mean", "running_var")
        norm.load_state_dict({k: torch.tensor(arrays[f"blocks.{i}.norm.{k}"]) for k in names}, strict=False)
        layers += [linear, norm, torch.nn.ReLU()]
        width_in = width
    head = torch.nn.Linear(width_in, shape.n_outputs)
    head.load_state_dict({k: torch.tensor(arrays[f"head.{k}"]) for k in ("weight", "bias")})
    return torch.nn.Sequential(*layers, head).double()


class TorchLSTM(torch.nn.Module):
    def __init__(self, shape: NetShape, arrays: dict[str, np.ndarray]) -> None:
        super().__init__()
        self.lstm = torch.nn.LSTM(shape.n_features, shape.hidden[0], len(shape.hidden), batch_first=True)
        self.head = torch.nn.Linear(shape.hidden[-1], shape.n_classes)
        state = {}
        for i in range(len(shape.hidden)):
            state[f"weight_ih_l{i}"] = torch.tensor(arrays[f"layers.{i}.weight_ih"])
            state[f"weight_hh_l{i}"] = torch.tensor(arrays[f"layers.{i}.weight_hh"])
            state[f"bias_ih_l{i}"] = torch.tensor(arrays[f"layers.{i}.bias"])
            state[f"bias_hh_l{i}"] = torch.zeros(4 * shape.hidden[i])
        self.lstm.load_state_dict(state)
        self.head.load_state_dict({k: torch.tensor(arrays[f"head.{k}"]) for k in ("weight", "bias")})
        self.double()

    def forward(self, x: Any) -> Any:
        return self.head(self.lstm(x)[0][:, -1])


class TorchGRU(torch.nn.Module):
    def __init__(self, shape: NetShape, arrays: dict[str, np.ndarray]) -> None:
        super().__init__()
        self.gru = torch.nn.GRU(shape.n_features, shape.hidden[0], len(shape.hidden), batch_first=True)
        self.head = torch.nn.Linear(shape.hidden[-1], shape.n_outputs)
        state = {}
        for i in range(len(shape.hidden)):
            state[f"weight_ih_l{i}"] = torch.tensor(arrays[f"layers.{i}.weight_ih"])
            state[f"weight_hh_l{i}"] = torch.tensor(arrays[f"layers.{i}.weight_hh"])
            state[f"bias_ih_l{i}"] = torch.tensor(arrays[f"layers.{i}.bias"])
            new = np.concatenate([np.zeros(2 * shape.hidden[i]), arrays[f"layers.{i}.bias_hn"]])
            state[f"bias_hh_l{i}"] = torch.tensor(new.astype(np.float32))
        self.gru.load_state_dict(state)
        self.head.load_state_dict({k: torch.tensor(arrays[f"head.{k}"]) for k in ("weight", "bias")})
        self.double()

    def forward(self, x: Any) -> Any:
        return self.head(self.gru(x)[0][:, -1])


class TorchCNN(torch.nn.Module):
    """Padding on the left only, so that no tap looks ahead."""

    def __init__(self, shape: NetShape, arrays: dict[str, np.ndarray]) -> None:
        super().__init__()
        self.blocks = torch.nn.ModuleList()
        width_in, self.taps = shape.n_features, shape.kernel_size
        for i, width in enumerate(shape.hidden):
            conv, norm = torch.nn.Conv1d(width_in, width, self.taps, dilation=2**i), torch.nn.BatchNorm1d(width)
            newest_last = arrays[f"layers.{i}.conv.weight"][::-1].transpose(1, 2, 0)  # (out, in, tap), oldest first
            conv.weight.data = torch.tensor(newest_last.copy())
            conv.bias.data = torch.tensor(arrays[f"layers.{i}.conv.bias"])
            names = ("weight", "bias", "running_mean", "running_var")
            norm.load_state_dict({k: torch.tensor(arrays[f"layers.{i}.norm.{k}"]) for k in names}, strict=False)
            self.blocks.append(torch.nn.Sequential(conv, norm))
            width_in = width
        self.head = torch.nn.Linear(width_in, shape.n_outputs)
        self.head.load_state_dict({k: torch.tensor(arrays[f"head.{k}"]) for k in ("weight", "bias")})
        self.double()

    def forward(self, x: Any) -> Any:
        z = x.transpose(1, 2)
        for i, block in enumerate(self.blocks):
            z = torch.relu(block(torch.nn.functional.pad(z, ((self.taps - 1) * 2**i, 0))))
        return self.head(z[:, :, -1])


def windows_of(X: np.ndarray, rows: np.ndarray, lookback: int) -> np.ndarray:
    """(row, step, column) by the slow way."""
    return np.stack([X[row - lookback + 1 : row + 1] for row in rows])


def torch_loss(logits: Any, y: np.ndarray, weight: np.ndarray) -> Any:
    """Written out: smoothed targets, weighted mean of the rows."""
    classes = logits.shape[1]
    targets = torch.full_like(logits, 0.1 / classes)
    targets[torch.arange(len(y)), torch.tensor(y, dtype=torch.long)] += 0.9
    rows = -(targets * torch.log_softmax(logits, dim=1)).sum(dim=1)
    w = torch.tensor(weight)
    return (rows * w).sum() / w.sum()


def example(n: int, d: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n)
    X = rng.normal(size=(n, d)).astype(np.float32)
    return X, rng.integers(0, 3, size=n).astype(np.int32), rng.uniform(0.2, 2.0, size=n)


def assert_close(ours: np.ndarray, reference: Any, name: str) -> None:
    expected = reference.numpy()
    scale = max(float(np.abs(expected).max()), 1e-3)
    np.testing.assert_allclose(ours, expected, atol=2e-5 * scale, err_msg=name)  # float32 sums against double


@pytest.mark.parametrize("hidden", [(7,), (16, 9, 5)], ids=["one block", "three blocks"])
def test_mlp_gradients_equal_autograd(hidden: tuple[int, ...]) -> None:
    shape = NetShape("mlp", 6, hidden, 1, 3)
    arrays = random_arrays(shape)
    X, y, weight = example(37, 6)
    rows = np.arange(37, dtype=np.int64)
    loss, gradient = _load.neural().neural_gradient(X, y, rows, weight, None, shape.native(), SETTINGS, arrays)
    model = torch_mlp(shape, arrays).train()
    reference = torch_loss(model(torch.tensor(X).double()), y, weight)
    reference.backward()
    assert loss == pytest.approx(reference.item(), rel=1e-5)
    for i in range(len(hidden)):
        for part, module in (("linear", model[3 * i]), ("norm", model[3 * i + 1])):
            for name in ("weight", "bias"):
                assert_close(gradient[f"blocks.{i}.{part}.{name}"], getattr(module, name).grad, f"{i} {part} {name}")
    assert_close(gradient["head.weight"], model[-1].weight.grad, "head weight")
    assert_close(gradient["head.bias"], model[-1].bias.grad, "head bias")


@pytest.mark.parametrize(
    ("lookback", "layers"),
    [(1, 1), (7, 1), (5, 2), (4, 3)],
    ids=["one step", "one layer", "two layers", "three layers"],
)
def test_lstm_gradients_equal_autograd(lookback: int, layers: int) -> None:
    shape = NetShape("lstm", 6, (8,) * layers, lookback, 3)
    arrays = random_arrays(shape)
    X, y, weight = example(41, 6)
    rows = np.arange(lookback - 1, 41, dtype=np.int64)
    loss, gradient = _load.neural().neural_gradient(X, y, rows, weight, None, shape.native(), SETTINGS, arrays)
    model = TorchLSTM(shape, arrays)
    logits = model(torch.tensor(windows_of(X, rows, lookback)).double())
    reference = torch_loss(logits, y[rows], weight[rows])
    reference.backward()
    assert loss == pytest.approx(reference.item(), rel=1e-5)
    for i in range(layers):
        assert_close(gradient[f"layers.{i}.weight_ih"], getattr(model.lstm, f"weight_ih_l{i}").grad, f"ih {i}")
        assert_close(gradient[f"layers.{i}.weight_hh"], getattr(model.lstm, f"weight_hh_l{i}").grad, f"hh {i}")
        assert_close(gradient[f"layers.{i}.bias"], getattr(model.lstm, f"bias_ih_l{i}").grad, f"bias {i}")
    assert_close(gradient["head.weight"], model.head.weight.grad, "head weight")


@pytest.mark.parametrize(
    ("lookback", "layers"),
    [(1, 1), (7, 1), (5, 2), (4, 3)],
    ids=["one step", "one layer", "two layers", "three layers"],
)
def test_gru_gradients_equal_autograd(lookback: int, layers: int) -> None:
    shape = NetShape("gru", 6, (8,) * layers, lookback, 3)
    arrays = random_arrays(shape)
    X, y, weight = example(41, 6)
    rows = np.arange(lookback - 1, 41, dtype=np.int64)
    loss, gradient = _load.neural().neural_gradient(X, y, rows, weight, None, shape.native(), SETTINGS, arrays)
    model = TorchGRU(shape, arrays)
    reference = torch_loss(model(torch.tensor(windows_of(X, rows, lookback)).double()), y[rows], weight[rows])
    reference.backward()
    assert loss == pytest.approx(reference.item(), rel=1e-5)
    for i, width in enumerate(shape.hidden):
        assert_close(gradient[f"layers.{i}.weight_ih"], getattr(model.gru, f"weight_ih_l{i}").grad, f"ih {i}")
        assert_close(gradient[f"layers.{i}.weight_hh"], getattr(model.gru, f"weight_hh_l{i}").grad, f"hh {i}")
        assert_close(gradient[f"layers.{i}.bias"], getattr(model.gru, f"bias_ih_l{i}").grad, f"bias {i}")
        new = getattr(model.gru, f"bias_hh_l{i}").grad[2 * width :]
        assert_close(gradient[f"layers.{i}.bias_hn"], new, f"new bias {i}")
    assert_close(gradient["head.weight"], model.head.weight.grad, "head weight")


@pytest.mark.parametrize("layers", [1, 2], ids=["one layer", "two layers"])
def test_gru_probabilities_equal_torch(layers: int) -> None:
    shape = NetShape("gru", 6, (8,) * layers, 5, 3)
    arrays = random_arrays(shape)
    X, _, _ = example(150, 6)
    rows = np.arange(4, 150, dtype=np.int64)
    ours = _load.core().NeuralPredictor(shape.native(), arrays).predict(X, rows, None)
    with torch.no_grad():
        logits = TorchGRU(shape, arrays)(torch.tensor(windows_of(X, rows, 5)).double())
    np.testing.assert_allclose(ours, torch.softmax(logits, dim=1).numpy(), atol=1e-5)


@pytest.mark.parametrize(
    ("lookback", "layers", "taps"),
    [(1, 1, 3), (7, 1, 3), (9, 3, 2), (4, 3, 3)],
    ids=["one step", "one layer", "three layers", "taps beyond the window"],
)
def test_cnn_gradients_equal_autograd(lookback: int, layers: int, taps: int) -> None:
    shape = NetShape("cnn", 6, (8, 5, 7)[:layers], lookback, 3, taps)
    arrays = random_arrays(shape)
    X, y, weight = example(41, 6)
    rows = np.arange(lookback - 1, 41, dtype=np.int64)
    loss, gradient = _load.neural().neural_gradient(X, y, rows, weight, None, shape.native(), SETTINGS, arrays)
    model = TorchCNN(shape, arrays).train()
    reference = torch_loss(model(torch.tensor(windows_of(X, rows, lookback)).double()), y[rows], weight[rows])
    reference.backward()
    assert loss == pytest.approx(reference.item(), rel=1e-5)
    for i in range(layers):
        conv, norm = model.blocks[i]
        ours = gradient[f"layers.{i}.conv.weight"][::-1].transpose(1, 2, 0)
        assert_close(ours, conv.weight.grad, f"conv {i}")
        assert_close(gradient[f"layers.{i}.norm.weight"], norm.weight.grad, f"gamma {i}")
        assert_close(gradient[f"layers.{i}.norm.bias"], norm.bias.grad, f"beta {i}")
    assert_close(gradient["head.weight"], model.head.weight.grad, "head weight")


@pytest.mark.parametrize(("lookback", "taps"), [(5, 2), (12, 3)])
def test_cnn_probabilities_equal_torch(lookback: int, taps: int) -> None:
    shape = NetShape("cnn", 6, (8, 5, 7), lookback, 3, taps)
    arrays = random_arrays(shape)
    X, _, _ = example(150, 6)
    rows = np.arange(lookback - 1, 150, dtype=np.int64)
    ours = _load.core().NeuralPredictor(shape.native(), arrays).predict(X, rows, None)
    with torch.no_grad():
        logits = TorchCNN(shape, arrays).eval()(torch.tensor(windows_of(X, rows, lookback)).double())
    np.testing.assert_allclose(ours, torch.softmax(logits, dim=1).numpy(), atol=1e-5)


@pytest.mark.parametrize("loss", ["squared", "huber"])
def test_gradients_of_a_regression_equal_autograd(loss: str) -> None:
    shape = NetShape("mlp", 6, (7,), 1, 0)
    arrays = random_arrays(shape)
    X, _, weight = example(37, 6)
    y = np.random.default_rng(1).standard_t(2, 37) * 3 + 5
    settings = NeuralNetworkTrainer(dropout=0.0, weight_decay=0.0, max_epochs=1, loss=loss).native()
    rows = np.arange(37, dtype=np.int64)
    ours, gradient = _load.neural().neural_gradient(X, y, rows, weight, None, shape.native(), settings, arrays)
    model = torch_mlp(shape, arrays).train()
    mean = np.average(y, weights=weight)
    target = torch.tensor((y - mean) / np.sqrt(np.average((y - mean) ** 2, weights=weight)))
    error = model(torch.tensor(X).double())[:, 0]
    each = (
        torch.nn.functional.huber_loss(error, target, reduction="none")
        if loss == "huber"
        else 0.5 * (error - target) ** 2
    )
    w = torch.tensor(weight)
    reference = (each * w).sum() / w.sum()
    reference.backward()
    assert ours == pytest.approx(reference.item(), rel=1e-5)
    assert_close(gradient["blocks.0.linear.weight"], model[0].weight.grad, "weight")
    assert_close(gradient["head.bias"], model[-1].bias.grad, "head bias")


def test_mlp_probabilities_equal_torch() -> None:
    shape = NetShape("mlp", 6, (16, 9, 5), 1, 3)
    arrays = random_arrays(shape)
    X, _, _ = example(150, 6)
    ours = _load.core().NeuralPredictor(shape.native(), arrays).predict(X, np.arange(150), None)
    with torch.no_grad():
        reference = torch.softmax(torch_mlp(shape, arrays).eval()(torch.tensor(X).double()), dim=1).numpy()
    np.testing.assert_allclose(ours, reference, atol=1e-5)


@pytest.mark.parametrize("layers", [1, 2], ids=["one layer", "two layers"])
def test_lstm_probabilities_equal_torch(layers: int) -> None:
    shape = NetShape("lstm", 6, (8,) * layers, 5, 3)
    arrays = random_arrays(shape)
    X, _, _ = example(150, 6)
    rows = np.arange(4, 150, dtype=np.int64)
    ours = _load.core().NeuralPredictor(shape.native(), arrays).predict(X, rows, None)
    with torch.no_grad():
        logits = TorchLSTM(shape, arrays)(torch.tensor(windows_of(X, rows, 5)).double())
    np.testing.assert_allclose(ours, torch.softmax(logits, dim=1).numpy(), atol=1e-5)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize("clip_norm", [0.0, 0.05], ids=["free", "clipped"])
def test_steps_and_running_statistics_follow_torch(clip_norm: float, optimizer: str) -> None:
    """Five steps on one batch from the same start: torch must arrive at the same weights."""
    X, y, _ = example(48, 6)
    trainer = NeuralNetworkTrainer(
        hidden_dims=(8,), dropout=0.0, weight_decay=0.1, label_smoothing=0.1, learning_rate=0.01,
        batch_size=48, max_epochs=5, clip_norm=clip_norm, class_weight=None, optimizer=optimizer, momentum=0.8,
    )  # fmt: skip
    settings = {**trainer.settings(), "learning_rate": 1e-12, "weight_decay": 0.0, "max_epochs": 1}
    start = {
        name: array.copy() for name, array in NeuralNetworkTrainer(**settings).fit(make_task(X, y, 48)).arrays.items()
    }
    start["blocks.0.norm.running_mean"] = np.zeros(8, dtype=np.float32)
    start["blocks.0.norm.running_var"] = np.ones(8, dtype=np.float32)
    fitted = trainer.fit(make_task(X, y, 48))
    model = torch_mlp(NetShape("mlp", 6, (8,), 1, 3), start).train()
    theirs: Any = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)
    if optimizer == "sgd":  # torch couples the decay to the gradient; ours stays apart, as in AdamW
        theirs = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.8, nesterov=True)
    norms = []
    for _ in range(5):
        theirs.zero_grad()
        torch_loss(model(torch.tensor(X).double()), y, np.ones(48)).backward()
        model[0].bias.grad.zero_()  # mathematically zero; torch holds rounding noise that Adam would blow up
        limit = clip_norm if clip_norm > 0 else float("inf")
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), limit).item())
        if optimizer == "sgd":
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter.mul_(1 - 0.01 * 0.1)
        theirs.step()
    np.testing.assert_allclose(fitted.history["grad_norm"], norms, rtol=1e-4)  # before clipping
    assert min(norms) > 0.06  # so the clipped case clips at every step
    for name, expected in (
        ("blocks.0.linear.weight", model[0].weight),
        ("blocks.0.linear.bias", model[0].bias),
        ("blocks.0.norm.weight", model[1].weight),
        ("blocks.0.norm.bias", model[1].bias),
        ("blocks.0.norm.running_mean", model[1].running_mean),
        ("blocks.0.norm.running_var", model[1].running_var),
        ("head.weight", model[3].weight),
    ):
        np.testing.assert_allclose(fitted.arrays[name], expected.detach().numpy(), atol=2e-5, err_msg=name)


def test_training_works_after_torch_was_imported_and_leaves_its_threads_alone() -> None:
    before = torch.get_num_threads()
    X, y, _ = example(64, 6)
    LSTMTrainer(hidden_dim=4, lookback=3, max_epochs=1).fit(make_task(X, y, 64))
    assert torch.get_num_threads() == before
