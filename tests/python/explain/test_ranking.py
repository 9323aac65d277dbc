"""Consensus: a worked example by hand, and what may not change it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smctrain import explain, stats
from smctrain.exceptions import InputError
from smctrain.explain import FoldImportance
from smctrain.models.explanation import importance_table


def table(kind: str = "gini", **raw: float) -> dict[str, Any]:
    return importance_table(list(raw), kind, list(raw.values()))


HAND = {
    # ranks a1 b2 c3 -> 1, .5, 0; and a3 b1 c2 -> 0, 1, .5; mean .5 .75 .25
    "Forest": [table(a=3.0, b=2.0, c=1.0), table(a=0.1, b=0.9, c=0.5)],
    # one fold each: kind mda ranks a1, b and c 2.5 -> 1, .25, .25; kind shap lacks c: a2 b1 -> 0, 1, 0
    "Boost": [
        FoldImportance(["a", "b", "c"], "mda", np.array([[0.5, -0.1, -0.1]])),
        table("shap", a=0.2, b=0.3),
    ],
}


def test_a_consensus_worked_by_hand() -> None:
    found = explain.consensus(HAND, top=1)
    assert found.families == ["Boost", "Forest"]
    assert found.features == ["b", "a", "c"]
    boost, forest = [0.625, 0.5, 0.125], [0.75, 0.5, 0.25]
    np.testing.assert_allclose(found.scores, np.column_stack([boost, forest]))
    values = found.to_table()
    np.testing.assert_allclose(values["consensus"], np.mean([boost, forest], axis=0))
    np.testing.assert_allclose(values["sd"], np.std([boost, forest], axis=0, ddof=1))
    assert values["rank"].tolist() == [1, 2, 3]
    assert values["n_agree"].tolist() == [2, 0, 0]
    assert [found.spearman[0, 1], found.kendall[0, 1], found.rbo[0, 1]] == pytest.approx([1, 1, 1])


def test_weights_are_normalised_and_order_changes_nothing() -> None:
    found = explain.consensus(HAND, weights={"Forest": 6.0, "Boost": 2.0})
    np.testing.assert_allclose(found.weights, [0.25, 0.75])
    np.testing.assert_allclose(found.to_table()["consensus"][0], 0.25 * 0.625 + 0.75 * 0.75)
    turned = explain.consensus(
        {family: HAND[family][::-1] for family in reversed(HAND)}, weights={"Boost": 0.2, "Forest": 0.6}
    )
    for name, values in found.to_table().items():
        if values.dtype == object:
            assert values.tolist() == turned.to_table()[name].tolist()
        else:
            np.testing.assert_allclose(values, turned.to_table()[name], rtol=1e-15)


def test_agreement_counts_first_places_not_anything_above_zero() -> None:
    flat = table(**{f"c{i}": 0.1 for i in range(10)})
    steep = table(**{f"c{i}": 10.0 - i for i in range(10)})
    found = explain.consensus({"flat": flat, "steep": steep}, top=3)
    assert found.n_agree().tolist() == [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
    assert np.isnan(found.spearman[0, 1])
    assert np.isnan(found.kendall[0, 1])


def test_agreement_of_families_is_that_of_their_scores() -> None:
    rng = np.random.default_rng(0)
    names = [f"c{i}" for i in range(12)]
    given = {family: importance_table(names, "gini", rng.random(12)) for family in ("x", "y", "z")}
    found = explain.consensus(given)
    lists = {family: [str(name) for name in values["feature"]] for family, values in given.items()}
    for a, first in enumerate(found.families):
        for b, second in enumerate(found.families):
            assert found.rbo[a, b] == pytest.approx(stats.rbo(lists[first], lists[second]).ext)
            assert found.kendall[a, b] == pytest.approx(stats.kendall_tau(found.scores[:, a], found.scores[:, b]))
    pytest.importorskip("pandas")
    assert list(found.agreement.columns) == ["first", "second", "spearman", "kendall", "rbo"]
    assert len(found.agreement) == 3


def test_lists_of_different_symbols_and_frames_are_taken() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(table(a=1.0, b=2.0))
    one = explain.consensus({"Forest": [frame, frame]})
    assert one.features == ["b", "a"]
    assert np.isnan(one.to_table()["sd"]).all()
    only = explain.consensus({"Forest": table(a=1.0)})
    assert only.to_table()["consensus"].tolist() == [1.0]


@pytest.mark.parametrize(
    ("given", "options", "match"),
    [
        ({}, {}, "at least 1 family"),
        ({"a": []}, {}, "a: importances must be tables"),
        ({"a": "gini"}, {}, "a: importances must be tables"),
        ({"a": {"feature": ["x"]}}, {}, "needs the columns feature and raw"),
        ({"a": {"feature": ["x", "x"], "raw": [1.0, 2.0]}}, {}, "different features"),
        ({"a": {"feature": ["x"], "raw": [np.nan]}}, {}, "finite"),
        ({"a": table(x=1.0)}, {"weights": {"b": 1.0}}, "weights must name the families a"),
        ({"a": table(x=1.0)}, {"weights": {"a": 0.0}}, "not all 0"),
        ({"a": table(x=1.0)}, {"top": 0}, "top must be"),
    ],
)
def test_what_cannot_be_agreed_on_is_refused(given: Any, options: Any, match: str) -> None:
    with pytest.raises(InputError, match=match):
        explain.consensus(given, **options)
