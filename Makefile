# The one-line doors. `make setup` makes .venv from the hash-pinned lock; it needs no tool but python3.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# What makes .venv is never .venv's own python3, which who has its command on the PATH would have first.
export PATH := $(subst $(CURDIR)/$(VENV)/bin:,,$(PATH))

.PHONY: run test faults fuzz setup system for-tests wheel man audit publish bench lock clean
run: setup
	@$(BIN)/benchkit run

setup: system $(VENV)/.ready

# uv installs in seconds what pip takes half a minute for; where pip is too old for --python, or uv has no
# wheel, plain venv and pip do the same slowly.
$(VENV)/.ready: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "benchkit needs Python 3.11 or newer, $(PYTHON) is older: make PYTHON=python3.12 setup" >&2; exit 2; }
	@rm -rf $(VENV)
	@echo "setting up $(VENV), once: half a minute" >&2
	@sh .ci/make-venv "$(PYTHON)" $(VENV)
	@touch $@

system:
	@PYTHON="$(PYTHON)" sh .ci/system-packages

for-tests:
	@PYTHON="$(PYTHON)" sh .ci/system-packages tests

test: setup for-tests
	@$(BIN)/ruff check -q . && $(BIN)/ruff format -q --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/python -m pytest
	@sh .ci/test-in-namespace $(BIN)/python
	@sh .ci/test-netem $(BIN)/python

# Every fault of docs/faults.md, with fifty rounds of signals to processes at random moments; the suite does ten.
faults: setup for-tests
	@BENCHKIT_FAULT_ROUNDS=$(or $(FAULT_ROUNDS),50) $(BIN)/python -m pytest tests/faults tests/system/test_cluster_faults.py tests/system/test_run.py::test_two_runs_at_once_do_not_see_each_other -v

fuzz: setup
	@sh .ci/fuzz $(BIN)/python $(or $(FUZZ_SECONDS),60)

# The wheel, and beside it the bill of materials.
wheel: setup
	@rm -rf dist/wheel
	@$(BIN)/python -m hatchling build -t wheel -d dist/wheel
	@sh .ci/sbom dist/wheel/benchkit.cdx.json

man: setup
	@$(BIN)/python .ci/man_pages.py dist/man

# Asks the package index what is known against the locked versions. The answer changes while the code does not,
# so no gate hangs on it. Strict: what could not be asked about is not called safe.
audit: setup
	@UV_SYSTEM_CERTS=1 UV_NATIVE_TLS=1 $(BIN)/uv tool run pip-audit -r requirements.lock --require-hashes --disable-pip --strict

publish: setup
	@bash .ci/publish

bench: setup for-tests
	@$(BIN)/python -m pytest tests/benchmarks -o addopts="--import-mode=importlib" --benchmark-only

lock:
	@$(BIN)/uv pip compile -q pyproject.toml --group dev --extra report --extra auth --extra dask --generate-hashes --no-emit-index-url --no-annotate --no-header -o requirements.lock

clean:
	@rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache
