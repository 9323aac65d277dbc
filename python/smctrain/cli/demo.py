"""`smctrain demo`."""

from __future__ import annotations

from pathlib import Path

from smctrain.cli.display import Display, print_run


def demo(*, out: Path | None = None, seed: int = 7, workers: int | None = None) -> int:
    """Simulate a market with known truth, run the whole job on it, and compare.

    Some symbols carry a planted signal, the others are pure noise. The table shows what was found; `truth.json` in the
    run folder says what was there to find.

    Parameters
    ----------
    out
        Run folder; a new one below output.root by default.
    seed
        Seed of the market and of the training.
    workers
        Symbols trained at the same time; one per core by default.
    """
    from smctrain.artifact import write_json
    from smctrain.config import resolve
    from smctrain.job import new_folder
    from smctrain.job import train as train_job
    from smctrain.testing.market import demo_labels, simulate_market

    overrides: dict[str, object] = {f"labels.{key}": value for key, value in demo_labels().items()}
    overrides["training.seed"] = seed
    if workers is not None:
        overrides["training.workers"] = workers
    resolved = resolve("fast", overrides=overrides)
    market = simulate_market(seed=seed, labels=demo_labels())
    folder = out or new_folder(resolved.config.output.root)
    with Display(quiet=False, n_symbols=len(market.symbols)) as display:
        run = train_job(market, resolved, out=folder, on_event=display.handle)
    write_json(folder / "truth.json", {"schema_version": 1, "seed": seed, "symbols": run.truth})
    print_run(run)
    print("\nWhat was planted (in the long run no model beats the best possible accuracy; a test part may lie off it):")
    print(f"  {'symbol':<10} {'planted':<8} {'best possible':>14} {'majority':>9}  verdict")
    for truth in run.truth:
        verdict = run.symbols[truth["symbol"]].verdict["kind"] if truth["symbol"] in run.symbols else "FAILED"
        planted = "yes" if truth["planted"] else "no"
        best, majority = 100 * truth["bayes_accuracy"], 100 * truth["majority"]
        print(f"  {truth['symbol']:<10} {planted:<8} {best:>12.1f} % {majority:>7.1f} %  {verdict}")
    return run.exit_code()
