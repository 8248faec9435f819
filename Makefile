# The whole setup: start with `make train` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

PYTEST := $(BIN)/pytest --numprocesses auto
# The quick tests of a file run in one process, so that they share what its fixtures have trained.
QUICK := --dist loadfile -m "not slow"
SLOW := --dist worksteal -m slow

# The frameworks to install and to test, each in its own process.
FRAMEWORKS := torch jax tensorflow mxnet
EMPTY :=
EXTRAS := $(subst $(EMPTY) ,$(EMPTY),$(FRAMEWORKS:%=%,))tables

.PHONY: help install train test test-slow test-docs fuzz check format settings docs bench clean

help:
	@echo "make install    create the environment in $(VENV)"
	@echo "make train      train on the digits that come with scikit-learn"
	@echo "make test       check everything and run the quick tests"
	@echo "make test-slow  run the tests on book-size data and large networks"
	@echo "make test-docs  build the documentation and test its pages in a browser"
	@echo "make fuzz       read ten thousand damaged inputs (ten minutes)"
	@echo "make check      formatting, lint, types, import rules"
	@echo "make format     fix the formatting"
	@echo "make settings   write the reference page of the settings"
	@echo "make docs       build the documentation: open site/index.html"
	@echo "make bench      compare the speed with other trainers (Fashion-MNIST, about an hour)"
	@echo "make clean      remove the environment and tool caches"

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.install: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) -e '.[$(EXTRAS)]'
ifneq ($(filter mxnet,$(FRAMEWORKS)),)
	$(PIP) --no-deps mxnet  # it requires a NumPy of 2022, but runs without
endif
	@touch $@

$(VENV)/.test: $(VENV)/.install
	$(PIP) -e '.[test,check]'
	@touch $@

$(VENV)/.docs: $(VENV)/.install
	$(PIP) -e '.[docs]'
	@touch $@

$(VENV)/.bench: $(VENV)/.install
	$(PIP) -e '.[bench]'
	@touch $@

install: $(VENV)/.install

train: install
	$(BIN)/hardmax train digits

test: check
	$(PYTEST) $(QUICK) tests/core
	set -e; for framework in $(FRAMEWORKS); do \
		$(PYTEST) $(QUICK) tests/contract tests/$$framework --framework $$framework; \
	done

test-slow: $(VENV)/.test
	set -e; for framework in $(FRAMEWORKS); do \
		$(PYTEST) $(SLOW) tests/contract tests/$$framework --framework $$framework; \
	done

test-docs: $(VENV)/.test docs
	$(PYTEST) tests/site

# MUTANTS and SEED, that of the first one, may be given.
MUTANTS := 10000
SEED := 0

fuzz: $(VENV)/.install
	$(BIN)/python -m fuzzing --mutants $(MUTANTS) --seed $(SEED)

check: $(VENV)/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(VENV)/.test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

settings: install
	$(BIN)/python docs/make_settings.py

# The variable silences a notice about the future of MkDocs.
docs: $(VENV)/.docs settings
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) site .mypy_cache .ruff_cache .import_linter_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
