"""Family names and their resolution."""

from __future__ import annotations

import subprocess
import sys

import pytest

from smctrain.exceptions import ArtifactError, InputError
from smctrain.models import list_families
from smctrain.models.random_forest import RandomForestTrainer
from smctrain.models.registry import FAMILIES, fitted_from_state, make_trainer, resolve_family


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("RandomForest", "RandomForest"),
        ("random_forest", "RandomForest"),
        ("rf", "RandomForest"),
        ("XGBoost", "XGBoost"),
        ("xgboost", "XGBoost"),
        ("mlp", "NeuralNetwork"),
        ("nn", "NeuralNetwork"),
        ("neural-network", "NeuralNetwork"),
        ("LSTM", "LSTM"),
        ("lstm", "LSTM"),
    ],
)
def test_spellings_resolve_to_the_family(typed: str, name: str) -> None:
    assert resolve_family(typed) == name


def test_an_unknown_family_names_the_nearest_and_all() -> None:
    with pytest.raises(InputError, match=r"'xgbost'. Did you mean 'XGBoost'\? Known: RandomForest, XGBoost"):
        resolve_family("xgbost")


def test_a_trainer_takes_its_settings_and_refuses_others() -> None:
    assert make_trainer("rf", {"n_estimators": 7}) == RandomForestTrainer(n_estimators=7)
    with pytest.raises(InputError, match=r"no setting 'n_estimator'\. Did you mean 'n_estimators'"):
        make_trainer("rf", {"n_estimator": 7})


def test_a_stored_model_of_an_unknown_family_is_refused() -> None:
    with pytest.raises(ArtifactError, match="'Oracle'"):
        fitted_from_state("Oracle", {}, {})


def test_every_family_is_listed() -> None:
    assert list(list_families()["name"]) == list(FAMILIES)


def test_naming_the_families_loads_nothing_heavy() -> None:
    code = (
        "import sys, smctrain.models, smctrain.models.random_forest, smctrain.prepare; "
        "print([m for m in ('sklearn', 'pandas', 'scipy', 'smctrain._core') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
