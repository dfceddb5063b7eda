# choral's workshop. `make` alone lists what there is. Needs Python 3.11+ and pip, nothing else.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UV_RUN ?= uv

.DEFAULT_GOAL := help
.PHONY: help install demo test check acceptance format lock clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "choral needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

install: $(READY) ## make the virtual environment from the hash-pinned lock

demo: $(READY) ## start a real server, 4,000 agents and a dashboard (DEMO_ARGS="--once --json demo.json")
	$(BIN)/choral demo $(DEMO_ARGS)

test: $(READY) ## run the tests
	$(BIN)/python -m pytest -n 2 --dist worksteal $(TEST_ARGS)

check: $(READY) ## format, lint, types, import layers, docs
	$(BIN)/ruff format --check src tests bench
	$(BIN)/ruff check src tests bench
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest -q tests/docs

acceptance: $(READY) ## the long runs, for a person with time
	CHORAL_ACCEPTANCE=1 $(BIN)/python -m pytest -n 2 --dist worksteal -m "acceptance or mutants" $(TEST_ARGS)

format: $(READY) ## format the code
	$(BIN)/ruff format src tests bench
	$(BIN)/ruff check --fix src tests bench

lock: ## compile requirements.lock again (needs uv)
	$(UV_RUN) pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet -o requirements.lock

clean: ## remove what the other commands made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
