"""File names from names that users choose. A path never comes from a name without passing through here."""

from __future__ import annotations

import hashlib
import re

_RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"COM{i}" for i in range(10)), *(f"LPT{i}" for i in range(10))}
_HASHED = re.compile(r"-[0-9a-f]{8}\Z")


def safe_file_name(name: str) -> str:
    """A name made of letters, digits, `.`, `_` and `-`, unique for each input.

    Harmless names are returned unchanged. Others become a readable prefix and a short hash of the true name, which the
    metadata keeps.
    """
    cleaned = re.sub(r"[^A-Za-z0-9._-]+", "_", name).lstrip(".") or "x"
    if cleaned.split(".")[0].upper() in _RESERVED:
        cleaned = f"_{cleaned}"
    # A name that already ends like a hashed one is hashed too, so that nobody can choose another name's file.
    harmless = cleaned == name and len(name) <= 80 and not _HASHED.search(name)
    if harmless:
        return name
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return f"{cleaned[:60]}-{digest}"
