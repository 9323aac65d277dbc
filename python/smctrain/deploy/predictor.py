"""`load(run, symbol)`: a run's model on new bars, with the numbers the run would have given on the same bars."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from smctrain.bars import Bars, SymbolBars
from smctrain.deploy.run_folder import read_results
from smctrain.exceptions import ArtifactError, InputError
from smctrain.features import FeatureSpec, FeatureTable, build_features
from smctrain.features.start_up import starting_up
from smctrain.features.user import UserColumns, user_columns, with_user_columns
from smctrain.models.pipeline import Pipeline


@dataclass(frozen=True)
class Predictor:
    """A saved model with its feature recipe.

    Attributes
    ----------
    symbol, model : str
    verdict : str
        The run's verdict for the symbol; predictions of anything but DEPLOY are for study.
    """

    symbol: str
    model: str
    verdict: str
    pipeline: Pipeline

    def __repr__(self) -> str:
        return f"Predictor({self.symbol} {self.model}, verdict {self.verdict})"

    @property
    def classes(self) -> list[int]:
        """Label values, in the order of the probability columns."""
        return self.pipeline.classes

    @property
    def user_columns(self) -> list[str]:
        """Columns of a function of the user's own that the model was trained with; `predict` needs it again."""
        return [str(name) for name in self.pipeline.card.get("user_columns") or []]

    def predict_columns(self, bars: Bars | SymbolBars, features: Callable[[Any], Any] | None = None) -> dict[str, Any]:
        """Columns of `predict` as NumPy arrays."""
        card = self.pipeline.card
        recipe: Any = {key: tuple(v) if isinstance(v, list) else v for key, v in card["feature_spec"].items()}
        spec = FeatureSpec(**recipe)
        base = _base(bars, card["timeframe"], self.symbol)
        table = build_features(bars if isinstance(bars, SymbolBars) else base, spec)
        table = self._with_own_columns(table, base, features)
        if list(table.names) != self.pipeline.features:
            missing = sorted(set(self.pipeline.features) - set(table.names))
            raise ArtifactError(
                f"{self.symbol}: this smctrain builds other features than the one that trained the model "
                f"(missing: {', '.join(missing[:5]) or 'none, the order differs'}); retrain it."
            )
        proba = self.pipeline.predict_proba(table.values, None, base.segment)
        proba[starting_up(table, base.segment)] = np.nan
        silent = np.isnan(proba).any(axis=1)
        chosen = np.asarray(self.classes, dtype=float)[np.argmax(np.nan_to_num(proba), axis=1)]
        columns: dict[str, Any] = {
            "time": base.time_close,
            "prediction": np.where(silent, np.nan, chosen),
        }
        columns |= {f"p_{value}": proba[:, code] for code, value in enumerate(self.classes)}
        columns["verdict"] = np.full(len(base), self.verdict)
        return columns

    def _with_own_columns(self, table: FeatureTable, base: Bars, function: Callable[[Any], Any] | None) -> FeatureTable:
        wanted = self.user_columns
        if not wanted and function is None:
            return table
        if not wanted:
            raise InputError(f"{self.symbol}'s model was trained without a feature function, but features is given.")
        if function is None:
            raise InputError(
                f"{self.symbol}'s model needs columns of your own function ({', '.join(wanted[:5])}): give predict the "
                "function the run was trained with as features=."
            )
        made = user_columns(function, base)
        if sorted(made.names) != sorted(wanted):
            raise InputError(
                f"{self.symbol}: the feature function must return the columns of the run ({', '.join(wanted)}), but "
                f"returned {', '.join(made.names)}."
            )
        order = [made.names.index(name) for name in wanted]
        return with_user_columns(table, UserColumns(made.values[:, order], wanted))

    def predict(self, bars: Bars | SymbolBars, features: Callable[[Any], Any] | None = None) -> Any:
        """Prediction per bar, known at the bar's close.

        Parameters
        ----------
        bars : Bars or SymbolBars
            New bars of the symbol. Give the same timeframes as in training: higher ones the run read from files are
            read from `bars`, the others are resampled.
        features : callable, optional
            The function the run was trained with, for models with columns of your own.

        Returns
        -------
        table
            time (close of the bar, UTC), prediction (label value: 1 target first, -1 stop first, 0 neither in time; NaN
            where the model cannot answer and on a segment's first bars, where most columns have no value yet),
            p_<class>, verdict. A pandas DataFrame when pandas is installed, else a dict of arrays.
        """
        columns = self.predict_columns(bars, features)
        try:
            import pandas as pd
        except ImportError:
            return columns
        return pd.DataFrame(columns)


def load(run: str | Path, symbol: str, model: str | None = None) -> Predictor:
    """Load one symbol's model from a run folder.

    Parameters
    ----------
    run : path
        Run folder.
    symbol : str
    model : str, optional
        Family name: its model of the training part, whose test numbers the run reports. Default: the model of the
        verdict, else the best on validation; for DEPLOY as it goes live, refit on all rows.

    Raises
    ------
    ArtifactError
        If the folder or the model file is damaged, or its SHA-256 is not the one the run recorded.
    InputError
        If the run has no such symbol or model.
    """
    from smctrain.models.registry import resolve_family

    data = read_results(run)
    if symbol not in data["symbols"]:
        raise InputError(f"The run has no symbol {symbol!r}; it has {', '.join(sorted(data['symbols'])) or 'none'}.")
    records = {k: v for k, v in data["training_results"][symbol].items() if "error" not in v}
    verdict = data["verdicts"][symbol]
    chosen = (
        resolve_family(model)
        if model is not None
        else verdict.get("model")
        or max(sorted(records), key=lambda name: records[name]["val_metrics"].get("accuracy") or 0.0)
    )
    if chosen not in records:
        raise InputError(f"The run has no {chosen} model of {symbol}; it has {', '.join(sorted(records))}.")
    artifact = records[chosen]["artifact"]
    if model is None and verdict.get("kind") == "DEPLOY":
        artifact = records[chosen].get("final") or artifact
    root = Path(run).resolve()
    path = (root / str(artifact.get("path", ""))).resolve()
    if not path.is_relative_to(root):
        raise ArtifactError(f"{run}: the path of {symbol}'s model leaves the run folder.")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror}.") from error
    if hashlib.sha256(content).hexdigest() != artifact.get("sha256"):
        raise ArtifactError(f"{path} is not the file the run wrote: its SHA-256 differs.")
    return Predictor(symbol, chosen, str(verdict.get("kind")), Pipeline.from_bytes(content, str(path)))


def _base(bars: Bars | SymbolBars, timeframe: str, symbol: str) -> Bars:
    if not isinstance(bars, Bars | SymbolBars):
        raise InputError(
            f"bars must be the bars of {symbol}, for example read_bars(source, symbols={symbol!r})[{symbol!r}], but is "
            f"{type(bars).__name__}."
        )
    if bars.symbol != symbol:
        raise InputError(
            f"The model was trained on {symbol}, but the bars are those of {bars.symbol}. If they are the same market "
            f"under another name, read them as {{{symbol!r}: ...}}."
        )
    base = bars if isinstance(bars, Bars) else bars[timeframe]
    if base.timeframe != timeframe:
        raise InputError(f"{symbol}'s model decides on {timeframe} bars, but the bars given are {base.timeframe}.")
    return base
