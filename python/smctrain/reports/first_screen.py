"""The first screen: why a figure that looks good is not enough, for a person who never read a statistics book.

Everything is read from the verdict's evidence. One picture per symbol puts four things on one line:

band    what luck scores: the same answers put against other times (from rows too short for that: a coin tossed as often
        as the rows count for)
dot     how often the model was right, with the line its true figure may lie on
tick    always giving the commonest answer of the training rows
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import Any, TypeGuard

from smctrain.reports.render import percent
from smctrain.results import SymbolResult

USUAL_RULE = 0.55
"""What is commonly asked of a test accuracy."""
WIDTH = 260


@dataclass(frozen=True)
class Figures:
    """What the verdict knows about the model it speaks of; shares between 0 and 1."""

    model: str
    kind: str
    balanced: bool
    right: float
    """In the metric that decides."""
    plain: float
    """Share of rows answered right."""
    rows: int
    counts_for: float
    """How many separate answers the rows weigh."""
    horizon: int
    constant: float
    """Always the commonest answer of the training rows, in the metric that decides."""
    low: float | None
    high: float | None
    luck_low: float
    luck_high: float
    shifted: bool
    """Luck was measured by shifting the answers in time."""
    failed: frozenset[str]
    """Rules of the verdict that did not hold."""
    evidence: dict[str, Any]
    timeframe: str
    bars: int
    days: float | None
    """From the first to the last bar."""

    @property
    def beats_luck(self) -> bool:
        return self.right > self.luck_high

    @property
    def usual_rule_takes_it(self) -> bool:
        return self.plain >= USUAL_RULE


def figures_of(result: SymbolResult) -> Figures | None:
    """None where the verdict holds no such numbers (nothing was trained, or an older run)."""
    found = result.verdict.get("evidence", {})
    names = ("statistic", "baseline", "accuracy", "n_oos", "n_eff", "horizon")
    if any(not _finite(found.get(name)) for name in names):
        return None
    balanced = found.get("metric") == "balanced_accuracy"
    baseline, n_eff = float(found["baseline"]), max(1.0, float(found["n_eff"]))
    luck_low, luck_high = found.get("luck_low"), found.get("luck_high")
    spread = 1.96 * math.sqrt(max(baseline * (1.0 - baseline), 0.01) / n_eff)
    luck = (max(0.0, baseline - spread), min(1.0, baseline + spread))
    shifted = _finite(luck_low) and _finite(luck_high)
    if _finite(luck_low) and _finite(luck_high):
        luck = (float(luck_low), float(luck_high))
    interval = not balanced and _finite(found.get("accuracy_low")) and _finite(found.get("accuracy_high"))
    return Figures(
        model=str(result.verdict.get("model") or found.get("shown_model") or "The model"),
        kind=str(result.verdict.get("kind")),
        balanced=balanced,
        right=float(found["statistic"]),
        plain=float(found["accuracy"]),
        rows=int(found["n_oos"]),
        counts_for=n_eff,
        horizon=int(found["horizon"]),
        constant=baseline,
        low=float(found["accuracy_low"]) if interval else None,
        high=float(found["accuracy_high"]) if interval else None,
        luck_low=luck[0],
        luck_high=luck[1],
        shifted=shifted,
        failed=frozenset(str(rule) for rule in result.verdict.get("failed_rules", [])),
        evidence=found,
        timeframe=result.timeframe,
        bars=result.n_bars,
        days=_days(result.first_time, result.last_time),
    )


def first_screen(result: SymbolResult) -> dict[str, Any]:
    """What the templates show of a symbol; empty where there is nothing to show."""
    figures = figures_of(result)
    if figures is None:
        return {}
    deployed = figures.kind == "DEPLOY"
    said = percent(figures.right)
    question = (
        f"{figures.model} was right on {said} of {figures.rows:,} unseen rows. Why is that enough?"
        if deployed
        else f"{figures.model} was right on {said} of {figures.rows:,} unseen rows. Why is it not deployed?"
    )
    if figures.balanced:
        question = question.replace("was right on", "scores").replace(" of ", " (all classes weighed alike) on ", 1)
    return {
        "question": question,
        "steps": steps(figures),
        "picture": picture(figures),
        "right": figures.right,
        "rows": figures.rows,
        "luck_low": figures.luck_low,
        "luck_high": figures.luck_high,
        "low": figures.low,
        "high": figures.high,
        "constant": figures.constant,
        "balanced": figures.balanced,
        "tempting": figures.right if not deployed else -1.0,
    }


def steps(f: Figures) -> list[dict[str, str]]:
    """The explanation, one thought at a time: a few words in bold, then a sentence or two."""
    made = [_luck(f), _constant(f), _earlier(f), _within(f), _bet(f), _many(f), _money(f), _rows(f)]
    if f.kind != "DEPLOY" and f.usual_rule_takes_it:
        made.append(
            _step(
                "The usual rule would have taken it.",
                f"At least {percent(USUAL_RULE, 0)} right on test rows is what is commonly asked. On 1,000 rows of "
                "pure noise the best of four models passes that about one time in five, and more often on fewer rows.",
            )
        )
    made.append(_next(f))
    return [step for step in made if step]


def _luck(f: Figures) -> dict[str, str]:
    reach = _from_to(f.luck_low, f.luck_high)
    how = (
        f"Put the very same answers against other times, where they cannot know anything: they score {reach}, nineteen "
        "times in twenty."
        if f.shifted
        else f"A guess without any knowledge, on so few rows, scores {reach}, nineteen times in twenty."
    )
    if f.kind == "DEPLOY" and f.beats_luck:
        return _step("Luck does not get there.", f"{how} {percent(f.right)} lies above.")
    if f.kind == "DEPLOY":
        both = f.evidence.get("p_comb")
        seldom = (
            f" Earlier and unseen rows together: luck does as well in {percent(both, 2)} of cases."
            if _finite(both)
            else ""
        )
        return _step("Luck seldom gets there.", f"{how} {percent(f.right)} is at the upper end of that.{seldom}")
    if f.right < f.luck_low:
        return _step("Luck does better.", f"{how} {percent(f.right)} lies below.")
    if not f.beats_luck:
        return _step("Luck gets there too.", f"{how} {percent(f.right)} is nothing special among them.")
    p, tried = f.evidence.get("p_oos"), int(f.evidence.get("configurations") or 1)
    told = f"{how} {percent(f.right)} lies above, which is a beginning."
    if tried > 1 and "p_oos" in f.failed and _finite(p):
        told += f" But {tried:,} things were tried, and the best of them does as well in {percent(p)} of such cases."
    return _step("It is above plain luck, but that alone is not enough.", told)


def _constant(f: Figures) -> dict[str, str]:
    if f.balanced or f.right > f.constant:
        return {}
    return _step(
        "Always the same answer does better.",
        f"Giving the commonest answer of the training rows every time was right on {percent(f.constant)}.",
    )


def _earlier(f: Figures) -> dict[str, str]:
    """What the rows before the unseen ones said, where they speak against the model."""
    before, without, p = (f.evidence.get(name) for name in ("val_statistic", "val_baseline", "p_comb"))
    if "consistency" in f.failed and _finite(before):
        return _step(
            "It does not hold what it promised." if before > f.right else "The two halves of the story differ.",
            f"On earlier rows, where models are chosen, it scored {percent(before)}, on the unseen ones "
            f"{percent(f.right)}: further {'down' if before > f.right else 'apart'} than luck explains.",
        )
    if "selector" in f.failed and _finite(before) and _finite(without):
        if before > without:
            return _step(
                "No model could be chosen.", "On earlier rows, where models are chosen, all were refused; see below."
            )
        find = " A good figure afterwards then is a find, not a skill." if f.beats_luck else ""
        return _step(
            "Where models are chosen, none was worth choosing.",
            f"On earlier rows it scored {percent(before)}. An answer that needs no model (the commonest one, or the "
            f"last one known) scored {percent(without)} there.{find}",
        )
    if "p_combined" in f.failed and "p_oos" not in f.failed and _finite(p):
        return _step(
            "Earlier rows do not support it.",
            f"Earlier and unseen rows together: luck does as well in {percent(p)} of cases; at most one in 200 is "
            "asked.",
        )
    return {}


def _within(f: Figures) -> dict[str, str]:
    """Right about a few long movements, which agree with anything slow by luck."""
    p = f.evidence.get("p_stretches")
    if "stretches" not in f.failed or not _finite(p) or not f.beats_luck:
        return {}
    return _step(
        "It is right about long swings, not about single answers.",
        f"Within stretches of time its answers are hardly better than chance (luck does as well in {percent(p)} of "
        "cases). What it gets right lies between stretches, and so few of them often agree by luck.",
    )


def _bet(f: Figures) -> dict[str, str]:
    left = f.evidence.get("e_end")
    if "e_value" not in f.failed or "p_oos" in f.failed or not _finite(left):
        return {}
    return _step(
        "Somebody who bet on it would not have grown rich.",
        f"A careful bettor who stakes a little on every separate answer turns 1 into {float(left):.2f}; it must at "
        f"least {'double' if int(f.evidence.get('n_symbols') or 1) == 1 else 'triple'}. This measures evidence, not "
        "money in the market.",
    )


def _many(f: Figures) -> dict[str, str]:
    if "multiple_testing" not in f.failed:
        return {}
    now = int(f.evidence.get("n_symbols") or 1)
    together = int(f.evidence.get("judged_together") or now)
    tried = f"{now} symbols were tried" if together == now else f"{together} symbols and targets were tried so far"
    return _step("One of many.", f"{tried}. Among so many, one that looks like this turns up by luck too often.")


def _rows(f: Figures) -> dict[str, str]:
    """Overlapping rows, and how sure the figure is."""
    sure = (
        f" So its true figure may be anything {_from_to(f.low, f.high)}."
        if f.low is not None and f.high is not None
        else ""
    )
    if f.counts_for > 0.9 * f.rows:
        return _step("How sure is the figure?", sure.strip() or f"It stands on {f.rows:,} rows.")
    return _step(
        f"{f.rows:,} rows are not {f.rows:,} answers.",
        f"What a row asks is decided up to {f.horizon} bars later, so neighbouring rows ask nearly the same and are "
        f"right or wrong together. They weigh as much as about {f.counts_for:,.0f} separate answers.{sure}",
    )


def _money(f: Figures) -> dict[str, str]:
    mean, trades = f.evidence.get("mean_r_net"), f.evidence.get("trades")
    if not _finite(mean) or not _finite(trades) or not int(trades):
        return {}
    told = (
        f"Rows on which it says 'take the trade' earned {float(mean):+.2f} R each on average (R: what a trade risks, "
        "from entry to stop)."
    )
    if float(mean) <= 0.0:
        return _step("It would not have earned anything.", told)
    if f.kind == "DEPLOY":
        return _step("It would have earned.", told)
    if "trades" in f.failed:
        return _step("Too few trades.", f"{told} But one at a time they are only {int(trades):,} trades.")
    p = f.evidence.get("p_trades")
    if "trade_luck" in f.failed and _finite(p):
        times = f"in {percent(float(p))} of cases" if float(p) >= 0.0005 else "seldom"
        return _step("The profit may be luck.", f"{told} Luck earns as much {times}; at most one in 200 is asked.")
    return {}


def _next(f: Figures) -> dict[str, str]:
    """What to do now."""
    needed, edge = f.evidence.get("n_required"), f.evidence.get("min_edge")
    if f.kind == "DEPLOY":
        return _step("What this does not say.", "It speaks about these bars. Markets change: risk what you can lose.")
    more = ""
    if _finite(needed) and _finite(edge) and needed > f.rows:
        lead = f"{100 * float(edge):.0f}"
        more = (
            f"a lead of {lead} points ({lead} more right in a hundred than by guessing) shows itself, nine times in "
            f"ten, on {int(needed):,} unseen rows. Here are {f.rows:,}: {_history(f, needed)}"
        )
    if "expected_value" in f.failed and f.failed <= {"expected_value", "consistency", "e_value"}:
        return _step(
            "What could help:",
            "a target, a stop or a market with lower costs, with which being right pays. More bars alone will hardly "
            "change it. Do not trade it.",
        )
    if f.beats_luck and "multiple_testing" not in f.failed:
        also = f" For scale: {more}" if more else ""
        return _step(
            "What would settle it:",
            f"bars that come later. Do not trade it; judge it again when there is more history.{also}",
        )
    if more:
        return _step("What would settle it:", more)
    if not _finite(needed) or not _finite(edge):
        return {}
    if f.beats_luck:
        return _step("What would settle it:", "bars that come later, of this symbol alone.")
    return _step(
        "More of the same will hardly help:",
        f"{f.rows:,} unseen rows are enough to see a lead of {100 * float(edge):.0f} points, and it did not show. "
        "Other features, another label or another market may.",
    )


def _history(f: Figures, needed: float) -> str:
    """How much more history that is: bars, and time where it is known."""
    times = float(needed) / f.rows
    bars = times * f.bars
    digits = 10 ** max(0, math.floor(math.log10(max(bars, 1.0))) - 1)
    told = (
        f"about {times:,.{0 if times >= 3 else 1}f} times the {f.timeframe} history is needed, some "
        f"{math.ceil(bars / digits) * digits:,} bars in place of {f.bars:,}"
    )
    if f.days is not None and f.days >= 1.0:
        told += f" ({_span(times * f.days)} in place of {_span(f.days)})"
    return f"{told}."


def _days(first: str, last: str) -> float | None:
    try:
        return (dt.datetime.fromisoformat(last) - dt.datetime.fromisoformat(first)).total_seconds() / 86_400.0
    except (TypeError, ValueError):
        return None


def _span(days: float) -> str:
    for unit, length in (("years", 365.25), ("months", 30.44), ("weeks", 7.0)):
        if days >= 2.0 * length:
            return f"{days / length:,.0f} {unit}"
    return f"{days:,.0f} days"


def picture(f: Figures) -> dict[str, Any]:
    """Positions on a line of `WIDTH` pixels, and the words a screen reader speaks."""
    marks = [f.luck_low, f.luck_high, f.right, f.constant, *(v for v in (f.low, f.high) if v is not None)]
    first = math.floor(10 * (min(marks) - 0.01)) / 10
    last = math.ceil(10 * (max(marks) + 0.01)) / 10

    def at(value: float) -> float:
        return round(WIDTH * (value - first) / (last - first), 1)

    return {
        "width": WIDTH,
        "luck": at(f.luck_low),
        "luck_width": round(at(f.luck_high) - at(f.luck_low), 1),
        "dot": at(f.right),
        "constant": at(f.constant),
        "line": None if f.low is None or f.high is None else [at(f.low), at(f.high)],
        "ticks": [{"x": at(k / 10), "word": f"{10 * k} %"} for k in range(round(10 * first), round(10 * last) + 1)],
        "spoken": f"right {percent(f.right)}; luck alone {_from_to(f.luck_low, f.luck_high)}; "
        f"always the same answer {percent(f.constant)}",
    }


def tempting(symbols: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The symbol whose figure looks best among those that are not deployed; without one, the best deployed."""
    known = [row for row in symbols if row["screen"]]
    if not known:
        return None
    refused = [row for row in known if row["screen"]["tempting"] >= 0.0]
    found: dict[str, Any] = max(
        refused or known, key=lambda row: row["screen"]["right"] - 0.5 * row["screen"]["constant"]
    )
    return found


def _step(title: str, text: str) -> dict[str, str]:
    return {"title": title, "text": text}


def _from_to(low: float, high: float) -> str:
    return f"from {100 * low:.0f} to {percent(high, 0)}"


def _finite(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
