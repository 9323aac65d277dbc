"""Reports of a run: read results only, compute no metric. Markdown, HTML and JSON come from the same context."""

from __future__ import annotations

from smctrain.artifact import safe_file_name, write_atomic, write_json
from smctrain.results import RunResult

__all__ = ["write_run"]


def write_run(run: RunResult) -> None:
    """Write every report of a run into its folder. Results already written are never lost when a report fails.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    if run.folder is None:
        return
    from smctrain.reports import figures, overfitting
    from smctrain.reports.context import run_context, symbol_context
    from smctrain.reports.render import render

    folder = run.folder
    table = overfitting.overfitting_table(run)
    write_json(folder / "overfitting_report.json", table)
    write_atomic(folder / "overfitting_report.md", render("overfitting.md.j2", table).encode())
    write_atomic(folder / "overfitting_analysis.png", figures.overfitting_png(table))
    context = run_context(run)
    write_json(folder / "summary.json", context)
    write_atomic(folder / "summary.md", render("summary.md.j2", context).encode())
    pages = []
    for symbol, result in run.symbols.items():
        page = symbol_context(result)
        drawn = {
            "curves": figures.curves_svg(result),
            "accuracy": figures.accuracy_svg(result),
            "choice": figures.choice_svg(symbol, page["feature_choice"]),
        }
        pages.append({**page, **drawn})
        target = folder / "symbols" / safe_file_name(symbol)
        write_atomic(target / "report.md", render("symbol.md.j2", page).encode())
    html = render("report.html.j2", {**context, "overfitting": table, "pages": pages, "figures": run_figures(table)})
    write_atomic(folder / "report.html", html.encode())


def run_figures(table: dict[str, object]) -> dict[str, str]:
    """Figures of the whole run as inline SVG."""
    from smctrain.reports import figures

    return {"overfitting": figures.overfitting_svg(table)}
