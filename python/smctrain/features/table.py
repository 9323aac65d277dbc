"""`FeatureTable`: one row of feature values per base bar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smctrain.bars.types import as_table
from smctrain.exceptions import InputError
from smctrain.features.spec import ColumnInfo, FeatureSpec

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """Feature values of one symbol, row t being known at the close of base bar t.

    Attributes
    ----------
    symbol : str
    values : float32 or float64 (n, d), C order
        NaN in warm-up and where a column has nothing to say.
    catalogue : list of ColumnInfo (d,)
        What each column is. `catalogue_table` is the same as a table.
    time : datetime64[ns] (n,)
        Opening time of each base bar, UTC.
    segment : int32 (n,)
    settled : bool (n,)
        Rows on which every column is past its warm-up and no longer shows where the bars begin (columns that
        never settle are left out). Knows how much history the higher bars had before the first row.
    sources : dict of str to str
        Where each higher timeframe came from: "bars" or "resampled".
    spec : FeatureSpec
    """

    symbol: str
    values: NDArray[Any]
    catalogue: list[ColumnInfo]
    time: NDArray[np.datetime64]
    segment: NDArray[np.int32]
    settled: NDArray[np.bool_]
    sources: Mapping[str, str]
    spec: FeatureSpec

    @property
    def names(self) -> list[str]:
        """Column names."""
        return [column.name for column in self.catalogue]

    @property
    def catalogue_table(self) -> Any:
        """The catalogue as a data frame (a list of dicts without pandas)."""
        return as_table(list(self.catalogue), ColumnInfo)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Values of one column (n,), a view."""
        names = self.names
        if name not in names:
            raise InputError(f"the feature table has no column {name!r}; see .names for its {len(names)} columns.")
        column: NDArray[Any] = self.values[:, names.index(name)]
        return column

    def to_pandas(self) -> pd.DataFrame:
        """Data frame with a UTC index of opening times."""
        import pandas as pd

        index = pd.DatetimeIndex(self.time, name="time").tz_localize("UTC")
        return pd.DataFrame(self.values, columns=self.names, index=index)

    def __repr__(self) -> str:
        rows, columns = self.values.shape
        return f"FeatureTable({self.symbol} {self.spec.base}: {rows} rows, {columns} columns)"
