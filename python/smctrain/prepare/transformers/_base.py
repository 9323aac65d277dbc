"""What all transformers share: the rows they saw, applying, names of outputs, storage.

fit:       validate -> rows -> _learn -> learned attributes
transform: validate -> _program -> native apply
A transformer adds its parameters in `__init__`, `_learn`, `_program`, and the names of what it learned in `_learned`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from smctrain import _load
from smctrain.exceptions import ArtifactError, InputError, SplitLeak, TooFewRows
from smctrain.prepare.matrix import threads_of, validated_matrix, validated_weight
from smctrain.prepare.preparation import hash_of_rows

if TYPE_CHECKING:
    from os import PathLike

_MOST_STORED_ROWS = 100_000
_MODULES = {
    "StandardScaler": "scalers", "RobustScaler": "scalers", "MinMaxScaler": "scalers",
    "Imputer": "columns", "ColumnFilter": "columns", "Preprocessor": "preprocessor",
}  # fmt: skip


class NativeTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Base of the transformers. Subclasses define `__init__` (parameters only), `_learn` and `_program`."""

    _learned: ClassVar[tuple[str, ...]] = ()
    """Attributes of one number a column (float64), in the model file as they are."""
    _allow_infinite: ClassVar[bool] = False
    _keep_double: ClassVar[bool] = True

    n_features_in_: int
    n_samples_seen_: int
    fit_rows_: NDArray[np.int64] | None
    fit_rows_hash_: str

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"] if self._keep_double else ["float32"]
        return tags

    # ---- fit ------

    def _fit(self, X: Any, rows: Any, sample_weight: Any = None) -> Self:
        self._check()
        matrix, _ = validated_matrix(
            self, X, reset=True, allow_nan=True, allow_infinite=self._allow_infinite, keep_double=self._keep_double
        )
        weight = validated_weight(sample_weight, len(matrix))
        chosen = _fit_rows(rows, len(matrix))
        if weight is not None:
            chosen = chosen[weight[chosen] > 0]
            weight = np.ascontiguousarray(weight[chosen])
        if len(chosen) < 2:
            raise TooFewRows(
                f"{type(self).__name__} needs at least 2 rows to learn from, but got n_samples={len(chosen)} "
                f"(rows of weight 0 do not count): give it more rows."
            )
        self._learn(matrix, chosen, weight, threads_of(self.n_jobs))
        self.n_samples_seen_ = len(chosen)
        self.fit_rows_ = chosen if len(chosen) <= _MOST_STORED_ROWS else None
        self.fit_rows_hash_ = hash_of_rows(chosen)
        return self

    def _check(self) -> None:
        """Raise InputError about parameters."""

    def _learn(
        self, X: NDArray[Any], rows: NDArray[np.int64], weight: NDArray[np.float64] | None, threads: int
    ) -> None:
        raise NotImplementedError

    def _names(self) -> list[str]:
        names = getattr(self, "feature_names_in_", None)
        return [f"x{j}" for j in range(self.n_features_in_)] if names is None else [str(name) for name in names]

    def check_fitted_within(self, rows: ArrayLike) -> None:
        """Raise `SplitLeak` where a row that this was fitted on is not among `rows`."""
        check_is_fitted(self)
        if self.fit_rows_ is None:
            raise InputError(f"only the hash of {self.n_samples_seen_} fit rows is stored: compare fit_rows_hash_.")
        foreign = np.setdiff1d(self.fit_rows_, np.asarray(rows))
        if len(foreign):
            raise SplitLeak(
                f"{type(self).__name__} was fitted on row {foreign[0]} and {len(foreign) - 1} others outside the given "
                "rows: fit it on training rows only.",
                "fit_rows",
                tuple(int(row) for row in foreign[:10]),
            )

    # ---- transform ------

    def _program(self) -> dict[str, NDArray[Any]]:
        """kept, fill, low, high, center, scale, indicators: what `apply_columns` takes."""
        raise NotImplementedError

    def transform(self, X: Any) -> NDArray[Any]:
        """Transformed columns (n, k) of new rows, C order; the same bits for any number of threads."""
        check_is_fitted(self)
        matrix, _ = validated_matrix(
            self, X, reset=False, allow_nan=True, allow_infinite=self._allow_infinite, keep_double=self._keep_double
        )
        out: NDArray[Any] = _load.core().apply_columns(
            X=matrix, rows=None, **self._program(), threads=threads_of(self.n_jobs)
        )
        return out

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Names of the output columns."""
        check_is_fitted(self)
        try:
            names = _check_feature_names_in(self, input_features)
        except ValueError as error:
            raise InputError(str(error)) from error
        return np.asarray(self._names_out([str(name) for name in names]), dtype=object)

    def _names_out(self, names: list[str]) -> list[str]:
        return names

    # ---- storage ------

    def _extra_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """What was learned beside `_learned`: plain values and arrays."""
        return {}, {}

    def _restore(self, meta: dict[str, Any], arrays: dict[str, NDArray[Any]], need: Any) -> None:
        """Inverse of `_extra_state`, checked."""

    def _check_learned(self, need: Any) -> None:
        """Check what the numbers of `_learned` mean."""

    def _to_container(self) -> bytes:
        from smctrain.artifact.container import pack

        names = getattr(self, "feature_names_in_", None)
        meta, arrays = self._extra_state()
        header = {
            "kind": "transformer",
            "name": type(self).__name__,
            "settings": {
                name: list(value)
                if isinstance(value, tuple)
                else value.item()
                if isinstance(value, np.generic)
                else value
                for name, value in self.get_params(deep=False).items()
            },
            "n_features": self.n_features_in_,
            "features": None if names is None else [str(name) for name in names],
            "n_samples": self.n_samples_seen_,
            "fit_rows_hash": self.fit_rows_hash_,
            "state": meta,
        }
        stored = {name: getattr(self, name) for name in self._learned} | arrays
        if self.fit_rows_ is not None:
            stored["fit_rows"] = self.fit_rows_
        data: bytes = pack(header, stored)
        return data

    def _adopt(self, header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        """Take over what a container holds, once it makes sense."""

        def need(good: bool, sentence: str) -> None:
            if not good:
                raise ArtifactError(f"the {type(self).__name__} cannot be loaded: {sentence}.")

        d, names, n = header.get("n_features"), header.get("features"), header.get("n_samples")
        need(type(d) is int and d >= 1, "n_features must be at least 1")
        need(type(n) is int and n >= 2, "n_samples must be at least 2")
        need(
            names is None
            or (
                isinstance(names, list)
                and len(names) == d == len(set(map(str, names)))
                and all(isinstance(name, str) for name in names)
            ),
            "feature names must be unique texts, one for each column",
        )
        digest, rows = header.get("fit_rows_hash"), arrays.get("fit_rows")
        need(isinstance(digest, str) and len(digest) == 64, "fit_rows_hash must be 64 hexadecimal digits")
        need(
            rows is None or (rows.dtype == np.int64 and rows.shape == (n,) and hash_of_rows(rows) == digest),
            "fit_rows must be n_samples row ids with that hash",
        )
        assert isinstance(d, int)
        assert isinstance(n, int)
        assert isinstance(digest, str)
        self.n_features_in_ = d
        if names is not None:
            self.feature_names_in_ = np.asarray(names, dtype=object)
        self.n_samples_seen_ = n
        self.fit_rows_hash_ = digest
        self.fit_rows_ = None if rows is None else np.array(rows)
        for name in self._learned:
            values = arrays.get(name)
            need(
                values is not None
                and values.dtype == np.float64
                and values.shape == (d,)
                and bool(np.isfinite(values).all()),
                f"{name} must hold one finite number for each column",
            )
            setattr(self, name, np.array(values))
        state = header.get("state")
        need(isinstance(state, dict), "its state must be a table")
        assert isinstance(state, dict)
        self._check_learned(need)
        self._restore(state, arrays, need)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the fitted transformer into one `.smc` file, atomically. `st.prepare.load_transformer` reads it."""
        from smctrain.artifact.atomic import write_atomic

        check_is_fitted(self)
        write_atomic(path, self._to_container())

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        if "fit_rows_hash_" in state:
            state["_container"] = self._to_container()
            state = {name: value for name, value in state.items() if not name.endswith("_") or name.startswith("__")}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        from smctrain.artifact.container import unpack

        state = dict(state)
        container = state.pop("_container", None)
        super().__setstate__(state)
        if container is not None:
            read = unpack(container, "the pickled transformer")
            self._adopt(read.header, read.arrays)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]
    return value.item() if isinstance(value, np.generic) else value


