# One way to do a thing. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
WORKERS ?= 2

.PHONY: help
help: ## List the developer commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

# --- Setting up -------------------------------------------------------------------------------------------

.PHONY: setup
setup: $(VENV)/.installed node_modules/.installed ## Prepare .venv and node_modules, or say what is missing

$(VENV)/.installed: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "chainwatch needs Python 3.11 or newer: install it, or name it with make PYTHON=..."; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "chainwatch needs Python 3.11 or newer; $$($(PYTHON) --version) was found. Name another with make PYTHON=..."; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing: install it (on Debian: apt-get install python3-venv)."; exit 2; }
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

node_modules/.installed: package.json package-lock.json
	@command -v npm >/dev/null || { echo "chainwatch's tests and demo need Node 20 or newer with npm: install it. (The bot itself needs only anvil on PATH, and that only for drills.)"; exit 2; }
	@node -e 'process.exit(+process.versions.node.split(".")[0] < 20 ? 1 : 0)' || { echo "chainwatch needs Node 20 or newer; $$(node --version) was found."; exit 2; }
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# --- The main job -----------------------------------------------------------------------------------------

.PHONY: demo
demo: setup ## The whole loop on an embedded chain: attack, detect, pause, prove
	@$(PY) -m chainwatch demo

# --- Checking ---------------------------------------------------------------------------------------------

.PHONY: test
test: setup check contracts ## Everything that has to pass: checks, contracts, tests
	$(PY) -m pytest -n $(WORKERS) --dist worksteal

.PHONY: check
check: setup ## Formatting, lint, types, import layers
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

.PHONY: contracts
contracts: setup ## Solidity: artefacts equal the sources, forge tests
	$(PY) scripts/build_contracts.py --check
	node_modules/.bin/forge test --offline

.PHONY: format
format: setup ## Format the Python sources and apply safe lint fixes
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

.PHONY: artefacts
artefacts: setup ## Compile the contracts and write abi/chainwatch
	$(PY) scripts/build_contracts.py

.PHONY: bench
bench: setup ## Decoding and latency beside their peers, in one run each
	$(PY) -m benchmarks.decode
	$(PY) -m benchmarks.latency

.PHONY: lock
lock: $(VENV)/.installed ## Pin the dependencies anew (no registry address gets into the lock)
	$(PY) -m pip install --quiet --disable-pip-version-check uv
	$(VENV)/bin/uv pip compile pyproject.toml --extra assurance --universal --python-version 3.11 \
		--generate-hashes --no-header --upgrade --quiet -o requirements.lock

.PHONY: wheel
wheel: setup ## Build the wheel into dist/
	$(PY) -m pip wheel --quiet --no-deps --no-build-isolation -w dist .

.PHONY: clean
clean: ## Remove everything that was built or installed
	rm -rf $(VENV) node_modules build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
