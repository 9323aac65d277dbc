"""`smctrain report`."""

from __future__ import annotations

from pathlib import Path


def report(run: Path) -> int:
    """Rebuild all reports of a run from its stored results; nothing is trained.

    Parameters
    ----------
    run
        Run folder.
    """
    from smctrain import reports
    from smctrain.cli.display import print_run
    from smctrain.deploy import read_run

    result = read_run(run)
    reports.write_run(result)
    print_run(result)
    return 0
