"""What the families of one symbol share of a fold: its preparation, the prepared values, the bin codes.

A fold's columns, medians and edges depend on its training rows alone, not on who learns from them. So the first family
that needs them makes them and the others read them; what no later family reads is dropped, and beyond a budget nothing
is kept and each family makes its own, as it would alone. Nothing is shared between folds.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.dataset import Dataset
from smctrain.models.shared import Shared
from smctrain.prepare import Preparation, PrepareSettings
from smctrain.prepare.preparation import hash_of_rows

_BUDGET = 64 << 20
"""Bytes of prepared values and codes that one symbol keeps at most."""


class Prepared:
    """One preparation and what is made of it, on the account of its store."""

    def __init__(self, prepare: Preparation, store: FoldStore, kept: bool) -> None:
        self.prepare = prepare
        self._store, self.kept = store, kept
        self._made = {kind: Shared() for kind in ("scaled", "plain", "codes")}
        self._taken: dict[str, int] = {}

    def values(self, scaled: bool) -> NDArray[np.float32]:
        """All rows, imputed and scaled or just without the dropped columns."""
        kind, X = "scaled" if scaled else "plain", self._store.X

        def make() -> NDArray[np.float32]:
            return self.prepare.values(X, scaled)

        return self._made[kind].get(kind, make) if self._has_room(kind, 4) else make()

    def codes(self) -> Shared | None:
        """Where forests that learn from the rows of this preparation share bin codes; None beyond the budget."""
        # One byte a value, and two for forests with more than 255 bins.
        return self._made["codes"] if self._has_room("codes", 3) else None

    def _has_room(self, kind: str, width: int) -> bool:
        size = width * len(self._store.X) * len(self.prepare.kept)
        return self.kept and self._store.takes(self._taken, kind, size)

    def keep(self, kinds: set[str]) -> None:
        """Drop what is of another kind."""
        for kind, made in self._made.items():
            if kind not in kinds:
                made.drop()
                self._store.gives_back(self._taken, kind)


class FoldStore:
    """Preparations of one symbol by the rows they were learned from, without columns in `quarantine`."""

    def __init__(
        self, data: Dataset, budget: int = _BUDGET, settings: PrepareSettings | None = None,
        quarantine: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.X, self.names, self.settings = data.X, data.names, settings
        self.quarantine = dict(quarantine or {})
        self._left = budget
        self._lock = threading.Lock()
        self._found = Shared()
        self._all: list[Prepared] = []

    def of(self, rows: NDArray[np.int64], kept: bool = True, fitted: Preparation | None = None) -> Prepared:
        """The preparation learned from these rows; `fitted` where the caller has it already. Not kept: rows that only
        one family learns from."""

        def make() -> Prepared:
            prepare = Preparation.fit(self.X, rows, self.names, self.settings) if fitted is None else fitted
            names = set(prepare.kept_names)
            leaks = {name: reason for name, reason in self.quarantine.items() if name in names}
            prepare = prepare.without(leaks) if leaks else prepare
            return self._new(prepare, kept)

        return self._found.get(hash_of_rows(rows), make) if kept else make()

    def without(self, prepared: Prepared, reasons: Mapping[str, str]) -> Prepared:
        """`prepared` without these columns, shared by all families that were told to leave out the same ones."""
        if not reasons:
            return prepared

        def make() -> Prepared:
            return self._new(prepared.prepare.without(reasons), prepared.kept)

        key = (prepared.prepare.fit_rows_hash, *sorted(reasons))
        return self._found.get(key, make) if prepared.kept else make()

    def _new(self, prepare: Preparation, kept: bool) -> Prepared:
        prepared = Prepared(prepare, self, kept)
        if kept:
            with self._lock:
                self._all.append(prepared)
        return prepared

    def takes(self, taken: dict[str, int], kind: str, size: int) -> bool:
        """Whether these bytes are on the account already or there is room for them."""
        with self._lock:
            if kind not in taken:
                if size > self._left:
                    return False
                taken[kind] = size
                self._left -= size
            return True

    def gives_back(self, taken: dict[str, int], kind: str) -> None:
        """Take what is of this kind off the account."""
        with self._lock:
            self._left += taken.pop(kind, 0)

    def keep_for(self, trainers: Iterable[Any]) -> None:
        """Drop what none of these trainers reads."""
        kinds: set[str] = set()
        for trainer in trainers:
            kinds.add("scaled" if trainer.needs_scaling else "plain")
            if getattr(trainer, "takes_bins", False):
                kinds.add("codes")
        for prepared in self._all:
            prepared.keep(kinds)
