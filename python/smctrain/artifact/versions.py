"""Versions of what a result depends on."""

from __future__ import annotations


def versions() -> dict[str, str]:
    """Versions that a result depends on, without importing anything."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    from smctrain import __version__

    found = {"smctrain": __version__, "python": platform.python_version()}
    for package in ("numpy", "xgboost-cpu", "xgboost", "torch"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
