# Everything here needs only Python 3.11 or newer; the first target that runs builds .venv by itself.
#
#   make demo    the notes' circuit and code, then a network trained on handwritten digits
#   make test    every test, doctest and random program (in parallel)
#   make lint    ruff, formatting, the import table      make types   mypy --strict
#   make web     build the page's program from web/ (needs Node)
#   make fuzz    a long hunt with random programs        make bench   the peers, side by side

PYTHON ?= python3
WORKERS ?= 2
BIN := .venv/bin
DEV := .venv/installed-dev
BENCH := .venv/installed-bench
# How many random programs `make fuzz` tries; `make test` has its own, smaller number.
PROGRAMS ?= 20000

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test fuzz lint format types web bench tracing-cost clean

help:
	@sed -n 's/^#   //p' Makefile

# A stamp file stands for "installed": it is older than pyproject.toml when something must be done.
$(DEV): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "glassgrad needs Python 3.11 or newer; name one with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || \
	  { echo "Python's venv module is missing; on Debian: apt install python3-venv"; rm -rf .venv; exit 1; }
	@echo "installing glassgrad and its tools into .venv (once) ..."
	@$(BIN)/python -m pip install --quiet --editable '.[dev,demo]'
	@touch $@

$(BENCH): $(DEV)
	@echo "installing the peers to compare with into .venv (once; PyTorch and JAX are large) ..."
	@$(BIN)/python -m pip install --quiet --editable '.[bench]'
	@touch $@

demo: $(DEV)
	$(BIN)/glassgrad "(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2)" x=3 y=-4
	@if [ -f examples/notes.py ]; then set -x; $(BIN)/python examples/notes.py; fi
	$(BIN)/python examples/digits.py

test: $(DEV)
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS)

fuzz: $(DEV)
	OPENBLAS_NUM_THREADS=1 GLASSGRAD_FUZZ=$(PROGRAMS) $(BIN)/python -m pytest -n $(WORKERS) -m fuzz

lint: $(DEV)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

format: $(DEV)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: $(DEV)
	$(BIN)/mypy

web:
	cd web && npm ci && npm run check && npm run build

bench: $(BENCH)
	$(BIN)/python -m benchmarks

tracing-cost: $(DEV)
	$(BIN)/python -m benchmarks.tracing_cost

clean:
	rm -rf .venv web/node_modules .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
