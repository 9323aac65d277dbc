"""The leak guard of one symbol's training: checks D to I in one report, before and while models are fitted.

    D  every split used is audited against the label intervals           a fault stops the symbol
    E  provenance: rows that each fitted step saw (provenance.py)        stops
    F  copies of held-out rows among training rows                       few: the copies leave training; many: stops
    G  parents of synthetic rows (provenance.py)                         stops
    H  columns that know the answer by themselves                        taken out, everything fitted again
    sentinels and I (noise canary) on request                            sentinels.py, `audit_features`

A to C test the code of columns: ours in the test suite, a function of the user before it is used (`job.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.audit.canary import CanaryResult
from smctrain.audit.dominance import dominant_columns, falls_without, heavy_column, outcome_names
from smctrain.audit.intervals import UsedSplit, check_split
from smctrain.audit.report import Finding, LeakReport
from smctrain.audit.sentinels import Sentinel
from smctrain.audit.together import dominant_together
from smctrain.audit.twins import TwinFinder, Twins
from smctrain.config import Config
from smctrain.dataset import Dataset
from smctrain.exceptions import FeatureLeak, SplitLeak, TooFewColumns
from smctrain.prepare import Preparation
from smctrain.prepare.preparation import hash_of_rows, indicator_name
from smctrain.training.inner import inner_embargo
from smctrain.training.parts import Fold, Parts, Rows
from smctrain.training.provenance import Provenance
from smctrain.training.walk_forward import Windows

MOST_COPIES = 0.05
"""Share of held-out rows that may have a copy among training rows; the copies leave training."""
_ROUNDS = 3
_INDICATOR = indicator_name("")


def used_splits(parts: Parts, config: Config, prefix: str = "") -> list[UsedSplit]:
    """Every pair of row sets of some parts that must not know each other."""
    embargo = config.split.embargo
    learned = np.concatenate([parts.train, parts.validation])
    words = f"{prefix}training and validation -> test" if len(parts.validation) else f"{prefix}training -> test"
    splits = [UsedSplit(words, learned, parts.test, True, embargo)]
    if len(parts.validation):
        splits.append(UsedSplit(f"{prefix}training -> validation", parts.train, parts.validation, True, embargo))
    splits.append(UsedSplit(f"{prefix}training -> early-stopping rows", parts.fit, parts.stop, True))
    for number, fold in enumerate(parts.folds):
        whole = np.union1d(fold.fit, fold.stop)
        forward = not parts.both_sides
        distance = config.cv.embargo if forward else inner_embargo(config)
        splits.append(UsedSplit(f"{prefix}fold {number}", whole, fold.test, forward, distance))
        splits.append(UsedSplit(f"{prefix}fold {number} -> early-stopping rows", fold.fit, fold.stop, True))
    return splits


class Guard:
    """Watches the training of one symbol.

    Attributes
    ----------
    provenance : Provenance
        What `Fitter` reports to.
    quarantine : dict of str to str
        Columns that were taken out, with the reason.
    """

    def __init__(
        self, data: Dataset, parts: Parts, config: Config, threads: int = 1, windows: Windows | None = None
    ) -> None:
        self.data, self.parts, self.config, self.threads, self.windows = data, parts, config, threads, windows
        self.settings = config.leak_audit
        self.checks: dict[str, str] = {}
        self.remarks: list[Finding] = []
        self.quarantined: list[Finding] = []
        self.quarantine: dict[str, str] = {}
        self.sentinels: list[Sentinel] = []
        self.canary: list[CanaryResult] = []
        self.rounds = self.borders = self.copies = self.calibrators = 0
        self.provenance = Provenance(data.t0, data.t1)

    # ---- before anything is fitted ------

    def before(self) -> tuple[Parts, Windows | None]:
        """Checks D, F and H; the parts and windows without copies of held-out rows.

        Raises
        ------
        SplitLeak
            Names the split, the fold and the rows.
        FeatureLeak
            Names the columns, where `leak_audit.on_leak` is "fail".
        """
        self.check_intervals()
        if self.settings.duplicates:
            self.without_copies()
        else:
            self.checks["F copies"] = "switched off (leak_audit.duplicates)"
        if self.settings.single_columns:
            self.check_columns()
        else:
            self.checks["H single columns"] = "switched off (leak_audit.single_columns)"
        return self.parts, self.windows

    def check_intervals(self) -> None:
        """D: every split used, by the exact algorithm and by brute force on up to 20,000 pairs."""
        rng = np.random.default_rng(self.config.training.seed)
        splits = used_splits(self.parts, self.config)
        for number, part in enumerate(self.windows.parts if self.windows is not None else []):
            splits += used_splits(part, self.config, f"window {number}, ")
        pairs = 0
        for split in splits:
            try:
                pairs += check_split(split, self.data.t0, self.data.t1, self.data.rows, rng)
            except SplitLeak as leak:
                raise SplitLeak(f"{self.data.symbol}, {leak}", leak.code, leak.rows) from leak
        self.checks["D intervals"] = f"{len(splits)} splits, no overlap; {pairs} pairs of rows compared by brute force"

    def without_copies(self) -> None:
        """F: training rows that are copies of held-out rows leave training; many of them stop the symbol."""
        parts, windows = self.parts, self.windows
        rows = [parts.train, parts.validation, parts.test]
        rows += [side for part in windows.parts for side in (part.train, part.test)] if windows is not None else []
        finder = TwinFinder(self.data.X, np.concatenate(rows), self.threads)
        if not finder.believe_labels(parts.y):
            self.checks["F copies"] = "not looked for: no column takes many values, so equal rows prove nothing"
            return
        self.parts = self._cleaned(finder, parts, "")
        if windows is not None:
            cleaned = [self._cleaned(finder, part, f"window {i}, ") for i, part in enumerate(windows.parts)]
            self.windows = replace(windows, parts=cleaned)
        self.checks["F copies"] = (
            f"{self.borders} borders, {self.copies} held-out rows with a copy among training rows"
            + ("; the copies were taken out of training" if self.copies else "")
        )

    def _cleaned(self, finder: TwinFinder, parts: Parts, prefix: str) -> Parts:
        """The parts without copies of what they hold out."""
        learned = np.concatenate([parts.train, parts.validation])
        gone = self._gone(finder, learned, parts.test, f"{prefix}test")
        if len(parts.validation):
            gone = np.union1d(gone, self._gone(finder, parts.train, parts.validation, f"{prefix}validation"))
        folds: list[Fold] = []
        for number, fold in enumerate(parts.folds):
            inside = np.union1d(fold.fit, fold.stop)
            out = np.union1d(gone, self._gone(finder, inside, fold.test, f"{prefix}fold {number}", near=False))
            folds.append(Fold(np.setdiff1d(fold.fit, out), np.setdiff1d(fold.stop, out), np.setdiff1d(fold.test, gone)))
        if all(np.array_equal(old.fit, new.fit) for old, new in zip(parts.folds, folds, strict=True)) and not len(gone):
            return parts
        return replace(
            parts,
            folds=folds,
            train=np.setdiff1d(parts.train, gone),
            validation=np.setdiff1d(parts.validation, gone),
            fit=np.setdiff1d(parts.fit, gone),
            stop=np.setdiff1d(parts.stop, gone),
        )

    def _gone(self, finder: TwinFinder, train: Rows, held: Rows, name: str, near: bool = True) -> Rows:
        """Training rows that are copies of held-out ones, noted."""
        twins = finder.across(train, held, near)
        self.borders += 1
        self.copies += len(twins)
        self._note_copies(name, twins, len(held))
        return self._copies_of(finder, train, held, twins)

    @staticmethod
    def _copies_of(finder: TwinFinder, train: Rows, held: Rows, twins: Twins) -> Rows:
        """All training rows that are copies of held-out ones."""
        if not len(twins):
            return np.empty(0, dtype=np.int64)
        copies: Rows = np.union1d(train[np.isin(finder.of(train), finder.of(twins.held))], twins.train)
        return copies

    def _note_copies(self, name: str, twins: Twins, held: int) -> None:
        if not len(twins):
            return
        words = (
            f"{len(twins)} of {held} rows of {name} have a copy among the training rows ({twins.exact} equal to 6 "
            f"digits), first row {twins.held[0]} and its copy {twins.train[0]}"
        )
        if len(twins) > MOST_COPIES * held:
            raise SplitLeak(
                f"{self.data.symbol}, {words}. Rows were copied or the bars repeat: remove the repetition.",
                code="duplicate",
                rows=tuple(int(row) for row in twins.held[:10]),
            )
        self.remarks.append(Finding("(rows)", "copies", int(twins.held[0]), len(twins), float(twins.exact), words))

    # ---- columns ------

    def check_columns(self) -> None:
        """H: columns that know the label alone go into quarantine."""
        parts, data = self.parts, self.data
        folds = [(np.union1d(fold.fit, fold.stop), fold.test) for fold in parts.folds]
        folds = folds or [(parts.train, parts.validation)]
        rows = parts.train
        outcomes = {"net outcome of the trade": data.r, "length of the trade": (data.t1 - data.t0).astype(np.float64)}
        found = dominant_columns(
            data.X,
            parts.y,
            folds,
            data.names,
            len(parts.label_map.classes),
            mean_span=float(np.mean(data.t1[rows] - data.t0[rows] + 1)),
            outcomes=outcomes,
            max_auc=self.settings.max_auc,
            max_correlation=self.settings.max_correlation,
            threads=self.threads,
        )
        self._put_away(found)
        left = self.kept_columns()
        X = data.X if len(left) == data.X.shape[1] else data.X[:, left]
        span = float(np.mean(data.t1[rows] - data.t0[rows] + 1))
        joint = dominant_together(X, parts.y, folds, [data.names[j] for j in left], len(parts.label_map.classes), span)
        self._put_away([replace(finding, column=name) for finding in joint for name in finding.column.split(", ")])
        self.remarks += outcome_names(data.names)
        self.checks["H single columns"] = (
            f"{len(data.names)} columns alone on {len(folds)} inner fold{'' if len(folds) == 1 else 's'}, "
            f"{len(self.quarantine)} in quarantine"
        )

    def _put_away(self, found: Sequence[Finding]) -> None:
        if found and self.settings.on_leak == "fail":
            told = "; ".join(f"{finding.column}: {finding.detail}" for finding in found[:5])
            more = f" and {len(found) - 5} more" if len(found) > 5 else ""
            raise FeatureLeak(
                f"{self.data.symbol}: columns that know too much ({told}{more}). Look at how they are made; with "
                'leak_audit.on_leak = "quarantine" a run goes on without them.'
            )
        for finding in found:
            if finding.column not in self.quarantine:
                self.quarantine[finding.column] = f"quarantined as a possible leak: {finding.detail}"
                self.quarantined.append(finding)
        if len(self.quarantine) == len(self.data.names):
            raise TooFewColumns(
                f"{self.data.symbol}: every column is in quarantine as a possible leak "
                f"({', '.join(list(self.quarantine)[:5])}): {self.quarantined[0].detail}."
            )

    def prepared(self, prepare: Preparation) -> Preparation:
        """`prepare` without columns in quarantine."""
        kept = set(prepare.kept_names)
        reasons = {name: reason for name, reason in self.quarantine.items() if name in kept}
        return prepare.without(reasons) if reasons else prepare

    def kept_columns(self) -> NDArray[np.int64]:
        """Columns that are not in quarantine."""
        kept = [j for j, name in enumerate(self.data.names) if name not in self.quarantine]
        return np.asarray(kept, dtype=np.int64)

    def values(self) -> NDArray[np.float32]:
        """The columns of all bars that are not in quarantine."""
        return np.ascontiguousarray(self.data.X[:, self.kept_columns()])

    # ---- after the models ------

    def outweighed(
        self,
        importances: Mapping[str, Mapping[str, float]],
        scores: Mapping[str, Sequence[float]],
        score_without: Callable[[str, str], Sequence[float]],
    ) -> bool:
        """H again: columns that outweigh all others in a model and cost it its accuracy when left out.

        Parameters
        ----------
        importances : family -> column -> importance
        scores : family -> accuracies of the inner folds
        score_without : (family, column) -> accuracies of the inner folds without the column
            Asked only for columns that outweigh the others.

        Returns
        -------
        bool
            Whether everything must be fitted again without what was put into quarantine.
        """
        if not self.settings.single_columns or self.rounds >= _ROUNDS:
            return False
        found: list[Finding] = []
        asked = 0
        for family, weights in importances.items():
            column = heavy_column(weights)
            if column is not None and column not in self.data.names:
                column = column.removeprefix(_INDICATOR)  # whether a value is missing tells as much as the value
            if column is None or column in self.quarantine or not len(scores.get(family, ())):
                continue
            asked += 1
            score, without = float(np.mean(scores[family])), float(np.mean(score_without(family, column)))
            if falls_without(score, without):
                share = max(weights.values()) / sum(weights.values())
                words = (
                    f"{family} gives it {share:.0%} of all importance, and inner accuracy falls from {score:.3f} to "
                    f"{without:.3f} without it"
                )
                found.append(Finding(column, "dominance", -1, len(self.parts.train), score - without, words))
        self.rounds += 1
        self.checks["H importance"] = (
            f"{len(importances)} models, {asked} with a column that outweighs the others, {len(found)} lean on it"
        )
        self._put_away(found)
        return bool(found)

    def check_calibrators(self, models: Mapping[str, tuple[Any, NDArray[np.float64]]]) -> None:
        """E for what is fitted behind a model: calibrators saw the validation rows the model answers, and no others.

        Parameters
        ----------
        models : family -> (`ModelResult`, probabilities of all bars)

        Raises
        ------
        SplitLeak
        """
        for family, (model, proba) in models.items():
            known = model.calibration.get("calibrator", {}).get("fit_rows_hash")
            if known is None:
                continue
            answered = self.parts.validation[~np.isnan(proba[self.parts.validation]).any(axis=1)]
            if known != hash_of_rows(answered):
                raise SplitLeak(
                    f"{self.data.symbol}: the calibrator of {family} was not fitted on its validation rows.",
                    "provenance",
                )
            self.calibrators += 1

    def report(self) -> LeakReport:
        """Everything that was checked."""
        p = self.provenance
        self.checks["E provenance"] = (
            f"{p.models} fits and {p.preparations} preparations inside the training rows of their fold"
            + (f", {p.choices} choices of columns" if p.choices else "")
            + (f", {self.calibrators} calibrators on validation rows" if self.calibrators else "")
        )
        self.checks["G synthetic rows"] = (
            f"{p.synthetic_rows} with both parents inside" if p.synthetic_rows else "none were made"
        )
        order = sorted(self.checks)
        return LeakReport(
            symbol=self.data.symbol,
            subject="training",
            n_rows=len(self.data),
            n_columns=len(self.data.names),
            remarks=self.remarks,
            checks={name: self.checks[name] for name in order},
            quarantined=self.quarantined,
            sentinels=self.sentinels,
            canary=self.canary,
        )


def importances_of(models: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Family -> column -> importance, from `ModelResult`s that have importances."""
    return {
        name: {row["feature"]: float(row["importance"] or 0.0) for row in model.feature_importance}
        for name, model in models.items()
        if model.feature_importance
    }


__all__ = ["Guard", "importances_of", "used_splits"]
