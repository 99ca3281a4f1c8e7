# Everything a person or a machine does with this repository, a few lines each.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TEST_READY := $(VENV)/.test-ready
# The tests wait as much as they work, so more of them run at once than there are processors.
WORKERS ?= $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN))))
PYTEST := $(BIN)/pytest -q -n $(WORKERS) --dist loadfile

.PHONY: demo test lint unit bench lock clean

demo: $(READY)
	@$(BIN)/pilothouse demo

test: $(TEST_READY)
	@scripts/server-present sshd openssh-server
	@scripts/server-present mariadbd mariadb-server
	@scripts/server-present sudo sudo
	@scripts/server-present cron cron
	@$(MAKE) --no-print-directory lint
	$(PYTEST)

lint: $(TEST_READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

unit: $(TEST_READY)
	$(PYTEST) tests/unit

bench: $(TEST_READY)
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.server
	$(BIN)/python -m benchmarks.node

# The locks name exact versions with their checksums; `make lock` renews them from pyproject.toml.
lock: $(TEST_READY)
	$(BIN)/python -m pip install --quiet pip-tools
	$(BIN)/pip-compile --quiet --upgrade --generate-hashes --strip-extras --no-emit-index-url --no-emit-options --no-header \
	  --allow-unsafe --output-file requirements.txt pyproject.toml
	$(BIN)/pip-compile --quiet --upgrade --generate-hashes --strip-extras --no-emit-index-url --no-emit-options --no-header \
	  --extra dev --allow-unsafe --output-file requirements-dev.txt pyproject.toml

$(READY): requirements.txt pyproject.toml
	@scripts/make-venv $(PYTHON) $(VENV) requirements.txt
	@touch $@

$(TEST_READY): $(READY) requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

clean:
	rm -rf $(VENV) .demo .mypy_cache .pytest_cache .ruff_cache .hypothesis
