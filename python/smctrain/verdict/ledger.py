"""The trial ledger: everything that was ever scored on the same rows, across runs. The tool writes it, nobody else.

key        BLAKE2b of data rows, target definition and split plan; one file for each key, lines are only appended
record     one configuration on one stage (inner or oos): run, configuration, config hash, seed, features, the rows and
           what was answered on them (uint8 class codes, or float32 of a target that is a number), the score
line       CRC-32 of the JSON in 8 hexadecimal digits, a blank, the JSON. A damaged line is skipped and counted as lost
counter    configurations counted so far, in the data cache (`SMCTRAIN_CACHE`, else ~/.cache/smctrain), apart from the
           ledger. Where it is ahead, records are missing: somebody deleted the ledger, or a part of it

A run appends its own records first and reads afterwards: of two runs at the same time at least one sees the other.
Appending takes a lock on the file and writes all lines at once. Rows are bar numbers; answers of other rows than those
of today (another warm-up) are silent where they are missing, which counts as wrong.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import math
import os
import secrets
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from smctrain.exceptions import InputError
from smctrain.verdict.result import Trials

INNER, OOS = "inner", "oos"
VERDICTS = "verdicts.txt"
"""File of the verdicts, beside those of the trials."""
_SILENT = 255
_VERSION = 1


@dataclass(frozen=True)
class Trial:
    """One configuration scored on one set of rows."""

    run: str
    name: str
    """The configuration within its run, such as "XGBoost" or "XGBoost: all columns"."""
    stage: str
    """ "inner" or "oos"."""
    rows: npt.NDArray[np.int64]
    """Ascending row numbers."""
    answers: npt.NDArray[Any]
    """int64 codes 0, 1, ... of `classes`, any other one silent; float32 numbers, NaN where silent."""
    classes: tuple[int, ...] | None
    """Class values that the codes mean, at most 255; None: answers are numbers."""
    score: float | None = None
    config_hash: str = ""
    seed: int = 0
    features: str = ""
    """Digest of the column names."""

    @property
    def configuration(self) -> tuple[str, str]:
        return self.run, self.name

    def on(self, rows: npt.NDArray[np.int64], classes: Sequence[int] | None) -> npt.NDArray[Any]:
        """Its answers on `rows`, silent where it has none: as codes of `classes`, or (None) numbers."""
        mine, silent = self._as(classes)
        if np.array_equal(rows, self.rows):
            return mine
        if not len(self.rows):
            return np.full(len(rows), silent)
        place = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        return np.where(self.rows[place] == rows, mine[place], silent)

    def _as(self, classes: Sequence[int] | None) -> tuple[npt.NDArray[Any], Any]:
        """Answers in the words of `classes`, and what is silent among them."""
        if classes is None:
            # Codes are no numbers of this target.
            numbers = self.answers if self.classes is None else np.full(len(self.rows), np.nan)
            return numbers.astype(np.float32), np.float32(np.nan)
        if self.classes is None:
            return np.full(len(self.rows), -1, dtype=np.int64), -1
        codes = np.full(len(self.classes) + 1, -1, dtype=np.int64)  # the last one stands for all others
        for code, value in enumerate(self.classes):
            if value in classes:
                codes[code] = list(classes).index(value)
        return codes[np.where(_is_silent(self.answers, self.classes), len(self.classes), self.answers)], -1


@dataclass(frozen=True)
class LedgerContent:
    """What a ledger holds for one key."""

    trials: list[Trial] = field(default_factory=list)
    damaged: int = 0
    """Lines that cannot be read."""
    counted: int | None = None
    """What the counter says; None where it cannot be read."""

    @property
    def configurations(self) -> set[tuple[str, str]]:
        return {trial.configuration for trial in self.trials}

    @property
    def lost(self) -> int:
        """Configurations that were counted and whose records are gone, or cannot be read."""
        return max(self.damaged, (self.counted or 0) - len(self.configurations))

    def as_trials(
        self, oos: npt.NDArray[np.int64], inner: npt.NDArray[np.int64], classes: Sequence[int] | None, without_run: str
    ) -> Trials | None:
        """Vectors of other runs on these rows, for `decide`; None when nothing was ever tried before."""
        others = [trial for trial in self.trials if trial.run != without_run]
        if not others and not self.lost:
            return None
        on_oos = [trial for trial in others if trial.stage == OOS]
        on_inner = [trial for trial in others if trial.stage == INNER]
        # Of a configuration that was scored on OOS rows only, the inner answers are lacking.
        complete = not self.lost and {t.configuration for t in on_oos} <= {t.configuration for t in on_inner}
        return Trials(
            oos=_stack([trial.on(oos, classes) for trial in on_oos], len(oos), classes),
            inner=_stack([trial.on(inner, classes) for trial in on_inner], len(inner), classes) if complete else None,
            lost=self.lost,
        )


class Ledger:
    """The trial ledger of a folder.

    Parameters
    ----------
    folder : path
        Made when the first record is written.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def path(self, key: str) -> Path:
        """File of one key."""
        return self.folder / f"{key}.jsonl"

    def append(self, key: str, trials: Sequence[Trial]) -> None:
        """Add records: all of them, or (a full disk) none.

        Raises
        ------
        OSError
            The ledger cannot be written. A trial that is not counted would flatter every later one.
        InputError
            A trial of more than 255 classes.
        """
        if not trials:
            return
        text = "".join(_line(trial) for trial in trials).encode()
        self.folder.mkdir(parents=True, exist_ok=True)
        with _locked(self.path(key), _APPENDING) as handle:
            known = _read(handle).configurations
            end = os.lseek(handle, 0, os.SEEK_END)
            # What a killed writer left behind must not swallow the next record.
            torn = end > 0 and os.pread(handle, 1, end - 1) != b"\n"
            try:
                _write_all(handle, b"\n" * torn + text)
                os.fsync(handle)
            except BaseException:
                os.ftruncate(handle, end)
                raise
            # A configuration that adds its second stage later is the same one.
            new = {trial.configuration for trial in trials} - known
            _count(self._counter(key), len(known) + len(new), len(new))

    def read(self, key: str) -> LedgerContent:
        """All records of one key, damaged ones counted.

        Raises
        ------
        OSError
            The ledger is there, but cannot be read.
        """
        # Behind a writer that is at work: half a line, or lines not yet counted, would look like lost records.
        while True:
            try:
                with _locked(self.path(key), os.O_RDONLY) as handle:
                    content = _read(handle)
                    return LedgerContent(content.trials, content.damaged, _counted(self._counter(key)))
            except FileNotFoundError:
                counted = _counted(self._counter(key))
                if not self.path(key).exists():  # else somebody made it just now
                    return LedgerContent(counted=counted)

    def judge(self, judged: Sequence[Judged]) -> list[Judged]:
        """Write verdicts down, and return the newest of every other page.

        Raises
        ------
        OSError
            The ledger cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / VERDICTS
        with _locked(path, _APPENDING) as handle:
            end = os.lseek(handle, 0, os.SEEK_END)
            torn = end > 0 and os.pread(handle, 1, end - 1) != b"\n"
            lines = (_checked({"page": j.page, "symbol": j.symbol, "p": j.p, "e": j.e}) for j in judged)
            _write_all(handle, b"\n" * torn + "".join(lines).encode())
            os.fsync(handle)
            newest = {other.page: other for other in _read_judged(path)}
        own = {j.page for j in judged}
        return [other for page, other in newest.items() if page not in own]

    def _counter(self, key: str) -> Path:
        place = hashlib.blake2b(f"{self.folder.resolve()}\0{key}".encode(), digest_size=16).hexdigest()
        return cache_folder() / "trials" / place


@dataclass(frozen=True)
class Judged:
    """What a verdict stood on: the next ones are judged together with it, see `apply_multiple_testing`."""

    page: str
    """Digest of symbol, timeframe and target: judged again (more bars, another seed), it counts once."""
    symbol: str
    p: float
    e: float


def ledger_key(*parts: bytes | str) -> str:
    """BLAKE2b of data rows, target definition and split plan."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()


