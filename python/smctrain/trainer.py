"""`SMCModelTrainer`: the trainer class of the source documents, over the same river as `train`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from smctrain.config import ResolvedConfig, resolve
from smctrain.job import as_bars, train
from smctrain.results import FailureRecord, RunResult, SymbolResult


class SMCModelTrainer:
    """Trains the models of one symbol after the other.

    Parameters
    ----------
    bars : BarSet or anything `read_bars` reads
    config : path or mapping of dotted keys, optional
    preset : {"fast", "default", "thorough"}, optional

    Attributes
    ----------
    results : dict
        Symbol -> model -> result or error record, as trained so far.
    """

    def __init__(
        self,
        bars: Any,
        config: str | Path | Mapping[str, Any] | ResolvedConfig | None = None,
        preset: str | None = None,
    ) -> None:
        if isinstance(config, ResolvedConfig):
            self._resolved = config
        elif isinstance(config, Mapping):
            self._resolved = resolve(preset, overrides=config)
        else:
            self._resolved = resolve(preset, files=[] if config is None else [config])
        self._bars = as_bars(bars, self._resolved)
        self.results: dict[str, dict[str, Any]] = {}

    def train_all_for_symbol(self, symbol: str, models: Sequence[str] | None = None) -> dict[str, Any]:
        """Train `models` (all by default) on one symbol.

        Returns
        -------
        dict
            Model name -> result with `history`, `val_metrics`, `test_metrics`, or an error record with `error`.
        """
        from smctrain.training.symbol import train_symbol

        config = self._resolved.config
        if models is not None:
            config = resolve(overrides={"models": list(models)}).config.model_copy(
                update={name: getattr(config, name) for name in type(config).model_fields if name != "models"}
            )
        bars = self._bars[symbol]
        issues = [asdict(issue) for issue in self._bars.issue_list if issue.symbol == symbol]
        stop = np.zeros(1, dtype=np.uint8)
        try:
            value = train_symbol(bars, config, None, issues, 1, 1, stop=stop, report=lambda *args, **kwargs: None)
        except Exception as error:  # a failure is a value: callers loop over many symbols
            record = FailureRecord.of(error, symbol, getattr(error, "stage", "training")).to_dict()
            self.results[symbol] = dict.fromkeys(config.models, record)
        else:
            result = SymbolResult.from_dict(value)
            self.results[symbol] = {name: model.to_dict() for name, model in result.models.items()}
            self.results[symbol] |= {f.model or f.stage: f.to_dict() for f in result.failures}
        return self.results[symbol]

    def train_all(self, out: str | Path | None = None) -> RunResult:
        """Train all symbols and write the run folder, as `smctrain.train` does."""
        run = train(self._bars, config=self._resolved, out=out)
        for symbol, result in run.symbols.items():
            self.results[symbol] = {name: model.to_dict() for name, model in result.models.items()}
        return run
