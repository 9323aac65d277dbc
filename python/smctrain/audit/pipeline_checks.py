"""The checks of `audit_pipeline`, step by step. Each returns findings and what was done, in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smctrain.audit.dominance import dominant_columns
from smctrain.audit.report import Finding
from smctrain.audit.subject import altered_after
from smctrain.audit.together import dominant_together
from smctrain.audit.twins import TwinFinder
from smctrain.bars.types import Bars
from smctrain.exceptions import InputError, SplitLeak
from smctrain.labels import Labels
from smctrain.splits import audit as audit_splits
from smctrain.stats import hac_mean

Rows = NDArray[np.int64]
Pairs = list[tuple[Rows, Rows]]
Found = tuple[list[Finding], str]

LABEL_CUTS = 8
FIT_ROUNDS = 3
MOST_DISCRETE = 30
FEW_COPIES, FEW_COPIES_SHARE = 3, 0.005
"""So many equal rows are chance: prices lie on a grid."""
SAME = 1e-9
"""Predictions count as unchanged up to this, or up to twice what two equal calls differ by."""
_TWIN_SHARE, _TWIN_AGREEMENT, _TWIN_EXCESS, _ONE_CLASS_EXCESS, _LEAST_TWINS = 0.1, 0.9, 0.25, 0.3, 15
_SAMPLED_TWINS = 600
_LUCKY_NEIGHBOURS, _BETTER_THAN_LUCK, _LEAST_APART = 0.65, 0.15, 10
_LEAST_NEIGHBOURS, _NEIGHBOURS_AGREE, _NEIGHBOURS_ERRORS, _SCATTERED = 100, 0.1, 6.0, 0.5
_CUTS_IN_TIME = (0.1, 0.3, 0.5, 0.7, 0.9)


def label_step(labels: Callable[[Bars], Labels], bars: Bars, rng: np.random.Generator) -> Found:
    """Bars after T are altered: decisions up to T must be the same ones, and labels that end by T the same labels."""
    whole = labels(bars)
    n = len(bars)
    cuts = np.linspace(n // 3, n - 2, LABEL_CUTS).astype(int).tolist()
    market = {bars.timeframe: bars}
    chosen: set[int] = set()
    rewritten: set[int] = set()
    for cut in cuts:
        for how in ("shuffled", "noise"):
            other = labels(altered_after(market, bars.timeframe, cut, how, rng)[bars.timeframe])
            before, after = whole.t0[whole.t0 <= cut], other.t0[other.t0 <= cut]
            chosen |= set(np.setxor1d(before, after).tolist())
            known = whole.ok & (whole.t1 <= cut)
            place = np.minimum(np.searchsorted(other.t0, whole.t0), max(0, len(other.t0) - 1))
            if not len(other.t0):
                continue
            both = known & (other.t0[place] == whole.t0)
            changed = both & ~((whole.y == other.y[place]) & (whole.t1 == other.t1[place]))
            rewritten |= set(whole.t0[changed].tolist())
    findings = []
    if chosen:
        detail = f"which rows are decisions depends on later bars ({len(chosen)} rows), first row {min(chosen)}"
        findings.append(Finding("(labels)", "selection", min(chosen), len(chosen), float(len(chosen)), detail))
    if rewritten:
        detail = (
            f"{len(rewritten)} labels change with bars after their end t1, first row {min(rewritten)}: the interval is "
            "too short, so that purging by it is not enough"
        )
        findings.append(Finding("(labels)", "interval", min(rewritten), len(rewritten), float(len(rewritten)), detail))
    return findings, f"{len(whole)} decisions, bars altered after {len(cuts)} rows in two ways"


def split_step(
    pairs: Pairs, t0: Rows, t1: Rows, y: NDArray[np.float64], groups: Any, events: Any, embargo: int,
    rng: np.random.Generator,
) -> Found:  # fmt: skip
    """Label intervals, stamps of several symbols, and events on both sides of a border."""
    findings: list[Finding] = []
    for number, (train, held) in enumerate(pairs):
        order = np.argsort(t0, kind="stable")
        place = np.empty(len(t0), dtype=np.int64)
        place[order] = np.arange(len(t0))
        try:
            audit_splits(
                [(np.sort(place[train]), np.sort(place[held]))], order, (t0[order], t1[order]), embargo=embargo
            )
        except SplitLeak as leak:
            text = str(leak).removeprefix("split 0: ").split(". ")[0].rstrip(".")
            rows = [int(order[row]) for row in leak.rows if 0 <= row < len(order)]
            detail = f"split {number}: {text}" + (f", first rows {', '.join(map(str, rows[:5]))}" if rows else "")
            kind = leak.code.replace(" ", "_")
            findings.append(Finding("(split)", kind, rows[0] if rows else -1, len(rows), float("nan"), detail))
            continue
        overlap = _brute_force(t0, t1, train, held, rng)
        if overlap is not None:
            detail = (
                f"split {number}: the label of training row {overlap[0]} overlaps that of held-out row {overlap[1]}"
            )
            findings.append(Finding("(split)", "overlap", overlap[0], 1, float("nan"), detail))
        if events is not None:
            shared = _shared_events(events, train, held)
            if len(shared):
                first = int(held[np.flatnonzero(np.isin(events[held], shared))[0]])
                detail = (
                    f"split {number}: {len(shared)} events have rows on both sides, first {shared[0]!s} (held-out row "
                    f"{first})"
                )
                findings.append(Finding("(split)", "event", first, len(shared), float(len(shared)), detail))
    return findings, f"{len(pairs)} splits: label intervals, moments" + (", events" if events is not None else "")


def _brute_force(t0: Rows, t1: Rows, train: Rows, held: Rows, rng: np.random.Generator) -> tuple[int, int] | None:
    a, b = train[rng.integers(0, len(train), 20_000)], held[rng.integers(0, len(held), 20_000)]
    meet = (t0[a] <= t1[b]) & (t0[b] <= t1[a])
    at = int(np.argmax(meet))
    return (int(a[at]), int(b[at])) if meet.any() else None


def _shared_events(events: NDArray[Any], train: Rows, held: Rows) -> NDArray[Any]:
    named = events[held]
    if events.dtype.kind in "if":
        named = named[named >= 0]
    elif events.dtype.kind == "O":
        named = np.array([name for name in named if name is not None])
    return np.intersect1d(np.unique(named), events[train])


def choice_step(
    again: Callable[[NDArray[np.float64]], Pairs], pairs: Pairs, y: NDArray[np.float64], rng: np.random.Generator
) -> Found:
    """Split again with labels in another order: the held-out rows must be the same."""
    other = again(rng.permutation(y))
    before = [np.sort(held) for _, held in pairs]
    after = [np.sort(held) for _, held in other]
    differ = [i for i in range(len(before)) if i >= len(after) or not np.array_equal(before[i], after[i])]
    if len(before) != len(after) or differ:
        number = differ[0] if differ else len(after)
        detail = f"split {number}: which rows are held out depends on labels, which nobody knows when it trades"
        return [Finding("(split)", "selection", -1, len(differ), float("nan"), detail)], "labels shuffled, split again"
    return [], "labels shuffled, split again: the same rows are held out"


def copies_step(X: NDArray[np.float64], y: NDArray[np.float64], t0: Rows, t1: Rows, pairs: Pairs) -> Found:
    """Copies of held-out rows among training rows: exact, near, or jittered ones that share the label."""
    values = np.ascontiguousarray(X, dtype=np.float32)
    everything = np.unique(np.concatenate([rows for pair in pairs for rows in pair]))
    finder = TwinFinder(values, everything)
    if not finder.believe_labels(y):
        return [], "not looked for: no column takes many values"
    findings: list[Finding] = []
    for number, (train, held) in enumerate(pairs):
        twins = finder.across(train, held)
        if len(twins) > max(FEW_COPIES, int(FEW_COPIES_SHARE * len(held))):
            detail = (
                f"split {number}: {len(twins)} of {len(held)} held-out rows have a copy among the training rows, first "
                f"row {twins.held[0]} and its copy {twins.train[0]}"
            )
            findings.append(Finding("(rows)", "duplicate", int(twins.held[0]), len(twins), float(twins.exact), detail))
            continue
        jittered = _jittered(finder, train, held, y, t0, t1)
        if jittered is not None:
            row, count, near, far = jittered
            detail = (
                f"split {number}: {near:.0%} of the {count} held-out rows that lie nearest to a training row share its "
                f"label, {far:.0%} of the others: they look like jittered copies, first row {row}"
            )
            findings.append(Finding("(rows)", "duplicate", row, count, near - far, detail))
    return findings, f"{len(pairs)} borders: equal to 6 digits, nearer than 1e-6, or near with the same label"


def _jittered(
    finder: TwinFinder, train: Rows, held: Rows, y: NDArray[np.float64], t0: Rows, t1: Rows
) -> tuple[int, int, float, float] | None:
    """Held-out rows much nearer to a training row than usual that nearly all share its label."""
    held = held[~finder.standing(held)]
    if len(held) < 4 * _LEAST_TWINS:
        return None
    some = held if len(held) <= _SAMPLED_TWINS else held[np.linspace(0, len(held) - 1, _SAMPLED_TWINS).astype(int)]
    distance, twin = finder.nearest(np.asarray(train, np.int64), np.asarray(some, np.int64))
    agrees = y[some] == y[twin]
    order = np.argsort(distance)
    count = max(_LEAST_TWINS, int(_TWIN_SHARE * len(some)))
    if len(some) < 4 * count:
        return None
    nearest, farther = order[:count], order[count:]
    near, far = float(agrees[nearest].mean()), float(agrees[farther].mean())
    apart = _independent(t0[some[nearest]], t1[some[nearest]])
    if len(apart) < _LEAST_APART or float(agrees[nearest][apart].mean()) < _TWIN_AGREEMENT:
        return None  # rows side by side share one outcome: slow columns bring the same few stretches together
    # Honest neighbours agree a little more often than others of the same class (who may all be copies, too), or than
    # any training row would; copies agree always.
    expected = 0.0
    for c in np.unique(y[some[nearest]]):
        of_class = agrees[farther][y[some[farther]] == c]
        luck = max(_LUCKY_NEIGHBOURS, float((y[train] == c).mean()) + _BETTER_THAN_LUCK)
        usual = min(float(of_class.mean()), luck) if len(of_class) else luck
        expected += float((y[some[nearest]] == c).mean()) * usual
    most = max(float((y[some[nearest]] == c).mean()) for c in np.unique(y[some[nearest]]))
    needed = _TWIN_EXCESS if most <= _TWIN_AGREEMENT else _ONE_CLASS_EXCESS
    if near >= _TWIN_AGREEMENT and near - expected >= needed:
        return int(some[nearest[0]]), count, near, far
    return None


def _independent(t0: Rows, t1: Rows) -> Rows:
    """Positions of the most intervals that do not meet one another: always the next one that ends first."""
    chosen: list[int] = []
    end = None
    for k in np.argsort(t1, kind="stable").tolist():
        if end is None or t0[k] > end:
            chosen.append(k)
            end = t1[k]
    return np.array(chosen, dtype=np.int64)


def columns_step(
    X: NDArray[np.float64], y: NDArray[np.float64], t0: Rows, t1: Rows, pairs: Pairs, names: list[str]
) -> Found:
    """Columns that know the label alone."""
    classes, codes = np.unique(y, return_inverse=True)
    if not 2 <= len(classes) <= 10:
        return [], f"not looked at: the label takes {len(classes)} values"
    honest = [(np.setdiff1d(train, held), held) for train, held in pairs]
    honest = [(train, held) for train, held in honest if len(train) and len(held)]
    if not honest:
        return [], "not looked at: no split has training rows of its own"
    stamps = np.sort(np.unique(t0))
    span = np.searchsorted(stamps, t1, side="right") - np.searchsorted(stamps, t0, side="left")
    values, mean_span = np.ascontiguousarray(X, dtype=np.float32), float(np.mean(np.maximum(span, 1)))
    kinds = codes.astype(np.int32)
    in_order = len(stamps) == len(t0) and bool((np.diff(t0) > 0).all())
    found = dominant_columns(
        values, kinds, honest, names, len(classes), mean_span=mean_span, in_order=in_order
    )  # fmt: skip
    accused = {finding.column for finding in found}
    others = [j for j, name in enumerate(names) if name not in accused]
    found += dominant_together(values[:, others], kinds, honest, [names[j] for j in others], len(classes), mean_span)
    return found, f"{len(names)} columns alone, and all of them together, on {len(honest)} splits"


def neighbours_step(
    pairs: Pairs, t0: Rows, t1: Rows, y: NDArray[np.float64], groups: Any
) -> tuple[list[Finding], list[Finding], str]:
    """Labels that stay the same although their intervals do not meet, and held-out rows that stand between such rows.

    Either the labels look farther ahead than their intervals say, or the state of the market outlives them: a held-out
    row between two training rows is answered by its neighbours. Findings, remarks (blocks whose border rows touch), and
    what was done.
    """
    name = np.zeros(len(t0)) if groups is None else np.unique(groups, return_inverse=True)[1]
    order = np.lexsort((t0, name))
    a, b = order[:-1], order[1:]
    apart = (name[a] == name[b]) & (t1[a] < t0[b])
    if apart.sum() < _LEAST_NEIGHBOURS:
        return [], [], "label intervals meet, and are purged"
    same = float((y[a] == y[b])[apart].mean())
    luck = float(((np.unique(y, return_counts=True)[1] / len(y)) ** 2).sum())
    error = float(np.sqrt(luck * (1.0 - luck) / apart.sum()))
    words = f"{int(apart.sum())} pairs of rows whose intervals do not meet, {same:.0%} with the same label"
    if same - luck < _NEIGHBOURS_AGREE or same - luck < _NEIGHBOURS_ERRORS * error:
        return [], [], words
    findings: list[Finding] = []
    touching = 0
    for number, (train, held) in enumerate(pairs):
        side = np.zeros(len(t0), dtype=np.int8)
        side[train], side[held] = 1, 2
        borders = apart & (side[a] + side[b] == 3)
        beside = np.unique(np.concatenate([a[borders], b[borders]]))
        beside = beside[side[beside] == 2]
        touching += len(beside)
        if len(beside) > _SCATTERED * len(held):
            detail = (
                f"split {number}: {len(beside)} of {len(held)} held-out rows stand next to a training row, and "
                f"{same:.0%} of neighbours share their label ({luck:.0%} by chance): the labels reach farther than "
                "their intervals say, or rows were shuffled that depend on each other"
            )
            findings.append(Finding("(split)", "neighbours", int(beside[0]), len(beside), same - luck, detail))
    remarks = []
    if touching and not findings:
        detail = (
            f"{same:.0%} of neighbouring rows share their label ({luck:.0%} by chance) although their intervals do not "
            f"meet, and {touching} held-out rows touch training rows: if labels look ahead, say how far in `intervals`"
        )
        remarks.append(Finding("(labels)", "interval", -1, touching, same - luck, detail))
    return findings, remarks, words


def fit_step(
    fit: Callable[..., Any], X: NDArray[np.float64], y: NDArray[np.float64], t0: Rows, t1: Rows, pairs: Pairs,
    rng: np.random.Generator,
) -> Found:  # fmt: skip
    """What is said about held-out rows must depend neither on their labels nor on the other held-out rows.

    Except on what is known by then: code that goes on learning, or scales with all rows so far, may use labels that
    ended before the row, and columns of rows up to it. Where something changes, the future alone is altered.
    """
    waits = 0
    asked = pairs[: max(1, FIT_ROUNDS)]
    told: dict[str, Finding] = {}
    for number in range(FIT_ROUNDS):
        train, held = asked[number % len(asked)]
        inside = np.setdiff1d(held, train)
        if not len(inside):
            return [], "not judged: all held-out rows are training rows"
        first, second = _said(fit, X, y, train, held), _said(fit, X, y, train, held)
        noise = _largest_change(first, second)
        if not np.isfinite(noise):
            return [], "not judged: two equal calls disagree about which rows to predict; seed the code"
        allowed = max(SAME, 2.0 * noise)
        other_y = y.copy()
        other_y[inside] = _other_labels(y[inside], rng)
        changed = _changed(first, _said(fit, X, other_y, train, held), allowed)
        what = "with the labels of the held-out rows", "something is fitted, chosen or stopped on them"
        if changed.any() and what[0] not in told:

            def other_labels(rows: Rows, train: Rows = train, held: Rows = held) -> NDArray[np.float64]:
                altered = y.copy()
                altered[rows] = _other_labels(y[rows], rng)
                return _said(fit, X, altered, train, held)

            if _before_time(first, other_labels, held, inside, t0, t1, allowed):
                told[what[0]] = _isolation(held, changed, len(held), *what)
            else:
                waits += 1
        half = rng.permutation(inside)[: len(inside) // 2]
        other_X = X.copy()
        other_X[half] = _other_columns(X, train, half, rng)
        stays = ~np.isin(held, half)
        changed = _changed(first, _said(fit, other_X, y, train, held), allowed) & stays
        what = "with the columns of other held-out rows", "something is fitted on them"
        if changed.any() and what[0] not in told:

            def other_columns(rows: Rows, train: Rows = train, held: Rows = held) -> NDArray[np.float64]:
                altered = X.copy()
                altered[rows] = _other_columns(X, train, rows, rng)
                return _said(fit, altered, y, train, held)

            if _before_time(first, other_columns, held, inside, t0, t0 - 1, allowed):
                told[what[0]] = _isolation(held, changed, int(stays.sum()), *what)
            else:
                waits += 1
    return list(told.values()), (
        f"{FIT_ROUNDS} times: held-out labels altered, then the columns of half of the held-out rows"
        + ("; it learns on, from what is known by then" if waits else "")
    )


def _before_time(
    first: NDArray[np.float64],
    said: Callable[[Rows], NDArray[np.float64]],
    held: Rows,
    inside: Rows,
    t0: Rows,
    last: Rows,
    allowed: float,
) -> bool:
    """Whether what is said up to some moment changes with held-out rows whose `last` moment comes then or later."""
    for cut in np.unique(np.quantile(t0[held], _CUTS_IN_TIME, method="lower")):
        later, early = inside[last[inside] >= cut], t0[held] <= cut
        if len(later) and (_changed(first, said(later), allowed) & early).any():
            return True
    return False


def _isolation(held: Rows, changed: NDArray[np.bool_], of: int, when: str, why: str) -> Finding:
    at, count = int(held[int(np.argmax(changed))]), int(changed.sum())
    detail = f"predictions of {count} of {of} held-out rows change {when}, first row {at}: {why}"
    return Finding("(fit)", "isolation", at, count, float("nan"), detail)


def _other_labels(y: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Every label another one of those that occur."""
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        return y
    shift = rng.integers(1, len(classes), len(y)) if len(classes) > 2 else np.ones(len(y), dtype=np.int64)
    # Not all of them: code that looks at shares alone would see the same shares upside down.
    keep = rng.random(len(y)) < 0.3
    other: NDArray[np.float64] = np.where(keep, y, classes[(codes + shift) % len(classes)])
    return other


