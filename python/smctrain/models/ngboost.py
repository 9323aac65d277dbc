"""NGBoost as trainer, our rules around it, our walker for its trees.

Natural gradient boosting (Duan and others, "NGBoost: natural gradient boosting for probabilistic prediction", ICML
2020) fits all parameters of a distribution at once: each round fits one tree a parameter to the natural gradient of a
proper score, and scales the step by a line search. The ngboost package gives the gradients, scikit-learn the trees; the
rounds run here, under the judge of the other boosting families, so that validation rows are the ones the task names, in
time order. Trees are stored as plain arrays; predicting needs neither package.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from smctrain import _load
from smctrain.exceptions import ArtifactError, InputError
from smctrain.models._adapters import same_weights, task_samples, task_target, with_every_class
from smctrain.models.base import FitTask, FloatMatrix
from smctrain.models.boosting import FittedBoosting, is_integer, is_real
from smctrain.models.calibration import Recalibration, learn
from smctrain.models.distribution import DISTRIBUTIONS, PredictedDistribution

_INTEGERS = {"n_estimators": 1, "max_depth": 1, "min_samples_leaf": 1, "min_samples_split": 2}
_REALS = {"learning_rate": 1.0, "minibatch_frac": 1.0, "col_sample": 1.0, "tol": np.inf}
_LEAST_LOG_SCALE = -13.8  # a millionth of the target's spread
_MOST_STEPS = 60


@dataclass(frozen=True)
class NGBoostTrainer:
    """Natural gradient boosting, with early stopping on the task's stop rows.

    A task with classes fits their probabilities, one without a distribution of the target. NaN in X is a missing value.

    Parameters
    ----------
    n_estimators : int
        Most rounds.
    learning_rate, minibatch_frac, col_sample, tol
        As in ngboost.
    max_depth, min_samples_leaf, min_samples_split : int
        Of the trees, as in scikit-learn.
    early_stopping_rounds, min_delta
        As of `XGBoostTrainer`; rounds are judged by the score that is fitted.
    class_weight : "balanced" or None
        Of a classification.
    distribution : None, "normal", "lognormal", "laplace" or "student_t"
        None: classification. "lognormal" fits a normal distribution to the logarithm. "student_t" has 3 degrees of
        freedom.
    scoring_rule : "log" or "crps"
        Proper score: likelihood, or the continuous ranked probability score (not of classes, and not of "student_t").
    recalibration : None, "scale" or "isotonic"
        Learns a correction of the distributions on stop rows (see `smctrain.models.calibration`): the newer half of
        them, where the older half decides when to stop; all of them without early stopping.

    Raises
    ------
    InputError
        If settings are out of range; the message lists all of them.

    Notes
    -----
    One round costs one exact tree a parameter in one thread (10,000 rows of 50 columns: 0.13 s of processor time a
    parameter); the stop flag and the time limit are looked at after each.
    Targets are standardised for the fit.
    """

    family: ClassVar[str] = "NGBoost"
    needs_scaling: ClassVar[bool] = False
    is_sequence: ClassVar[bool] = False
    uses_stop_rows: ClassVar[bool] = True

    n_estimators: int = 200
    learning_rate: float = 0.05
    max_depth: int = 3
    min_samples_leaf: int = 10
    min_samples_split: int = 2
    minibatch_frac: float = 1.0
    col_sample: float = 1.0
    early_stopping_rounds: int | None = 20
    min_delta: float = 0.0
    tol: float = 1e-4
    class_weight: Literal["balanced"] | None = "balanced"
    distribution: str | None = None
    scoring_rule: str = "log"
    recalibration: str | None = None

    def __post_init__(self) -> None:
        problems = []
        for name, low in _INTEGERS.items():
            value = getattr(self, name)
            if not (is_integer(value) and value >= low):
                problems.append(f"{name} must be an integer of at least {low}, but is {value!r}.")
        for name, high in _REALS.items():
            value = getattr(self, name)
            if not (is_real(value) and 0 < value <= high):
                bound = "a positive number" if np.isinf(high) else f"a number above 0 and at most {high:g}"
                problems.append(f"{name} must be {bound}, but is {value!r}.")
        if not (is_real(self.min_delta) and self.min_delta >= 0):
            problems.append(f"min_delta must be a number of at least 0, but is {self.min_delta!r}.")
        stopping = self.early_stopping_rounds
        if stopping is not None and not (is_integer(stopping) and stopping >= 1):
            problems.append(f"early_stopping_rounds must be an integer of at least 1 or None, but is {stopping!r}.")
        if self.class_weight not in ("balanced", None):
            problems.append(f"class_weight must be 'balanced' or None, but is {self.class_weight!r}.")
        if self.distribution is not None and self.distribution not in DISTRIBUTIONS:
            known = ", ".join(map(repr, DISTRIBUTIONS))
            problems.append(f"distribution must be one of {known} or None, but is {self.distribution!r}.")
        if self.scoring_rule not in ("log", "crps"):
            problems.append(f"scoring_rule must be 'log' or 'crps', but is {self.scoring_rule!r}.")
        elif self.scoring_rule == "crps" and self.distribution in (None, "student_t"):
            problems.append(f"scoring_rule 'crps' does not exist for {self.distribution or 'classes'}: use 'log'.")
        if self.recalibration not in (None, "scale", "isotonic"):
            problems.append(f"recalibration must be 'scale', 'isotonic' or None, but is {self.recalibration!r}.")
        elif self.recalibration is not None and self.distribution is None:
            problems.append("recalibration belongs to a distribution, not to classes.")
        if problems:
            raise InputError(" ".join(problems))
        for name in _INTEGERS:
            object.__setattr__(self, name, int(getattr(self, name)))
        for name in (*_REALS, "min_delta"):
            object.__setattr__(self, name, float(getattr(self, name)))
        if stopping is not None:
            object.__setattr__(self, "early_stopping_rounds", int(stopping))

    def settings(self) -> dict[str, Any]:
        """Plain settings, for metadata and hashes."""
        return asdict(self)

    def fit(self, task: FitTask) -> FittedNGBoost:
        """Fit one task.

        Raises
        ------
        TooFewRows, OneClass, TooFewColumns, InputError
            As of `XGBoostTrainer.fit`; InputError also for a target of at most 0 with "lognormal".
        MissingDependency
            If ngboost >= 0.5, < 0.6 is not installed.
        """
        if (self.distribution is None) != (task.n_classes > 0):
            expected = "at least 2" if self.distribution is None else "0"
            raise InputError(f"n_classes must be {expected} with this distribution, but is {task.n_classes}.")
        core = _load.core()
        n_held = len(task.stop_rows)
        n_stop = n_held
        if self.recalibration is not None:
            n_stop = n_held // 2 if self.early_stopping_rounds is not None else 0
        judge = core.RoundJudge(
            early_stopping_rounds=self.early_stopping_rounds or 0,
            min_delta=self.min_delta,
            higher_is_better=False,
            has_validation=n_stop > 0,
            learning_rate=self.learning_rate,
            stop=task.stop,
            time_limit_s=float(task.time_limit_s),
        )
        y = task_target(task)
        if self.distribution == "lognormal":
            y = _logarithm(y, task)
        train, held = task_samples(task, y, self.class_weight == "balanced")
        y, train = with_every_class(y, train, task.n_classes)
        # A calibration row of weight 0 is absent; rows keep their order.
        border = np.searchsorted(np.asarray(held["rows"]), task.stop_rows[n_stop] if n_stop < n_held else len(y))
        held_stop = {name: values[:border] for name, values in held.items()}
        held_calibrate = {name: values[border:] for name, values in held.items()}
        library = _load.ngboost()
        rounds = _Rounds(self, library, task, y, train, held_stop)
        if judge.begin():
            rounds.run(judge, task)
        told = judge.result()
        if rounds.constant:
            told["warnings"].append("Every target is the same: the distribution is as narrow as it may be.")
        trees, gains = rounds.trees(int(told["best_round"]))
        fitted = FittedNGBoost._of(
            told | {"trees": trees, "importances": gains, "best_round": trees.n_rounds,
                    "library_version": str(library.__version__)}
        )  # fmt: skip
        fitted.n_classes = task.n_classes
        fitted.distribution = self.distribution
        if self.recalibration is not None:
            if len(held_calibrate["rows"]) < 2:
                fitted.warnings.append("There were no stop rows to recalibrate on, so nothing was corrected.")
            else:
                target = task_target(task)[held_calibrate["rows"]]
                fitted.recalibration = learn(fitted.predict_dist(held_calibrate["X"]), target, self.recalibration)
        return fitted


class _Rounds:
    """The rounds of one fit, as `NGBoost.partial_fit` runs them, with scores after each."""

    def __init__(
        self, trainer: NGBoostTrainer, library: Any, task: FitTask, y: NDArray[Any], train: dict[str, Any],
        held: dict[str, Any],
    ) -> None:  # fmt: skip
        from ngboost import distns, scores
        from sklearn.tree import DecisionTreeRegressor

        self.trainer = trainer
        self.classes = task.n_classes
        seed = int(task.seed % 2**32)
        base = DecisionTreeRegressor(
            max_depth=trainer.max_depth,
            min_samples_leaf=trainer.min_samples_leaf,
            min_samples_split=trainer.min_samples_split,
            random_state=seed,  # ties are broken alike in every run
        )
        settings = {
            "Base": base, "n_estimators": trainer.n_estimators, "learning_rate": trainer.learning_rate,
            "minibatch_frac": trainer.minibatch_frac, "col_sample": trainer.col_sample, "tol": trainer.tol,
            "random_state": seed, "verbose": False,
        }  # fmt: skip
        if self.classes:
            self.model = library.NGBClassifier(Dist=distns.k_categorical(self.classes), **settings)
        else:
            kind = {"laplace": distns.Laplace, "student_t": distns.TFixedDf}.get(
                trainer.distribution or "", distns.Normal
            )
            score = scores.CRPScore if trainer.scoring_rule == "crps" else scores.LogScore
            self.model = library.NGBRegressor(Dist=kind, Score=score, **settings)
        self.X, self.X_val = train["X"], held["X"]
        weighted = not same_weights(train, held)
        self.weight = train["weight"].astype(np.float64) if weighted else None
        self.weight_val = held["weight"].astype(np.float64) if weighted else None
        target, target_val = y[train["rows"]], y[held["rows"]]
        self.centre, self.spread, self.constant = 0.0, 1.0, False
        if not self.classes:
            self.centre, self.spread = float(target.mean()), float(target.std())
            self.constant = not self.spread > 1e-12 * max(1.0, abs(self.centre))
            if self.constant:
                self.spread = max(1.0, abs(self.centre)) * 1e-6
            target, target_val = (target - self.centre) / self.spread, (target_val - self.centre) / self.spread
        self.y, self.y_val = target, target_val
        with np.errstate(all="ignore"):
            self.model.fit_init_params_to_marginal(self.y)
        self.init = np.atleast_1d(np.asarray(self.model.init_params, dtype=np.float64)).copy()
        if self.classes and self.weight is not None:  # the package counts rows
            share = np.bincount(target, weights=self.weight, minlength=self.classes) / self.weight.sum()
            odds = np.log(np.maximum(share, 1e-6))
            self.init = odds[1:] - odds[0]
        if not self.classes:
            self.init[0] = 0.0 if self.constant else self.init[0]
            self.init[1] = 0.0 if self.constant else max(self.init[1], _LEAST_LOG_SCALE)
        self.models: list[tuple[list[Any], float, NDArray[np.int64]]] = []

    def run(self, judge: Any, task: FitTask) -> None:
        """Round by round until the judge, or a gradient of 0, ends it."""
        if self.constant:
            return
        model, trainer = self.model, self.trainer
        params = np.tile(self.init, (len(self.y), 1))
        params_val = np.tile(self.init, (len(self.y_val), 1))
        everything = trainer.minibatch_frac == 1.0
        with np.errstate(all="ignore"):
            for number in range(1, trainer.n_estimators + 1):
                _, columns, X, y, weight, start = model.sample(self.X, self.y, self.weight, params)
                gradient = model.Manifold(start.T).grad(y, natural=True)
                if not np.isfinite(gradient).all():
                    judge.observe(np.nan, np.nan, np.nan, np.nan, np.nan)
                    return
                step = model.fit_base(X, gradient, weight)
                scale = self._line_search(step, start, y, weight)
                learners = model.base_models[-1]
                if not everything:
                    step = _values(learners, self.X[:, columns])
                params = params - trainer.learning_rate * scale * step
                if len(self.y_val):
                    params_val = params_val - trainer.learning_rate * scale * _values(learners, self.X_val[:, columns])
                self.models.append((learners, scale, np.asarray(columns, dtype=np.int64)))
                loss, accuracy = self._judged(params, self.y, self.weight)
                loss_val, accuracy_val = self._judged(params_val, self.y_val, self.weight_val)
                done = judge.observe(loss, loss_val, accuracy, accuracy_val, loss_val)
                if task.progress is not None:
                    task.progress(number, trainer.n_estimators)
                if done or np.linalg.norm(step, axis=1).mean() < trainer.tol:
                    return

    def _judged(self, params: NDArray[np.float64], y: NDArray[Any], weight: Any) -> tuple[float, float]:
        if not len(y):
            return np.nan, np.nan
        predicted = self.model.Manifold(params.T)
        loss = float(predicted.total_score(y, weight))
        if not self.classes:
            # Back in units of y; the score of the logarithm stays one of the logarithm.
            back = self.spread if self.trainer.scoring_rule == "crps" else 1.0
            return loss * back + (0.0 if self.trainer.scoring_rule == "crps" else np.log(self.spread)), np.nan
        return loss, float(np.average(predicted.class_probs().argmax(axis=1) == y, weights=weight))

    def _line_search(
        self, step: NDArray[np.float64], start: NDArray[np.float64], y: NDArray[Any], weight: Any
    ) -> float:
        """`NGBoost.line_search`: doubled while the score falls, then halved until it does. The package's own never ends
        where a score is not a number."""

        def loss(scale: float) -> float:
            return float(self.model.Manifold((start - step * scale).T).total_score(y, weight))

        first, scale = loss(0.0), 1.0
        while scale <= 256:
            now = loss(scale)
            if not np.isfinite(now) or now > first:
                break
            scale *= 2
        size = np.linalg.norm(step, axis=1).mean()
        for _ in range(_MOST_STEPS):
            now = loss(scale)
            if size * scale < self.trainer.tol or (np.isfinite(now) and now < first):
                break
            scale *= 0.5
        return scale

    def trees(self, rounds: int) -> tuple[Any, NDArray[np.float64]]:
        """The first rounds as trees of our own, in units of y, and the importances of the columns."""
        kept = self.models[:rounds]
        n_features, width = self.X.shape[1], len(self.init)
        base = self.init.copy()
        units = np.ones(width)
        if not self.classes:
            base[0], base[1] = self.centre + self.spread * base[0], base[1] + np.log(self.spread)
            units[0] = self.spread
        parts: list[dict[str, NDArray[Any]]] = []
        gains = np.zeros((width, n_features))
        for learners, scale, columns in kept:
            for k, learner in enumerate(learners):
                part = _tree_arrays(learner.tree_, columns, -self.trainer.learning_rate * scale * units[k])
                parts.append(part)
                split = part["feature"] >= 0
                np.add.at(gains[k], part["feature"][split], part["gain"][split])
        offsets = np.cumsum([0, *(len(part["left"]) for part in parts)], dtype=np.int64)
        kinds: dict[str, Any] = dict.fromkeys(("left", "right", "feature"), np.int64)
        kinds |= dict.fromkeys(("threshold", "value", "gain", "cover"), np.float64) | {"missing_left": np.uint8}
        joined = {
            name: np.concatenate([part[name] for part in parts]) if parts else np.empty(0, kind)
            for name, kind in kinds.items()
        }
        trees = _load.core().binary_trees(n_features=n_features, base_margin=base, tree_offset=offsets, **joined)
        # Parameters have units of their own: each of them counts alike.
        sums = gains.sum(axis=1, keepdims=True)
        shares = np.divide(gains, sums, out=np.zeros_like(gains), where=sums > 0).sum(axis=0)
        total = shares.sum()
        return trees, shares / total if total > 0 else shares


def _values(learners: list[Any], X: FloatMatrix) -> NDArray[np.float64]:
    return np.array([learner.predict(X) for learner in learners]).T


def _tree_arrays(tree: Any, columns: NDArray[np.int64], factor: float) -> dict[str, NDArray[Any]]:
    """One tree of scikit-learn, its values times `factor`, its columns those of the whole matrix."""
    left, right = tree.children_left.astype(np.int64), tree.children_right.astype(np.int64)
    is_split = left >= 0
    cover = tree.weighted_n_node_samples.astype(np.float64)
    spread = cover * tree.impurity * factor**2
    gain = np.zeros(len(left))
    gain[is_split] = np.maximum(spread[is_split] - spread[left[is_split]] - spread[right[is_split]], 0.0)
    feature = np.full(len(left), -1, dtype=np.int64)
    feature[is_split] = columns[tree.feature[is_split]]
    return {
        "left": left, "right": right, "feature": feature, "threshold": tree.threshold.astype(np.float64),
        "missing_left": tree.missing_go_to_left.astype(np.uint8), "value": tree.value[:, 0, 0] * factor, "gain": gain,
        "cover": cover,
    }  # fmt: skip


def _logarithm(y: NDArray[np.float64], task: FitTask) -> NDArray[np.float64]:
    for rows in (task.rows, task.stop_rows):
        wrong = ~(y[rows] > 0)
        if wrong.any():
            row = int(rows[np.argmax(wrong)])
            raise InputError(f"y must be above 0 with distribution 'lognormal', but is {y[row]} in row {row}.")
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithm: NDArray[np.float64] = np.log(y)
    return logarithm


class FittedNGBoost(FittedBoosting):
    """Trees of the best round; their margins are the parameters of a distribution: location and logarithm of the scale,
    or the logits of all classes but the first."""

    family: ClassVar[str] = "NGBoost"
    _wide: ClassVar[bool] = True

    # Its margins are parameters, not class margins or values: what trees say about those does not apply.
    moved_scores = None  # type: ignore[assignment]
    shap_values = None  # type: ignore[assignment]

    distribution: str | None = None
    recalibration: Recalibration = Recalibration()

    def predict_proba(
        self, X: FloatMatrix, rows: NDArray[np.int64] | None = None, segment: NDArray[np.int32] | None = None
    ) -> NDArray[np.float64]:
        """Class probabilities (len(rows), n_classes); `segment` is ignored."""
        if self.n_classes == 0:
            raise InputError("a regression has no class probabilities.")
        logits = self.margins(X, rows)
        logits = np.concatenate([np.zeros((len(logits), 1)), logits], axis=1)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
        return shares

    def predict_dist(self, X: FloatMatrix, rows: NDArray[np.int64] | None = None) -> PredictedDistribution:
        """The distribution of the target in each row."""
        if self.distribution is None:
            raise InputError("a classification predicts probabilities, no distribution of a number.")
        params = self.margins(X, rows)
        # Leaves are finite, their sum might still leave the range of the exponential.
        scale = np.exp(np.clip(params[:, 1], -700.0, 700.0))
        return PredictedDistribution(self.distribution, params[:, 0].copy(), scale, self.recalibration)

    def predict(self, X: FloatMatrix, rows: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """Expected values (len(rows),)."""
        return self.predict_dist(X, rows).mean

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Plain metadata and named arrays."""
        meta, arrays = super().to_state()
        return meta | {"distribution": self.distribution}, arrays | self.recalibration.arrays()

    @classmethod
    def from_state(cls, meta: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """Inverse of `to_state`; checks meaning before any use and raises `ArtifactError`."""
        fitted = super().from_state(meta, arrays)
        n_classes, kind = meta["n_classes"], meta.get("distribution")
        if (kind is None) != (n_classes > 0) or (kind is not None and kind not in DISTRIBUTIONS):
            raise ArtifactError(f"distribution must belong to {n_classes} classes, but is {kind!r}.")
        if n_classes == 1 or fitted.trees.width != (n_classes - 1 if n_classes else 2):
            raise ArtifactError(f"the trees have {fitted.trees.width} margins, which {n_classes} classes contradict.")
        fitted.n_classes = n_classes
        fitted.distribution = kind
        fitted.recalibration = Recalibration.of_arrays(arrays)
        return fitted

    @staticmethod
    def _tree_classes(n_classes: int) -> int:
        return 0

    @staticmethod
    def _stored_quantiles(meta: dict[str, Any], width: int) -> tuple[float, ...]:
        return ()
