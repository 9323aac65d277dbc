"""Versions of what a result depends on."""

from __future__ import annotations

import functools


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
    return found | {"code": code_hash()}


@functools.cache
def code_hash() -> str:
    """BLAKE2b over this package's own files, native modules included."""
    import hashlib
    from pathlib import Path

    root = Path(__file__).parents[1]
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(p for p in root.rglob("*") if p.suffix in {".py", ".so"} and p.is_file()):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(path.read_bytes())
    return digest.hexdigest()
