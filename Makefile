# Headrace. `make` alone lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
REPORTS := build/reports
PYTEST := $(BIN)/python -m pytest
DEMO_ARGS ?=
BENCH_ARGS ?=
BENCHMARKS ?= engine large latency restore memory scale path scale-path decide templates plan profile
SEEDS ?= 1-40
LOGS ?= 100000
REFERENCE_SEED ?= $(shell date +%s)
SOAK_ARGS ?=

.PHONY: help setup demo test test-fast test-long test-reference test-containers check format lock bench soak clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv with everything locked, and the headrace command in it

$(STAMP): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Headrace needs Python 3.11 or newer; name one with make PYTHON=...")'
	@echo "installing into $(VENV) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $(STAMP)

demo: setup ## a real shop's orders move its customers between groups, on a real Kafka
	@$(BIN)/headrace demo --orders 3000 $(DEMO_ARGS)

test: setup check ## every check and test that fits in 20 minutes; what CI runs
	@mkdir -p $(REPORTS)
	@$(PYTEST) -n 2 --dist loadfile --no-loadscope-reorder -m "not slow and not containers" --junitxml=$(REPORTS)/test.xml

test-fast: setup ## the tests that need no Kafka
	@$(PYTEST) -m "not slow and not containers and not kafka"

test-long: setup ## the proofs that take minutes: whole year, three seeds, chaos
	@mkdir -p $(REPORTS)
	@REQUIRE_REAL_KAFKA=1 $(PYTEST) -m slow --timeout=3600 --junitxml=$(REPORTS)/test-long.xml

test-reference: setup ## the rule language by its second reading, LOGS=100000 random logs; REFERENCE_SEED=1 repeats a run
	@echo "REFERENCE_SEED=$(REFERENCE_SEED) LOGS=$(LOGS)"
	@HEADRACE_REFERENCE_SEED=$(REFERENCE_SEED) HEADRACE_REFERENCE_LOGS=$(LOGS) $(PYTEST) -n 2 tests/reference

test-containers: setup ## build the image, run compose and testcontainers; starts a Docker engine if it may
	@bash deploy/test_containers.sh

check: setup ## formatting, lint, types, import rules, locks
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python deploy/check_locks.py

format: setup ## format the code and mend what ruff can
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: setup ## resolve the dependencies anew, with hashes and without an index address
	@for name in requirements requirements-dev; do \
	  group=$$([ $$name = requirements-dev ] && echo "--group dev"); \
	  $(BIN)/uv pip compile --quiet --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-header $$group pyproject.toml -o $$name.lock; \
	done

bench: setup ## everything that is measured, an hour: the engine beside its peers, restore, the full path; BENCH_ARGS=--keep
	@failed=; for verb in $(BENCHMARKS); do \
	  echo "== headrace bench $$verb"; $(BIN)/headrace bench $$verb $(BENCH_ARGS) || [ $$? -eq 3 ] || failed="$$failed $$verb"; \
	done; $(BIN)/headrace bench page; [ -z "$$failed" ] || { echo "failed:$$failed"; exit 1; }

soak: setup ## kill runs of the evaluator by seed (SEEDS=1-100), those that passed at this commit left out
	@$(BIN)/python -m tests.kill.soak --seeds $(SEEDS) $(SOAK_ARGS)

clean: ## what was built; not the virtual environment, not the user's cache
	@rm -rf build dist .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
