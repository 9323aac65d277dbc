"""Reports of a run: every file is there, says the same thing, and no name can break out of its place."""

from __future__ import annotations

import html.parser
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smctrain.artifact import safe_file_name
from smctrain.reports import write_run
from smctrain.reports.context import run_context, symbol_context
from smctrain.reports.overfitting import advice, overfitting_table, severity
from smctrain.reports.render import markdown_cell, number, percent, points
from smctrain.results import RunResult

Builders = dict[str, Callable[..., Any]]
HOSTILE = ["<script>alert(1)</script>", "a|b", "[x](javascript:alert(1))"]
VOID = {"meta", "br", "img", "link", "hr", "input", "use", "path", "col"}


class Page(html.parser.HTMLParser):
    """Elements, attributes, links and visible text of a page; notices tags that are not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.crossed: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.crossed.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def values(self, name: str) -> list[str]:
        return [value for _, attribute, value in self.attributes if attribute == name]


def page(run: RunResult) -> Page:
    assert run.folder is not None
    return Page((run.folder / "report.html").read_text(encoding="utf-8"))


def markdown_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.md"))


def table_rows(text: str) -> list[list[str]]:
    """Lines of each table."""
    tables: list[list[str]] = []
    before = ""
    for line in text.splitlines():
        if line.startswith("|"):
            if not before.startswith("|"):
                tables.append([])
            tables[-1].append(line)
        before = line
    return tables


def pipes(line: str) -> int:
    return len(re.findall(r"(?<!\\)(?:\\\\)*\|", line))


def test_all_files_are_written(written: RunResult) -> None:
    folder = written.folder
    assert folder is not None
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    symbols = {f"symbols/{safe_file_name(symbol)}/report.md" for symbol in written.symbols}
    assert found == symbols | {
        "report.html", "summary.md", "summary.json", "overfitting_report.md", "overfitting_report.json",
        "overfitting_analysis.png",
    }  # fmt: skip
    assert all((folder / name).stat().st_size > 100 for name in found)


def test_a_run_without_a_folder_writes_nothing(full_run: RunResult, tmp_path: Path) -> None:
    full_run.folder = None
    write_run(full_run)
    assert list(tmp_path.iterdir()) == []


def test_the_page_holds_no_script_and_no_handler(written: RunResult) -> None:
    found = page(written)
    assert not {"script", "iframe", "object", "embed", "form", "img", "base", "foreignobject", "link"} & set(found.tags)
    assert [name for _, name, _ in found.attributes if name.startswith("on")] == []
    links = found.values("href") + found.values("xlink:href") + found.values("src")
    assert links
    assert [link for link in links if not link.startswith("#")] == []
    assert found.crossed == []
    assert found.open == []


def test_hostile_names_are_shown_as_text(written: RunResult) -> None:
    assert written.folder is not None
    text = "".join(page(written).texts)
    assert all(name in text for name in HOSTILE)
    raw = (written.folder / "report.html").read_text(encoding="utf-8")
    assert "<script" not in raw
    assert "\u202e" not in raw
    assert "default-src 'none'" in raw


def test_every_chosen_and_dropped_column_is_shown_with_its_reason(written: RunResult) -> None:
    text = "".join(page(written).texts)
    assert text.count("Chosen columns") == 2  # one symbol whose model uses its choice, one whose model does not
    assert "two lines | and a cell" in text
    assert "2 of 2" in text
    assert written.folder is not None
    markdown = (written.folder / "symbols" / safe_file_name("a|b") / "report.md").read_text(encoding="utf-8")
    assert "## Chosen columns" in markdown
    assert "XGBoost | boruta | yes | 2 | 2, 2 |" in markdown


def test_ids_and_references_of_the_page_are_unique_and_resolve(written: RunResult) -> None:
    found = page(written)
    ids = found.values("id")
    assert len(set(ids)) == len(ids)
    links = [link[1:] for link in found.values("href") + found.values("xlink:href")]
    urls = re.findall(r"url\(#([^)]+)\)", " ".join(value for _, _, value in found.attributes))
    assert set(links) | set(urls) <= set(ids)


def test_figures_of_names_that_differ_in_signs_only_do_not_share_ids(tmp_path: Path, builders: Builders) -> None:
    symbols = [
        builders["symbol"](name, [builders["model"](name, "XGBoost", 0.7, 0.6, 0.6)], "NO_EVIDENCE", [])
        for name in ["a|b", "a/b", "ab", "データ", "円"]
    ]
    run = builders["run"](tmp_path / "run", symbols, [])
    write_run(run)
    ids = page(run).values("id")
    assert len(set(ids)) == len(ids)


def test_every_markdown_table_has_rows_of_equal_width(written: RunResult) -> None:
    assert written.folder is not None
    files = markdown_files(written.folder)
    assert len(files) == 4
    for path in files:
        tables = table_rows(path.read_text(encoding="utf-8"))
        assert tables
        for table in tables:
            assert re.fullmatch(r"\|(?:\s*:?-+:?\s*\|)+", table[1]), (path.name, table[1])
            assert len({pipes(line) for line in table}) == 1, (path.name, table)


def test_markdown_holds_no_link_tag_or_turned_text_from_names(written: RunResult) -> None:
    assert written.folder is not None
    for path in markdown_files(written.folder):
        text = path.read_text(encoding="utf-8")
        assert "<script" not in text.replace("\\<", "")
        assert not re.search(r"(?<!\\)\]\(", text)
        assert "\u202e" not in text


def test_markdown_and_json_agree_on_gaps(written: RunResult) -> None:
    assert written.folder is not None
    table = json.loads((written.folder / "overfitting_report.json").read_text(encoding="utf-8"))
    shown = (written.folder / "overfitting_report.md").read_text(encoding="utf-8")
    rows = [line for line in shown.split("## All models")[1].splitlines() if line.startswith("|")][2:]
    rows = rows[: len(table["models"])]
    expected = [
        f"| {markdown_cell(r['symbol'])} | {r['model']} | {percent(r['train_accuracy'])} "
        f"| {percent(r['val_accuracy'])} | {percent(r['gap'])} | {r['severity']} |"
        for r in table["models"]
    ]
    assert rows == expected
    gaps = [row["gap"] for row in table["models"]]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps == pytest.approx([0.37, 0.17, 0.02, -0.01])
    assert table["summary"]["above_line"] == 2
    assert table["summary"]["mean_gap"] == pytest.approx(sum(gaps) / 4)
    board = json.loads((written.folder / "summary.json").read_text(encoding="utf-8"))["leaderboard"]
    assert sorted(row["gap"] for row in board) == sorted(gaps)


def test_a_second_writing_gives_the_same_bytes(full_run: RunResult) -> None:
    write_run(full_run)
    folder = full_run.folder
    assert folder is not None
    first = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    write_run(full_run)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == first
    png = first[folder / "overfitting_analysis.png"]
    assert png.startswith(b"\x89PNG")
    assert len(png) > 10_000


def test_reports_rebuilt_from_stored_records_are_the_same(full_run: RunResult) -> None:
    from smctrain.artifact import to_json_safe
    from smctrain.results import SymbolResult

    write_run(full_run)
    assert full_run.folder is not None
    first = (full_run.folder / "report.html").read_bytes()
    full_run.symbols = {
        name: SymbolResult.from_dict(json.loads(json.dumps(to_json_safe(result.to_dict()))))
        for name, result in full_run.symbols.items()
    }
    write_run(full_run)
    assert (full_run.folder / "report.html").read_bytes() == first


def test_a_value_that_could_not_be_measured_is_a_dash(written: RunResult) -> None:
    assert written.folder is not None
    for path in [written.folder / "report.html", *markdown_files(written.folder)]:
        words = re.sub(r"<[^>]*>", " ", path.read_text(encoding="utf-8")).split()
        assert not {"nan", "None", "inf"} & set(words), path.name


def test_a_run_in_which_everything_failed_is_reported(tmp_path: Path, builders: Builders) -> None:
    run = builders["run"](tmp_path / "run", [], [builders["failure"]("EURUSD")])
    write_run(run)
    assert "Nothing could be trained: 1 of 1 symbol failed." in "".join(page(run).texts)
    table = json.loads((tmp_path / "run" / "overfitting_report.json").read_text())
    assert table["models"] == []
    assert table["summary"]["max_gap"] is None
    assert "No model was trained" in (tmp_path / "run" / "overfitting_report.md").read_text()


def test_a_symbol_whose_models_all_failed_is_reported(tmp_path: Path, builders: Builders) -> None:
    symbol = builders["symbol"]("EURUSD", [], "TOO_LITTLE_DATA", [builders["failure"]("EURUSD", "XGBoost")])
    run = builders["run"](tmp_path / "run", [symbol], [])
    write_run(run)
    assert "XGBoost" in "".join(page(run).texts)


def test_a_run_without_warnings_says_so(tmp_path: Path, builders: Builders) -> None:
    model = builders["model"]("EURUSD", "XGBoost", 0.61, 0.6, 0.6, warn=False)
    run = builders["run"](tmp_path / "run", [builders["symbol"]("EURUSD", [model], "DEPLOY", [])], [])
    write_run(run)
    assert "No warnings." in (tmp_path / "run" / "summary.md").read_text()
    assert "None." in (tmp_path / "run" / "overfitting_report.md").read_text()
    assert "What failed" not in "".join(page(run).texts)


@pytest.mark.parametrize("gap", [None, float("nan")])
def test_a_model_without_a_gap_is_reported_last(gap: float | None, tmp_path: Path, builders: Builders) -> None:
    models = [
        builders["model"]("EURUSD", "LSTM", 0.61, 0.6, 0.6),
        builders["model"]("EURUSD", "XGBoost", 0.61, 0.6, 0.6),
    ]
    models[0].history |= {"train_val_gap": gap, "train_accuracy": gap, "test_accuracy": None}
    models[0].intervals = {}
    run = builders["run"](tmp_path / "run", [builders["symbol"]("EURUSD", models, "NO_EVIDENCE", [])], [])
    write_run(run)
    table = json.loads((tmp_path / "run" / "overfitting_report.json").read_text())
    assert [(row["model"], row["gap"] is None) for row in table["models"]] == [("XGBoost", False), ("LSTM", True)]
    assert table["models"][1]["severity"] == "unknown"


def test_figures_draw_any_name(tmp_path: Path, builders: Builders) -> None:
    names = [r"$\frac{1$", "$", "x" * 300, "😀", "a\x00b\nc", "データ", "_^{}", "</text>"]
    symbols = [
        builders["symbol"](name, [builders["model"](name, name, 0.7, 0.6, 0.6)], "NO_EVIDENCE", []) for name in names
    ]
    run = builders["run"](tmp_path / "run", symbols, [])
    write_run(run)
    found = page(run)
    assert found.crossed == []
    assert found.tags.count("svg") == 2 * len(names) + 1
    assert "script" not in found.tags


def test_more_models_than_colours_are_all_drawn(tmp_path: Path, builders: Builders) -> None:
    names = [f"Model{i}" for i in range(9)]
    models = [builders["model"]("EURUSD", name, 0.7, 0.6, 0.6) for name in names]
    run = builders["run"](tmp_path / "run", [builders["symbol"]("EURUSD", models, "NO_EVIDENCE", [])], [])
    write_run(run)
    raw = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    svg = raw[raw.index("<svg") : raw.index("</svg>")]
    assert all(name in svg for name in names)


# --- overfitting report ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gap", "word"),
    [(-0.1, "good"), (0.10, "good"), (0.11, "watch"), (0.15, "watch"), (0.16, "mild"), (0.2, "mild"),
     (0.21, "moderate"), (0.25, "moderate"), (0.26, "severe"), (None, "unknown")],
)  # fmt: skip
def test_bands_of_gaps(gap: float | None, word: str) -> None:
    assert severity(gap) == word


def test_advice_comes_from_the_models_own_history(builders: Builders) -> None:
    lines = advice(builders["model"]("A", "XGBoost", 0.9, 0.6, 0.6))
    assert any("lowest at step 1 of 7" in line or "lowest at step 1" in line for line in lines)
    assert any("max_depth below 4" in line and "learning_rate below 0.1" in line for line in lines)
    assert any("Only 900 training rows" in line for line in lines)
    assert advice(builders["model"]("A", "XGBoost", 0.65, 0.6, 0.6)) == []


def test_mean_gaps_are_per_model_type(full_run: RunResult) -> None:
    means = overfitting_table(full_run)["mean_gap_by_model"]
    assert means == {
        "NeuralNetwork": pytest.approx(-0.01),
        "RandomForest": pytest.approx(0.37),
        "XGBoost": pytest.approx((0.17 + 0.02) / 2),
    }


# --- words -------------------------------------------------------------------------------------------------------


def test_numbers_as_people_read_them() -> None:
    assert percent(0.6123) == "61.2 %"
    assert percent(0.6123, 0) == "61 %"
    assert number(1234.5678) == "1,234.568"
    assert points(0.0123) == "+1.2"
    for function in (percent, number, points):
        assert {function(value) for value in (None, float("nan"), float("inf"))} == {"\u2013"}  # type: ignore[operator]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b", r"a\|b"),
        (r"a\|b", r"a\\\|b"),
        ("a\nb", "a b"),
        ("[x](y)", r"\[x\](y)"),
        ("<b>", r"\<b\>"),
        ("`x`", r"\`x\`"),
        ("\u202ex\u2028y", " x y"),
        ("a_b*c~", r"a\_b\*c\~"),
    ],
)
def test_markdown_cells_are_escaped(text: str, shown: str) -> None:
    assert markdown_cell(text) == shown


@pytest.mark.parametrize("kind", ["DEPLOY", "NO_EVIDENCE", "TOO_LITTLE_DATA"])
def test_the_headline_counts_one_as_one(kind: str, tmp_path: Path, builders: Builders) -> None:
    run = builders["run"](tmp_path / "run", [builders["symbol"]("A", [], kind, [])], [])
    found = run_context(run)["headline"]
    assert found.startswith(f"{int(kind == 'DEPLOY')} of 1 symbol shows a signal")
    for wrong in ("1 symbols", "1 show ", "1 have"):
        assert wrong not in found


def test_a_symbol_that_beats_luck_and_loses_is_not_counted_as_too_little_data(
    tmp_path: Path, builders: Builders
) -> None:
    results = [builders["symbol"](name, [], "TOO_LITTLE_DATA", []) for name in "ABC"]
    results[0].verdict["failed_rules"] = ["expected_value"]
    results[1].verdict["failed_rules"] = ["expected_value", "p_oos"]
    assert run_context(builders["run"](tmp_path / "run", results, []))["headline"] == (
        "0 of 3 symbols show a signal worth deploying; 2 have too little data to tell; "
        "1 beats luck, but the trades do not earn."
    )
    assert symbol_context(results[0])["verdict_word"].startswith(
        "The answers beat luck, but trades on them do not earn."
    )
    assert symbol_context(results[1])["verdict_word"].startswith("Too few rows to tell")


def test_the_first_screen_says_what_each_verdict_asks_for(written: RunResult) -> None:
    text = " ".join(page(written).texts)
    assert "do not trade on it" in text.lower()


def test_links_and_captions_can_be_read_in_dark_mode(written: RunResult) -> None:
    assert written.folder is not None
    style = (written.folder / "report.html").read_text(encoding="utf-8").split("</style>")[0]
    dark = style[style.index("prefers-color-scheme: dark") :].splitlines()[0]
    assert "--link:" in dark
    assert "a { color: var(--link); }" in style
    assert "figure svg { background: #fff" in dark  # the white card lies behind the drawing, not behind the caption


def test_the_selector_table_says_that_the_verdict_decides(written: RunResult) -> None:
    assert written.folder is not None
    text = (written.folder / "summary.md").read_text(encoding="utf-8")
    part = text[text.index("## Model selection") : text.index("## Warnings")]
    assert "what may go live is decided by the verdict" in part


def test_trades_name_the_costs_that_were_charged(tmp_path: Path, builders: Builders) -> None:
    symbol = builders["symbol"]("A", [builders["model"]("A", "XGBoost", 0.6, 0.6, 0.6)], "NO_EVIDENCE", [])
    symbol.labels["costs"] = "none: the bars have no spread"
    run = builders["run"](tmp_path / "run", [symbol], [])
    write_run(run)
    for file in (tmp_path / "run" / "report.html", tmp_path / "run" / "symbols" / "A" / "report.md"):
        text = file.read_text(encoding="utf-8")
        assert "after costs" not in text
        assert "R (costs: none: the bars have no spread)" in text


def test_advice_says_that_the_best_step_was_kept(builders: Builders) -> None:
    lines = advice(builders["model"]("A", "XGBoost", 0.9, 0.6, 0.6))
    assert any("that step was kept" in line for line in lines)


def test_results_without_costs_say_so_beside_the_verdict(tmp_path: Path, builders: Builders) -> None:
    symbol = builders["symbol"]("A", [builders["model"]("A", "XGBoost", 0.6, 0.6, 0.6)], "DEPLOY", [])
    for costs, told in (("spread", False), ("none: the data has no spread", True)):
        symbol.labels["costs"] = costs
        context = run_context(builders["run"](tmp_path / "run", [symbol], []))
        assert any("No costs were counted" in text for text in context["symbols"][0]["reasons"]) is told


def test_rows_that_an_edge_would_take_stand_on_the_first_screen(written: RunResult) -> None:
    assert written.folder is not None
    page = (written.folder / "report.html").read_text(encoding="utf-8")
    first = page[page.index('id="verdicts"') : page.index('id="symbol-1"')]
    assert "How many test rows it would take" in first
    assert "lead of 5 points" in first
    assert "40,919" in first
    text = (written.folder / "summary.md").read_text(encoding="utf-8")
    assert text.index("## Verdicts") < text.index("## Test rows needed") < text.index("## Performance")


def test_windows_and_a_search_are_told_in_words(tmp_path: Path, builders: Builders) -> None:
    symbol = builders["symbol"]("A", [builders["model"]("A", "XGBoost", 0.6, 0.6, 0.6)], "NO_EVIDENCE", [])
    window = {
        "train_rows": 1234, "train_last": "2024-01-01T00:00:00", "test_rows": 300, "test_first": "2024-01-02T00:00:00",
        "test_last": "2024-02-01T00:00:00",
    }  # fmt: skip
    symbol.evaluation = {
        "method": "walk_forward", "note": "", "rows": 300, "windows": [window],
        "families": {"XGBoost": {"windows": [{"accuracy": 0.515}], "seconds": 1.0}},
    }  # fmt: skip
    symbol.models["XGBoost"].history["oos_accuracy"] = 0.515
    symbol.tuning = {
        "best_inner": 0.52, "outcome": "review the data", "families": {"XGBoost": {"reason": "nothing did better"}}
    }  # fmt: skip
    run = builders["run"](tmp_path / "run", [symbol], [])
    write_run(run)
    for name in ("report.html", "symbols/A/report.md"):
        text = (tmp_path / "run" / name).read_text(encoding="utf-8")
        assert "chosen on the 1,234 rows before the first" in text
        assert "review the data, the labels and the columns" in text
        assert "51.5 %" in text
    symbol.evaluation = {"method": "holdout", "note": "too short"}
    write_run(run)
    assert "stands on the test part (too short)" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
