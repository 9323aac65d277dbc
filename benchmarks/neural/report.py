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
                said.append(f"{who} is void, its loss is {100 * ratio['loss_difference']:+.2f} % from the peer's")
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
        "CPU time, median (least); steps and predictions in ms, fits in s. Ratio: peer / ours, median (least to most). "
        "Losses are held-out, means over the turns: as trained (classes balanced, smoothed), and plain log-loss; "
        "behind a ratio, how far ours is from the peer's, with standard errors. **VOID**: ours is more than 1 % "
        "(steps) or 0.5 % (fits) higher as trained, and the speed says nothing. Where `plain` had fewer turns, losses "
        "are those against `tuned`, which computes the same.", "",
        "| work | contestant | turns | CPU | wall | loss, plain | share of peak | to tuned | to plain | promised |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---|",
    ]  # fmt: skip
    for cell in cells:
        for i, (name, side) in enumerate(cell["sides"].items()):
            mine = {r["peer"]: r for r in cell["ratios"] if r["of"] == name}
            share = f"{100 * side['share_of_peak']:.0f} %" if "share_of_peak" in side else ""
            loss = f"{side['loss']:.4f}, {side['plain_loss']:.4f}" if side["loss"] else ""
            epochs = f" ({side['epochs']:.0f} epochs)" if side["epochs"] else ""
            promises = "; ".join(f"{r['need']:g}x {peer}: {_verdict(r)}" for peer, r in mine.items() if r["need"])
            lines.append(
                f"| {cell['work'] if i == 0 else ''} | {name}{epochs} | {side['turns']} | "
                f"{side['cpu']:.3g} ({side['cpu_min']:.3g}) | {side['wall']:.3g} | {loss} | {share} | "
                f"{_ratio(mine.get('tuned'))} | {_ratio(mine.get('plain'))} | {promises} |"
            )
    peaks = [cell["peak_gflops"] for cell in cells if "peak_gflops" in cell]
    if peaks:
        apart = [(cell["apart_without_dropout"], cell["work"]) for cell in cells if "apart_without_dropout" in cell]
        lines += ["", f"Peak of one core in this run: {min(peaks):.0f} to {max(peaks):.0f} GFLOP/s (512 x 512 x 512). "
                  f"Steps: same initial weights, same order of rows; without dropout, held-out losses of ours and of "
                  f"either peer differ by {100 * max(apart)[0]:.3f} % at most ({max(apart)[1]})."]  # fmt: skip
    if document["memory"]:
        lines += ["", "| work | ours, MiB | tuned, MiB |", "|---|---:|---:|"]
        lines += [f"| {row['work']} | {row['ours']:.0f} | {row['tuned']:.0f} |" for row in document["memory"]]
    if document["loading"]:
        lines += ["", "| stored | load, CPU ms | until the first prediction | loaded again | torch imported |",
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
        return f"**VOID**, loss {100 * ratio['loss_difference']:+.2f} %"
    return "kept" if ratio["median"] >= ratio["need"] else "**MISSED**"


def _ratio(ratio: dict[str, Any] | None) -> str:
    if ratio is None:
        return ""
    loss = ""
    if ratio["loss_difference"]:
        both = [_share(ratio[f"{what}loss_difference"], ratio[f"{what}loss_error"]) for what in ("", "plain_")]
        loss = f"; loss {both[0]}, plain {both[1]}"
    mark = ", **VOID**" if ratio["void"] else ""
    return f"{ratio['median']:.2f}x ({ratio['low']:.2f}-{ratio['high']:.2f}){loss}{mark}"


def _share(difference: float, error: float | None) -> str:
    return f"{100 * difference:+.2f}" + ("" if error is None else f" ± {100 * error:.2f}") + " %"
