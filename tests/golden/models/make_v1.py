"""Writes the golden containers of format 1.0 into `v1/`. Run once per format; readers open these files for ever.

usage: python tests/golden/models/make_v1.py   (refuses to overwrite)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

DTYPES = ("<f4", "<f8", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8")


def contents() -> dict[str, tuple[str, dict[str, Any], dict[str, NDArray[Any]]]]:
    """File stem -> family, metadata, arrays."""
    every_type = {dtype.strip("<|"): np.arange(6).reshape(2, 3).astype(dtype) for dtype in DTYPES}
    every_type["empty"] = np.empty((0, 4), dtype="<f8")
    every_type["scalar"] = np.asarray(0.5, dtype="<f8")
    meta = {"features": ["rsi_14", "a|b", "[0, 1)", "<script>", "é"], "classes": [-1, 0, 1], "nothing": None}
    return {
        "every_dtype": ("Golden", meta, every_type),
        "no_arrays": ("Golden", {"depth": {"of": {"four": [1, 2.5, "x", True]}}}, {}),
    }


def main() -> None:
    from smctrain.artifact import model_to_bytes

    folder = Path(__file__).parent / "v1"
    folder.mkdir(exist_ok=True)
    for stem, (family, meta, arrays) in contents().items():
        with (folder / f"{stem}.smc").open("xb") as file:
            file.write(model_to_bytes(family, meta, arrays))


if __name__ == "__main__":
    main()
