"""Pictures of importances: what is drawn is what the table says."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

import smctrain as st
from smctrain import explain
from smctrain.exceptions import InputError
from smctrain.explain import FoldImportance
from smctrain.models.explanation import importance_table

VALUES = np.array([[0.3, -0.01, 0.1], [0.5, 0.0, 0.2]])
MEASURED = FoldImportance(["ret_1", "a $name$ that is longer than a chart has room for", "rsi"], "mda", VALUES)


def agreed() -> explain.Consensus:
    other = importance_table(MEASURED.features, "gini", [0.2, 0.7, 0.1])
    flat = importance_table(MEASURED.features, "gini", [0.0, 0.0, 0.0])
    return explain.consensus({"Forest": MEASURED, "Boost": other, "Flat": flat}, top=1)


def png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def widths(axis: Any) -> list[float]:
    return [bar.get_width() for bar in axis.patches]


def test_bars_are_the_measure_and_whiskers_one_standard_error() -> None:
    axis = st.plot_importance(MEASURED).axes[0]
    assert widths(axis) == pytest.approx([0.4, 0.15, -0.005])
    whisker = axis.collections[0].get_segments()
    table = MEASURED.to_table()
    assert [segment[1][0] - segment[0][0] for segment in whisker] == pytest.approx((2 * table["se"]).tolist())
    names = [label.get_text() for label in axis.get_yticklabels()]
    assert names[0] == "ret_1"
    assert names[2].startswith(r"a \$name\$")
    assert len(names[2]) < 40


def test_a_table_without_errors_has_no_whiskers_and_top_limits_the_bars() -> None:
    figure = st.plot_importance(importance_table(list("abcd"), "gini", [4, 3, 2, 1]), top=2)
    assert widths(figure.axes[0]) == [4, 3]
    assert not figure.axes[0].collections
    assert png(figure) == png(st.plot_importance(importance_table(list("abcd"), "gini", [4, 3, 2, 1]), top=2))


def test_a_consensus_is_the_sum_of_its_families_parts() -> None:
    found = agreed()
    axis = st.plot_importance(found).axes[0]
    parts = np.asarray(widths(axis)).reshape(3, 3)
    np.testing.assert_allclose(parts.sum(axis=0), found.to_table()["consensus"])
    assert [text.get_text() for text in axis.texts] == [f"{n}/3" for n in found.n_agree()]
    assert {text.get_text() for text in axis.get_legend().get_texts()} == set(found.families)


@pytest.mark.parametrize("measure", ["rbo", "spearman", "kendall"])
def test_the_heat_map_writes_every_number(measure: str) -> None:
    found = agreed()
    figure = st.plot_agreement(found, measure)
    matrix = getattr(found, measure)
    expected = [f"{value:.2f}" if np.isfinite(value) else "-" for value in matrix.reshape(-1)]
    assert [text.get_text() for text in figure.axes[0].texts] == expected
    assert png(figure)


def test_a_chart_is_drawn_where_it_is_asked_for() -> None:
    from matplotlib.figure import Figure

    own = Figure()
    assert st.plot_importance(MEASURED, ax=own.subplots()) is own
    other = Figure()
    assert st.plot_agreement(agreed(), ax=other.subplots()) is other


def test_frames_are_drawn_as_dicts_are() -> None:
    pytest.importorskip("pandas")
    assert png(st.plot_importance(MEASURED.table)) == png(st.plot_importance(MEASURED.to_table()))


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: st.plot_importance(3), "table of importances, but is int"),
        (lambda: st.plot_importance({"feature": ["a"]}), "needs|columns feature and raw"),
        (lambda: st.plot_importance(MEASURED, top=0), "top must be"),
        (lambda: st.plot_agreement(agreed(), "cosine"), "measure must be one of"),
        (lambda: st.plot_agreement(MEASURED), r"outcome of st\.explain\.consensus"),
    ],
)
def test_what_cannot_be_drawn_is_named(call: Any, match: str) -> None:
    with pytest.raises(InputError, match=match):
        call()
