# Everything a newcomer or CI needs; `make help` lists it. Each target does its own set-up.
# CPU build of torch from another index:  make TORCH_INDEX_URL=<index named on PyTorch's install page> build
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
EXTRA_INDEX := $(if $(TORCH_INDEX_URL),--extra-index-url $(TORCH_INDEX_URL),)
NATIVE := $(shell find cpp -type f) CMakeLists.txt pyproject.toml
TEST_NATIVE := $(shell find tests/cpp -type f)
PIP := $(PY) -m pip --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help setup build demo test asan tsan bench bench-market bench-tabular bench-neural honesty lint format typecheck stubs lock clean

help: ## List the targets
	@grep -hE '^[a-z -]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z -]+):.*## (.*)/\1\t\2/' | expand -t 14

setup: $(VENV)/.ready ## Environment with pinned dependencies in .venv

$(VENV)/.ready: requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python >= 3.11 is needed; set PYTHON=..." >&2; exit 1; }
	@command -v g++ >/dev/null && [ "$$(g++ -dumpversion | cut -d. -f1)" -ge 12 ] || { echo "g++ >= 12 is needed: apt-get install g++" >&2; exit 1; }
	@$(PYTHON) -c 'import sysconfig, pathlib, sys; sys.exit(not (pathlib.Path(sysconfig.get_path("include")) / "Python.h").exists())' || { echo "Python.h is needed: apt-get install python3-dev" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { echo "the venv module is needed: apt-get install python3-venv" >&2; exit 1; }
	$(PIP) install -q $(EXTRA_INDEX) -r requirements-dev.txt
	@$(PY) -c 'import importlib.metadata as m; v = m.version("torch"); print("torch", v); "+cu" in v and print("This is a CUDA build. Without a GPU, set TORCH_INDEX_URL to the CPU wheel index of PyTorch (README, Build).")'
	@touch $@

build: build/.built ## Native build (incremental), installed into .venv in editable mode

build/.built: $(VENV)/.ready $(NATIVE)
	SMCTRAIN_NEURAL=ON SMCTRAIN_WERROR=ON $(PIP) install -q --no-build-isolation --no-deps --config-settings=build-dir=build/dev -e .
	@touch $@

demo: build ## The main job on a simulated market with known truth, in about a minute
	$(PY) -m smctrain demo

build/doctest/.ready:
	@mkdir -p build/doctest
	@scripts/fetch_doctest.sh build/doctest
	@touch $@

# In the tree of the module build, so that the library is compiled once.
build/.tests: build/.built build/doctest/.ready $(TEST_NATIVE)
	$(VENV)/bin/cmake -S . -B build/dev -DSMCTRAIN_TESTS=ON >/dev/null
	if grep -qE '^DOCTEST_INCLUDE_DIR:.*=/' build/dev/CMakeCache.txt; then $(VENV)/bin/cmake --build build/dev --target core_tests; fi
	@touch $@

# The popular package that the leak audit must catch: without dependencies, so that it cannot change the environment.
build/test-peers/.ready: tests/peers.txt | build/.built
	$(PIP) install -q --upgrade --no-deps --target build/test-peers -r $<
	@touch $@

test: build build/.tests build/test-peers/.ready ## C++ and Python tests in one pytest run, summary last
	PYTHONPATH="$(abspath build/test-peers)" $(PY) -m pytest -q

asan tsan: build build/doctest/.ready ## C++ tests under sanitizers (address and undefined behaviour; threads)
	PATH="$(abspath $(VENV)/bin):$$PATH" cmake --preset $@ >/dev/null
	PATH="$(abspath $(VENV)/bin):$$PATH" cmake --build --preset $@
	build/$@/core_tests

bench: build ## Time and memory of the main job per stage (needs market data beside the checkout)
	$(PY) benchmarks/main_job.py

# The peers are installed apart and without dependencies, so that they cannot change the environment.
build/peers/.ready: benchmarks/market_engine/peers.txt | build/.built
	$(PIP) install -q --upgrade --no-deps --target build/peers -r $<
	@touch $@

bench-market: build build/peers/.ready ## Features and labels beside the packages people use (about 15 minutes)
	PYTHONPATH=build/peers $(PY) benchmarks/market_engine

# An environment of its own that also sees .venv: one of these peers has libraries that `--target` cannot place.
build/tabular-peers/.ready: benchmarks/tabular/peers.txt | build/.built
	$(PYTHON) -m venv --clear build/tabular-peers
	build/tabular-peers/bin/python -m pip --disable-pip-version-check install -q --no-deps -r $<
	sites=($(abspath $(VENV))/lib/python*/site-packages); echo "import site; site.addsitedir('$${sites[0]}')" > "$$(echo build/tabular-peers/lib/python*/site-packages)/environment.pth"
	@touch $@

bench-tabular: build build/tabular-peers/.ready ## Forests, boosting and linear models beside the packages people use (an hour)
	build/tabular-peers/bin/python benchmarks/tabular

bench-neural: build ## Networks beside PyTorch loops (steps in minutes, all fits of 10 seeds in hours)
	$(PY) benchmarks/neural

honesty: build ## How often noise is deployed and a signal found: 1,000 runs of each (hours; goes on where it was)
	-$(PY) benchmarks/honesty/leaks.py --out build/honesty
	-$(PY) benchmarks/honesty/leaks_second.py --out build/honesty/leaks_second.json
	-$(PY) benchmarks/honesty/canary.py --replay
	-OMP_NUM_THREADS=1 $(PY) benchmarks/honesty/hostile.py --runs 200 --why
	$(PY) benchmarks/honesty

lint: build ## Formatting, lint and types
	$(VENV)/bin/ruff check python tests benchmarks
	$(VENV)/bin/ruff format --check python tests benchmarks
	$(VENV)/bin/clang-format --dry-run --Werror $$(find cpp tests/cpp -name '*.h' -o -name '*.cc')
	$(VENV)/bin/mypy

format: setup ## Rewrite all sources in the house style
	$(VENV)/bin/ruff check --fix -q python tests benchmarks || true
	$(VENV)/bin/ruff format python tests benchmarks
	$(VENV)/bin/clang-format -i $$(find cpp tests/cpp -name '*.h' -o -name '*.cc')

typecheck: build ## mypy alone
	$(VENV)/bin/mypy

stubs: build ## Rewrite the type stubs of the native modules
	scripts/make_stubs.sh $(VENV)/bin

lock: ## Rewrite requirements-dev.txt from requirements-dev.in (a fresh environment, newest versions)
	scripts/lock.sh $(PYTHON)

clean: ## Remove build products (not the environment)
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
