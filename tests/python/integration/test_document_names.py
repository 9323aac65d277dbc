"""The snippets of the source document and the classes it names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import smctrain as st
from smctrain import DataAugmenter, ModelSelector, SMCModelTrainer, XGBoostSMCModel
from smctrain import to_json_safe as _convert_to_json_serializable
from smctrain.bars import BarSet
from smctrain.exceptions import ArtifactError, InputError, OneClass

CLASSES = {
    "RandomForest": {"n_estimators": 10},
    "XGBoost": {"n_estimators": 10},
    "NeuralNetwork": {"hidden_dims": (8,), "max_epochs": 3},
    "LSTM": {"hidden_dim": 4, "lookback": 4, "max_epochs": 1, "batch_size": 64},
}


# The next three are the document's own tests, word for word.


def test_json_serialization():
    metadata = {
        'accuracy': np.float64(0.85),
        'is_overfitting': np.bool_(True),
        'confusion_matrix': np.array([[10, 5], [3, 12]])
    }  # fmt: skip
    safe_metadata = _convert_to_json_serializable(metadata)
    json.dumps(safe_metadata)  # Should not raise


def test_adaptive_augmentation():
    X = np.random.rand(150, 57)
    y = np.random.randint(0, 2, 150)

    augmenter = DataAugmenter()
    X_aug, y_aug = augmenter.augment(X, y, threshold=300)

    assert len(X_aug) >= len(X) * 2  # At least 2x
    assert len(X_aug) <= len(X) * 3  # At most 3x

    # Check label distribution preserved
    orig_dist = np.bincount(y) / len(y)
    aug_dist = np.bincount(y_aug) / len(y_aug)
    assert np.all(np.abs(orig_dist - aug_dist) < 0.05)


def test_model_selection():
    results = {
        'EURUSD': {
            'XGBoost': {
                'test_metrics': {'accuracy': 0.72},
                'val_metrics': {'accuracy': 0.70},
                'history': {'train_val_gap': 0.13}
            },
            'RandomForest': {
                'test_metrics': {'accuracy': 0.65},
                'val_metrics': {'accuracy': 0.50},
                'history': {'train_val_gap': 0.25}  # Too high
            }
        }
    }  # fmt: skip

    selector = ModelSelector()
    selections = selector.select_best_models(results)

    assert selections['EURUSD']['selected_model'] == 'XGBoost'  # fmt: skip
    assert 'RandomForest' not in selections['EURUSD']['alternatives']  # fmt: skip


def test_the_trainer_of_the_document_finds_a_planted_signal(tmp_path: Path) -> None:
    bars = st.simulate_market(n_symbols=1, n_bars=4_000, labels=st.testing.market.demo_labels())
    settings = {"labels": st.testing.market.demo_labels(), "xgboost": {"n_estimators": 40}}
    trainer = SMCModelTrainer(bars, config=settings, preset="fast")
    results = trainer.train_all_for_symbol("SIM1", models=["XGBoost"])
    assert list(results) == ["XGBoost"]
    assert "error" not in results["XGBoost"]
    result = results["XGBoost"]
    assert result["test_metrics"]["accuracy"] > 0.55
    assert result["history"]["train_val_gap"] < 0.20
    assert result["test_metrics"]["accuracy"] > result["baselines"]["test"]["majority"]
    assert trainer.results == {"SIM1": results}
    json.dumps(_convert_to_json_serializable(results), allow_nan=False)
    report = trainer.generate_summary_report(tmp_path / "summary.md")
    assert (tmp_path / "summary.md").read_text(encoding="utf-8") == report
    for words in ("SIM1", "XGBoost", f"{100 * result['test_metrics']['accuracy']:.1f} %"):
        assert words in report


def test_the_trainer_records_what_fails_and_goes_on(small: Any, tmp_path: Path) -> None:
    good, bad = st.simulate_market(n_symbols=1, n_bars=600), st.simulate_market(n_symbols=1, n_bars=60)
    both = {"GOOD": good["SIM1"].base.to_pandas().reset_index(), "SHORT": bad["SIM1"].base.to_pandas().reset_index()}
    trainer = SMCModelTrainer(both, config={"models": ["rf"]}, preset="fast")
    with pytest.raises(InputError, match="nothing to report"):
        trainer.generate_summary_report()
    with pytest.raises(InputError, match="Did you mean 'GOOD'"):
        trainer.train_all_for_symbol("GOODY")
    failed = trainer.train_all_for_symbol("SHORT")
    assert failed["RandomForest"]["error_type"] == "TooFewRows"
    run = trainer.train_all(out=tmp_path)
    assert set(trainer.results) == {"GOOD", "SHORT"}
    assert "error" in trainer.results["SHORT"]["RandomForest"]
    assert trainer.results["GOOD"]["RandomForest"] == run["GOOD"]["RandomForest"].to_dict()
    assert "SHORT" in trainer.generate_summary_report()


def rows(n: int = 400) -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(rng.normal(size=(n, 4)), columns=["natr", "rsi", "gap", "hour"])
    frame.iloc[::17, 2] = np.nan
    return frame, np.where(frame["rsi"] > 0, 1, -1)


def model_of(family: str, symbol: str = "EURUSD") -> Any:
    return getattr(st, f"{family}SMCModel")(symbol, **CLASSES[family])


def test_model_persistence(tmp_path: Path) -> None:
    """The document's snippet; the model file is a container of data instead of a pickle."""
    X, y = rows()
    model = XGBoostSMCModel("EURUSD")
    assert not model.is_trained
    model.train(X[:300], y[:300], X[300:], y[300:])
    model.save_model(tmp_path)
    assert (tmp_path / "EURUSD_XGBoost.smc").exists()
    assert (tmp_path / "EURUSD_XGBoost_metadata.json").exists()
    loaded_model = XGBoostSMCModel("EURUSD")
    loaded_model.load_model(tmp_path)
    assert loaded_model.is_trained
    assert loaded_model.predict_proba(X).tobytes() == model.predict_proba(X).tobytes()
    assert (loaded_model.predict(X[300:]) == y[300:]).mean() > 0.9


