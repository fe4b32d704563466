# Two commands are all a newcomer needs: `make run` shows the main job, `make test` proves it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN_READY := $(VENV)/.run-ready
TEST_READY := $(VENV)/.test-ready

# Every command that a test starts would compile all our modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test test-long check lint types bench lock clean

run: $(RUN_READY)
	$(BIN)/reconciler demo

test: $(TEST_READY) lint types
	$(BIN)/pytest -n 2 --dist worksteal

test-long: $(TEST_READY)
	$(BIN)/pytest -n 2 --dist worksteal -m "long or not long"

# Lint, types and tests: what every change has to pass.
check: test

lint: $(TEST_READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/codespell
	$(BIN)/deptry .

types: $(TEST_READY)
	$(BIN)/mypy

bench: $(TEST_READY)
	$(BIN)/python -m benchmarks

# Write the locks anew from pyproject.toml.
lock: $(VENV)/.made
	$(BIN)/pip install -q uv
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --no-emit-index-url --no-header \
		--no-annotate --generate-hashes --extra postgres pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --no-emit-index-url --no-header \
		--no-annotate --generate-hashes --extra postgres --group dev pyproject.toml -o requirements-dev.lock

$(RUN_READY): $(VENV)/.made requirements.lock pyproject.toml
	$(BIN)/pip install -q --disable-pip-version-check -r requirements.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps -e .
	touch $@

# Pages are tested in a real browser: install it where we may.
$(TEST_READY): $(VENV)/.made requirements-dev.lock pyproject.toml
	command -v chromium >/dev/null || \
		(test "$$(id -u)" = 0 && apt-get update -q && apt-get install -y -q chromium) || \
		(echo "install Debian's package chromium first" >&2; exit 1)
	$(BIN)/pip install -q --disable-pip-version-check -r requirements-dev.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps -e .
	touch $@ $(RUN_READY)

# A bare Debian has Python without venv: install it where we may.
$(VENV)/.made:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		(echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11" >&2; exit 1)
	$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
		(test "$$(id -u)" = 0 && apt-get update -q && apt-get install -y -q python3-venv) || \
		(echo "install Debian's package python3-venv first" >&2; exit 1)
	$(PYTHON) -m venv $(VENV)
	touch $@

clean:
	rm -rf $(VENV) dist reconciler-demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