def _fit_rows(rows: Any, n: int) -> NDArray[np.int64]:
    """Row ids to fit on, ascending; None: all."""
    if rows is None:
        return np.arange(n, dtype=np.int64)
    ids = np.asarray(rows)
    if ids.ndim != 1 or (ids.dtype.kind not in "iu" and ids.size):
        raise InputError(
            f"rows must be a 1-dimensional array of row numbers, but has dtype {ids.dtype} and shape {ids.shape}: use "
            "np.flatnonzero(mask) for a mask."
        )
    ids = np.sort(ids.astype(np.int64))
    if len(ids) and (ids[0] < 0 or ids[-1] >= n):
        bad = ids[0] if ids[0] < 0 else ids[-1]
        raise InputError(f"rows must lie in 0..{n - 1}, but holds {bad}.")
    twice = np.flatnonzero(np.diff(ids) == 0)
    if len(twice):
        raise InputError(f"rows must name each row once, but holds {ids[twice[0]]} more than once.")
    return ids


def load_transformer(path: str | PathLike[str]) -> Any:
    """The transformer that `save` wrote into a `.smc` file.

    Raises
    ------
    ArtifactError
        The file is damaged, holds something else, or contradicts itself.
    """
    from smctrain.artifact.container import read_container

    container = read_container(path)
    header = container.header
    name = header.get("name")
    if header.get("kind") != "transformer" or name not in _MODULES:
        raise ArtifactError(
            f"{path} cannot be loaded: it holds a {header.get('kind')!r} named {name!r}, not a transformer of ours."
        )
    cls = getattr(importlib.import_module(f"smctrain.prepare.transformers.{_MODULES[name]}"), name)
    settings = header.get("settings")
    if not isinstance(settings, dict) or set(settings) - set(cls._get_param_names()):
        raise ArtifactError(f"{path} cannot be loaded: its settings are not those of {name}.")
    made = cls(**{key: tuple(value) if isinstance(value, list) else value for key, value in settings.items()})
    try:
        made._check()
    except InputError as error:
        raise ArtifactError(f"{path} cannot be loaded: {error}") from error
    made._adopt(header, container.arrays)
    return made


def identity_program(d: int) -> dict[str, NDArray[Any]]:
    """A program that copies d columns."""
    return {
        "kept": np.arange(d, dtype=np.int64),
        "fill": np.full(d, np.nan),
        "low": np.full(d, -np.inf),
        "high": np.full(d, np.inf),
        "center": np.zeros(d),
        "scale": np.ones(d),
        "indicators": np.empty(0, dtype=np.int64),
    }


def refuse_overflow(estimator: NativeTransformer, values: NDArray[np.float64], what: str) -> None:
    """An error where the spread of a column is beyond a double."""
    bad = ~np.isfinite(values)
    if bad.any():
        name = estimator._names()[int(np.argmax(bad))]
        raise InputError(f"X: the {what} of column {name!r} is beyond the range of float64: divide the column first.")
