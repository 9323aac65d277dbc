"""`smctrain models`."""

from __future__ import annotations


def models() -> int:
    """List the model families, their aliases, and what they need."""
    import importlib.util

    from smctrain.models.registry import FAMILIES

    for entry in FAMILIES.values():
        needs = "" if not entry.extra else f"needs smctrain[{entry.extra}]"
        if entry.extra == "neural" and importlib.util.find_spec("torch") is not None:
            needs = "ready"
        kind = "sequence" if entry.is_sequence else "table"
        print(f"{entry.name:<16} {entry.task:<15} {kind:<9} {', '.join(entry.aliases):<24} {needs or 'ready'}")
    return 0
