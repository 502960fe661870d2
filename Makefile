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
.PHONY: help setup demo test lint types imports format bench wheel lock messages docs clean

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

demo: setup ## compute what a demo marketplace's merchants earn, and pay it
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

bench: setup ## measure speed and memory; a few minutes
	$(BIN)/python -m benchmarks

wheel: setup ## build dist/cogrow-*.whl
	$(BIN)/hatchling build -t wheel

# One lock for every platform and Python; without a registry's host, so that any index can serve it.
lock: setup ## pin the newest versions pyproject.toml allows
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/python -m uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 \
	  --no-header --no-emit-index-url --no-annotate --group dev --output-file $(LOCK) pyproject.toml

messages: setup ## collect the sentences of src/cogrow into its catalogs and compile them
	@mkdir -p $(LOCALES) $(VENV)/messages
	$(BIN)/pybabel -q extract -k N_ -k message:1 -k Message:1 --sort-output --add-location=file --width=100 \
	  --project=cogrow --version=0.1.0 --copyright-holder='the cogrow authors' -o $(VENV)/messages/cogrow.pot src
	@for language in zh en; do \
	  test -f $(LOCALES)/$$language/LC_MESSAGES/cogrow.po || \
	  $(BIN)/pybabel -q init -D cogrow -d $(LOCALES) -i $(VENV)/messages/cogrow.pot -l $$language; done
	$(BIN)/pybabel -q update -D cogrow -d $(LOCALES) -i $(VENV)/messages/cogrow.pot --width=100 \
	  --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date
	$(BIN)/pybabel -q compile -D cogrow -d $(LOCALES)

docs: setup ## write the parts of docs/reference that the code knows better
	$(BIN)/python -m docs.reference.generate

clean: ## remove everything make made
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
