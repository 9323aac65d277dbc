"""A family behind a variational autoencoder: what it sees, that nothing leaks into it, storage, a run that names it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smctrain.config import resolve
from smctrain.exceptions import ArtifactError, ConfigError, InputError
from smctrain.models import VAEColumnsClassifier, load_model
from smctrain.models.base import FitTask
from smctrain.models.registry import make_trainer
from smctrain.models.vae_columns import FittedVAEColumns, VAEColumnsTrainer

VAE: dict[str, Any] = {"hidden_dims": (16,), "latent_dim": 3, "max_epochs": 15, "learning_rate": 0.01}
FOREST = {"n_estimators": 20}


def strange_rows(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """10 columns of 2 factors; in rows of class 1 the columns have nothing to do with one another, and each is
    distributed as ever."""
    rng = np.random.default_rng(seed)
    mix = np.random.default_rng(0).normal(size=(2, 10))
    X = rng.normal(size=(n, 2)) @ mix / np.linalg.norm(mix, axis=0) + 0.1 * rng.normal(size=(n, 10))
    y = (rng.random(n) < 0.3).astype(int)
    apart = rng.permuted(X, axis=0)
    return np.where(y[:, None] == 1, apart, X).astype(np.float32), y


def task_of(X: np.ndarray, y: np.ndarray, n_train: int, n_stop: int) -> FitTask:
    return FitTask(
        X=X, y=y.astype(np.int32), rows=np.arange(n_train), stop_rows=np.arange(n_train, n_train + n_stop), n_classes=2
    )


@pytest.fixture(scope="module")
def fitted() -> VAEColumnsClassifier:
    X, y = strange_rows(1200, 1)
    model = VAEColumnsClassifier(
        "LogisticRegression", columns=("anomaly", "denoised"), keep_rows=True, vae=VAE, random_state=0
    )
    return model.fit(X[:900], y[:900], X_val=X[900:], y_val=y[900:])


def test_strangeness_tells_what_the_columns_alone_do_not(fitted: VAEColumnsClassifier) -> None:
    from sklearn.metrics import roc_auc_score

    from smctrain.models import LogisticRegression

    (X, y), (X_new, y_new) = strange_rows(1200, 1), strange_rows(800, 2)
    alone = LogisticRegression().fit(X, y).predict_proba(X_new)[:, 1]
    assert roc_auc_score(y_new, alone) < 0.65
    assert roc_auc_score(y_new, fitted.predict_proba(X_new)[:, 1]) > 0.8


def test_it_finds_nothing_in_noise() -> None:
    X, _ = strange_rows(1000, 8)
    y = np.random.default_rng(9).integers(0, 2, 1000)
    fitted = VAEColumnsTrainer(vae=VAE, model_settings=FOREST).fit(task_of(X, y, 500, 100))
    right = fitted.predict_proba(X, np.arange(600, 1000)).argmax(1) == y[600:]
    assert abs(right.mean() - 0.5) < 3.0 * np.sqrt(0.25 / 400)


def test_the_family_sees_what_the_autoencoder_says(fitted: VAEColumnsClassifier) -> None:
    X, _ = strange_rows(50, 3)
    seen = fitted.widened(X)
    vae = fitted.fitted_.widening.vae
    share = vae.training_share(vae.anomaly_score(X))
    np.testing.assert_array_equal(seen[:, :10], X)
    np.testing.assert_allclose(seen[:, 10], np.sqrt(12) * (share - 0.5), rtol=1e-6)
    np.testing.assert_allclose(seen[:, 11:], vae.reconstruct(X), rtol=1e-6)
    names = fitted.widened_names()
    assert names == [*(f"x{i}" for i in range(10)), "vae_anomaly", *(f"vae_denoised_x{i}" for i in range(10))]
    np.testing.assert_array_equal(fitted.predict_proba(X), fitted.fitted_.model.predict_proba(seen))


def test_denoised_rows_may_stand_in_place_of_the_row() -> None:
    X, y = strange_rows(300, 4)
    trainer = VAEColumnsTrainer(columns=["denoised", "codes"], keep_rows=False, vae=VAE, model_settings=FOREST)
    fitted = trainer.fit(task_of(X, y, 300, 0))
    assert fitted.widening.names(["a"] * 10) == ["vae_0", "vae_1", "vae_2", *["vae_denoised_a"] * 10]
    assert fitted.model.n_features == 13
    assert fitted.n_features == 10


def test_labels_do_not_reach_the_autoencoder() -> None:
    X, y = strange_rows(400, 5)
    trainer = VAEColumnsTrainer(vae=VAE | {"head_weight": 5.0}, model_settings=FOREST)
    one = trainer.fit(task_of(X, y, 300, 100))
    two = trainer.fit(task_of(X, np.roll(y, 7), 300, 100))
    np.testing.assert_array_equal(one.widening.columns(X), two.widening.columns(X))


def test_later_rows_change_nothing() -> None:
    X, y = strange_rows(400, 6)
    later = X.copy()
    later[300:] += 50.0
    trainer = VAEColumnsTrainer(vae=VAE, model_settings=FOREST)
    one, two = (trainer.fit(task_of(rows, y, 200, 100)) for rows in (X, later))
    np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))


def test_file_round_trip_keeps_every_answer(fitted: VAEColumnsClassifier, tmp_path: Path) -> None:
    X, _ = strange_rows(40, 7)
    fitted.save(tmp_path / "model.smc")
    again = load_model(tmp_path / "model.smc")
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    np.testing.assert_array_equal(again.widened(X), fitted.widened(X))
    assert again.get_params() == {**fitted.get_params(), "columns": list(fitted.columns)} | {
        "vae": {**VAE, "hidden_dims": [16]}, "columns": again.columns,
    }  # fmt: skip


def test_damaged_states_are_refused(fitted: VAEColumnsClassifier) -> None:
    meta, arrays = fitted.fitted_.to_state()
    assert FittedVAEColumns.from_state(meta, arrays).n_features == 10
    wrong: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (meta | {"kinds": ["magic"]}, arrays),
        (meta | {"kinds": []}, arrays),
        (meta | {"kinds": ["anomaly"]}, arrays),
        (meta | {"keep_rows": False}, arrays),
        (meta | {"keep_rows": 1}, arrays),
        (meta | {"family": "VAEColumns"}, arrays),
        (meta | {"family": "Oracle"}, arrays),
        (meta | {"vae": None}, arrays),
        (meta, arrays | {"more": np.zeros(2)}),
        (meta, {name: array for name, array in arrays.items() if not name.startswith("vae/")}),
    ]
    for bad_meta, bad_arrays in wrong:
        with pytest.raises(ArtifactError):
            FittedVAEColumns.from_state(bad_meta, bad_arrays)


def test_wrong_settings_are_named() -> None:
    with pytest.raises(InputError, match=r"columns must list some of anomaly, codes, denoised, .*; keep_rows must be"):
        VAEColumnsTrainer(columns=("magic",), keep_rows=2)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="predicts classes from single rows, but is 'LSTM'"):
        VAEColumnsTrainer("lstm")
    with pytest.raises(InputError, match="predicts classes from single rows, but is 'VAEColumns'"):
        VAEColumnsTrainer("vae_columns")
    with pytest.raises(InputError, match="latent_dim must be"):
        VAEColumnsTrainer(vae={"latent_dim": 0})
    with pytest.raises(InputError, match="no setting 'n_tree'"):
        VAEColumnsTrainer(model_settings={"n_tree": 3})


# ---- in a run ------


def test_a_run_names_it_with_the_settings_of_both_parts() -> None:
    settings = {
        "models": ["vae_columns"], "vae_columns.model": "XGBoost", "vae_columns.columns": ["anomaly"],
        "vae.latent_dim": 4, "xgboost.max_depth": 2,
    }  # fmt: skip
    config = resolve(overrides=settings).config
    assert config.models == ("VAEColumns",)
    trainer: Any = make_trainer("VAEColumns", config.family_settings("VAEColumns"))
    shown = trainer.settings()
    assert shown["model"] == "XGBoost"
    assert shown["columns"] == ["anomaly"]
    assert shown["vae"]["latent_dim"] == 4
    assert shown["vae"]["head_weight"] == 0.0
    assert shown["model_settings"]["max_depth"] == 2
    with pytest.raises(ConfigError, match=r"vae_columns\.model"):
        resolve(overrides={"vae_columns.model": "LSTM"})


def test_a_run_fits_it_in_every_fold_and_its_stored_model_answers_alike(tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    import smctrain as st

    market = st.simulate_market(n_symbols=1, n_bars=900)
    settings: dict[str, Any] = {
        "vae_columns.columns": ["anomaly", "codes"], "vae.hidden_dims": [8], "vae.latent_dim": 3, "vae.max_epochs": 2,
        "random_forest.n_estimators": 5, "features.higher": [], "cv.folds": 3, "augmentation.enabled": False,
        "training.held_out_importance": False, "evaluation.outer": "holdout",
    }  # fmt: skip
    overrides = {name.replace(".", "__"): value for name, value in settings.items()}
    run = st.train(market, models=["vae_columns", "vae"], out=tmp_path, **overrides)
    assert run.folder is not None
    stored = pd.read_parquet(run.folder / "symbols/SIM1/predictions.parquet")
    for family in ("VAEColumns", "VAE"):
        table = st.load(run.folder, "SIM1", family).predict(market["SIM1"])
        wanted = stored[stored["model"] == family]
        assert len(wanted) > 100
        for value in run["SIM1"].classes:
            np.testing.assert_array_equal(
                table[f"p_{value}"].to_numpy()[wanted["row"]], wanted[f"p_{value}"].to_numpy()
            )
