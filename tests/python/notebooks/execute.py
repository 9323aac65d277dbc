"""Executes one notebook in a folder: `python execute.py NOTEBOOK FOLDER`. Exit code 1 and a traceback if a cell fails.

The kernel is the running interpreter, so no kernelspec needs to be installed. A process of its own, because the
libraries that drive a kernel leave event loops and sockets behind that warn when they are collected.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import read

LONGEST_CELL_S = 300


class ThisInterpreter(KernelSpecManager):
    """Answers every kernel name with the running interpreter."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python", language="python")


def main(path: Path, folder: Path) -> int:
    # The kernel imports what we import, also where the package lies on sys.path without being installed.
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
        "IPYTHONDIR": str(folder / ".ipython"),
        "MPLBACKEND": "Agg",
    }
    notebook = read(path, as_version=4)
    manager = AsyncKernelManager(kernel_name="this", kernel_spec_manager=ThisInterpreter())
    client = NotebookClient(notebook, km=manager, timeout=LONGEST_CELL_S, resources={"metadata": {"path": str(folder)}})
    try:
        client.execute(env=environment)
    except CellExecutionError as error:
        print(error, file=sys.stderr)
        return 1
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    print(f"{len(code)} cells, {sum(cell.execution_count is not None for cell in code)} executed")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
