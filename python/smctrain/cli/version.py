"""`smctrain version`."""

from __future__ import annotations


def version() -> int:
    """Print versions of smctrain and of what it stands on."""
    from smctrain.artifact import versions

    for name, value in versions().items():
        print(f"{name:<12} {value}")
    return 0
