"""Model containers: what goes in comes out, and anything damaged or forged is refused with one error type."""

from __future__ import annotations

import json
import os
import struct
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smctrain import _load
from smctrain.artifact import model_from_bytes, model_to_bytes, read_container, read_model, write_model
from smctrain.artifact.container import MAGIC, pack, unpack
from smctrain.exceptions import ArtifactError

DTYPES = ("<f4", "<f8", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8")
GOLDEN = Path(__file__).parents[2] / "golden" / "models"


def forge(
    header: bytes | dict[str, Any], body: bytes = b"", major: int = 1, minor: int = 0, total: int | None = None
) -> bytes:
    """A container with any header and body, its checksums in order."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    text += b"\0" * (-len(text) % 64)
    crc = _load.core().crc32c
    size = 64 + len(text) + len(body) if total is None else total
    prefix = struct.pack("<8sHHIQII", MAGIC, major, minor, len(text), size, crc(text), crc(body))
    return prefix + struct.pack("<I", crc(prefix)) + b"\0" * 28 + text + body


def entry(offset: Any = 0, size: Any = 8, shape: Any = (1,), dtype: Any = "<f8") -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape), "offset": offset, "bytes": size}


def arrays_equal(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> bool:
    return list(sorted(first)) == list(sorted(second)) and all(
        first[k].dtype.str == second[k].dtype.str
        and first[k].shape == second[k].shape
        and first[k].tobytes() == second[k].tobytes()
        for k in first
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 0, 2), (2, 3), (1,) * 8])
def test_every_dtype_and_shape_round_trips(dtype: str, shape: tuple[int, ...]) -> None:
    array = (np.arange(np.prod(shape)) + 1).astype(dtype).reshape(shape)
    back = unpack(pack({"kind": "x"}, {"a": array})).arrays["a"]
    assert back.shape == shape
    assert back.dtype.str == dtype
    assert back.tobytes() == array.tobytes()


def test_foreign_byte_order_and_strides_are_stored_in_ours() -> None:
    array = np.arange(12, dtype=">f8").reshape(3, 4)[:, ::2]
    back = unpack(pack({}, {"a": array})).arrays["a"]
    np.testing.assert_array_equal(back, array)
    assert back.dtype.str == "<f8"


def test_special_floats_keep_their_bits() -> None:
    array = np.array([np.nan, -0.0, np.inf, 5e-324])
    assert unpack(pack({}, {"a": array})).arrays["a"].tobytes() == array.tobytes()


def test_many_arrays_and_empty_ones_between_round_trip() -> None:
    rng = np.random.default_rng(1)
    arrays = {f"a{i}": rng.normal(size=int(rng.integers(0, 4)) * (i % 3)) for i in range(3000)}
    assert arrays_equal(unpack(pack({}, arrays)).arrays, arrays)


def test_loaded_arrays_cannot_be_written_to() -> None:
    back = unpack(pack({}, {"a": np.zeros(3)})).arrays["a"]
    with pytest.raises(ValueError, match="read-only"):
        back[0] = 1.0


@pytest.mark.parametrize("array", [np.array([True]), np.array(["x"]), np.array([1j]), np.array([None])])
def test_other_dtypes_are_refused_when_written(array: np.ndarray) -> None:
    with pytest.raises(ArtifactError, match="dtype"):
        pack({}, {"a": array})


@pytest.mark.parametrize("name", ["[0, 1)", "(", '"', "\\", '{"', "a|b", "\x00", "é" * 50, "../../x", "<script>"])
def test_names_of_features_and_arrays_may_hold_anything(name: str) -> None:
    # 100 half-open intervals are no deep nesting.
    header = {"features": [f"{name}{i}" for i in range(100)]}
    back = unpack(pack(header, {name: np.ones(2)}))
    assert back.header == header
    assert list(back.arrays) == [name]


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(codec="utf-8")),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner,
                                                                    max_size=4),
    )
)  # fmt: skip
def test_any_json_metadata_round_trips(meta: Any) -> None:
    assert model_from_bytes(model_to_bytes("F", {"meta": meta}, {}))[1] == {"meta": meta}


# --- damage ------------------------------------------------------------------------------------------------------


SMALL = model_to_bytes("F", {"features": ["a"]}, {"x": np.arange(3, dtype="<f4"), "y": np.arange(2, dtype="|u1")})


def test_every_truncation_is_refused() -> None:
    for size in range(len(SMALL)):
        with pytest.raises(ArtifactError):
            model_from_bytes(SMALL[:size])


def test_every_single_bit_flip_is_refused() -> None:
    for i in range(len(SMALL)):
        for bit in range(8):
            damaged = bytearray(SMALL)
            damaged[i] ^= 1 << bit
            with pytest.raises(ArtifactError):
                model_from_bytes(bytes(damaged))


@pytest.mark.parametrize("damaged", [SMALL + b"\0", b"\0" + SMALL, SMALL + SMALL, b"", b"\x89SMC"])
def test_added_bytes_are_refused(damaged: bytes) -> None:
    with pytest.raises(ArtifactError):
        model_from_bytes(damaged)


def test_a_forged_file_in_good_order_is_accepted() -> None:
    # The forger itself is right: what the tests below see refused is refused for its own reason.
    back = unpack(forge({"kind": "model", "arrays": {"a": entry()}}, struct.pack("<d", 2.5) + b"\0" * 56))
    assert back.arrays["a"].tolist() == [2.5]


ONE = b"\0" * 64
TABLES: dict[str, tuple[Any, bytes]] = {
    "overlap": ({"a": entry(), "b": entry(0)}, ONE * 2),
    "gap": ({"a": entry(), "b": entry(128)}, ONE * 3),
    "negative offset": ({"a": entry(-64)}, ONE),
    "negative size": ({"a": entry(size=-8)}, ONE),
    "negative dimension": ({"a": entry(shape=(-1,))}, ONE),
    "two negative dimensions": ({"a": entry(shape=(-1, -1))}, ONE),
    "past the end": ({"a": entry(size=800, shape=(100,))}, ONE),
    "unaligned": ({"a": entry(8)}, ONE),
    "size disagrees with shape": ({"a": entry(size=16)}, ONE),
    "product wraps to 8": ({"a": entry(shape=(2**32, 2**32, 1), size=8)}, ONE),
    "product wraps to 0": ({"a": entry(shape=(2**47, 2**47), size=0)}, b""),
    "empty with impossible dimensions": ({"a": entry(shape=(0, 2**47, 2**47), size=0)}, b""),
    "rank 9": ({"a": entry(shape=(1,) * 9)}, ONE),
    "boolean dimension": ({"a": entry(shape=(True,))}, ONE),
    "float offset": ({"a": entry(0.0)}, ONE),
    "huge integer offset": ({"a": entry(10**400)}, ONE),
    "object dtype": ({"a": entry(dtype="|O")}, ONE),
    "big-endian dtype": ({"a": entry(dtype=">f8")}, ONE),
    "dtype is a list": ({"a": entry(dtype=[["x", "<f8"]])}, ONE),
    "entry is no object": ({"a": 3}, ONE),
    "entry is empty": ({"a": {}}, ONE),
    "table is a list": ([], b""),
    "table is missing": (None, b""),
    "bytes behind the last array": ({"a": entry()}, ONE * 2),
    "many arrays on one range": ({f"a{i}": entry() for i in range(1000)}, ONE),
    "padding is not empty": ({"a": entry()}, b"\0" * 63 + b"\1"),
}


@pytest.mark.parametrize("case", TABLES)
def test_forged_array_tables_are_refused(case: str) -> None:
    table, body = TABLES[case]
    with pytest.raises(ArtifactError):
        unpack(forge({"kind": "model", "arrays": table}, body))


HEADERS: dict[str, bytes] = {
    "no JSON": b"{",
    "a list": b"[]",
    "not UTF-8": b'{"arrays": {}, "x": "\xff"}',
    "UTF-16": '{"arrays": {}}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"arrays": {}}',
    "duplicate key": b'{"arrays": {}, "x": 1, "x": 2}',
    "duplicate array": b'{"arrays": {"a": 1, "a": 2}}',
    "NaN": b'{"arrays": {}, "x": NaN}',
    "Infinity": b'{"arrays": {}, "x": -Infinity}',
    "overflowing number": b'{"arrays": {}, "x": 1e999}',
    "integer of 5000 digits": b'{"arrays": {}, "x": ' + b"1" * 5000 + b"}",
    "65 levels": b'{"arrays": {}, "x": ' + b"[" * 65 + b"]" * 65 + b"}",
    "500,000 levels": b'{"arrays": {}, "x": ' + b"[" * 250_000 + b"]" * 250_000 + b"}",
    "unfinished string of quotes": b'{"x": "' + b'\\"' * 400_000,
    "unknown requirement": b'{"arrays": {}, "requires": ["telepathy"]}',
    "empty": b"",
    "only padding": b"\0" * 128,
    "garbage after the object": b'{"arrays": {}} {}',
    "over 1 MiB": b'{"arrays": {}, "x": "' + b"x" * (1 << 20) + b'"}',
}


@pytest.mark.parametrize("case", HEADERS)
def test_forged_headers_are_refused_quickly(case: str) -> None:
    started = time.process_time()
    with pytest.raises(ArtifactError):
        unpack(forge(HEADERS[case]))
    assert time.process_time() - started < 1.0


def test_an_unknown_requirement_is_named() -> None:
    with pytest.raises(ArtifactError, match="telepathy"):
        unpack(forge(HEADERS["unknown requirement"]))


def test_unknown_optional_keys_are_kept() -> None:
    assert unpack(forge({"arrays": {}, "later": 1}, minor=7)).header == {"later": 1}


@pytest.mark.parametrize("header_size", [0, 1, 63, 2**20 + 64, 2**32 - 64])
def test_an_impossible_header_length_is_refused(header_size: int) -> None:
    whole = bytearray(SMALL)
    struct.pack_into("<I", whole, 12, header_size)
    struct.pack_into("<I", whole, 32, _load.core().crc32c(bytes(whole[:32])))
    with pytest.raises(ArtifactError):
        unpack(bytes(whole))


@pytest.mark.parametrize("total", [0, 2**63, 2**64 - 1])
def test_a_lying_total_length_is_refused(total: int) -> None:
    with pytest.raises(ArtifactError):
        unpack(forge({"arrays": {}}, total=total))


def test_a_future_major_version_is_refused_with_both_numbers() -> None:
    with pytest.raises(ArtifactError, match=r"2\.3.*1\.x.*upgrade"):
        unpack(forge({"arrays": {}}, major=2, minor=3))


def test_version_zero_never_existed() -> None:
    with pytest.raises(ArtifactError, match=r"0\.0"):
        unpack(forge({"arrays": {}}, major=0))


def test_random_changes_with_repaired_checksums_never_escape() -> None:
    rng = np.random.default_rng(20)
    text = json.dumps({"kind": "model", "family": "F", "model": {}, "arrays": {"a": entry(), "b": entry(64)}}).encode()
    accepted = 0
    for _ in range(2000):
        changed = bytearray(text)
        for _ in range(int(rng.integers(1, 4))):
            i = int(rng.integers(len(changed)))
            match int(rng.integers(3)):
                case 0:
                    changed[i] = int(rng.integers(256))
                case 1:
                    del changed[i]
                case _:
                    changed.insert(i, int(rng.choice(list(b'0123456789"{}[],:-e.'))))
        try:
            family, meta, arrays = model_from_bytes(forge(bytes(changed), ONE * 2))
        except ArtifactError:
            continue
        accepted += 1
        assert isinstance(family, str)
        assert isinstance(meta, dict)
        assert all(a.nbytes <= 128 for a in arrays.values())
    assert 0 < accepted < 2000


# --- files -------------------------------------------------------------------------------------------------------


def test_a_model_file_round_trips(tmp_path: Path) -> None:
    arrays = {"w": np.arange(6.0).reshape(2, 3)}
    write_model(tmp_path / "m.smc", "F", {"classes": [0, 1]}, arrays)
    family, meta, back = read_model(tmp_path / "m.smc")
    assert (family, meta) == ("F", {"classes": [0, 1]})
    assert arrays_equal(back, arrays)


def test_a_symlink_to_a_model_is_followed(tmp_path: Path) -> None:
    write_model(tmp_path / "m.smc", "F", {}, {})
    (tmp_path / "link.smc").symlink_to(tmp_path / "m.smc")
    assert read_model(tmp_path / "link.smc")[0] == "F"


def test_other_kinds_of_files_are_refused_with_their_path(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.smc")
    (tmp_path / "loop.smc").symlink_to(tmp_path / "loop.smc")
    (tmp_path / "dangling.smc").symlink_to(tmp_path / "nothing")
    (tmp_path / "empty.smc").write_bytes(b"")
    (tmp_path / "text.smc").write_text("no model\n" * 20)
    for name in ["", "fifo.smc", "loop.smc", "dangling.smc", "missing.smc", "empty.smc", "text.smc"]:
        with pytest.raises(ArtifactError, match=str(tmp_path / name)):
            read_container(tmp_path / name)
    for path in ["/dev/zero", "nul\0byte.smc"]:
        with pytest.raises(ArtifactError):
            read_container(path)


@pytest.mark.parametrize("head", [b"", SMALL])
def test_a_sparse_file_of_100_gigabytes_is_not_read(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "sparse.smc"
    path.write_bytes(head)
    os.truncate(path, 100 * 10**9)
    started = time.process_time()
    with pytest.raises(ArtifactError, match=r"sparse\.smc"):
        read_container(path)
    assert time.process_time() - started < 0.5


def test_a_container_of_another_kind_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "x.smc").write_bytes(pack({"kind": "cache"}, {}))
    with pytest.raises(ArtifactError, match="no model"):
        read_model(tmp_path / "x.smc")


def test_reading_runs_no_code_and_opens_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "m.smc"
    write_model(path, "F", {"features": ["__import__('os')"]}, {"a": np.ones(3)})
    read_model(path)  # everything that is imported on first use
    events: list[tuple[str, Any]] = []
    watching = [True]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if watching[0] and event in {"exec", "import", "open", "socket.connect", "subprocess.Popen", "os.system"}:
            events.append((event, arguments[0]))

    sys.addaudithook(hook)
    try:
        read_model(path)
    finally:
        watching[0] = False
    # os.fdopen reports the descriptor it wraps.
    assert [e for e in events if not isinstance(e[1], int)] == [("open", path)] or events[0][1] == str(path)
    assert {event for event, _ in events} == {"open"}


# --- golden files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("v*/*.smc")), ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_golden_files_of_all_versions_still_load(path: Path) -> None:
    import runpy

    contents = runpy.run_path(str(GOLDEN / f"make_{path.parent.name}.py"))["contents"]()
    family, meta, arrays = contents[path.stem]
    got_family, got_meta, got_arrays = read_model(path)
    assert (got_family, got_meta) == (family, meta)
    assert arrays_equal(got_arrays, arrays)


def test_golden_files_exist() -> None:
    assert len(list((GOLDEN / "v1").glob("*.smc"))) >= 2


def test_todays_writer_reproduces_the_golden_bytes() -> None:
    import runpy

    for stem, parts in runpy.run_path(str(GOLDEN / "make_v1.py"))["contents"]().items():
        assert model_to_bytes(*parts) == (GOLDEN / "v1" / f"{stem}.smc").read_bytes()
