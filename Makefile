# Python 3.11 or later and make are all it takes: everything else is put into .venv on demand.
PYTHON ?= python3
PORT   ?= 8080
WORKERS ?= 2

BIN := .venv/bin
# Not compiling ahead halves the time; Python compiles what is imported, once.
PIP := $(BIN)/pip install --quiet --no-compile --disable-pip-version-check

# The genuine AWS CLI, for the client tests. What it declares to need is for another use of the package.
AWS_CLI := aws-cdk-asset-awscli-v2==2.0.198

.PHONY: help run setup check test bench bench-full bench-page docs format clean

help:
	@echo "make run    start the server on 127.0.0.1:$(PORT), data in ./data (PORT=...)"
	@echo "make test   run every test"
	@echo "make check  format, lint, types, house rules, generated docs"
	@echo "make bench  measure, beside a peer; the last line is JSON"
	@echo "make bench-full  measure everything, beside every peer; writes docs/performance.md"
	@echo "make setup  install what the above need;  make docs  write docs/ again;  make format"

# Each stamp says that .venv holds one set of packages as pyproject.toml has it now.
.venv/python.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed: make PYTHON=..." >&2; exit 1; }
	@echo "Making .venv"
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	@touch $@

.venv/runtime.stamp: pyproject.toml .venv/python.stamp
	@echo "Installing Threadline into .venv"
	@$(PIP) --editable .
	@touch $@

.venv/test.stamp: pyproject.toml .venv/python.stamp
	@echo "Installing Threadline and what its tests need into .venv (two or three minutes the first time)"
	@$(PIP) --editable '.[test]'
	@$(PIP) --no-deps $(AWS_CLI)
	@touch $@

.venv/bench.stamp: pyproject.toml .venv/python.stamp
	@echo "Installing Threadline and what it is measured beside into .venv"
	@$(PIP) --editable '.[test,bench]'
	@$(PIP) --no-deps $(AWS_CLI)
	@touch $@

run: .venv/runtime.stamp
	@exec $(BIN)/threadline serve --port $(PORT) --data ./data

setup: .venv/runtime.stamp .venv/test.stamp .venv/bench.stamp

check: .venv/test.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -q -p no:cacheprovider tests/test_house.py tests/test_docs.py

test: .venv/test.stamp
	$(BIN)/pytest -q -n $(WORKERS) --dist worksteal

bench: .venv/bench.stamp
	@$(BIN)/python -m bench

bench-full: .venv/bench.stamp
	@$(BIN)/python -m bench --full

bench-page: .venv/bench.stamp
	@$(BIN)/python -m bench.results docs

docs: .venv/test.stamp
	$(BIN)/python -m tools.docs

format: .venv/test.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
