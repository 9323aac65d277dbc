"""The variational autoencoder: gradients, latent space, scores, head, storage and scikit-learn's faces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from smctrain import _load
from smctrain.exceptions import ArtifactError, InputError
from smctrain.models import load_model
from smctrain.models._neural_common import NetShape
from smctrain.models.estimators.vae import VAEClassifier, VAERegressor
from smctrain.models.vae import FittedVAE, VAETrainer

from .conftest import make_task


def fnv1a64(text: str) -> int:
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def latent_noise(seed: int, n: int) -> np.ndarray:
    """The draws of the latent units: Box-Muller pairs of the stream (seed, "neural/latent")."""
    stream = np.random.Generator(np.random.Philox(key=np.array([seed, fnv1a64("neural/latent")], dtype=np.uint64)))
    u, v = stream.random(n + n % 2).reshape(-1, 2).T
    radius, angle = np.sqrt(-2.0 * np.log(1.0 - u)), 2.0 * np.pi * v
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]).ravel()[:n]


def random_arrays(shape: NetShape) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    arrays = {name: rng.normal(scale=0.4, size=extents) for name, extents in shape.array_shapes().items()}
    for name, array in arrays.items():
        if name.endswith("running_var"):
            arrays[name] = np.abs(array) + 0.5
    return {name: array.astype(np.float32) for name, array in arrays.items()}


@pytest.fixture(scope="module")
def planted() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """20 columns bent from 3 factors, with noise; the class is the sign of a product of two factors."""
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(1600, 3))
    X = np.tanh(factors @ rng.normal(size=(3, 20))) + 0.1 * rng.normal(size=(1600, 20))
    return (X - X.mean(0)) / X.std(0), factors, (factors[:, 0] * factors[:, 1] > 0).astype(int)


@pytest.fixture(scope="module")
def fitted(planted: tuple[np.ndarray, np.ndarray, np.ndarray]) -> VAEClassifier:
    X, _, y = planted
    model = VAEClassifier((64, 32), latent_dim=8, learning_rate=0.005, max_epochs=30, random_state=0)
    return model.fit(X[:1000], y[:1000], X_val=X[1000:1200], y_val=y[1000:1200])


# ---- gradients ------


@pytest.mark.parametrize(
    ("shape", "n"),
    [
        (NetShape("vae", 7, (12, 6), 1, 3, latent_dim=4), 33),
        (NetShape("vae", 5, (9,), 1, 0, latent_dim=2), 20),
        (NetShape("vae", 3, (8, 8, 8), 1, 2, latent_dim=5), 64),
    ],
    ids=["three classes", "regression", "deep"],
)
def test_gradients_of_every_layer_equal_autograd(shape: NetShape, n: int) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(9)
    arrays = random_arrays(shape)
    X = rng.normal(size=(n, shape.n_features)).astype(np.float32)
    weight = rng.uniform(0.5, 2.0, size=n)
    regression = shape.n_classes == 0
    y = rng.normal(size=n) if regression else rng.integers(0, shape.n_classes, size=n).astype(np.int32)
    trainer = VAETrainer(
        shape.hidden, latent_dim=shape.latent_dim, reconstruction_weight=0.7, kl_weight=0.4, head_weight=1.3,
        dropout=0.0, class_weight=None, label_smoothing=0.1,
    )  # fmt: skip
    loss, gradient = _load.neural().neural_gradient(
        X, y, np.arange(n, dtype=np.int64), weight, None, shape.native(), trainer.native(), arrays
    )

    functional = torch.nn.functional
    weights = {
        name: torch.tensor(array, dtype=torch.float64, requires_grad="running" not in name)
        for name, array in arrays.items()
    }

    def blocks(stack: str, x: Any) -> Any:
        for i in range(len(shape.hidden)):
            at = f"{stack}.{i}."
            z = functional.linear(x, weights[at + "linear.weight"], weights[at + "linear.bias"])
            z = functional.batch_norm(
                z, None, None, weights[at + "norm.weight"], weights[at + "norm.bias"], training=True, eps=1e-5
            )
            x = torch.relu(z)
        return x

    rows, w = torch.tensor(X, dtype=torch.float64), torch.tensor(weight)
    code = functional.linear(blocks("encoder", rows), weights["latent.weight"], weights["latent.bias"])
    mean, log_var = code[:, : shape.latent_dim], code[:, shape.latent_dim :]
    noise = torch.tensor(latent_noise(0, n * shape.latent_dim).reshape(n, -1))
    z = mean + torch.exp(0.5 * log_var) * noise
    again = functional.linear(blocks("decoder", z), weights["output.weight"], weights["output.bias"])
    head = functional.linear(z, weights["head.weight"], weights["head.bias"])
    reconstruction = 0.5 * ((again - rows) ** 2).sum(1)
    kl = 0.5 * (mean**2 + log_var.exp() - 1 - log_var).sum(1)
    if regression:
        centre = np.average(y, weights=weight)
        spread = np.sqrt(np.average((y - centre) ** 2, weights=weight))
        row_loss = 0.5 * (head[:, 0] - torch.tensor((y - centre) / spread)) ** 2
    else:
        row_loss = functional.cross_entropy(head, torch.tensor(y).long(), reduction="none", label_smoothing=0.1)
    own = (0.7 * reconstruction + 0.4 * kl) / shape.n_features
    reference = (w * (1.3 * row_loss + own)).sum() / w.sum()
    reference.backward()
    assert loss == pytest.approx(reference.item(), rel=1e-5)
    assert set(gradient) == {name for name, array in weights.items() if array.requires_grad}
    for name, found in gradient.items():
        # Before a normalisation the bias has no gradient; torch leaves rounding noise there.
        wanted = np.zeros(1) if name.endswith("linear.bias") else weights[name].grad.numpy()
        np.testing.assert_allclose(found, wanted + np.zeros_like(found), rtol=1e-4, atol=1e-5, err_msg=name)


# ---- latent space ------


def test_latent_means_hold_the_factors_behind_the_columns(planted: Any, fitted: VAEClassifier) -> None:
    X, factors, _ = planted
    codes = np.column_stack([fitted.transform(X), np.ones(len(X))])
    probe = np.linalg.lstsq(codes[:1000], factors[:1000], rcond=None)[0]
    error = ((factors[1200:] - codes[1200:] @ probe) ** 2).mean(0)
    assert (1 - error / factors[1200:].var(0) > 0.75).all()


def test_as_many_units_are_active_as_the_data_needs(fitted: VAEClassifier) -> None:
    assert 3 <= fitted.active_units_ <= 8
    assert fitted.warnings_ == []
    variances = np.sort(fitted.fitted_.latent_variance)[::-1]
    assert variances[2] > 0.3


def test_reconstruction_is_nearer_the_truth_than_the_noisy_rows() -> None:
    rng = np.random.default_rng(4)
    factors = rng.normal(size=(1500, 2))
    clean = factors @ rng.normal(size=(2, 15))
    clean /= clean.std(0)
    noisy = clean + 0.5 * rng.normal(size=clean.shape)
    model = VAERegressor(
        (32,), latent_dim=4, kl_weight=0.25, learning_rate=0.005, max_epochs=25, dropout=0.0, random_state=1
    ).fit(noisy[:1200], factors[:1200, 0])
    error = ((model.reconstruct(noisy[1200:]) - clean[1200:]) ** 2).mean()
    assert error < 0.4 * ((noisy[1200:] - clean[1200:]) ** 2).mean()


def test_broken_rows_rank_first_as_anomalies(planted: Any, fitted: VAEClassifier) -> None:
    X = planted[0][1200:]
    broken = np.random.default_rng(1).permuted(X, axis=0)  # each column as it was, the columns unrelated
    truth = np.repeat([0, 1], len(X))
    for kind in ("elbo", "reconstruction"):
        scores = np.r_[fitted.anomaly_score(X, kind=kind), fitted.anomaly_score(broken, kind=kind)]
        assert roc_auc_score(truth, scores) > 0.95
    shares = fitted.anomaly_score(X, as_share=True)
    assert 0.4 < shares.mean() < 0.65  # usual rows are spread over the training quantiles
    assert np.median(fitted.anomaly_score(broken, as_share=True)) == 1.0


def test_scores_are_the_parts_of_the_loss(planted: Any, fitted: VAEClassifier) -> None:
    X = np.ascontiguousarray(planted[0][1200:], dtype=np.float32)
    net = fitted.fitted_
    mean, sd = net.latent(X), net.latent_sd(X)
    kl = 0.5 * (mean**2 + sd**2 - 1 - 2 * np.log(sd)).sum(1)
    squares = ((net.reconstruct(X) - X) ** 2).sum(1)
    np.testing.assert_allclose(fitted.anomaly_score(X), (0.5 * squares + 0.1 * kl) / 20, rtol=1e-5)
    np.testing.assert_allclose(fitted.anomaly_score(X, kind="reconstruction"), squares / 20, rtol=1e-5)


def test_a_collapsed_latent_space_is_reported(planted: Any) -> None:
    X, _, y = planted
    model = VAEClassifier(
        (16,), latent_dim=4, kl_weight=100.0, head_weight=0.0, max_epochs=10, learning_rate=0.01,
        kl_warmup_epochs=0.0, random_state=0,
    ).fit(X[:600], y[:600])  # fmt: skip
    assert model.active_units_ == 0
    assert any("latent space collapsed" in sentence for sentence in model.warnings_)


# ---- head and loop ------


def test_head_learns_what_no_line_can(planted: Any, fitted: VAEClassifier) -> None:
    X, _, y = planted
    assert fitted.score(X[1200:], y[1200:]) > 0.85
    assert LogisticRegression().fit(X[:1000], y[:1000]).score(X[1200:], y[1200:]) < 0.65


def test_head_finds_nothing_in_noise(noise: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = noise
    task = make_task(X, y, 250, 50)
    fitted = VAETrainer((16,), latent_dim=4, class_weight=None, max_epochs=15).fit(task)
    proba = fitted.predict_proba(task.X, np.arange(300, 400, dtype=np.int64))
    rate = (y[300:] == 0).mean()
    accuracy = (proba.argmax(1) == y[300:]).mean()
    assert abs(accuracy - rate) < 3.0 * np.sqrt(rate * (1 - rate) / 100)


def test_history_shows_every_part_and_adds_up(planted: Any, fitted: VAEClassifier) -> None:
    history = fitted.fitted_.history
    for side in ("train", "val"):
        total = history[f"{side}_head"] + (history[f"{side}_reconstruction"] + 0.1 * history[f"{side}_kl"]) / 20
        np.testing.assert_allclose(history[f"{side}_loss"], total, rtol=1e-6)
    np.testing.assert_allclose(history["kl_weight"][:6], [0.02, 0.04, 0.06, 0.08, 0.1, 0.1])


def test_validation_loss_of_the_kept_weights_is_the_best_one(planted: Any) -> None:
    X, _, y = planted
    task = make_task(X, y, 800, 300)
    trainer = VAETrainer((32,), latent_dim=4, label_smoothing=0.0, max_epochs=12, class_weight=None, learning_rate=0.01)
    fitted = trainer.fit(task)
    stop = task.stop_rows
    parts = fitted.losses(task.X, stop).mean(0)
    proba = fitted.predict_proba(task.X, stop)
    head = -np.log(proba[np.arange(len(stop)), task.y[stop]]).mean()
    assert fitted.best_loss == pytest.approx(head + (parts[0] + 0.1 * parts[1]) / 20, rel=1e-4)
    assert fitted.best_loss == fitted.history["val_loss"].min()
    assert fitted.history["val_loss"][fitted.best_epoch - 1] == fitted.best_loss


def test_the_same_seed_gives_the_same_bits(planted: Any) -> None:
    X, _, y = planted
    one, two, other = (VAEClassifier((8,), latent_dim=2, max_epochs=2, random_state=seed) for seed in (3, 3, 4))
    codes = [model.fit(X[:200], y[:200]).transform(X[:50]) for model in (one, two, other)]
    np.testing.assert_array_equal(codes[0], codes[1])
    assert np.abs(codes[0] - codes[2]).max() > 1e-3


def test_regressor_answers_in_units_of_y(planted: Any) -> None:
    X, factors, _ = planted
    y = 1000.0 + 50.0 * factors[:, 0]
    model = VAERegressor((32,), latent_dim=6, learning_rate=0.005, max_epochs=25, random_state=0).fit(
        X[:1200], y[:1200]
    )
    assert model.score(X[1200:], y[1200:]) > 0.7


# ---- faces ------


def test_it_is_a_step_of_a_pipeline(planted: Any) -> None:
    X, _, y = planted
    vae = VAEClassifier((32,), latent_dim=6, learning_rate=0.01, max_epochs=15, random_state=0)
    pipeline = make_pipeline(StandardScaler(), vae, LogisticRegression())
    pipeline.fit(1e3 * X[:1000] + 7, y[:1000])
    assert pipeline.score(1e3 * X[1200:] + 7, y[1200:]) > 0.8
    assert pipeline[:-1].get_feature_names_out().tolist() == [f"vae_{k}" for k in range(6)]


def test_frames_stay_frames(planted: Any) -> None:
    pd = pytest.importorskip("pandas")
    X, _, y = planted
    frame = pd.DataFrame(X[:100], columns=[f"c{i}" for i in range(20)], index=np.arange(100) + 7)
    model = VAEClassifier((8,), latent_dim=2, max_epochs=2, random_state=0).fit(frame, y[:100])
    again = model.reconstruct(frame)
    assert list(again.columns) == list(frame.columns)
    assert again.index.equals(frame.index)
    assert model.set_output(transform="pandas").transform(frame).columns.tolist() == ["vae_0", "vae_1"]


def test_file_round_trip_keeps_every_answer(planted: Any, fitted: VAEClassifier, tmp_path: Path) -> None:
    X = planted[0][:50]
    fitted.save(tmp_path / "model.smc")
    again = load_model(tmp_path / "model.smc")
    for ask in ("predict_proba", "transform", "reconstruct", "anomaly_score"):
        np.testing.assert_array_equal(getattr(again, ask)(X), getattr(fitted, ask)(X))
    np.testing.assert_array_equal(again.anomaly_score(X, as_share=True), fitted.anomaly_score(X, as_share=True))
    assert again.active_units_ == fitted.active_units_
    assert sorted(again.history_) == sorted(fitted.history_)


def test_damaged_states_are_refused(fitted: VAEClassifier) -> None:
    meta, arrays = fitted.fitted_.to_state()
    assert FittedVAE.from_state(meta, arrays).active_units == fitted.active_units_
    wrong = [
        (meta | {"latent_dim": 0}, arrays),
        (meta | {"latent_dim": 9}, arrays),
        (meta | {"kl_weight": -1.0}, arrays),
        (meta, arrays | {"training.latent_variance": np.full(8, np.nan)}),
        (meta, arrays | {"training.score_quantiles": np.zeros((3, 2))}),
        (meta, {name: array for name, array in arrays.items() if name != "output.bias"}),
        (meta, {name: array for name, array in arrays.items() if name != "history.val_kl"}),
    ]
    for bad_meta, bad_arrays in wrong:
        with pytest.raises(ArtifactError, match="VAE"):
            FittedVAE.from_state(bad_meta, bad_arrays)


def test_wrong_settings_are_named_together() -> None:
    with pytest.raises(InputError, match=r"latent_dim must be .*; kl_weight must be .*; max_epochs must be"):
        VAETrainer(latent_dim=0, kl_weight=-1.0, max_epochs=0)


def test_bad_input_after_the_fit_is_a_typed_error(planted: Any, fitted: VAEClassifier) -> None:
    X = planted[0][:5].copy()
    with pytest.raises(InputError, match="kind must be"):
        fitted.anomaly_score(X, kind="kl")
    with pytest.raises(InputError, match="20"):
        fitted.transform(X[:, :3])
    X[2, 4] = np.nan
    for ask in ("transform", "reconstruct", "anomaly_score"):
        with pytest.raises(InputError, match="NaN"):
            getattr(fitted, ask)(X)
