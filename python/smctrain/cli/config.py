"""`smctrain config show`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def show(
    *,
    preset: str | None = None,
    config: Annotated[list[Path] | None, Parameter(consume_multiple=True)] = None,
    set_: Annotated[list[str] | None, Parameter(name="--set", consume_multiple=True)] = None,
    origin: bool = False,
    json: bool = False,
) -> int:
    """Print all settings as YAML after merging all layers.

    Parameters
    ----------
    preset
        fast, default or thorough.
    config
        YAML files; later ones win.
    set_
        Single settings as key=value.
    origin
        Say for each leaf where its value came from.
    json
        Print an object: leaf -> value, layer, where.
    """
    from smctrain.artifact import dumps_strict
    from smctrain.config import resolve

    resolved = resolve(preset, files=config or [], assignments=set_ or [])
    if json:
        leaves = {key: {"value": v, "layer": o.layer, "where": o.where} for key, v, o in resolved.leaves()}
        print(dumps_strict(leaves))
    else:
        print(resolved.to_yaml(origin=origin), end="")
    return 0
