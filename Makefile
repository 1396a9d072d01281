# Python 3.11 or later and make are all it takes: everything else is put into .venv on demand.
PYTHON ?= python3
PORT   ?= 8080
WORKERS ?= 2

# Another interpreter, and the oldest versions of what Threadline depends on, each have a folder of their own.
VENV := .venv$(if $(filter-out python3,$(PYTHON)),-$(notdir $(PYTHON)))$(if $(OLDEST),-oldest)
BIN := $(VENV)/bin
# Not compiling ahead halves the time; Python compiles what is imported, once.
PIP := $(BIN)/pip install --quiet --no-compile --disable-pip-version-check $(if $(OLDEST),--constraint tests/oldest.txt)
# What an installation follows from: when one of these changes, it is made again.
NEEDS := pyproject.toml src/threadline/__init__.py $(if $(OLDEST),tests/oldest.txt)

# The genuine AWS CLI, for the client tests. What it declares to need is for another use of the package.
AWS_CLI := aws-cdk-asset-awscli-v2==2.0.198

# What `make test T=..` runs: paths, or else an expression for pytest's -k.
T ?=
CHOSEN := $(if $(T),$(if $(wildcard $(firstword $(subst ::, ,$(T)))),$(T),-k '$(T)'))

.PHONY: help run setup check test profile bench bench-full bench-page docs vendor format dist clean

help:
	@echo "make run    start the server on 127.0.0.1:$(PORT), data in ./data (PORT=..; RELOAD=1: again when a source file changes)"
	@echo "make test   run every test (T=tests/chat or T='transfer and not prune': some; PYTHON=python3.13; OLDEST=1)"
	@echo "make check  format, lint, types, house rules, generated docs"
	@echo "make profile CALL=SendMessage  list and draw the functions that one request runs (INPUT='{..}': more members)"
	@echo "make bench  measure, beside a peer; the last line is JSON"
	@echo "make bench-full  measure everything, beside every peer; writes docs/performance.md"
	@echo "make dist   build the wheel and the sdist, and try both in a fresh environment"
	@echo "make setup  install what the above need;  make docs  write docs/ again;  make format"
	@echo "make vendor  fetch the page's scripts from npm again, as pages/vendor/vendor.lock names them (npm is needed)"

# Each stamp says that $(VENV) holds one set of packages as pyproject.toml has it now.
$(VENV)/python.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed: make PYTHON=python3.12, say" >&2; exit 1; }
	@echo "Making $(VENV)"
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/runtime.stamp: $(NEEDS) $(VENV)/python.stamp
	@echo "Installing Threadline into $(VENV)"
	@$(PIP) --editable .
	@touch $@

$(VENV)/test.stamp: $(NEEDS) $(VENV)/python.stamp
	@echo "Installing Threadline and what its tests need into $(VENV) (two or three minutes the first time)"
	@$(PIP) --editable '.[test]'
	@$(PIP) --no-deps $(AWS_CLI)
	@touch $@

$(VENV)/bench.stamp: $(NEEDS) $(VENV)/python.stamp
	@echo "Installing Threadline and what it is measured beside into $(VENV)"
	@$(PIP) --editable '.[test,bench]'
	@$(PIP) --no-deps $(AWS_CLI)
	@touch $@

$(VENV)/dist.stamp: pyproject.toml $(VENV)/python.stamp
	@$(PIP) 'build>=1.3,<2'
	@touch $@

run: $(VENV)/runtime.stamp
	@exec $(BIN)/$(if $(RELOAD),python -m tools.reload,threadline serve) --port $(PORT) --data ./data

setup: $(VENV)/runtime.stamp $(VENV)/test.stamp $(VENV)/bench.stamp

check: $(VENV)/test.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -q -p no:cacheprovider tests/test_house.py tests/test_docs.py

test: $(VENV)/test.stamp
	$(if $(T),,@$(BIN)/python -m tools.browser >/dev/null)
ifeq ($(T)$(OLDEST),)
	@mkdir -p build
	$(BIN)/python -m slipcover --source $(CURDIR)/src/threadline --json --out build/coverage.json \
	  -m pytest -q -n $(WORKERS) --dist worksteal
	@$(BIN)/python -m tools.coverage build/coverage.json
else
	$(BIN)/pytest -q -n $(WORKERS) --dist worksteal $(CHOSEN)
endif

profile: $(VENV)/test.stamp
	@$(BIN)/python -m tools.profile $(or $(CALL),SendMessage) $(if $(INPUT),--input '$(INPUT)')

bench: $(VENV)/bench.stamp
	@$(BIN)/python -m bench

bench-full: $(VENV)/bench.stamp
	@$(BIN)/python -m bench --full

bench-page: $(VENV)/bench.stamp
	@$(BIN)/python -m bench.results docs

docs: $(VENV)/test.stamp
	$(BIN)/python -m tools.docs
	$(BIN)/python -m tools.figures
	$(BIN)/python -m tools.demo_picture

vendor: $(VENV)/test.stamp
	@$(BIN)/python -m tools.vendor

format: $(VENV)/test.stamp
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

dist: $(VENV)/dist.stamp
	@$(BIN)/python -m tools.dist

clean:
	rm -rf .venv .venv-* build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
