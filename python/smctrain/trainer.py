"""`SMCModelTrainer`: the trainer class of the source documents, over the same river as `train`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from smctrain.config import ResolvedConfig, resolve
from smctrain.exceptions import InputError
from smctrain.job import as_bars, resolved_config, train
from smctrain.results import FailureRecord, RunResult, SymbolResult, now


class SMCModelTrainer:
    """Trains the models of one symbol after the other.

    Parameters
    ----------
    bars : BarSet or anything `read_bars` reads
    config : path or mapping, nested or of dotted keys, optional
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
        self._resolved = resolved_config(config, preset)
        self._bars = as_bars(bars, self._resolved)
        self.results: dict[str, dict[str, Any]] = {}
        self._symbols: dict[str, SymbolResult] = {}
        self._failures: dict[str, FailureRecord] = {}

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
            self._keep(symbol, FailureRecord.of(error, symbol, getattr(error, "stage", "training")), config.models)
        else:
            self._keep(symbol, SymbolResult.from_dict(value), config.models)
        return self.results[symbol]

    def _keep(self, symbol: str, outcome: SymbolResult | FailureRecord, models: Sequence[str]) -> None:
        self._symbols.pop(symbol, None)
        self._failures.pop(symbol, None)
        if isinstance(outcome, FailureRecord):
            self._failures[symbol] = outcome
            self.results[symbol] = {name: outcome.to_dict() for name in models}
            return
        self._symbols[symbol] = outcome
        self.results[symbol] = {name: model.to_dict() for name, model in outcome.models.items()}
        self.results[symbol] |= {f.model or f.stage: f.to_dict() for f in outcome.failures}

    def generate_summary_report(self, output_path: str | Path | None = None) -> str:
        """Markdown summary of what was trained so far: performance, selection, warnings; written to a file on request.

        Raises
        ------
        InputError
            Nothing was trained yet.
        """
        from smctrain.artifact import write_atomic
        from smctrain.reports.context import run_context
        from smctrain.reports.render import render
        from smctrain.training.run import finish

        if not self.results:
            raise InputError("There is nothing to report yet; call train_all_for_symbol or train_all first.")
        run = RunResult(
            name="SMCModelTrainer",
            timestamp=now(),
            symbols={symbol: self._symbols[symbol] for symbol in sorted(self._symbols)},
            symbol_failures=[self._failures[symbol] for symbol in sorted(self._failures)],
            config=self._resolved.config.model_dump(mode="json"),
            config_hash=self._resolved.hash(),
            seconds=sum(result.seconds for result in self._symbols.values()),
        )
        finish(run, self._resolved.config)
        text = render("summary.md.j2", run_context(run))
        if output_path is not None:
            write_atomic(output_path, text.encode("utf-8"))
        return text

    def train_all(self, out: str | Path | None = None) -> RunResult:
        """Train all symbols and write the run folder, as `smctrain.train` does."""
        run = train(self._bars, config=self._resolved, out=out)
        for symbol, result in run.symbols.items():
            self._keep(symbol, result, self._resolved.config.models)
        for failure in run.symbol_failures:
            self._keep(failure.symbol, failure, self._resolved.config.models)
        return run
