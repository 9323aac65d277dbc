"""Atomic writes: every failure leaves the old file or the new one, no litter, and an error that names the path."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smctrain.artifact import sweep_stale, write_atomic

FAILURES = [errno.ENOSPC, errno.EIO, errno.EDQUOT]


def litter(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.endswith(".smctmp")]


def fail_at(name: str, number: int, code: int, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Let the `number`-th call of os.<name> fail; returns a counter of calls."""
    real = getattr(os, name)
    calls = [0]

    def failing(*arguments: Any, **options: Any) -> Any:
        calls[0] += 1
        if calls[0] == number:
            raise OSError(code, os.strerror(code))
        return real(*arguments, **options)

    monkeypatch.setattr(os, name, failing)
    return lambda: calls[0]


def test_content_and_permissions_are_those_of_an_ordinary_file(tmp_path: Path) -> None:
    write_atomic(tmp_path / "deep" / "er" / "a.bin", b"abc")
    (tmp_path / "plain").write_bytes(b"abc")
    assert (tmp_path / "deep" / "er" / "a.bin").read_bytes() == b"abc"
    assert (tmp_path / "deep" / "er" / "a.bin").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_any_size_is_written_whole_even_in_short_writes(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: real(handle, bytes(data[: max(1, len(data) // 3)])))
    data = os.urandom(size)
    write_atomic(tmp_path / "a.bin", data)
    assert (tmp_path / "a.bin").read_bytes() == data


@pytest.mark.parametrize("code", FAILURES)
@pytest.mark.parametrize("step", ["open", "write", "fchmod", "fsync", "close", "replace"])
def test_a_failing_step_leaves_the_old_file_and_no_litter(
    tmp_path: Path, step: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.smc"
    path.write_bytes(b"old")
    with monkeypatch.context() as patch:
        calls = fail_at(step, 1, code, patch)
        with pytest.raises(OSError, match=r"model\.smc") as caught:
            write_atomic(path, b"new content")
        assert calls() >= 1
    assert caught.value.errno == code
    assert os.strerror(code) in str(caught.value)
    assert path.read_bytes() == b"old"
    assert litter(tmp_path) == []
    write_atomic(path, b"new")  # the folder is still usable
    assert path.read_bytes() == b"new"


def test_a_failing_folder_sync_is_reported_though_the_new_file_is_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_at("fsync", 2, errno.EIO, monkeypatch)
    with pytest.raises(OSError, match=r"model\.smc"):
        write_atomic(tmp_path / "model.smc", b"new")
    assert (tmp_path / "model.smc").read_bytes() == b"new"
    assert litter(tmp_path) == []


def test_file_systems_that_cannot_sync_folders_are_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_at("fsync", 2, errno.EINVAL, monkeypatch)
    write_atomic(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"


def test_a_failing_clean_up_does_not_hide_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_at("write", 1, errno.ENOSPC, monkeypatch)
    fail_at("unlink", 1, errno.EIO, monkeypatch)
    with pytest.raises(OSError, match="No space left"):
        write_atomic(tmp_path / "a", b"new")


def test_a_file_system_that_swallows_bytes_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"old")
    monkeypatch.setattr(os, "write", lambda handle, data: len(data))
    with pytest.raises(OSError, match="0 of 3 bytes"):
        write_atomic(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old"


def test_a_write_that_takes_nothing_is_an_error_not_an_endless_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "write", lambda handle, data: 0)
    with pytest.raises(OSError, match="takes no more bytes"):
        write_atomic(tmp_path / "a", b"new")


def test_interrupts_clean_up_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path / "a", b"new")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_or_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"")
    for path in [tmp_path / "folder", tmp_path / "file" / "below" / "a"]:
        with pytest.raises(OSError, match=str(path)):
            write_atomic(path, b"x")
    assert litter(tmp_path) == []


@pytest.mark.parametrize("name", ["a" * 255, "データ" * 28, "😀" * 60])
def test_the_longest_names_a_file_system_takes_are_written(tmp_path: Path, name: str) -> None:
    write_atomic(tmp_path / name, b"x")
    assert os.listdir(tmp_path) == [name]


def test_the_umask_of_other_threads_is_left_alone(tmp_path: Path) -> None:
    seen: set[int] = set()
    stop = threading.Event()

    def watch() -> None:
        i = 0
        while not stop.is_set():
            path = tmp_path / f"watch{i}"
            path.touch()
            seen.add(path.stat().st_mode & 0o777)
            i += 1

    thread = threading.Thread(target=watch)
    thread.start()
    for i in range(60):
        write_atomic(tmp_path / "a", str(i).encode())
    stop.set()
    thread.join()
    mask = os.umask(0o022)
    os.umask(mask)
    assert seen == {0o666 & ~mask}


WRITER = """
import sys
from smctrain.artifact import write_atomic
print("ready", flush=True)
for i in range(10**9):
    write_atomic(sys.argv[1], (b"%d\\n" % (i % 10)) * 60_000)
"""


def test_kill_9_while_saving_leaves_old_or_new(tmp_path: Path) -> None:
    path = tmp_path / "model.smc"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    for i in range(20):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, env=environment, text=True
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(0.003 + 0.0011 * i)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        if path.exists():
            content = path.read_bytes()
            assert content == content[:2] * 60_000
    assert path.exists()
    sweep_stale(tmp_path, older_than_s=-1.0)
    assert os.listdir(tmp_path) == ["model.smc"]


def test_sweeping_removes_only_our_own_old_files(tmp_path: Path) -> None:
    ours = tmp_path / "sub" / ".model.smc.0123456789abcdef.smctmp"
    young = tmp_path / ".young.0123456789abcdef.smctmp"
    others = [
        tmp_path / ".x.smctmp",
        tmp_path / "model.0123456789abcdef.smctmp",
        tmp_path / ".x.0123456789ABCDEF.smctmp",
        tmp_path / ".x.0123456789abcdef.smctmp.bak",
        tmp_path / ".0123456789abcdef.tmp",
        tmp_path / "model.smc",
    ]
    ours.parent.mkdir()
    for path in [ours, young, *others]:
        path.write_bytes(b"x")
        os.utime(path, (0, 0))
    os.utime(young)
    folder = tmp_path / ".folder.0123456789abcdef.smctmp"
    folder.mkdir()
    os.utime(folder, (0, 0))
    link = tmp_path / ".link.0123456789abcdef.smctmp"
    link.symlink_to(tmp_path / "missing")
    assert sweep_stale(tmp_path) == 1
    assert not ours.exists()
    assert young.exists()
    assert folder.is_dir()
    assert link.is_symlink()
    assert all(path.exists() for path in others)