def _other_columns(X: NDArray[np.float64], train: Rows, rows: Rows, rng: np.random.Generator) -> NDArray[np.float64]:
    """Values for `rows` of another place and spread; columns of few values get other ones that training rows have."""
    other = X[rows].copy()
    for j in range(X.shape[1]):
        known = X[train, j][np.isfinite(X[train, j])]
        values = np.unique(known)
        if not len(values):
            continue
        if len(values) <= MOST_DISCRETE or (known == np.round(known)).all():
            # Mostly one of them: drawing evenly might leave the shares as they were.
            drawn = np.where(rng.random(len(rows)) < 0.7, values[-1], rng.choice(values, len(rows)))
        else:
            scale, place = rng.uniform(2.0, 8.0), rng.choice([-3.0, 3.0])
            drawn = rng.permutation(other[:, j]) * scale + place * known.std()
        other[:, j] = np.where(np.isnan(other[:, j]), np.nan, drawn)
    return other


def _said(
    fit: Callable[..., Any], X: NDArray[np.float64], y: NDArray[np.float64], train: Rows, held: Rows
) -> NDArray[np.float64]:
    """(rows, values) predictions."""
    # Models without a seed draw from NumPy's global generator: the same draws each time, and the caller's afterwards.
    state = np.random.get_state()
    np.random.seed(0)
    try:
        given = np.asarray(fit(X.copy(), y.copy(), train.copy(), held.copy()), dtype=np.float64)
    finally:
        np.random.set_state(state)
    if given.ndim not in (1, 2) or len(given) != len(held):
        raise InputError(
            f"fit must return one prediction for each of the {len(held)} held-out rows, but returned shape "
            f"{given.shape}."
        )
    return given.reshape(len(held), -1)


