"""`LeakReport`: what an audit did, what it found."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from smctrain.audit.canary import CanaryResult
from smctrain.bars.types import as_table
from smctrain.exceptions import FeatureLeak

if TYPE_CHECKING:
    from smctrain.audit.sentinels import Sentinel

ALL_COLUMNS = "(all columns)"


@dataclass(frozen=True)
class Finding:
    """One column and one way in which it failed.

    Attributes
    ----------
    column : str
        Name of the column, or of several that leak together, joined by ", "; "(all columns)" for the canary.
    kind : str
        Leaks - "prefix": a reading changed when bars were added; "future": a reading changed when later bars were
        altered; "start_up": a reading past its declared start-up depends on where the bars begin; "missing_bar": a bar
        without prices leaves a trace beyond the rows that the catalogue allows; "canary": models beat the majority on
        bars that cannot be predicted. Of pipelines and training runs: "overlap", "order", "embargo" and other codes of
        `SplitLeak`, "duplicate", "neighbours", "provenance", "lineage", "selection", "isolation", "event",
        "dominance", "outcome", "sentinel".
        Remarks - "no_intervals", "constant", "duplicate", "start_up" (of callables, which declare no start-up, and of
        structure and zones, whose start fades with events), "missing_bar", "random", "error".
    first_leaking_row : int
        Row of the bars (0 is the oldest) where it first showed; -1 where that has no meaning.
    rows : int
        Different rows on which it showed.
    size : float
        Largest change of a reading in the unit of the column (infinite where a reading appeared or vanished only); for
        the canary the excess over the majority rate in standard errors.
    detail : str
        In words.
    """

    column: str
    kind: str
    first_leaking_row: int
    rows: int
    size: float
    detail: str = ""


@dataclass(frozen=True, eq=False)
class LeakReport:
    """Outcome of `audit_features`, of `audit_pipeline`, or of the guard inside a training run.

    Attributes
    ----------
    symbol, subject : str
        Whose bars, and which code.
    n_rows, n_columns : int
    findings : list of Finding
        Leaks, worst kind first. `table` is the same as a table.
    remarks : list of Finding
        What is no leak but worth knowing: constant and duplicate columns, columns that depend on where the bars
        begin (of callables), code that fails on short or damaged bars.
    checks : dict of str to str
        What was done, in words.
    canary : list of CanaryResult
        Models on surrogate bars.
    quarantined : list of Finding
        Columns that a training run took out, because they know the answer by themselves, and went on without.
    sentinels : list of Sentinel
        Scores that must fall back to the baseline, where they were asked for.
    """

    symbol: str
    subject: str
    n_rows: int
    n_columns: int
    findings: list[Finding] = field(default_factory=list)
    remarks: list[Finding] = field(default_factory=list)
    checks: dict[str, str] = field(default_factory=dict)
    canary: list[CanaryResult] = field(default_factory=list)
    quarantined: list[Finding] = field(default_factory=list)
    sentinels: list[Sentinel] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing leaks."""
        return not self.findings

    @property
    def table(self) -> Any:
        """Leaks: column, kind, first_leaking_row, rows, size, detail (a data frame; a list of dicts without pandas)."""
        return as_table(self.findings, Finding)

    @property
    def leaking_columns(self) -> list[str]:
        """Names of the columns that leak by themselves (the canary judges all of them together)."""
        return list(dict.fromkeys(f.column for f in self.findings if f.column != ALL_COLUMNS))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**asdict(self), "ok": self.ok, "headline": self.headline}

    @property
    def headline(self) -> str:
        """The outcome in one sentence, worst first."""
        if self.findings:
            first = self.findings[0]
            return f"{self.symbol}: {first.column} leaks ({first.kind}): {first.detail}."
        loud = [sentinel for sentinel in self.sentinels if not sentinel.ok]
        if self.quarantined:
            names = list(dict.fromkeys(finding.column for finding in self.quarantined))
            return (
                f"{self.symbol}: trained without {', '.join(names[:5])}"
                + (f" and {len(names) - 5} more" if len(names) > 5 else "")
                + f", as a possible leak: {self.quarantined[0].detail}. Find out why before you use it."
            )
        if loud:
            return f"{self.symbol}: look again, a sentinel is loud. {loud[0].words}."
        copies = [remark for remark in self.remarks if remark.kind == "copies"]
        if copies:
            return f"{self.symbol}: {copies[0].detail}; the copies were taken out of training."
        return f"{self.symbol}: no leak was found."

    def raise_if_leaking(self) -> None:
        """Raise `FeatureLeak`, naming the first column and row, unless `ok`."""
        if self.ok:
            return
        first = self.findings[0]
        more = len(self.leaking_columns) - 1
        which = "the columns" if first.column == ALL_COLUMNS else f"column {first.column!r}"
        raise FeatureLeak(
            f"{self.symbol}: {which} of {self.subject} must not know the future, but {first.detail}"
            + (f"; the same holds for {more} further columns" if more > 0 else "")
            + "."
        )

    def to_text(self) -> str:
        """The report for people."""
        steps = [name for name in self.leaking_columns if name.startswith("(")]  # "(split)", "(fit)" ... of pipelines
        count = len(self.leaking_columns) - len(steps)
        told = [f"{count} of {self.n_columns} columns leak"] if count else []
        if steps:
            told.append(f"{', '.join(name.strip('()') for name in steps)} leak{'s' if len(steps) == 1 else ''}")
        words = "; ".join(told) or "the columns together know the future"
        words = "nothing leaks" if self.ok else words
        if self.quarantined:
            words += f", {len({f.column for f in self.quarantined})} in quarantine"
        lines = [f"{self.symbol}: {words} ({self.subject}; {self.n_rows} rows, {self.n_columns} columns)"]
        width = max((len(name) for name in self.checks), default=0)
        lines += [f"  {name:<{width}}  {done}" for name, done in self.checks.items()]
        lines += [f"  {'loud' if not sentinel.ok else 'quiet'}: {sentinel.words}" for sentinel in self.sentinels]
        listed = (
            ("Leaks", self.findings), ("Quarantine", self.quarantined), ("Remarks (no leaks)", self.remarks)
        )  # fmt: skip
        for title, found in listed:
            if found:
                lines.append(f"{title}:")
                width = max(len(finding.column) for finding in found)
                lines += [f"  {f.column:<{width}}  {f.kind:<11}  {f.detail}" for f in found]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return f"LeakReport({self.symbol}, ok={self.ok}, {len(self.findings)} findings, {len(self.remarks)} remarks)"
