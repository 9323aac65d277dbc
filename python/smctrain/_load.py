"""Loads the two native modules, lazily, and says in one sentence what is missing when one cannot be loaded."""

from __future__ import annotations

import ctypes
import functools
import importlib
import importlib.util
import logging
import os
import re
from pathlib import Path
from types import ModuleType

from smctrain.exceptions import MissingDependency, SmctrainError

logger = logging.getLogger(__name__)

_VERSION = "0.1.0"


@functools.cache
def core() -> ModuleType:
    """The tabular native module."""
    try:
        module = importlib.import_module("smctrain._core")
    except ModuleNotFoundError as error:
        raise SmctrainError(
            "smctrain's native core is not built: run `make build` in the source tree, or reinstall the wheel."
        ) from error
    except ImportError as error:  # built for another Python or C++ library
        raise SmctrainError(
            f"smctrain's native core cannot be loaded ({error}): run `make build`, or reinstall the wheel."
        ) from error
    if module.__version__ != _VERSION:
        raise SmctrainError(
            f"smctrain's native core is of version {module.__version__}, the package of {_VERSION}: "
            "run `make build`, or reinstall the wheel."
        )
    return module


def _torch_folder() -> tuple[Path, str] | None:
    """Folder and version of the installed torch, without importing it."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent
    try:
        text = (folder / "version.py").read_text(encoding="utf-8")
    except OSError:
        text = ""
    match = re.search(r"__version__ = ['\"]([^'\"]+)['\"]", text)
    return folder, match.group(1) if match else "of unknown version"


@functools.cache
def neural() -> ModuleType:
    """The LibTorch module. Needs the torch minor it was built for; does not import Python's torch."""
    found = _torch_folder()
    if found is None:
        raise MissingDependency(
            "NeuralNetwork and LSTM need PyTorch 2.13, which is not installed: "
            'pip install "smctrain[neural]". Tree families work without it.'
        )
    folder, version = found
    spec = importlib.util.find_spec("smctrain._neural")
    if spec is None:
        raise MissingDependency(
            "this build of smctrain has no neural module (it was built without torch): "
            "install torch 2.13 and rebuild with `make build`."
        )
    if not version.startswith("2.13."):
        raise MissingDependency(
            f"smctrain's neural module was built for torch 2.13 but torch {version} is installed: "
            'pip install "torch==2.13.*", or rebuild with `make build`.'
        )
    # By path, so that it is found wherever torch lives; a later `import torch` shares the same mapping.
    library = folder / "lib" / "libtorch_cpu.so"
    try:
        ctypes.CDLL(str(library), mode=os.RTLD_NOW | os.RTLD_LOCAL)
    except OSError as error:
        raise MissingDependency(
            f"the installed torch {version} cannot be loaded ({library}: {error}): "
            'pip install --force-reinstall "torch==2.13.*".'
        ) from error
    return importlib.import_module("smctrain._neural")


@functools.cache
def neural_devices() -> ModuleType:
    """`neural()`, with the CUDA part of torch loaded where it is installed: LibTorch looks for it once in a process."""
    found = _torch_folder()
    library = found[0] / "lib" / "libtorch_cuda.so" if found else None
    if library is not None and library.exists():
        neural()  # says first whether this torch fits
        try:
            ctypes.CDLL(str(library), mode=os.RTLD_NOW | os.RTLD_LOCAL)
        except OSError as error:
            logger.warning("torch's CUDA part cannot be loaded (%s): networks can be trained on the CPU only.", error)
    return neural()


def xgboost_library() -> Path:
    """Path of XGBoost's C library inside its wheel (or `SMCTRAIN_XGBOOST_LIBRARY`)."""
    override = os.environ.get("SMCTRAIN_XGBOOST_LIBRARY")
    if override:
        return Path(override)
    spec = importlib.util.find_spec("xgboost")
    if spec is None or spec.origin is None:
        raise MissingDependency(
            'XGBoost families need xgboost >= 3.1, < 4, which is not installed: pip install "xgboost-cpu>=3.1,<4"'
        )
    library = Path(spec.origin).parent / "lib" / "libxgboost.so"
    _open_with_patient_threads(library)
    return library


def lightgbm_library() -> tuple[Path, str]:
    """Path of LightGBM's C library inside its wheel (or `SMCTRAIN_LIGHTGBM_LIBRARY`), and the wheel's version."""
    override = os.environ.get("SMCTRAIN_LIGHTGBM_LIBRARY")
    if override:
        return Path(override), "of unknown version"
    spec = importlib.util.find_spec("lightgbm")
    if spec is None or spec.origin is None:
        raise MissingDependency(
            'LightGBM families need lightgbm >= 4.6, < 5, which is not installed: pip install "smctrain[lightgbm]"'
        )
    folder = Path(spec.origin).parent
    try:
        version = (folder / "VERSION.txt").read_text(encoding="utf-8").strip()
    except OSError:
        version = "of unknown version"
    match = re.match(r"(\d+)\.(\d+)\.", version)
    if match and not (4, 6) <= (int(match.group(1)), int(match.group(2))) < (5, 0):
        raise MissingDependency(
            f'LightGBM families need lightgbm >= 4.6, < 5 (found {version}): pip install "smctrain[lightgbm]"'
        )
    torch = _torch_folder()
    if torch is not None:  # one OpenMP runtime for both, and machines without libgomp1 work
        _open_with_patient_threads(torch[0] / "lib" / "libgomp.so.1")
    library = folder / "lib" / "lib_lightgbm.so"
    _open_with_patient_threads(library)
    return library, version


@functools.cache
def catboost() -> ModuleType:
    """The catboost package, which trains; it is imported at the first fit only."""
    return _trainer_package("catboost", "CatBoost", (1, 2), (2, 0))


@functools.cache
def ngboost() -> ModuleType:
    """The ngboost package, which trains; it is imported at the first fit only."""
    return _trainer_package("ngboost", "NGBoost", (0, 5), (0, 6))


def _trainer_package(name: str, family: str, least: tuple[int, int], below: tuple[int, int]) -> ModuleType:
    """An optional package, imported, its version checked."""
    needed = f"{family} families need {name} >= {least[0]}.{least[1]}, < {below[0]}.{below[1]}"
    hint = f'pip install "smctrain[{name}]"'
    if importlib.util.find_spec(name) is None:
        raise MissingDependency(f"{needed}, which is not installed: {hint}")
    try:
        module = importlib.import_module(name)
    except ImportError as error:  # one of the packages it needs itself
        raise MissingDependency(f"{name} is installed but cannot be imported ({error}): {hint}") from error
    version = str(getattr(module, "__version__", ""))
    match = re.match(r"(\d+)\.(\d+)", version)
    if match and not least <= (int(match.group(1)), int(match.group(2))) < below:
        raise MissingDependency(f"{needed} (found {version}): {hint}")
    return module


@functools.cache
def _open_with_patient_threads(library: Path) -> None:
    """Open an OpenMP library so that its idle threads sleep instead of spinning.

    OpenMP reads this choice once, when it is loaded. Spinning threads of small fits take the cores away from whoever
    has work: on busy machines that makes boosting many times slower. A choice the user made is kept.
    """
    if "OMP_WAIT_POLICY" in os.environ:
        return
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    try:
        ctypes.CDLL(str(library), mode=os.RTLD_NOW | os.RTLD_LOCAL)
    except OSError:
        pass  # the core opens it next and says what is wrong
    finally:
        del os.environ["OMP_WAIT_POLICY"]
