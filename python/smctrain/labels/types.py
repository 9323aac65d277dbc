"""`Labels`: one record per decision row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smctrain.exceptions import InputError

if TYPE_CHECKING:
    import pandas as pd

STATUSES = (
    "ok", "open", "unfilled", "bad_risk", "quarantine", "tie_drop", "timeout_drop", "missing", "neutral",
)  # fmt: skip
RULES = ("", "stop", "stop_gap", "stop_tie", "target", "target_gap", "target_tie", "timeout")
_LATER = frozenset(("e", "fill", "stop", "target", "risk", "risk_atr", "r", "mfe_r", "mae_r", "bars_held"))


@dataclass(frozen=True, eq=False)
class Labels:
    """What happened after each of m decision rows. All of it is outcome: none of it may become a feature.

    Attributes
    ----------
    y : float64 (m,)
        -1 stop, 0 time ran out, +1 target (other targets: their value); NaN where `status` is not "ok".
    t0, t1 : int64 (m,)
        The decision row and the last row the label used, both closed: splits purge on [t0, t1]. t1 is -1
        where nothing could be resolved.
    e : int64 (m,)
        Row of the fill; -1 without one.
    side : int8 (m,)
        +1 long, -1 short.
    fill, stop, target, exit : float64 (m,)
        Prices of the fill, of both barriers and of the exit.
    risk : float64 (m,)
        Price distance of one R (`risk_atr` gives it in units of the scale).
    r, r_gross : float64 (m,)
        Outcome in R after and before costs.
    mfe_r, mae_r : float64 (m,)
        Best and worst excursion in R between fill and exit; the exit bar is cut at the barriers.
    bars_held : int64 (m,)
        Bars from the fill to the exit, both counted.
    rule_code, status_code : uint8 (m,)
        Indices into `RULES` and `STATUSES`; `rule` and `status` are the words.
    costs : str
        What a trade was charged, in words.
    horizon : int
        Longest number of bars a trade may last.
    window : int
        Rows after t0 that the label may look at at most.
    name : str
        What was measured: "triple_barrier", or the name of a target such as "fwd_ret_60m".
    weight : float64 (m,) or None
        How clear each label is, where the rule says so (trend scanning: |t|).
    entry : str
        How trades were entered; "close" is optimistic.
    zone : int64 (m,) or None
        Where limit or stop came from a zone table: the zone's row in it, -1 without one.
    replayed, fell_back : int
        With `tie="lower_tf"`: ties that the finer bars decided, and ties they could not (rule "stop_tie").

    Notes
    -----
    Targets other than the triple barrier fill the same record: `y` is the value or class of the target, `fill`
    the price it is measured from, `exit` the close of row t1, and everything about stops and R is NaN.

    `triple_barrier` works out `e`, `fill`, `stop`, `target`, `risk`, `risk_atr`, `mfe_r`, `mae_r` and `bars_held` when
    one of them is first read, from the bars it was given; do not write into the arrays of those before. Copies and
    pickles hold every column.
    """

    y: NDArray[np.float64]
    t0: NDArray[np.int64]
    t1: NDArray[np.int64]
    e: NDArray[np.int64]
    side: NDArray[np.int8]
    fill: NDArray[np.float64]
    stop: NDArray[np.float64]
    target: NDArray[np.float64]
    exit: NDArray[np.float64]
    risk: NDArray[np.float64]
    risk_atr: NDArray[np.float64]
    r: NDArray[np.float64]
    r_gross: NDArray[np.float64]
    mfe_r: NDArray[np.float64]
    mae_r: NDArray[np.float64]
    bars_held: NDArray[np.int64]
    rule_code: NDArray[np.uint8]
    status_code: NDArray[np.uint8]
    costs: str
    horizon: int
    window: int
    name: str = "triple_barrier"
    weight: NDArray[np.float64] | None = None
    entry: str = "next_open"
    zone: NDArray[np.int64] | None = None
    replayed: int = 0
    fell_back: int = 0

    @classmethod
    def resolved(cls, known: dict[str, Any], later: Callable[[], dict[str, Any]]) -> Labels:
        """Labels with the columns in `known`; `later` gives all columns of the triple barrier when another is read."""
        labels = cls.__new__(cls)
        labels.__dict__.update(known, _later=later)
        return labels

    if not TYPE_CHECKING:  # only for columns that are not there yet

        def __getattr__(self, name: str) -> Any:
            if name not in _LATER:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            self._complete(name)
            return self.__dict__[name]

    def _complete(self, name: str | None = None) -> None:
        """Works out the columns that nobody has read, or `name` alone where that is simple."""
        own = self.__dict__
        if name == "r" and "r" not in own:  # nothing was charged
            own["r"] = self.r_gross.copy()
            return
        later = own.get("_later")
        if later is None:
            return
        columns = later()
        same = all(np.array_equal(columns[key], own[key], equal_nan=key == "exit") for key in ("t1", "exit"))
        if not same:
            raise InputError(
                f"{name or 'Labels'} must be read before the arrays of the bars are written to, but prices have "
                "changed since these labels were made: label again, or give triple_barrier a copy of the bars."
            )
        for key in _LATER:
            own.setdefault(key, columns[key])
        own.pop("_later", None)

    def __getstate__(self) -> dict[str, Any]:
        self._complete()
        return dict(self.__dict__)

    def __len__(self) -> int:
        return len(self.y)

    @cached_property
    def rule(self) -> NDArray[np.str_]:
        """The rule that ended each trade: one of `RULES`."""
        return np.array(RULES)[self.rule_code]

    @cached_property
    def status(self) -> NDArray[np.str_]:
        """Whether each label exists, and if not, why: one of `STATUSES`."""
        return np.array(STATUSES)[self.status_code]

    @property
    def ok(self) -> NDArray[np.bool_]:
        """Rows that have a label."""
        return np.equal(self.status_code, 0)

    @property
    def intervals(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(t0, t1) of the rows that have a label, as the splitters take them."""
        return self.t0[self.ok], self.t1[self.ok]

    @property
    def counts(self) -> dict[str, int]:
        """Number of rows of each status that occurs."""
        number = np.bincount(self.status_code, minlength=len(STATUSES))
        return {name: int(count) for name, count in zip(STATUSES, number, strict=True) if count}

    @property
    def win_rate(self) -> float:
        """Share of targets among trades that reached a target or a stop; NaN without any."""
        decided = self.ok & (self.rule_code != 0) & (self.rule_code != RULES.index("timeout"))
        won = decided & (self.rule_code >= RULES.index("target"))
        return float(won.sum() / decided.sum()) if decided.any() else float("nan")

    @property
    def break_even(self) -> float:
        """Win rate at which decided trades earn nothing: (1 + mean cost) / (1 + mean target), in R."""
        ok = self.ok & (self.rule_code != 0)
        if not ok.any():
            return float("nan")
        cost = float(np.mean(self.r_gross[ok] - self.r[ok]))
        planned = float(np.mean(np.abs(self.target[ok] - self.stop[ok]) / self.risk[ok])) - 1.0
        return (1.0 + cost) / (1.0 + planned)

    def to_pandas(self) -> pd.DataFrame:
        """One row per decision; columns as the attributes (those about stops and R for trades only)."""
        import pandas as pd

        if self.name != "triple_barrier" and np.isnan(self.stop).all():
            columns = {name: getattr(self, name) for name in ("y", "status", "t0", "t1", "fill", "exit")}
            return pd.DataFrame(columns if self.weight is None else {**columns, "weight": self.weight})
        names = (
            "y", "status", "side", "t0", "e", "t1", "fill", "stop", "target", "risk_atr", "exit", "rule",
            "bars_held", "r_gross", "r", "mfe_r", "mae_r",
        )  # fmt: skip
        return pd.DataFrame({name: getattr(self, name) for name in names})

    def __repr__(self) -> str:
        parts = ", ".join(f"{name}: {count}" for name, count in self.counts.items())
        what = f"costs {self.costs}" if self.name == "triple_barrier" else self.name
        if self.entry == "close":
            what += "; entry at the close, optimistic"
        if self.replayed or self.fell_back:
            what += f"; ties: {self.replayed} replayed, {self.fell_back} counted as stops"
        return f"Labels({len(self)} rows; {parts}; {what})"
