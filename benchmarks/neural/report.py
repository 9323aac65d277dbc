"""Tables of what was measured, in words and as JSON."""

from __future__ import annotations

from typing import Any

Cell = dict[str, Any]


def missed(cells: list[Cell]) -> list[str]:
    """Promises that are not kept, and ratios that say nothing because the loss is worse."""
    said = []
    for cell in cells:
        for ratio in cell["ratios"]:
            who = f"{cell['work']}: {ratio['of']} {ratio['median']:.2f}x {ratio['peer']}"
            if ratio["need"] and ratio["void"]:
                said.append(f"{who} is void, its loss is {100 * ratio['loss_difference']:.2f} % higher")
            elif ratio["need"] and ratio["median"] < ratio["need"]:
                said.append(f"{who}, promised {ratio['need']:g}x")
    return said


def worst(cells: list[Cell]) -> str:
    """The cell that is nearest to, or furthest below, what was promised."""
    known = [(r["median"] / r["need"], cell["work"], r) for cell in cells for r in cell["ratios"] if r["need"]]
    if not known:
        return ""
    _, work, r = min(known, key=lambda entry: entry[0])
    return f"Worst cell: {work}, {r['of']} {r['median']:.2f}x {r['peer']} (promised {r['need']:g}x)."


def markdown(document: dict[str, Any]) -> str:
    """All tables."""
    m, cells = document["machine"], document["cells"]
    lines = [
        f"{document['date']}, {m['cpu']}, {m['cores']} cores, load {m['load']} at the start; one thread, one core; "
        f"ABBA; {document['data']}." + (" QUICK RUN: says nothing about speed." if document["quick"] else ""),
        ", ".join(f"{name} {version}" for name, version in document["versions"].items()) + ".", "",
        "CPU time, median (least); steps and predictions in ms, fits in s. Ratio: peer / ours, median (least to most);"
        " loss: held-out, mean over the turns; void where ours is more than 1 % (steps) or 0.5 % (fits) higher.", "",
        "| work | turns | contestant | CPU | wall | loss | share of peak | ratio to tuned | to plain | promised |",
        "|---|---:|---|---:|---:|---:|---:|---:|---:|---|",
    ]  # fmt: skip
    for cell in cells:
        for i, (name, side) in enumerate(cell["sides"].items()):
            mine = {r["peer"]: r for r in cell["ratios"] if r["of"] == name}
            share = f"{100 * side['share_of_peak']:.0f} %" if "share_of_peak" in side else ""
            loss = f"{side['loss']:.4f}" if side["loss"] else ""
            epochs = f" ({side['epochs']:.0f} epochs)" if "epochs" in side else ""
            promises = "; ".join(f"{r['need']:g}x {peer}: {_verdict(r)}" for peer, r in mine.items() if r["need"])
            lines.append(
                f"| {cell['work'] if i == 0 else ''} | {cell['turns'] if i == 0 else ''} | {name}{epochs} | "
                f"{side['cpu']:.3g} ({side['cpu_min']:.3g}) | {side['wall']:.3g} | {loss} | {share} | "
                f"{_ratio(mine.get('tuned'))} | {_ratio(mine.get('plain'))} | {promises} |"
            )
    peaks = [cell["peak_gflops"] for cell in cells if "peak_gflops" in cell]
    if peaks:
        lines += ["", f"Peak of one core in this run: {min(peaks):.0f} to {max(peaks):.0f} GFLOP/s (512 x 512 x 512)."]
    if document["memory"]:
        lines += ["", "| work | ours, MiB | tuned, MiB |", "|---|---:|---:|"]
        lines += [f"| {row['work']} | {row['ours']:.0f} | {row['tuned']:.0f} |" for row in document["memory"]]
    if document["loading"]:
        lines += ["", "| stored | load, ms | until the first prediction, ms | loaded again, ms | torch imported |",
                  "|---|---:|---:|---:|---|"]  # fmt: skip
        lines += [
            f"| {row['work']} | {row['load_ms']:.1f} | {row['first_prediction_ms']:.1f} | {row['again_ms']:.1f} | "
            f"{'yes' if row['torch_imported'] else 'no'} |"
            for row in document["loading"]
        ]
    said = [f"Missed: {sentence}." for sentence in document["missed"]]
    if document["worst"]:
        said.append(document["worst"])
    return "\n".join([*lines, "", *(f"- {sentence}" for sentence in said), ""])


def _verdict(ratio: dict[str, Any]) -> str:
    if ratio["void"]:
        return f"void, loss {100 * ratio['loss_difference']:+.2f} %"
    return "kept" if ratio["median"] >= ratio["need"] else "MISSED"


def _ratio(ratio: dict[str, Any] | None) -> str:
    if ratio is None:
        return ""
    error = "" if ratio["loss_error"] is None else f" ± {100 * ratio['loss_error']:.2f}"
    loss = f", loss {100 * ratio['loss_difference']:+.2f}{error} %" if ratio["loss_difference"] else ""
    return f"{ratio['median']:.2f}x ({ratio['low']:.2f}-{ratio['high']:.2f}{loss})"
