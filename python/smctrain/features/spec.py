"""`FeatureSpec`: which columns a feature table has, from which timeframes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from smctrain._load import core
from smctrain.bars.types import TIMEFRAME_SECONDS, as_table
from smctrain.exceptions import InputError

PRESETS = ("default", "full")
DTYPES = ("float32", "float64")


@dataclass(frozen=True)
class ColumnInfo:
    """What a feature column is and from which row on it can be trusted.

    Attributes
    ----------
    name, family, unit, role : str
        Role "feature" may reach a model; "level" (raw prices or volumes) never does unless asked for by name.
    lookback, warmup, settle : int
        Bars read; rows that are NaN at the start of a segment; further rows until the start no longer shows
        (1e-6; of structure and zones, whose start fades with events: rarely does). -1 means for ever. Columns of higher
        timeframes state base rows, for higher bars that start no earlier than the base bars.
    known_at, definition : str
        The rule in words.
    sources : tuple of str
        The columns a derived column is made of; empty for all others.

    Notes
    -----
    A bar without prices has no reading on its own row, except of columns that only read the clock (lookback 0) or a
    higher timeframe. Afterwards a column with a lookback may be silent, or count the bar as a row, for `lookback` rows;
    one without (-1) goes on as if the bar had not been there, and is silent for at most `warmup` + 1 rows; derived
    columns (lags, rolling statistics) count the bar as a row meanwhile. `audit_features` checks this of every column.
    """

    name: str
    family: str
    unit: str
    lookback: int
    warmup: int
    settle: int
    role: str
    known_at: str
    definition: str
    sources: tuple[str, ...] = ()

    @property
    def reads_higher(self) -> bool:
        """Whether it reads bars of a higher timeframe, which may reach further back than the base bars."""
        return any(name.startswith("htf_") for name in (self.sources or (self.name,)))


@dataclass(frozen=True)
class SettingInfo:
    """One setting of the features: what it is called, what is allowed, and what it means."""

    key: str
    argument: str
    allowed: str
    default: Any
    meaning: str


@dataclass(frozen=True)
class FeatureSpec:
    """Choice of feature columns.

    Parameters
    ----------
    preset : {"default", "full"}
        "default" is what most people want; "full" is every column of role "feature" and a few derived ones.
    base : str
        Timeframe of the rows.
    higher : iterable of str
        Higher timeframes whose finished bars add columns. Those not longer than `base` are left out.
    groups : iterable of str, optional
        Only these families, e.g. ("technical", "candle").
    columns : iterable of str, optional
        Exactly these columns in this order, of any role; `preset` and `groups` are not used then.
    dtype : {"float32", "float64"}
        Of the values.
    settings : mapping of str to value
        How columns are computed, by key: `{"fvg.min_atr": 0.5, "smc.swing_left": 10}`. `feature_settings()` lists all
        of them; the functions of `st.smc` take the same ones as arguments. Names of columns do not change with them.
        Only what differs from its default is kept.
    extra : iterable of str
        Columns behind those, of any role: derived ones, or computed ones the preset leaves out. What the selection
        holds already is not added twice.

    Notes
    -----
    `columns` and `extra` take **derived columns** of any computed column `c` just by their name:

    - `c_lag_k`: the value of k bars ago;
    - `c_s_w`: statistic s of the last w bars, the newest included: mean, sd (n - 1), min, max, med, q10, q90, skew,
      rank (0 to 1), slope (per bar), z, ratio (to the mean), acf<l> (autocorrelation at lag l);
    - `c_sq`: the square; `a__x__b`: the product, names in alphabetical order;
    - `c_fd_h`: the fractional difference of order h/100, so that d = 0.4 is `c_fd_40`; weights are cut below 1e-4,
      so that a share of the level stays in it (7 % at d = 0.4).

    Two operations can follow each other (`rsi_wilder_14_lag_1_z_20` is the z of the lag); what follows `__x__` belongs
    to the second factor. A name that is a computed column (`obv_slope_20`) is that column. Windows are NaN until they
    are full and while a missing value is in them; everything restarts with a segment. `smctrain.features.lags`,
    `rolling`, `interactions`, `squares` and `fractional` write such names. Columns of role "level" (prices, volumes)
    give level columns, which models refuse, except as z, rank, ratio, skew, acf and fd.
    """

    preset: str = "default"
    base: str = "M15"
    higher: tuple[str, ...] = ("H1", "H4")
    groups: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    dtype: str = "float32"
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)
    extra: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise InputError(f'preset must be "default" or "full", but is {self.preset!r}.')
        if self.dtype not in DTYPES:
            raise InputError(f'dtype must be "float32" or "float64", but is {self.dtype!r}.')
        object.__setattr__(self, "settings", _settings(self.settings))
        object.__setattr__(self, "higher", _names("higher", self.higher))
        for name in ("groups", "columns", "extra"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _names(name, getattr(self, name)))
        for timeframe in (self.base, *self.higher):
            if timeframe not in TIMEFRAME_SECONDS:
                raise InputError(f"timeframe {timeframe!r} is not known. Known: {', '.join(TIMEFRAME_SECONDS)}.")

    @property
    def base_ns(self) -> int:
        """Length of a base bar in nanoseconds."""
        return TIMEFRAME_SECONDS[self.base] * 1_000_000_000

    @property
    def used_higher(self) -> tuple[str, ...]:
        """The timeframes of `higher` that are longer than the base, shortest first."""
        longer = [tf for tf in self.higher if TIMEFRAME_SECONDS[tf] > TIMEFRAME_SECONDS[self.base]]
        return tuple(sorted(longer, key=TIMEFRAME_SECONDS.__getitem__))

    def native_higher(self, from_bars: Iterable[str] = ()) -> list[tuple[str, int, bool]]:
        """Higher timeframes as the core takes them: name, length in nanoseconds, reads bars."""
        given = set(from_bars)
        return [(tf, TIMEFRAME_SECONDS[tf] * 1_000_000_000, tf in given) for tf in self.used_higher]

    def catalogue(self) -> list[ColumnInfo]:
        """The selected columns, in the order of a feature table."""
        return list(_catalogue(self, repr(self.settings)))

    def _find_columns(self) -> tuple[ColumnInfo, ...]:
        asked = {"columns": list(self.columns or ()), "extra": list(self.extra)}
        entries: list[dict[str, Any]] = core().features_catalogue(
            self.base_ns, self.native_higher(), dict(self.settings), asked
        )
        by_name = {entry["name"]: entry for entry in entries}
        names = dict.fromkeys([*self._selected(entries), *self.extra])
        return tuple(_info(by_name[name]) for name in names)

    def _selected(self, entries: list[dict[str, Any]]) -> list[str]:
        if self.columns is not None:
            return list(self.columns)
        if self.groups is not None:
            families = dict.fromkeys(entry["family"] for entry in entries)
            wanted = {_known("groups", group, families) for group in self.groups}
            entries = [entry for entry in entries if entry["family"] in wanted]
        if self.preset == "default":
            return [entry["name"] for entry in entries if entry["in_default"]]
        return [entry["name"] for entry in entries if entry["in_full"]]


@lru_cache(maxsize=64)
def _catalogue(spec: FeatureSpec, settings: str) -> tuple[ColumnInfo, ...]:
    """The columns of a spec, which every symbol of a portfolio and every stream asks for.

    `settings` is the text of its settings: their mapping enters no hash, and its owner could still change it.
    """
    return spec._find_columns()


def feature_settings() -> Any:
    """All settings of `FeatureSpec(settings=...)` as a table.

    Returns
    -------
    table
        key; argument (name of the same setting in the functions of `st.smc`, "" where none takes it); allowed; default;
        meaning. A data frame with pandas, else a list of dicts.
    """
    return as_table(settings_table(), SettingInfo)


def settings_table() -> list[SettingInfo]:
    """The rows of `feature_settings`."""
    return [SettingInfo(**row) for row in core().feature_settings_table()]


def _settings(given: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise InputError(f'settings must be a mapping such as {{"fvg.min_atr": 0.5}}, but is {given!r}.')
    return dict(core().feature_settings(dict(given))) if given else {}


def _names(parameter: str, values: Iterable[str]) -> tuple[str, ...]:
    if isinstance(values, str):
        raise InputError(f"{parameter} must be a sequence of names, but is the string {values!r}.")
    names = tuple(str(value) for value in values)
    for name in names:
        if not name.isprintable():
            raise InputError(f"{parameter} must hold names of printable characters, but holds {name!r}.")
    if len(set(names)) < len(names):
        raise InputError(f"{parameter} must not name anything twice, but is {names}.")
    return names


def _known(parameter: str, name: str, known: Iterable[str]) -> str:
    names = list(known)
    if name in names:
        return name
    near = get_close_matches(name, names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise InputError(f"{parameter} holds {name!r}, which does not exist for these timeframes.{hint}")


def _info(entry: dict[str, Any]) -> ColumnInfo:
    return ColumnInfo(**{key: value for key, value in entry.items() if key not in {"in_default", "in_full"}})
