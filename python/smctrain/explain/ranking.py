"""What several families agree on.

    score      of a feature in one list of p: (p - rank) / (p - 1), 1 the most important, 0 the least; average ranks
               among equals; a feature that a list lacks (dropped there) scores 0
    family     mean over the lists (folds, symbols) of one kind, then over its kinds
    consensus  weighted mean over families, weights normalised to 1 (all the same by default)
    n_agree    families that have the feature among their first `top`; a family that ranks nothing agrees with nothing
    agreement  between families: Spearman, Kendall tau-b, extrapolated rank-biased overlap (p = 0.9)

Ranks, because the units of families do not compare. The order of what is given changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.exceptions import InputError
from smctrain.explain.folds import FoldImportance
from smctrain.models.explanation import Table, as_table, average_ranks
from smctrain.stats import kendall_tau, rbo, spearman


@dataclass(frozen=True)
class Consensus:
    """Outcome of `consensus`.

    Attributes
    ----------
    features : list of str (d,)
        Best first; equals by name.
    families : list of str (F,)
        By name.
    scores : float64 (d, F)
        Score of each feature in each family.
    weights : float64 (F,)
        Sum 1.
    top : int
    spearman, kendall, rbo : float64 (F, F)
        Agreement of the families; NaN where one ranks all features alike.
    """

    features: list[str]
    families: list[str]
    scores: NDArray[np.float64]
    weights: NDArray[np.float64]
    top: int
    spearman: NDArray[np.float64]
    kendall: NDArray[np.float64]
    rbo: NDArray[np.float64]

    def to_table(self) -> Table:
        """As `table`, always a dict of arrays."""
        total = _without_last_digits(self.scores @ self.weights)
        sd = self.scores.std(axis=1, ddof=1) if len(self.families) > 1 else np.full(len(total), np.nan)
        table: Table = {
            "feature": np.asarray(self.features, dtype=object),
            "consensus": total,
            "rank": average_ranks(-total),
            "sd": sd,
            "n_agree": self.n_agree(),
            "n_families": np.full(len(total), len(self.families), dtype=np.int64),
        }
        return table | {family: self.scores[:, i] for i, family in enumerate(self.families)}

    @property
    def table(self) -> Any:
        """`feature`, `consensus`, `rank`, `sd` (between families, ddof 1), `n_agree`, `n_families`, and the score of
        each family; best first. A pandas frame where pandas is installed, else a dict of arrays."""
        return as_table(self.to_table())

    def n_agree(self) -> NDArray[np.int64]:
        """Families that have the feature among their first `top` (d,)."""
        ranks = np.stack([average_ranks(-column) for column in self.scores.T], axis=1)
        counted: NDArray[np.int64] = (ranks <= self.top).sum(axis=1).astype(np.int64)
        return counted

    @property
    def agreement(self) -> Any:
        """One row for each pair of families: `first`, `second`, `spearman`, `kendall`, `rbo`."""
        first, second = np.triu_indices(len(self.families), 1)
        names = np.asarray(self.families, dtype=object)
        measures = {name: getattr(self, name)[first, second] for name in ("spearman", "kendall", "rbo")}
        return as_table({"first": names[first], "second": names[second]} | measures)


def consensus(
    importances: Mapping[str, Any],
    *,
    weights: Mapping[str, float] | None = None,
    top: int = 10,
) -> Consensus:
    """Average ranks of features over folds, symbols, kinds and families.

    Parameters
    ----------
    importances : mapping of family to importances
        Of each family one of, or a list of: `FoldImportance` (each fold is a list of its own), importance tables
        (frames or dicts of arrays with `feature`, `raw` or `importance`, and `kind`). Lists of one kind are averaged
        first, so that five folds of one kind weigh as much as one table of another.
    weights : mapping of family to float, optional
        Not negative; normalised to 1. Default: all the same.
    top : int
        `n_agree` counts families that have a feature among their first `top`.

    Raises
    ------
    InputError
        Nothing to agree on, a list without features, or weights that are none.
    """
    if not importances:
        raise InputError("importances must hold at least 1 family, but holds none.")
    if not isinstance(top, (int, np.integer)) or isinstance(top, bool) or top < 1:
        raise InputError(f"top must be an integer of at least 1, but is {top!r}.")
    families = sorted(str(family) for family in importances)
    lists = {str(family): list(_lists(str(family), given)) for family, given in importances.items()}
    names = sorted({name for family in families for _, own, _ in lists[family] for name in own})
    scores = _without_last_digits(np.stack([_family_scores(lists[family], names) for family in families], axis=1))
    weight = _weights(families, weights)
    total = _without_last_digits(scores @ weight)
    order = sorted(range(len(names)), key=lambda i: (-total[i], names[i]))
    scores = scores[order]
    ranked = [_ranked(column) for column in scores.T]
    pairs = [(a, b) for a in range(len(families)) for b in range(len(families))]

    def matrix(measure: Any) -> NDArray[np.float64]:
        return np.asarray([measure(a, b) for a, b in pairs], dtype=np.float64).reshape(len(families), -1)

    return Consensus(
        features=[names[i] for i in order],
        families=families,
        scores=scores,
        weights=weight,
        top=int(top),
        spearman=matrix(lambda a, b: spearman(scores[:, a], scores[:, b])),
        kendall=matrix(lambda a, b: kendall_tau(scores[:, a], scores[:, b])),
        rbo=matrix(lambda a, b: rbo(ranked[a], ranked[b]).ext),
    )


def _lists(family: str, given: Any) -> Iterable[tuple[str, list[str], NDArray[np.float64]]]:
    """(kind, features, values) of every list of a family."""
    if isinstance(given, FoldImportance):
        for values in given.values:
            yield given.kind, given.features, values
        return
    if hasattr(given, "columns") or isinstance(given, Mapping):
        columns = list(given.columns) if hasattr(given, "columns") else list(given)
        measure = next((name for name in ("raw", "importance") if name in columns), None)
        if measure is None or "feature" not in columns:
            raise InputError(f"{family}: an importance table needs the columns feature and raw, but has {columns}.")
        features = [str(name) for name in given["feature"]]
        values = np.asarray(given[measure], dtype=np.float64)
        if not features or len(set(features)) != len(features) or not np.isfinite(values).all():
            raise InputError(f"{family}: an importance table needs different features, each with a finite value.")
        yield str(next(iter(given["kind"]))) if "kind" in columns else "", features, values
        return
    if isinstance(given, Iterable) and not isinstance(given, (str, bytes)):
        found = [entry for item in given for entry in _lists(family, item)]
        if found:
            yield from found
            return
    raise InputError(f"{family}: importances must be tables or measures of st.explain, but are {given!r:.80}.")


def _family_scores(lists: list[tuple[str, list[str], NDArray[np.float64]]], names: list[str]) -> NDArray[np.float64]:
    place = {name: i for i, name in enumerate(names)}
    kinds = sorted({kind for kind, _, _ in lists})
    means = []
    for wanted in kinds:
        rows = []
        for kind, features, values in lists:
            if kind != wanted:
                continue
            p = len(features)
            row = np.zeros(len(names))
            ranks = average_ranks(-values)
            row[[place[name] for name in features]] = (p - ranks) / (p - 1) if p > 1 else 1.0
            rows.append(row)
        means.append(np.mean(rows, axis=0))
    mean: NDArray[np.float64] = np.mean(means, axis=0)
    return mean


def _weights(families: list[str], weights: Mapping[str, float] | None) -> NDArray[np.float64]:
    if weights is None:
        return np.full(len(families), 1.0 / len(families))
    if sorted(str(family) for family in weights) != families:
        raise InputError(f"weights must name the families {', '.join(families)}, but name {', '.join(weights)}.")
    values = np.asarray([weights[family] for family in families], dtype=np.float64)
    if not (np.isfinite(values) & (values >= 0)).all() or values.sum() <= 0:
        raise InputError(f"weights must be finite, not negative and not all 0, but are {dict(weights)}.")
    normal: NDArray[np.float64] = values / values.sum()
    return normal


def _without_last_digits(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Equal means that were summed in another order are equal again."""
    return np.round(values, 12)


def _ranked(scores: NDArray[np.float64]) -> list[set[int]]:
    """Features by falling score, equals together."""
    return [set(np.flatnonzero(scores == value).tolist()) for value in np.unique(scores)[::-1]]
