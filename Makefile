# The whole set-up: `make train` and `make test` are all that a newcomer needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

# Most tests start processes of their own, which keep one core busy each.
PYTEST := $(BIN)/pytest --numprocesses auto

# Every framework that has a sibling; each is tested in a process of its own.
FRAMEWORKS := torch jax tensorflow mxnet

.PHONY: help install train test check format bench clean

help:
	@echo "make install  make the environment in $(VENV)"
	@echo "make train    train on the digits that come with scikit-learn"
	@echo "make test     check and test everything"
	@echo "make check    formatting, lint, types, import rules"
	@echo "make format   put the formatting right"
	@echo "make bench    measure against other trainers (Fashion-MNIST, about an hour)"
	@echo "make clean    remove the environment and what tools left behind"

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.install: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) -e '.[torch,jax,tensorflow,mxnet,tables]'
	$(PIP) --no-deps mxnet  # it asks for a NumPy of 2022, and does without
	@touch $@

$(VENV)/.test: $(VENV)/.install
	$(PIP) -e '.[test,check]'
	@touch $@

$(VENV)/.bench: $(VENV)/.install
	$(PIP) -e '.[bench]'
	@touch $@

install: $(VENV)/.install

train: install
	$(BIN)/hardmax train digits

test: check
	$(PYTEST) tests/core
	set -e; for framework in $(FRAMEWORKS); do \
		$(PYTEST) tests/contract tests/$$framework --framework $$framework; \
	done

check: $(VENV)/.test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(VENV)/.test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .import_linter_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