@pytest.mark.parametrize("family", list(CLASSES))
def test_a_loaded_model_predicts_the_same_bits(family: str, tmp_path: Path) -> None:
    X, y = rows()
    model = model_of(family).train(X[:300], y[:300], X[300:], y[300:])
    path = model.save_model(tmp_path)
    assert path == tmp_path / f"EURUSD_{family}.smc"
    loaded = getattr(st.models, f"{family}SMCModel")("EURUSD").load_model(tmp_path)
    assert loaded.is_trained
    assert loaded.classes == [-1, 1]
    assert loaded.predict_proba(X).tobytes() == model.predict_proba(X).tobytes()
    card = json.loads((tmp_path / f"EURUSD_{family}_metadata.json").read_text(), parse_constant=pytest.fail)
    assert card["features"] == list(X.columns)
    assert card["label_map"] == {"0": -1, "1": 1}
    for key, value in CLASSES[family].items():
        assert card["hyperparameters"][key] == (list(value) if isinstance(value, tuple) else value)
    assert card["previous"] is None
    model.save_model(tmp_path)
    assert model.metadata["previous"] == card["artifact"]["sha256"]


def test_rows_that_stop_training_teach_nothing_else() -> None:
    """Validation rows may pick the round, but neither preparation nor trees learn from them."""
    X, y = rows()
    one = model_of("RandomForest").train(X[:300], y[:300], X[300:], y[300:])
    other = model_of("RandomForest").train(X[:300], y[:300], 100.0 * X[300:], -y[300:])
    assert one.predict_proba(X).tobytes() == other.predict_proba(X).tobytes()


def test_models_that_cannot_be_used_say_so(tmp_path: Path) -> None:
    X, y = rows(60)
    model = model_of("RandomForest", "../EUR/USD")
    with pytest.raises(InputError, match="not trained"):
        model.predict(X)
    with pytest.raises(InputError, match="not trained"):
        model.save_model(tmp_path)
    with pytest.raises(OneClass):
        model.train(X, np.ones(60))
    with pytest.raises(InputError, match="one label for each of the 60 rows"):
        model.train(X, y[:-1])
    with pytest.raises(InputError, match="row 3, column 1 is infinite"):
        model.train(np.where((np.arange(240) == 13).reshape(60, 4), np.inf, X), y)
    with pytest.raises(InputError, match="together"):
        model.train(X, y, X_val=X)
    with pytest.raises(InputError, match="n_estimator"):
        XGBoostSMCModel("EURUSD", n_estimator=3)
    path = model.train(X, y).save_model(tmp_path)
    assert path.parent == tmp_path  # a hostile name stays inside the folder
    with pytest.raises(ArtifactError, match="cannot be read"):
        model_of("XGBoost", "../EUR/USD").load_model(tmp_path)
    content = bytearray(path.read_bytes())
    content[-70] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ArtifactError, match="SHA-256 differs"):
        model.load_model(tmp_path)


def test_a_model_of_the_market_is_a_symbol_of_a_mapping(market: BarSet) -> None:
    assert "SIM1" in market
    assert "NONE" not in market
    assert market.get("NONE") is None
    assert ("SIM1", "M15") in market
    assert ("SIM1", "H1") not in market
    assert "H1" not in market["SIM1"]
