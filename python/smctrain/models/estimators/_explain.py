"""What every estimator can tell about itself: importances and contributions in one shape of table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from smctrain.exceptions import InputError
from smctrain.models import explanation
from smctrain.models.estimators._input import numbers_of, seed_of, segments_of, threads_of, validated_matrix


class Explained:
    """Mixin of all estimators; `fitted_` is the native model."""

    def importance(
        self,
        kind: str = "native",
        X: Any = None,
        y: Any = None,
        *,
        metric: str | None = None,
        n_repeats: int = 5,
        horizon: int = 1,
        method: str = "blocks",
        random_state: Any = None,
    ) -> Any:
        """Importances of the columns, one table shape for all families and kinds.

        Parameters
        ----------
        kind : str
            "native" (the family's own), "permutation" (needs X and y), "shap" (needs X), or a kind by its name:
            "gini" or "variance" (forests), "total_gain", "gain", "weight", "cover", "total_cover" (boosting),
            "coefficient" (linear). `importance_kinds_` lists those of a model.
        X, y : array or frame (n, d), array (n,), optional
            In time order, preferably rows that the model has not seen.
        metric, n_repeats, horizon, method, random_state
            Of "permutation": see `permutation_importance`.

        Returns
        -------
        pandas.DataFrame, or a dict of arrays without pandas
            `feature`, `kind`, `importance` (sums to 1), `raw`, `sd`, `se`, `rank`, `n`; most important first. See
            `smctrain.models.explanation.importance_table`.

        Raises
        ------
        InputError
            The family has no such kind (the message names those it has), or X or y is missing.
        """
        check_is_fitted(self, "fitted_")
        fitted = self._fitted_model()
        chosen = explanation.chosen_kind(fitted, kind, type(self).__name__)
        needs = {"permutation": (("X", X), ("y", y)), "shap": (("X", X),)}.get(chosen, ())
        missing = [name for name, value in needs if value is None]
        if missing:
            raise InputError(f"importance(kind={kind!r}) needs {' and '.join(missing)}.")
        names = self._column_names()
        if chosen == "permutation":
            score, moved = self._moved(X, y, n_repeats, horizon, random_state, metric, method, None)
            table = explanation.permutation_table(names, score, moved)
        elif chosen == "shap":
            table = explanation.shap_table(names, self.shap_values(X))
        else:
            table = explanation.importance_table(names, chosen, explanation.native_importances(fitted)[chosen])
        return explanation.as_table(table)

    @property
    def importance_kinds_(self) -> tuple[str, ...]:
        """The kinds that `importance` takes beside "native"."""
        check_is_fitted(self, "fitted_")
        return explanation.importance_kinds(self._fitted_model())

    def explain(self, X: Any) -> Any:
        """Why each row gets its answer: contributions of the columns as one table.

        Returns
        -------
        pandas.DataFrame, or a dict of arrays without pandas
            One line for each row, class and feature: `row`, `class` (of a regression None, or the quantile),
            `feature`, `value`, `contribution`, `base`, `margin` = base + sum of contributions. The margin is the
            probability (forests), log-odds or score (boosting, linear), or value (regression). Many rows make a large
            table: n x classes x d lines.

        Raises
        ------
        InputError
            The family has no exact contributions; the message says what it has.
        """
        matrix = self._matrix_of(X)
        values = explanation.shap_values(self._fitted_model(), matrix, type(self).__name__)
        return explanation.as_table(
            explanation.contribution_table(self._column_names(), matrix, values, self._outputs(values.shape[2]))
        )

    def shap_values(self, X: Any) -> NDArray[np.float64]:
        """Contributions of the columns (n, d + 1, k); the last entry of the middle axis is the base value, and the sum
        over that axis is the margin. Of two classes those of the first mirror those of the second.

        Forests and boosting: exact path-dependent TreeSHAP; margins are probabilities or means (forests), and log-odds,
        scores or values (boosting). Linear models: coef * (x - mean of the training rows), which are exact Shapley
        values where the columns are independent of one another.

        Raises
        ------
        InputError
            The family has none (networks), or the model was stored by a version that did not keep what they need.
        """
        matrix = self._matrix_of(X)
        return explanation.shap_values(self._fitted_model(), matrix, type(self).__name__)

    def permutation_importance(
        self,
        X: Any,
        y: Any,
        n_repeats: int = 5,
        horizon: int = 1,
        random_state: Any = None,
        *,
        metric: str | None = None,
        method: str = "blocks",
        groups: Sequence[Sequence[int]] | None = None,
        segment: Any = None,
    ) -> Bunch:
        """How much the score falls when one column is moved against the others.

        Rows move in blocks of twice the horizon, because labels that look `horizon` rows ahead make neighbours alike;
        with fewer than 8 such blocks all rows are shifted circularly instead. All columns move alike in one repeat.
        Only trees and nodes that ask the column are walked again; of networks everything is predicted again.

        Parameters
        ----------
        X : array or frame (n, d)
            In time order, preferably rows that the model has not seen. More than 4 x horizon rows.
        y : array (n,)
        n_repeats : int
        horizon : int
            Rows that a label looks ahead.
        random_state : int, RandomState, Generator or None
        metric : str, optional
            "log_loss" (the default for classes), "accuracy", "balanced_accuracy", "auc", "brier"; "r2" (the default for
            numbers), "mse", "mae", "pinball" (the default for several quantiles). Losses count negatively, so that an
            importance is how much worse the answers get.
        method : "blocks" or "shift"
            "shift": all rows shifted circularly by a random s in [4 x horizon, n - 4 x horizon].
        groups : list of lists of int, optional
            Columns that move together (clusters of columns that say the same); the result has one row a group.
        segment : array (n,), optional
            Of sequence families, as in `predict`: no window crosses a change of id. Rows without answer do not count.

        Returns
        -------
        sklearn.utils.Bunch
            `importances` (d, n_repeats), `importances_mean` (d,), `importances_std` (d,), `score`: that of X itself.
        """
        score, moved = self._moved(X, y, n_repeats, horizon, random_state, metric, method, groups, segment)
        importances = score - moved
        return Bunch(
            importances=importances,
            importances_mean=importances.mean(axis=1),
            importances_std=importances.std(axis=1),
            score=score,
        )

    # ---- for the families ------

    def _fitted_model(self) -> Any:
        return self.fitted_  # type: ignore[attr-defined]

    def _matrix_of(self, X: Any) -> NDArray[np.float32]:
        check_is_fitted(self, "fitted_")
        return validated_matrix(self, X, reset=False, allow_nan=self._allow_nan)[0]  # type: ignore[attr-defined]

    def _column_names(self) -> list[str]:
        names = getattr(self, "feature_names_in_", None)
        d = int(self._fitted_model().n_features)
        return [f"f{j}" for j in range(d)] if names is None else [str(name) for name in names]

    def _outputs(self, width: int) -> list[Any]:
        classes = getattr(self, "classes_", None)
        if classes is not None:
            return list(classes.tolist())
        quantiles = getattr(self._fitted_model(), "quantiles", ())
        return list(quantiles) if len(quantiles) == width else [None] * width

    def _moved(
        self,
        X: Any,
        y: Any,
        n_repeats: int,
        horizon: int,
        random_state: Any,
        metric: str | None,
        method: str,
        groups: Sequence[Sequence[int]] | None,
        segment: Any = None,
    ) -> tuple[float, NDArray[np.float64]]:
        check_is_fitted(self, "fitted_")
        matrix, target = validated_matrix(self, X, y, reset=False, allow_nan=self._allow_nan)  # type: ignore[attr-defined]
        moves = explanation.make_moves(
            len(matrix), matrix.shape[1], n_repeats=n_repeats, horizon=horizon, method=method,
            seed=seed_of(random_state), groups=groups,
        )  # fmt: skip
        threads = threads_of(getattr(self, "n_jobs", None))
        answers = self._codes_of(target)
        stretches = segments_of(segment, len(matrix))
        return explanation.moved_scores(
            self._fitted_model(), matrix, answers, moves, metric=metric, threads=threads, segment=stretches
        )

    def _codes_of(self, target: NDArray[Any]) -> NDArray[Any]:
        classes = getattr(self, "classes_", None)
        if classes is None:
            return numbers_of("y", target)
        try:
            places = np.minimum(np.searchsorted(classes, target), len(classes) - 1)
        except TypeError as error:
            raise InputError(
                f"y must hold labels that compare with those of the fit, but does not: {error}."
            ) from error
        return np.where(classes[places] == target, places, -1).astype(np.int32)