def _largest_change(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    if a.shape != b.shape or not np.array_equal(np.isnan(a), np.isnan(b)):
        return float("inf")
    return float(np.nanmax(np.abs(a - b), initial=0.0))


def _changed(a: NDArray[np.float64], b: NDArray[np.float64], allowed: float) -> NDArray[np.bool_]:
    if a.shape != b.shape:
        return np.ones(len(a), dtype=np.bool_)
    with np.errstate(invalid="ignore"):
        differs = np.abs(a - b) > allowed * np.maximum(1.0, np.abs(a))
    changed: NDArray[np.bool_] = (differs | (np.isnan(a) != np.isnan(b))).any(axis=1)
    return changed


def classes_said(said: NDArray[np.float64], classes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Class per row: from probabilities (rows, K), or one score or class a row; NaN where nothing is said."""
    if said.shape[1] == len(classes) and said.shape[1] > 1:
        silent = np.isnan(said).any(axis=1)
        picked: NDArray[np.float64] = np.where(silent, np.nan, classes[np.argmax(np.nan_to_num(said), axis=1)])
        return picked
    one = said[:, 0]
    known = np.isin(one, classes) | np.isnan(one)
    if known.all() or len(classes) != 2:
        return one
    # Scores of the upper class: probabilities are cut at 1/2, others at 0.
    cut = 0.5 if np.nanmin(one) >= 0 and np.nanmax(one) <= 1 else 0.0
    upper: NDArray[np.float64] = np.where(np.isnan(one), np.nan, np.where(one > cut, classes[1], classes[0]))
    return upper


def beside_majority(
    fit: Callable[..., Any], X: NDArray[np.float64], y: NDArray[np.float64], t0: Rows, t1: Rows, pairs: Pairs
) -> tuple[float, float, float, int]:
    """(share right, majority, HAC standard error of the difference, rows) over the held-out rows of all splits."""
    classes = np.unique(y)
    rows, right = [], []
    for train, held in pairs:
        said = classes_said(_said(fit, X, y, train, held), classes)
        answered = ~np.isnan(said)
        rows.append(held[answered])
        right.append(said[answered] == y[held[answered]])
    where, correct = np.concatenate(rows), np.concatenate(right).astype(np.float64)
    if len(where) < 20:
        return 0.0, 0.0, 0.0, len(where)
    order = np.argsort(t0[where], kind="stable")
    where, correct = where[order], correct[order]
    values, counts = np.unique(y[where], return_counts=True)
    constant = (y[where] == values[counts.argmax()]).astype(np.float64)
    gain = correct - constant
    stamps = np.sort(np.unique(t0))
    span = int(np.max(np.searchsorted(stamps, t1, side="right") - np.searchsorted(stamps, t0, side="left"), initial=1))
    varies = bool((gain != gain[0]).any())
    error = float(hac_mean(gain, min(2 * span, len(gain) - 1)).standard_error) if varies else 0.0
    return float(correct.mean()), float(constant.mean()), error, len(where)
