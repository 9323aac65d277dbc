"""From the settings to the calls: which bars decide, which columns are built, which labels are asked for."""

from __future__ import annotations

from collections.abc import Iterable

from smctrain.bars import Bars, SymbolBars
from smctrain.bars.fingerprint import fingerprint
from smctrain.config import Config
from smctrain.exceptions import ConfigError, InputError, NotLoaded
from smctrain.features import FeatureSpec
from smctrain.features.user import UserColumns
from smctrain.labels import Labels, triple_barrier
from smctrain.prepare import PrepareSettings


def base_bars(bars: SymbolBars, config: Config) -> Bars:
    """The series decisions are taken on."""
    return bars.base if config.data.base is None else bars[config.data.base]


def feature_spec(bars: Bars, config: Config) -> FeatureSpec:
    """The feature recipe of a run."""
    f = config.features
    return FeatureSpec(
        preset=f.preset,
        base=bars.timeframe,
        higher=f.higher,
        groups=f.groups,
        columns=f.columns,
        extra=f.extra,
        settings=f.settings,
    )


def check_features(symbols: Iterable[SymbolBars], config: Config) -> None:
    """An error where the columns asked for exist for none of the symbols: it is the settings that are wrong.

    Where they exist for some timeframes, the symbols of the others fail one by one.
    """
    faults: list[InputError] = []
    checked: set[str] = set()
    for bars in symbols:
        try:
            base = base_bars(bars, config)
            if base.timeframe not in checked:
                checked.add(base.timeframe)
                feature_spec(base, config).catalogue()
        except NotLoaded:
            continue  # this symbol fails alone
        except InputError as error:
            faults.append(error)
    if faults and len(faults) == len(checked):
        raise ConfigError(f"features: {faults[0]}")


def prepare_settings(config: Config) -> PrepareSettings:
    """How every fold's columns are imputed, clipped and scaled."""
    return PrepareSettings(**dict(config.prepare))


def make_labels(bars: Bars, config: Config) -> Labels:
    """Triple-barrier labels of a run."""
    s = config.labels
    return triple_barrier(
        bars, horizon=s.horizon, target=s.target, stop=s.stop, unit=s.unit, entry=s.entry, side=s.side, costs=s.costs,
        tie=s.tie, timeout=s.timeout, timeout_band=s.timeout_band, slippage=s.slippage, commission=s.commission,
        quote=s.quote, flat_at_session_end=s.flat_at_session_end, gap_target=s.gap_target,
    )  # fmt: skip


def data_hash(bars: SymbolBars, user: UserColumns | None = None) -> str:
    """Digest over all timeframes of a symbol (features read the higher ones too), and of the user's own columns."""
    parts = [fingerprint(bars[timeframe])[:16] for timeframe in bars]
    return "-".join(parts if user is None else [*parts, user.digest])
