"""Versions of what a result depends on."""

from __future__ import annotations


def versions() -> dict[str, str]:
    """Versions that a result depends on, without importing anything."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    import smctrain

    found = {"python": platform.python_version(), "smctrain": smctrain.__version__}
    for package in ("numpy", "xgboost-cpu", "xgboost", "torch"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
