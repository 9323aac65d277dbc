"""One fit of a network: ours, an expert's PyTorch loop, and the loop that most people write.

ours      smctrain's trainers
fast      the same with mode="fast"
tuned     PyTorch, eager: fused AdamW, tensors sliced by index, denormals flushed, nothing read back within an epoch
plain     PyTorch, eager: DataLoader over a TensorDataset, AdamW as it comes, the loss read back at every step

All: class-balanced cross-entropy, clipping at 1, AdamW, early stopping with the best weights restored.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from data import Rows, Work
from numpy.typing import NDArray

Predict = Callable[[Rows], NDArray[Any]]


@dataclass(frozen=True)
class Net:
    """A network and how it is trained."""

    kind: str  # mlp, lstm, gru, cnn
    batch: int
    epochs: int
    patience: int
    rate: float
    decay: float
    dropout: float
    smoothing: float
    lookback: int = 1
    hidden: tuple[int, ...] = (256, 128, 64)

    def multiplications(self, d: int, classes: int) -> float:
        """Multiply-adds of one step: forward, gradient of the weights, gradient of the inputs where needed."""
        if self.kind == "mlp":
            widths = (d, *self.hidden, classes)
            layers = [a * b for a, b in pairwise(widths)]
            return self.batch * (3 * sum(layers) - layers[0])
        if self.kind == "cnn":
            widths = (d, *self.hidden)
            layers = [3 * a * b for a, b in pairwise(widths)]
            return self.batch * self.lookback * (3 * sum(layers) - layers[0])
        gates = {"lstm": 4, "gru": 3}[self.kind]
        h, steps = self.hidden[0], self.lookback
        return self.batch * gates * h * (2 * steps * d + (3 * steps - 3) * h)


def mlp(batch: int = 64, epochs: int = 50) -> Net:
    return Net("mlp", batch, epochs, 8, 1e-3, 1e-3, 0.4, 0.2)


def recurrent(kind: str, batch: int = 16, epochs: int = 30) -> Net:
    return Net(kind, batch, epochs, 15, 5e-4, 1e-4, 0.5, 0.0, 10, (64,))


def cnn(batch: int = 64, epochs: int = 30) -> Net:
    return Net("cnn", batch, epochs, 8, 1e-3, 1e-3, 0.3, 0.0, 20, (32, 32, 32))


# ---- ours ---------------------------------------------------------------------------------------------------


def ours(net: Net, work: Work, rows: Rows, stop_rows: Rows, seed: int, **more: Any) -> tuple[int, Predict]:
    from smctrain.models.base import FitTask
    from smctrain.models.registry import make_trainer

    settings: dict[str, Any] = {
        "batch_size": net.batch, "max_epochs": net.epochs, "patience": net.patience, "learning_rate": net.rate,
        "weight_decay": net.decay, "dropout": net.dropout, "label_smoothing": net.smoothing, **more,
    }  # fmt: skip
    if net.kind == "mlp":
        family, settings["hidden_dims"] = "NeuralNetwork", net.hidden
    elif net.kind == "cnn":
        family, settings["channels"], settings["lookback"] = "CNN1D", net.hidden, net.lookback
    else:
        family, settings["hidden_dim"], settings["lookback"] = net.kind.upper(), net.hidden[0], net.lookback
    task = FitTask(X=work.X, y=work.y, rows=rows, stop_rows=stop_rows, n_classes=3, seed=seed)
    fitted: Any = make_trainer(family, settings).fit(task)
    return len(fitted.history["step"]), lambda some: np.asarray(fitted.predict_proba(work.X, some))


def fast(net: Net, work: Work, rows: Rows, stop_rows: Rows, seed: int) -> tuple[int, Predict]:
    return ours(net, work, rows, stop_rows, seed, mode="fast")


# ---- PyTorch ------------------------------------------------------------------------------------------------


def _module(net: Net, d: int) -> Any:
    import torch
    from torch import nn

    if net.kind == "mlp":
        layers: list[Any] = []
        for width in net.hidden:
            layers += [nn.Linear(d, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(net.dropout)]
            d = width
        return nn.Sequential(*layers, nn.Linear(d, 3))

    class Causal(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            widths = (d, *net.hidden)
            pairs = list(pairwise(widths))
            self.convolutions = nn.ModuleList(nn.Conv1d(a, b, 3, dilation=2**i) for i, (a, b) in enumerate(pairs))
            self.norms = nn.ModuleList(nn.BatchNorm1d(b) for _, b in pairs)
            self.dropout = nn.Dropout(net.dropout)
            self.head = nn.Linear(net.hidden[-1], 3)

        def forward(self, x: Any) -> Any:
            x = x.transpose(1, 2)
            for i, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
                x = self.dropout(torch.relu(norm(convolution(nn.functional.pad(x, (2 * 2**i, 0))))))
            return self.head(x[:, :, -1])

    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            layer = nn.LSTM if net.kind == "lstm" else nn.GRU
            self.layer = layer(d, net.hidden[0], batch_first=True)
            self.dropout = nn.Dropout(net.dropout)
            self.head = nn.Linear(net.hidden[0], 3)

        def forward(self, x: Any) -> Any:
            return self.head(self.dropout(self.layer(x)[0][:, -1]))

    return Causal() if net.kind == "cnn" else Recurrent()


def _tensors(net: Net, work: Work) -> tuple[Any, Any]:
    """Inputs such that inputs[row] is what the network reads for that row, and labels."""
    import torch

    X, y = torch.from_numpy(work.X), torch.from_numpy(work.y.astype(np.int64))
    if net.lookback == 1:
        return X, y
    windows = X.unfold(0, net.lookback, 1).transpose(1, 2).contiguous()
    missing = torch.zeros(net.lookback - 1, *windows.shape[1:])
    return torch.cat([missing, windows]), y


def _torch_fit(net: Net, work: Work, rows: Rows, stop_rows: Rows, seed: int, *, loader: bool) -> tuple[int, Predict]:
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    torch.manual_seed(seed)
    torch.set_flush_denormal(not loader)
    rows, stop_rows = rows[rows >= net.lookback - 1], stop_rows[stop_rows >= net.lookback - 1]
    inputs, labels = _tensors(net, work)
    train, stop = torch.from_numpy(rows), torch.from_numpy(stop_rows)
    counts = np.bincount(work.y[rows], minlength=3)
    weights = torch.tensor(len(rows) / (3 * np.maximum(counts, 1)), dtype=torch.float32)
    module = _module(net, work.X.shape[1])
    criterion = nn.CrossEntropyLoss(weight=weights, label_smoothing=net.smoothing)
    optimiser = torch.optim.AdamW(
        module.parameters(), lr=net.rate, weight_decay=net.decay, **({} if loader else {"fused": True})
    )
    if loader:
        batches = DataLoader(TensorDataset(inputs[train], labels[train]), net.batch, shuffle=True)
        stops = DataLoader(TensorDataset(inputs[stop], labels[stop]), net.batch)
    best, best_weights, waited, epochs = float("inf"), copy.deepcopy(module.state_dict()), 0, 0
    for _ in range(net.epochs):
        epochs += 1
        module.train()
        if loader:
            total = 0.0
            for x, y in batches:
                optimiser.zero_grad()
                loss = criterion(module(x), y)
                loss.backward()
                nn.utils.clip_grad_norm_(module.parameters(), 1.0)
                optimiser.step()
                total += loss.item()
        else:
            for part in train[torch.randperm(len(train))].split(net.batch):
                if len(part) < 2:  # batch statistics need two rows
                    continue
                optimiser.zero_grad(set_to_none=True)
                criterion(module(inputs[part]), labels[part]).backward()
                nn.utils.clip_grad_norm_(module.parameters(), 1.0)
                optimiser.step()
        if not len(stop):
            continue
        module.eval()
        if loader:
            with torch.no_grad():
                value = sum(criterion(module(x), y).item() * len(x) for x, y in stops) / len(stop)
        else:
            with torch.inference_mode():
                value = sum(
                    criterion(module(inputs[part]), labels[part]) * len(part) for part in stop.split(512)
                ).item() / len(stop)
        if value < best:
            best, best_weights, waited = value, copy.deepcopy(module.state_dict()), 0
        else:
            waited += 1
            if waited >= net.patience:
                break
    if len(stop):
        module.load_state_dict(best_weights)
    module.eval()

    def predict(some: Rows) -> NDArray[Any]:
        with torch.inference_mode():
            parts = [module(inputs[part]).softmax(1) for part in torch.from_numpy(some).split(512)]
            return torch.cat(parts).numpy()

    return epochs, predict


def tuned(net: Net, work: Work, rows: Rows, stop_rows: Rows, seed: int) -> tuple[int, Predict]:
    return _torch_fit(net, work, rows, stop_rows, seed, loader=False)


def plain(net: Net, work: Work, rows: Rows, stop_rows: Rows, seed: int) -> tuple[int, Predict]:
    return _torch_fit(net, work, rows, stop_rows, seed, loader=True)


CONTESTANTS: dict[str, Callable[..., tuple[int, Predict]]] = {
    "ours": ours, "fast": fast, "tuned": tuned, "plain": plain,
}  # fmt: skip
