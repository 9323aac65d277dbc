"""One fit of a network: ours, an expert's PyTorch loop, and the loop that most people write.

ours      smctrain's trainers
fast      the same with mode="fast"
tuned     PyTorch, eager: fused AdamW, tensors sliced by index, denormals flushed, nothing read back within an epoch
plain     PyTorch, eager: DataLoader over a TensorDataset, AdamW as it comes, the loss read back at every step

All minimise the same number: cross-entropy against smoothed targets, rows weighted by how rare their class is, divided
by the batch's weight. (PyTorch's own label smoothing with class weights weighs the smoothed part of a row by the other
classes: another loss, and slower than the one written here.) All clip at 1, use AdamW with PyTorch's defaults, stop
early by that loss on the stop rows, and put the best weights back.

`start` hands the loops of PyTorch our initial weights and our order of rows, so that nothing but dropout differs.
Without it every loop draws its own, as PyTorch's modules and loaders do.
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
class Start:
    """What a fit of ours begins with."""

    arrays: dict[str, NDArray[np.float32]]
    orders: list[Rows]  # of each epoch


def address(purpose: str) -> int:
    """FNV-1a: the second word of the key of a random stream."""
    key = 0xCBF29CE484222325
    for letter in purpose.encode():
        key = (key ^ letter) * 0x100000001B3 % 2**64
    return key


@dataclass(frozen=True)
class Net:
    """A network and how it is trained."""

    kind: str  # mlp, lstm, gru, cnn, transformer
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
        if self.kind == "transformer":
            return self.batch * self._attention(d)
        gates = {"lstm": 4, "gru": 3}[self.kind]
        h, steps = self.hidden[0], self.lookback
        return self.batch * gates * h * (2 * steps * d + (3 * steps - 3) * h)

    def _attention(self, d: int) -> float:
        """Of a window; the last layer answers for the last step alone, its keys and values are of all steps."""
        width, steps, wide = self.hidden[0], self.lookback, FEED_FORWARD
        rest = width * width + 2 * width * wide  # out of attention, up and down
        full = steps * (3 * width * width + rest) + steps * steps * width  # causal: half of the two products
        last = steps * 2 * width * width + width * width + rest + 2 * steps * width
        return 2 * steps * d * width + 3 * ((len(self.hidden) - 1) * full + last)


FEED_FORWARD, HEADS = 64, 4  # of the Transformer


def mlp(batch: int = 64, epochs: int = 50) -> Net:
    return Net("mlp", batch, epochs, 8, 1e-3, 1e-3, 0.4, 0.2)


def recurrent(kind: str, batch: int = 16, epochs: int = 30) -> Net:
    return Net(kind, batch, epochs, 15, 5e-4, 1e-4, 0.5, 0.0, 10, (64,))


def cnn(batch: int = 64, epochs: int = 30) -> Net:
    return Net("cnn", batch, epochs, 8, 1e-3, 1e-3, 0.3, 0.0, 20, (32, 32, 32))


def transformer(batch: int = 64, epochs: int = 30) -> Net:
    return Net("transformer", batch, epochs, 15, 1e-3, 1e-2, 0.2, 0.0, 20, (32, 32))


# ---- ours ---------------------------------------------------------------------------------------------------


def trainer_of(net: Net, **more: Any) -> Any:
    from smctrain.models.registry import make_trainer

    settings: dict[str, Any] = {
        "batch_size": net.batch, "max_epochs": net.epochs, "patience": net.patience, "learning_rate": net.rate,
        "weight_decay": net.decay, "dropout": net.dropout, "label_smoothing": net.smoothing, **more,
    }  # fmt: skip
    if net.kind == "mlp":
        family, settings["hidden_dims"] = "NeuralNetwork", net.hidden
    elif net.kind == "cnn":
        family, settings["channels"], settings["lookback"] = "CNN1D", net.hidden, net.lookback
    elif net.kind == "transformer":
        family = "Transformer"
        settings |= {"d_model": net.hidden[0], "num_layers": len(net.hidden), "lookback": net.lookback,
                     "num_heads": HEADS, "feed_forward": FEED_FORWARD, "warmup_epochs": 0.0}  # fmt: skip
    else:
        family, settings["hidden_dim"], settings["lookback"] = net.kind.upper(), net.hidden[0], net.lookback
    return make_trainer(family, settings)


def ours(
    net: Net, work: Work, rows: Rows, stop_rows: Rows, seed: int, start: Start | None = None, **more: Any
) -> tuple[int, Predict]:
    from smctrain.models.base import FitTask

    task = FitTask(X=work.X, y=work.y, rows=rows, stop_rows=stop_rows, n_classes=3, seed=seed)
    fitted: Any = trainer_of(net, **more).fit(task)
    return len(fitted.history["step"]), lambda some: np.asarray(fitted.predict_proba(work.X, some))


def fast(
    net: Net, work: Work, rows: Rows, stop_rows: Rows, seed: int, start: Start | None = None
) -> tuple[int, Predict]:
    return ours(net, work, rows, stop_rows, seed, mode="fast")


def start_of(net: Net, work: Work, rows: Rows, seed: int) -> Start:
    """What ours begins with for this seed: weights from a fit whose rate is too small to move any, order of rows from
    the stream that the fit draws it from."""
    from smctrain.models.base import FitTask

    still = trainer_of(net, learning_rate=1e-30, weight_decay=0.0, max_epochs=1)
    few, none = rows[rows >= net.lookback - 1][:300], rows[:0]
    fitted = still.fit(FitTask(X=work.X, y=work.y, rows=few, stop_rows=none, n_classes=3, seed=seed))
    stream = np.random.Generator(np.random.Philox(key=[seed, address("neural/order")]))
    known = rows[rows >= net.lookback - 1]
    orders = []
    for _ in range(net.epochs):
        order = known.tolist()
        for i, share in zip(range(len(order) - 1, 0, -1), stream.random(len(order) - 1).tolist(), strict=True):
            j = int(share * (i + 1))
            order[i], order[j] = order[j], order[i]
        orders.append(np.array(order, dtype=np.int64))
    return Start(fitted.arrays, orders)


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

    class Layer(nn.Module):
        """Norm before either half. The last layer answers for the last step alone, as an expert would have it."""

        def __init__(self, width: int, last: bool) -> None:
            super().__init__()
            self.last = last
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.up, self.down = nn.Linear(width, FEED_FORWARD), nn.Linear(FEED_FORWARD, width)
            self.dropout = nn.Dropout(net.dropout)

        def forward(self, x: Any) -> Any:
            n, _, width = x.shape
            seen = self.norm1(x)
            if self.last:
                weights, biases = self.qkv.weight.split((width, 2 * width)), self.qkv.bias.split((width, 2 * width))
                q = nn.functional.linear(seen[:, -1:], weights[0], biases[0])
                k, v = nn.functional.linear(seen, weights[1], biases[1]).chunk(2, -1)
                x = x[:, -1:]
            else:
                q, k, v = self.qkv(seen).chunk(3, -1)
            q, k, v = (z.view(n, -1, HEADS, width // HEADS).transpose(1, 2) for z in (q, k, v))
            mixed = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=not self.last)
            x = x + self.dropout(self.out(mixed.transpose(1, 2).reshape(n, -1, width)))
            wide = self.dropout(nn.functional.gelu(self.up(self.norm2(x))))
            return x + self.dropout(self.down(wide))

    class Transformer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            width, n = net.hidden[0], len(net.hidden)
            self.embed = nn.Linear(d, width)
            self.positions = nn.Parameter(torch.randn(net.lookback, width) / width**0.5)
            self.layers = nn.ModuleList(Layer(width, i + 1 == n) for i in range(n))
            self.dropout = nn.Dropout(net.dropout)
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 3)

        def forward(self, x: Any) -> Any:
            x = self.dropout(self.embed(x) + self.positions)
            for layer in self.layers:
                x = layer(x)
            return self.head(self.norm(x[:, -1]))

    return {"cnn": Causal, "transformer": Transformer}.get(net.kind, Recurrent)()


def _take_over(net: Net, module: Any, arrays: dict[str, NDArray[np.float32]]) -> None:
    """Our arrays into a module."""
    import torch

    state = module.state_dict()
    norm = ("weight", "bias", "running_mean", "running_var")
    affine = ("weight", "bias")
    named: dict[str, NDArray[np.float32]] = {}

    def take(mine: str, theirs: str, parts: tuple[str, ...] = affine) -> None:
        named.update({f"{theirs}.{part}": arrays[f"{mine}.{part}"] for part in parts})

    if net.kind == "mlp":
        for i in range(len(net.hidden)):
            take(f"blocks.{i}.linear", str(4 * i))
            take(f"blocks.{i}.norm", str(4 * i + 1), norm)
        take("head", str(4 * len(net.hidden)))
    elif net.kind == "cnn":
        for i in range(len(net.hidden)):
            take(f"layers.{i}.norm", f"norms.{i}", norm)
            newest_first = arrays[f"layers.{i}.conv.weight"]  # (tap, out, in)
            named[f"convolutions.{i}.weight"] = newest_first[::-1].transpose(1, 2, 0)
            named[f"convolutions.{i}.bias"] = arrays[f"layers.{i}.conv.bias"]
        take("head", "head")
    elif net.kind == "transformer":
        take("embed", "embed")
        named["positions"] = arrays["positions"]
        for i in range(len(net.hidden)):
            for mine, theirs in (
                ("attention.norm", "norm1"), ("attention.in", "qkv"), ("attention.out", "out"),
                ("feed.norm", "norm2"), ("feed.up", "up"), ("feed.down", "down"),
            ):  # fmt: skip
                take(f"layers.{i}.{mine}", f"layers.{i}.{theirs}")
        take("final.norm", "norm")
        take("head", "head")
    else:
        named |= {f"layer.weight_{part}_l0": arrays[f"layers.0.weight_{part}"] for part in ("ih", "hh")}
        named["layer.bias_ih_l0"] = bias = arrays["layers.0.bias"]
        second = np.zeros_like(bias)
        if net.kind == "gru":
            second[2 * net.hidden[0] :] = arrays["layers.0.bias_hn"]
        else:  # ours has one bias; a second that moves would double its rate
            module.layer.bias_hh_l0.requires_grad_(False)
        named["layer.bias_hh_l0"] = second
        take("head", "head")
    assert set(named) == {name for name in state if not name.endswith("num_batches_tracked")}
    module.load_state_dict({k: torch.tensor(np.ascontiguousarray(v)) for k, v in named.items()}, strict=False)


def _tensors(net: Net, work: Work) -> tuple[Any, Any]:
    """Inputs such that inputs[row] is what the network reads for that row, and labels."""
    import torch

    X, y = torch.from_numpy(work.X), torch.from_numpy(work.y.astype(np.int64))
    if net.lookback == 1:
        return X, y
    windows = X.unfold(0, net.lookback, 1).transpose(1, 2).contiguous()
    missing = torch.zeros(net.lookback - 1, *windows.shape[1:])
    return torch.cat([missing, windows]), y


class _Given:
    """A sampler: the orders given, epoch by epoch."""

    def __init__(self, orders: list[Rows], rows: Rows) -> None:
        self.places = iter([np.searchsorted(rows, order) for order in orders])
        self.n = len(rows)

    def __iter__(self) -> Any:
        return iter(next(self.places).tolist())

    def __len__(self) -> int:
        return self.n


def _torch_fit(
    net: Net, work: Work, rows: Rows, stop_rows: Rows, seed: int, start: Start | None, *, loader: bool
) -> tuple[int, Predict]:
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    torch.manual_seed(seed)
    torch.set_flush_denormal(not loader)
    rows, stop_rows = rows[rows >= net.lookback - 1], stop_rows[stop_rows >= net.lookback - 1]
    inputs, labels = _tensors(net, work)
    train, stop = torch.from_numpy(rows), torch.from_numpy(stop_rows)
    counts = np.bincount(work.y[rows], minlength=3)
    class_weight = torch.tensor(len(rows) / (3 * np.maximum(counts, 1)), dtype=torch.float32)
    module = _module(net, work.X.shape[1])
    if start is not None:
        _take_over(net, module, start.arrays)
    optimiser = torch.optim.AdamW(
        [p for p in module.parameters() if p.requires_grad], lr=net.rate, weight_decay=net.decay,
        **({} if loader else {"fused": True}),
    )  # fmt: skip
    if loader:
        order: dict[str, Any] = {"shuffle": True} if start is None else {"sampler": _Given(start.orders, rows)}
        batches = DataLoader(TensorDataset(inputs[train], labels[train]), net.batch, **order)
        stops = DataLoader(TensorDataset(inputs[stop], labels[stop]), net.batch)
    else:
        orders = iter([] if start is None else [torch.from_numpy(order) for order in start.orders])
        # Weighted smoothed targets of all rows, once: a step then costs half of what label_smoothing=... costs.
        row_weight = class_weight[labels]
        targets = torch.full((len(labels), 3), net.smoothing / 3)
        targets[torch.arange(len(labels)), labels] += 1 - net.smoothing
        targets *= row_weight[:, None]

    def criterion(logits: Any, y: Any) -> tuple[Any, Any]:
        """Weighted sum of the rows' losses, and of their weights."""
        w = class_weight[y]
        rows_lost = nn.functional.cross_entropy(logits, y, label_smoothing=net.smoothing, reduction="none")
        return (rows_lost * w).sum(), w.sum()

    best, best_weights, waited, epochs = float("inf"), copy.deepcopy(module.state_dict()), 0, 0
    for _ in range(net.epochs):
        epochs += 1
        module.train()
        if loader:
            total = 0.0
            for x, y in batches:
                if len(y) < 2:  # batch statistics need two rows
                    continue
                optimiser.zero_grad()
                lost, weight = criterion(module(x), y)
                loss = lost / weight
                loss.backward()
                nn.utils.clip_grad_norm_(module.parameters(), 1.0)
                optimiser.step()
                total += loss.item()
        else:
            turn = train[torch.randperm(len(train))] if start is None else next(orders)
            for part in turn.split(net.batch):
                if len(part) < 2:
                    continue
                optimiser.zero_grad(set_to_none=True)
                lost = nn.functional.cross_entropy(module(inputs[part]), targets[part], reduction="sum")
                (lost / row_weight[part].sum()).backward()
                nn.utils.clip_grad_norm_(module.parameters(), 1.0)
                optimiser.step()
        if not len(stop):
            continue
        module.eval()
        if loader:
            with torch.no_grad():
                sums = [criterion(module(x), y) for x, y in stops]
                value = (sum(lost for lost, _ in sums) / sum(weight for _, weight in sums)).item()
        else:
            with torch.inference_mode():
                logits = torch.cat([module(inputs[part]) for part in stop.split(512)])
                lost = nn.functional.cross_entropy(logits, targets[stop], reduction="sum")
                value = (lost / row_weight[stop].sum()).item()
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


def tuned(
    net: Net, work: Work, rows: Rows, stop_rows: Rows, seed: int, start: Start | None = None
) -> tuple[int, Predict]:
    return _torch_fit(net, work, rows, stop_rows, seed, start, loader=False)


def plain(
    net: Net, work: Work, rows: Rows, stop_rows: Rows, seed: int, start: Start | None = None
) -> tuple[int, Predict]:
    return _torch_fit(net, work, rows, stop_rows, seed, start, loader=True)


CONTESTANTS: dict[str, Callable[..., tuple[int, Predict]]] = {
    "ours": ours, "fast": fast, "tuned": tuned, "plain": plain,
}  # fmt: skip
