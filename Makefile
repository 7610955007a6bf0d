# Needs Python 3.11+, git and make; everything else it installs into .venv.
#   PYTHON=python3.12 make setup    uses another interpreter
PYTHON ?= python3
VENV ?= .venv
# Whole missions wait for time to pass: more workers than the two cores that CI has.
WORKERS ?= 4
# What covers the core by itself. Measuring coverage costs the other tests half as much again.
CORE := tests/domain tests/adapters/git tests/adapters/test_secrets.py
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

QUICK = -q --dist worksteal -m "not bench and not stress"

.DEFAULT_GOAL := help
.PHONY: help setup demo test core rest lint bench stress schema lock clean

help: ## show what there is to make
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup: $(STAMP) ## install everything into .venv, at the versions of requirements.lock

# uv takes seconds where pip takes half a minute. It does not read pip's configuration, so where it
# cannot reach an index or has no build for this machine, pip does it.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; set PYTHON=" if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > $(VENV)/uv.lock
	@echo "installing the packages of requirements.lock into $(VENV)"
	@{ $(BIN)/python -m pip install -q --no-deps --require-hashes -r $(VENV)/uv.lock \
	    && $(BIN)/uv pip install -q --python $(BIN)/python --require-hashes -r requirements.lock; } \
	  || $(BIN)/python -m pip install -q --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## run the stories, each step with its evidence
	@$(BIN)/grace demo

lint: setup ## check style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint ## check style and types, run the tests, demand full branch coverage of the core
	@$(MAKE) -j2 --output-sync=target core rest

# The core needs the processor, the rest mostly waits: together they take as long as the rest.
core: setup
	$(BIN)/pytest $(QUICK) -n 1 --cov --cov-report=term --cov-fail-under=100 $(CORE)

rest: setup
	$(BIN)/pytest $(QUICK) -n $(WORKERS) $(addprefix --ignore=,$(CORE)) tests

bench: setup ## measure what has a bound
	$(BIN)/pytest -q -s -m bench tests

stress: setup ## run the long fault-injection campaigns
	HYPOTHESIS_PROFILE=new $(BIN)/pytest -q -n $(WORKERS) -m stress tests
	HYPOTHESIS_PROFILE=new $(BIN)/pytest -q -n $(WORKERS) -m "not stress and not bench" tests/domain

schema: setup ## write the JSON Schemas of the configuration files anew
	@$(BIN)/python -c 'import pathlib; from grace.adapters.config import schemas; \
	  [pathlib.Path("bot/grace/config/schema", n).write_text(t) for n, t in schemas().items()]'

lock: setup ## resolve pyproject.toml into requirements.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --group dev \
	  $(addprefix --extra ,ci forge plot postgres redis) \
	  --no-header --no-annotate --generate-hashes pyproject.toml -o requirements.lock

clean: ## remove what was installed and built
	rm -rf $(VENV) dist build .coverage .mypy_cache .ruff_cache .hypothesis demo-run
