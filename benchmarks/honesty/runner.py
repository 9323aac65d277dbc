"""Many seeded runs over all cores, each result a line in a file as soon as it is there: an interrupted job goes on
where it was.

A stored line counts again only if it was made with the same recipe by the same code: the digest of the rooms a verdict
depends on stands in it.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import smctrain

ROOMS = ("augment", "config", "models", "prepare", "selection", "splits", "stats", "training", "verdict")
Work = Callable[[int, dict[str, Any]], dict[str, Any]]


@functools.cache
def code_digest() -> str:
    """Of the Python sources that a result depends on, and of this benchmark's."""
    digest = hashlib.blake2b(digest_size=8)
    package, here = Path(smctrain.__file__).resolve().parent, Path(__file__).resolve().parent
    files = [file for room in ROOMS for file in (package / room).rglob("*.py")]
    files += [here / name for name in ("pipeline.py", "processes.py", "rules.py", "experiments.py", "fits.py")]
    for file in sorted(files):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()


def stored(path: Path, recipe: dict[str, Any], other_code: bool = False) -> tuple[dict[int, dict[str, Any]], int]:
    """(results by seed, how many lines do not count)."""
    found: dict[int, dict[str, Any]] = {}
    ignored = 0
    if not path.exists():
        return found, ignored
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:  # a line cut short by an interruption
            ignored += 1
            continue
        if entry["recipe"] == recipe and (other_code or entry["code"] == code_digest()):
            found[entry["seed"]] = entry["result"]
        else:
            ignored += 1
    return found, ignored


def collect(
    name: str, work: Work, seeds: Iterable[int], recipe: dict[str, Any], folder: Path,
    other_code: bool = False, say: Callable[[str], None] | None = None, pool: Any = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Results of `work(seed, recipe)` for every seed, in their order.

    Parameters
    ----------
    folder : Path
        Of NAME.jsonl, to which results are appended.
    pool : Pool, optional
        Processes of one thread each (`processes`); without one the work is done here.
    other_code : bool
        Count stored lines of other code too.
    """
    say = say or functools.partial(print, file=sys.stderr, flush=True)
    recipe = json.loads(json.dumps(recipe))
    path = folder / f"{name}.jsonl"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = list(seeds)
    found, ignored = stored(path, recipe, other_code)
    if ignored:
        say(f"{name}: {ignored} stored lines were made otherwise and do not count")
    left = [seed for seed in wanted if seed not in found]
    started, last = time.monotonic(), time.monotonic()
    job = functools.partial(_one, work, recipe)
    with path.open("a", encoding="utf-8") as file:
        for done, (seed, seconds, result) in enumerate(_results(job, left, pool), 1):
            line = {"seed": seed, "seconds": seconds, "code": code_digest(), "recipe": recipe, "result": result}
            file.write(json.dumps(line) + "\n")
            file.flush()
            found[seed] = result
            if time.monotonic() - last > 30 or done == len(left):
                last = time.monotonic()
                rest = (last - started) / done * (len(left) - done)
                say(f"{name}: {len(wanted) - len(left) + done} of {len(wanted)}, about {rest / 60:.0f} minutes left")
    return [found[seed] for seed in wanted]


def _one(work: Work, recipe: dict[str, Any], seed: int) -> tuple[int, float, dict[str, Any]]:
    started = time.monotonic()
    result = work(seed, recipe)
    return seed, round(time.monotonic() - started, 3), result


def _results(job: Any, seeds: list[int], pool: Any) -> Iterable[tuple[int, float, dict[str, Any]]]:
    return map(job, seeds) if pool is None else pool.imap_unordered(job, seeds)


def processes(workers: int) -> Any:
    """A pool for `collect`, or nothing where one process is enough; a context either way."""
    return multiprocessing.get_context("spawn").Pool(workers) if workers > 1 else contextlib.nullcontext()
