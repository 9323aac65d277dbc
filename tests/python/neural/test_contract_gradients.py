"""Gradients of every array of every network against finite differences of its own loss, dropout masks fixed by the
seed; and the loss, where classes have weights and labels are smoothed, against PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from smctrain import _load
from smctrain.models._neural_common import NetShape
from smctrain.models.multi_task import MultiTaskTrainer
from smctrain.models.neural_network import NeuralNetworkTrainer

SHAPES = {
    "MLP": NetShape("mlp", 5, (9, 6), 1, 3),
    "MLP without norm": NetShape("mlp", 5, (9, 6), 1, 3, norm=False),
    "LSTM": NetShape("lstm", 5, (6, 4), 5, 3),
    "GRU": NetShape("gru", 5, (6, 4), 5, 3),
    "convolution": NetShape("cnn", 5, (6, 4), 6, 3, 2),
    "attention": NetShape("transformer", 5, (8, 8), 5, 3, num_heads=2, feed_forward=6),
    "several targets": NetShape("mlp", 5, (9, 8), 1, 0, tasks=(3, 0)),
    "a number by MLP": NetShape("mlp", 5, (9, 6), 1, 0),
    "a number by attention": NetShape("transformer", 5, (8,), 5, 0, num_heads=2, feed_forward=6),
}
N = 60
Arrays = dict[str, NDArray[np.float32]]


def random_arrays(shape: NetShape) -> Arrays:
    rng = np.random.default_rng(5)
    arrays = {name: rng.normal(scale=0.4, size=extents) for name, extents in shape.array_shapes().items()}
    for name, array in arrays.items():
        if name.endswith(("running_var", "norm.weight")):
            arrays[name] = np.abs(array) + 0.5
    if shape.tasks:  # a head reads its own units only
        arrays["head.weight"][:3, 4:] = 0.0
        arrays["head.weight"][3:, :4] = 0.0
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def problem(shape: NetShape) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(6)
    X = rng.normal(size=(N, shape.n_features)).astype(np.float32)
    codes = rng.choice(3, size=N, p=[0.6, 0.3, 0.1]).astype(np.int32)
    numbers = rng.normal(3.0, 2.0, size=N)
    if shape.tasks:
        return X, np.column_stack([codes.astype(float), numbers]), rng.uniform(0.2, 2.0, N)
    return X, codes if shape.n_classes else numbers, rng.uniform(0.2, 2.0, N)


def loss_and_gradient(shape: NetShape, arrays: Arrays, **settings: Any) -> tuple[float, Arrays]:
    X, y, weight = problem(shape)
    native: dict[str, Any] = {**NeuralNetworkTrainer(label_smoothing=0.1).native(), "dropout": 0.3, **settings}
    if shape.tasks:
        native = {**native, **MultiTaskTrainer().native(), "dropout": native["dropout"], "label_smoothing": 0.1}
        native |= {"task_weights": [1.0, 0.5], "task_names": ["a", "b"]}
    rows = np.arange(shape.lookback - 1, N, dtype=np.int64)
    loss, gradient = _load.neural().neural_gradient(X, y, rows, weight, None, shape.native(), native, arrays)
    return float(loss), gradient


CASES = [
    (name, path)
    for name, shape in SHAPES.items()
    for path in (("fused", "torch") if shape.norm and not shape.tasks and shape.kind != "transformer" else ("fused",))
]


@pytest.mark.parametrize("dropout", [0.0, 0.3], ids=["no dropout", "fixed masks"])
@pytest.mark.parametrize(("name", "path"), CASES)
def test_gradients_of_every_array_are_slopes_of_the_loss(name: str, path: str, dropout: float) -> None:
    """Slopes along the gradient itself and along a direction drawn by lot, by differences of two steps (Richardson),
    array by array, equal what the gradient says. Balanced classes, row weights and smoothed labels are all on."""
    shape = SHAPES[name]
    arrays = random_arrays(shape)
    _, gradient = loss_and_gradient(shape, arrays, dropout=dropout, path=path)
    rng = np.random.default_rng(7)

    def slope(key: str, direction: NDArray[np.float64]) -> float:
        def central(step: float) -> float:
            sides = []
            for sign in (1.0, -1.0):
                moved = {**arrays, key: (arrays[key] + sign * step * direction).astype(np.float32)}
                sides.append(loss_and_gradient(shape, moved, dropout=dropout, path=path)[0])
            return (sides[0] - sides[1]) / (2.0 * step)

        return (4.0 * central(2e-3) - central(4e-3)) / 3.0

    lengths = {key: float(np.linalg.norm(array)) for key, array in gradient.items()}
    assert set(lengths) == {key for key in arrays if "running" not in key}
    flat = {key for key, length in lengths.items() if length == 0.0}
    # A bias in front of a batch norm moves nothing.
    assert flat == {key for key in arrays if shape.norm and key.endswith(("linear.bias", "conv.bias"))}
    largest = max(lengths.values())
    for key in lengths.keys() - flat:
        drawn = rng.normal(size=arrays[key].shape)
        if shape.tasks:
            drawn *= arrays[key] != 0
        for direction in (gradient[key].astype(np.float64), drawn):
            unit = direction / np.linalg.norm(direction)
            expected = float((gradient[key] * unit).sum())
            assert slope(key, unit) == pytest.approx(expected, abs=0.02 * lengths[key] + 4e-4 * largest), key


# ---- the loss where classes have weights and labels are smoothed ------


def weighted_losses(smoothing: float, *, balanced: bool, rows_weighted: bool) -> tuple[float, Arrays, Any, Any, Any]:
    """Our loss and gradient of one MLP, and what PyTorch needs to write its own: logits, codes, class weights."""
    torch = pytest.importorskip("torch")
    shape = NetShape("mlp", 5, (9,), 1, 3, norm=False)
    arrays = random_arrays(shape)
    X, y, weight = problem(shape)
    native = {
        **NeuralNetworkTrainer(class_weight="balanced" if balanced else None).native(), "label_smoothing": smoothing,
        "dropout": 0.0,
    }  # fmt: skip
    loss, gradient = _load.neural().neural_gradient(
        X, y, np.arange(N), weight if rows_weighted else None, None, shape.native(), native, arrays
    )
    tensors = {key: torch.tensor(array, dtype=torch.float64, requires_grad=True) for key, array in arrays.items()}
    hidden = torch.relu(
        torch.tensor(X).double() @ tensors["blocks.0.linear.weight"].T + tensors["blocks.0.linear.bias"]
    )
    logits = hidden @ tensors["head.weight"].T + tensors["head.bias"]
    by_class = torch.tensor(N / (3 * np.bincount(y, minlength=3))) if balanced else torch.ones(3).double()
    return float(loss), gradient, (logits, tensors["head.weight"]), torch.tensor(y).long(), by_class


@pytest.mark.parametrize(
    ("smoothing", "balanced"), [(0.0, False), (0.0, True), (0.2, False)], ids=["plain", "class weights", "smoothing"]
)
def test_either_class_weights_or_smoothing_is_pytorchs_cross_entropy(smoothing: float, balanced: bool) -> None:
    torch = pytest.importorskip("torch")
    loss, gradient, (logits, head), y, by_class = weighted_losses(smoothing, balanced=balanced, rows_weighted=False)
    theirs = torch.nn.CrossEntropyLoss(weight=by_class, label_smoothing=smoothing)(logits, y)
    theirs.backward()
    assert loss == pytest.approx(theirs.item(), rel=1e-5)
    np.testing.assert_allclose(gradient["head.weight"], head.grad.numpy(), atol=1e-6)


@pytest.mark.parametrize("rows_weighted", [False, True], ids=["class weights", "class and row weights"])
def test_with_both_a_row_counts_by_the_weight_of_its_class_and_its_smoothed_label_is_one_target(
    rows_weighted: bool,
) -> None:
    """PyTorch's loss row by row, without its class weights, times the weight of the row: a class weight is a row
    weight, whoever gives it."""
    torch = pytest.importorskip("torch")
    loss, gradient, (logits, head), y, by_class = weighted_losses(0.2, balanced=True, rows_weighted=rows_weighted)
    weight = by_class[y] * (torch.tensor(problem(SHAPES["MLP"])[2]) if rows_weighted else 1.0)
    each = torch.nn.functional.cross_entropy(logits, y, label_smoothing=0.2, reduction="none")
    ours = (each * weight).sum() / weight.sum()
    ours.backward(retain_graph=True)
    assert loss == pytest.approx(ours.item(), rel=1e-5)
    np.testing.assert_allclose(gradient["head.weight"], head.grad.numpy(), atol=1e-6)
    theirs = torch.nn.CrossEntropyLoss(weight=by_class, label_smoothing=0.2)(logits, y)
    assert theirs.item() != pytest.approx(loss, rel=1e-3)


def test_why_not_pytorchs_loss_with_both_it_answers_the_rarest_class_where_nothing_is_known() -> None:
    """With balanced classes a model that knows nothing should say so: 1/3 each. That is the least of our loss. That of
    `CrossEntropyLoss(weight=..., label_smoothing=...)`, whose smoothing part weighs every class of every row, says the
    rarest class, because it is rare."""
    torch = pytest.importorskip("torch")
    y = torch.tensor(np.repeat([0, 1, 2], [60, 30, 10]))
    by_class = torch.tensor(100 / (3 * np.array([60.0, 30.0, 10.0])))

    def slope_at(probabilities: Any, loss: Any) -> float:
        """Largest slope of the loss, which is convex, where every row is answered so."""
        logits = torch.log(torch.as_tensor(probabilities)).requires_grad_(True)
        loss(logits.expand(100, 3)).backward()
        return float(logits.grad.abs().max())

    def of_rows(logits: Any) -> Any:
        each = torch.nn.functional.cross_entropy(logits, y, label_smoothing=0.2, reduction="none")
        return (each * by_class[y]).sum() / by_class[y].sum()

    def theirs(logits: Any) -> Any:
        return torch.nn.CrossEntropyLoss(weight=by_class, label_smoothing=0.2)(logits, y)

    nothing_known = np.full(3, 1 / 3)
    towards_rare = (0.8 + 0.2 * by_class.numpy()) / (0.8 + 0.2 * by_class.numpy()).sum()
    assert towards_rare[2] > 0.43
    assert slope_at(nothing_known, of_rows) < 1e-9
    assert slope_at(towards_rare, theirs) < 1e-9
    assert slope_at(nothing_known, theirs) > 0.01