def new_run() -> str:
    """A name that no other run has."""
    return secrets.token_hex(8)


def digest_of(names: Iterable[str]) -> str:
    """Digest of column names, order included."""
    return hashlib.blake2b("\n".join(names).encode(), digest_size=8).hexdigest()


def cache_folder() -> Path:
    """`SMCTRAIN_CACHE`, else `smctrain` in the user's cache folder."""
    named = os.environ.get("SMCTRAIN_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "smctrain"


def _stack(vectors: list[npt.NDArray[Any]], n: int, classes: Sequence[int] | None) -> npt.NDArray[Any]:
    return np.stack(vectors) if vectors else np.empty((0, n), dtype=np.float32 if classes is None else np.int64)


def _is_silent(answers: npt.NDArray[Any], classes: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    return (answers < 0) | (answers >= len(classes))


# ---- lines ----


def _line(trial: Trial) -> str:
    if trial.classes is None:
        answers = trial.answers.astype("<f4").tobytes()
    elif len(trial.classes) > _SILENT:
        raise InputError(f"a trial must have at most {_SILENT} classes, but {trial.name!r} has {len(trial.classes)}.")
    else:
        silent = _is_silent(trial.answers, trial.classes)
        answers = np.where(silent, _SILENT, trial.answers).astype(np.uint8).tobytes()
    record = {
        "v": _VERSION,
        "run": trial.run,
        "name": trial.name,
        "stage": trial.stage,
        "config_hash": trial.config_hash,
        "seed": trial.seed,
        "features": trial.features,
        "classes": None if trial.classes is None else list(trial.classes),
        "score": trial.score if trial.score is not None and math.isfinite(trial.score) else None,
        "rows": _packed(np.diff(trial.rows, prepend=0).astype("<i8").tobytes()),
        "answers": _packed(answers),
    }
    return _checked(record)


def _checked(record: dict[str, Any]) -> str:
    text = json.dumps(record, separators=(",", ":"), allow_nan=False)
    return f"{zlib.crc32(text.encode()):08x} {text}\n"


def _record(line: bytes) -> dict[str, Any]:
    crc, _, text = line.partition(b" ")
    if int(crc, 16) != zlib.crc32(text):
        raise ValueError("checksum")
    record: dict[str, Any] = json.loads(text)
    return record


def _read_judged(path: Path) -> list[Judged]:
    """Damaged lines are left out."""
    found = []
    for line in path.read_bytes().split(b"\n"):
        try:
            record = _record(line)
            found.append(Judged(record["page"], record["symbol"], float(record["p"]), float(record["e"])))
        except (ValueError, KeyError, TypeError):
            continue
    return found


def _trial(line: bytes) -> Trial:
    """Raises ValueError, KeyError or TypeError where the line is not what was written."""
    record = _record(line)
    if record["v"] != _VERSION:
        raise ValueError("version")
    rows = np.cumsum(np.frombuffer(_unpacked(record["rows"]), dtype="<i8")).astype(np.int64)
    classes = None if record["classes"] is None else tuple(int(value) for value in record["classes"])
    answers = _answers(_unpacked(record["answers"]), classes)
    if len(rows) != len(answers):
        raise ValueError("length")
    return Trial(
        run=record["run"], name=record["name"], stage=record["stage"], rows=rows, answers=answers, classes=classes,
        score=record["score"], config_hash=record["config_hash"], seed=record["seed"], features=record["features"],
    )  # fmt: skip


def _answers(data: bytes, classes: tuple[int, ...] | None) -> npt.NDArray[Any]:
    if classes is None:
        return np.frombuffer(data, dtype="<f4").astype(np.float32)
    codes = np.frombuffer(data, dtype=np.uint8).astype(np.int64)
    return np.where(codes < len(classes), codes, -1)


def _packed(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data, 6)).decode()


def _unpacked(text: str) -> bytes:
    try:
        return zlib.decompress(base64.b64decode(text, validate=True))
    except zlib.error as error:
        raise ValueError(str(error)) from error


def _read(handle: int) -> LedgerContent:
    os.lseek(handle, 0, os.SEEK_SET)
    with os.fdopen(handle, "rb", closefd=False) as file:
        content = file.read()
    trials, damaged = [], 0
    for line in content.split(b"\n"):
        if not line:
            continue
        try:
            trials.append(_trial(line))
        except (ValueError, KeyError, TypeError):
            damaged += 1
    return LedgerContent(trials, damaged)


# ---- files ----


_APPENDING = os.O_RDWR | os.O_CREAT | os.O_APPEND


class _locked:
    """An open file that nobody else of this program writes meanwhile; readers share it."""

    def __init__(self, path: Path, mode: int) -> None:
        self.path, self.mode, self.handle = path, mode, -1

    def __enter__(self) -> int:
        self.handle = os.open(self.path, self.mode | getattr(os, "O_CLOEXEC", 0), 0o644)
        try:
            fcntl.flock(self.handle, fcntl.LOCK_EX if self.mode == _APPENDING else fcntl.LOCK_SH)
        except BaseException:
            os.close(self.handle)
            raise
        return self.handle

    def __exit__(self, *exc: object) -> None:
        os.close(self.handle)  # gives the lock back


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _count(path: Path, found: int, new: int) -> None:
    """Raise the counter by what was added, at least to what the ledger holds. No cache, no counter: nothing is lost by
    it but the notice that a ledger was deleted. Whoever calls holds the lock of the ledger."""
    made = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        made.write_text(str(max(found, (_counted(path) or 0) + new)))
        made.replace(path)  # never half a number, and on a full disk the old one
    except OSError:
        return


def _counted(path: Path) -> int | None:
    try:
        text = path.read_bytes()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
