"""`DataAugmenter`: the adaptive augmentation of small data sets, one method per technique."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smctrain._load import core
from smctrain.augment.rows import (
    augment_rows,
    check_count,
    check_number,
    read_classes,
    read_rows,
    read_segment,
)
from smctrain.exceptions import InputError

_NEIGHBOURS = 5


class DataAugmenter:
    """Synthetic rows for small training sets.

    Parameters
    ----------
    random_state : int, numpy Generator or None
        With an integer every call with the same rows gives the same result. None: fresh randomness at each
        call.
    order_is_time : bool
        Whether the rows given to `augment` are ordered by time; only then does it shift rows.

    Attributes
    ----------
    skipped_ : list of str
        Why `apply_smote` left a class as it was, from its latest call.

    Notes
    -----
    Use it on the training rows of a split, after scaling. It never decides whether augmentation helps:
    measure that by cross-validation whose test rows hold no synthetic row.
    """

    def __init__(self, random_state: int | np.random.Generator | None = None, *, order_is_time: bool = False) -> None:
        if random_state is not None and not isinstance(random_state, np.random.Generator):
            check_count("random_state", random_state, 0)
        self.random_state = random_state
        self.order_is_time = order_is_time
        self.skipped_: list[str] = []

    def augment(self, X: ArrayLike, y: ArrayLike, threshold: int = 300) -> tuple[NDArray[Any], NDArray[Any]]:
        """The given rows first, then synthetic ones: 3n rows in all below 200 rows, 2n below `threshold`.

        Parameters
        ----------
        X : float (n, d)
        y : (n,)
            Class of each row.
        threshold : int
            From this many rows on X and y come back as they are.

        Returns
        -------
        X : float (m, d)
        y : (m,)
            Class shares as in the input, to within the rounding of one row.
        """
        result = augment_rows(
            X,
            y,
            order_is_time=self.order_is_time,
            threshold=threshold,
            std=0.15,
            random_state=self._seed(),
        )
        self._validate_distribution(y, result.y)
        return result.X, result.y

    def add_gaussian_noise(self, X: ArrayLike, std: float = 0.15) -> NDArray[Any]:
        """A jittered copy of every row: `std` times each column's sd; integer and flag columns stay.

        Parameters
        ----------
        X : float (n, d)
        std : float
            In units of each column's standard deviation.

        Returns
        -------
        float (n, d)
            Within each column's range in X.
        """
        rows, dtype = read_rows(X)
        check_number("std", std, 0.0, float("inf"))
        out: NDArray[Any] = core().jitter(rows, None, float(std), self._seed())
        return out.astype(dtype, copy=False)

    def time_shift(self, X: ArrayLike, max_shift: int = 2, *, segment: ArrayLike | None = None) -> NDArray[Any]:
        """The features of a row 1..max_shift rows older, for every row. Rows must be in the order of time.

        It shifts along time, not across columns, and never takes a later row: that would put part of the
        outcome into the features. The first row of a stretch stays as it is.

        Parameters
        ----------
        X : float (n, d)
        max_shift : int
            Largest shift in rows.
        segment : int (n,), optional
            Rows of one unbroken stretch share an id.

        Returns
        -------
        float (n, d)
        """
        rows, dtype = read_rows(X)
        sources = core().shifted_rows(
            len(rows),
            read_segment(segment, len(rows)),
            check_count("max_shift", max_shift, 1),
            self._seed(),
        )
        shifted: NDArray[Any] = rows[sources].astype(dtype, copy=False)
        return shifted

    def feature_dropout(self, X: ArrayLike, dropout_rate: float = 0.1) -> NDArray[Any]:
        """A copy of every row in which values become the column's mean with probability `dropout_rate`.

        Integer and flag columns get the value that occurs nearest the mean.

        Parameters
        ----------
        X : float (n, d)
        dropout_rate : float
            In [0, 1].

        Returns
        -------
        float (n, d)
        """
        rows, dtype = read_rows(X)
        check_number("dropout_rate", dropout_rate, 0.0, 1.0)
        out: NDArray[Any] = core().feature_dropout(rows, None, float(dropout_rate), self._seed())
        return out.astype(dtype, copy=False)

    def apply_smote(
        self, X: ArrayLike, y: ArrayLike, *, share: float | None = None
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Raise small classes by points on the lines between neighbours of the same class.

        Parameters
        ----------
        X : float (n, d)
        y : (n,)
        share : float, optional
            Share of all rows to raise the smallest class to. Without it every class is raised to the size of
            the largest one. A class that cannot be raised (fewer than 2 rows, or no continuous column) stays
            as it is and `skipped_` says why.

        Returns
        -------
        X : float (m, d)
            The given rows first.
        y : (m,)

        Notes
        -----
        k = min(5, class rows - 1) neighbours; distances over continuous columns in units of their sd;
        integer and flag columns take the most frequent value among the neighbours. Source: Chawla et al.,
        JAIR 16 (2002).
        """
        rows, dtype = read_rows(X)
        labels, codes = read_classes(y, len(rows))
        counts = np.bincount(codes) if len(codes) else np.empty(0, dtype=np.int64)
        self.skipped_ = []
        if len(counts) < 2:
            self.skipped_.append("there are fewer than 2 classes, so there is nothing to balance")
            return np.asarray(X), labels
        wanted = counts.max() - counts
        if share is not None:
            check_number("share", share, 0.0, 1.0)
            if share >= 1.0:
                raise InputError(f"share must be below 1, but is {share}.")
            smallest = int(np.argmin(counts))
            n, own = len(rows), int(counts[smallest])
            wanted = np.zeros_like(counts)
            # m rows with (own + m) / (n + m) = share
            wanted[smallest] = max(0, int((share * n - own) / (1 - share) + 1e-9))
        new_rows, new_labels = [rows], [labels]
        seed = self._seed()
        classes = np.unique(labels)
        for code in np.flatnonzero(wanted):
            members = np.flatnonzero(codes == code).astype(np.int64)
            made, _, reason = core().smote(
                rows,
                members,
                None,
                count=int(wanted[code]),
                k=_NEIGHBOURS,
                seed=seed,
                purpose=f"augment/smote/{code}",
            )
            if reason:
                self.skipped_.append(f"class {classes[code]}: {reason}")
            new_rows.append(made)
            new_labels.append(np.repeat(labels[members[:1]], len(made)))
        return np.vstack(new_rows).astype(dtype, copy=False), np.concatenate(new_labels)

    def _validate_distribution(self, y_original: ArrayLike, y_augmented: ArrayLike, tolerance: float = 0.05) -> bool:
        """True if no class share moved by more than `tolerance`, else an InputError naming the class."""
        original, augmented = np.asarray(y_original), np.asarray(y_augmented)
        if len(original) == 0 or len(augmented) == 0:
            return True
        classes = np.unique(np.concatenate([original, augmented]))
        before = np.array([np.mean(original == label) for label in classes])
        after = np.array([np.mean(augmented == label) for label in classes])
        worst = int(np.argmax(np.abs(after - before)))
        if abs(after[worst] - before[worst]) > tolerance + 1e-12:
            raise InputError(
                f"the share of class {classes[worst]} moved from {before[worst]:.1%} to {after[worst]:.1%}, "
                f"more than {tolerance:.1%}."
            )
        return True

    def _seed(self) -> int:
        if self.random_state is None:
            return int(np.random.default_rng().integers(2**63))
        if isinstance(self.random_state, np.random.Generator):
            return int(self.random_state.integers(2**63))
        return int(self.random_state)
