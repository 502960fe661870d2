# Everything a newcomer runs. Needs Python >= 3.11, make and a package index; the rest is installed in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LOCK := requirements.lock
LINT := $(BIN)/ruff check .
FORMAT := $(BIN)/ruff format --check .
TYPES := $(BIN)/mypy
IMPORTS := $(BIN)/lint-imports
TESTS := $(BIN)/pytest
LOCALES := src/cogrow/locale

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types imports pytest bench wheel lock messages format clean

help: ## show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /  make \1\t/' | expand -t 18

setup: $(STAMP) ## make .venv with the locked dependencies and cogrow itself

$(STAMP): $(LOCK) pyproject.toml
	@command -v $(PYTHON) >/dev/null || \
	  { echo "cogrow needs Python 3.11 or newer and found no '$(PYTHON)'. Name yours: make $(or $(MAKECMDGOALS),setup) PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "cogrow needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) -V 2>&1). Name another: make $(or $(MAKECMDGOALS),setup) PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || { echo "==> $(PYTHON) -m venv $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "==> installing the locked dependencies into $(VENV)"
	@$(BIN)/python -m pip install --quiet --require-hashes -r $(LOCK)
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## compute a demo marketplace's earnings and show them
	@$(BIN)/cogrow demo

# One after the other, also under make -j; the first that fails ends it.
test: setup ## lint, types, import rules, then every test
	$(LINT)
	$(FORMAT)
	$(TYPES)
	$(IMPORTS)
	$(TESTS)

lint: setup ## ruff: style, banned calls, format
	$(LINT)
	$(FORMAT)

types: setup ## mypy --strict
	$(TYPES)

imports: setup ## who may import whom
	$(IMPORTS)

format: setup ## mend what ruff can mend
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
