# Every target works alone, from a fresh clone, with nothing but Python 3.10+, git and make.
# Paths are relative on purpose: the clone's folder may have spaces in its name.

PYTHON ?= python3
# Twice as many as there are cores: a test waits for the server for half of its time.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(2 * (os.cpu_count() or 1))')
ARGS ?=

# Else each of the many processes that the tests start would have to compile our modules anew.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.setup-done
LINK := $(VENV)/typecheck/fiftyone_snapshots
PYTEST := $(PY) $(VENV)/bin/pytest
SANDBOX := $(PY) scripts/sandbox.py
CLIENTS := $(VENV)/clients
COMPILE := $(VENV)/bin/uv pip compile pyproject.toml --universal --python-version 3.10 \
	--generate-hashes --custom-compile-command 'make lock' --quiet
SUITE := $(PYTEST) -n $(WORKERS) --maxprocesses 8 --dist worksteal
# Unless ARGS names files, the modules of the other tests are not even read
E2E := -m e2e -o testpaths=tests/e2e

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup test test-quick test-delta test-replica test-e2e screenshots test-long test-clients note-fiftyone demo app bench bench-large lint format lock clean

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "; print "Usage: make TARGET [ARGS=\"...\"]\n"} \
		/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' Makefile
	@printf '\nVariables: PYTHON=%s (creates %s), WORKERS=%s (parallel tests), ARGS (passed on)\n' \
		'$(PYTHON)' '$(VENV)' '$(WORKERS)'

setup: $(STAMP) ## Make .venv with pinned dependencies, this package (editable) and a mongod
	@$(PY) scripts/ensure_mongod.py

$(STAMP): requirements.lock requirements-integrations.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || { \
		echo "Python 3.10 or newer is needed; '$(PYTHON)' is: $$($(PYTHON) --version 2>&1)." >&2; \
		echo "Point to one with: make PYTHON=/path/to/python3.12 setup" >&2; exit 1; }
	@# A virtual environment without a working pip is the rest of an interrupted set-up.
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo "Setting up .venv, once. It takes some minutes, and 1.6 GB of disk; somewhat less is downloaded."
	@# The lock has all that is needed.
	$(PY) -m pip install --no-deps --require-hashes -r requirements.lock
	@# Only what the other one does not have, so its packages stay as they are.
	$(PY) -m pip install -qq --no-deps --require-hashes -r requirements-integrations.lock
	$(PY) -m pip install -qq --no-deps --no-build-isolation --editable .
	@touch $@

# The App's tests come after the others: as a person would, they wait for what they see.
test: setup ## Run the tests in parallel on a MongoDB of their own, the App's in a Chromium if there is one
	$(SUITE) -m 'not e2e' $(ARGS)
	$(PYTEST) $(E2E) $(ARGS) || [ $$? -eq 5 ]  # none of what was asked for

test-quick: setup ## Run the tests that need no server, in seconds
	$(PYTEST) -q --no-server tests/quick $(ARGS)

test-delta: setup ## Run the tests with the delta backend where they do not choose one
	$(SUITE) --backend delta -m 'not e2e' $(ARGS)

test-replica: setup ## Run the tests on a replica set of three members
	$(SUITE) --replica-set -m 'not e2e' $(ARGS)

test-e2e: setup ## Drive the App in a Chromium, as a person would, and nothing else
	$(PYTEST) $(E2E) $(ARGS)

screenshots: setup ## Drive the App, and make the pictures in docs/images anew
	SNAPSHOTS_SCREENSHOTS=1 $(PYTEST) $(E2E) $(ARGS)

test-long: setup ## Run the tests that take minutes
	$(SUITE) --long -m 'long or fiftyone' $(ARGS)

# Each in a folder of its own, as what they need besides does not fit what FiftyOne needs.
test-clients: setup $(CLIENTS)/.done ## Run the tests with clients of others: DVC, W&B, the MCP server for FiftyOne
	PATH="$$PWD/$(CLIENTS)/bin:$$PATH" SNAPSHOTS_TEST_MCP_SERVER="$$PWD/$(CLIENTS)/mcp" \
		SNAPSHOTS_TEST_WANDB="$$PWD/$(CLIENTS)/wandb" SNAPSHOTS_TEST_MLFLOW="$$PWD/$(CLIENTS)/sql" \
		$(PYTEST) -rs -m 'not e2e' tests/test_locks.py tests/test_media_of_dvc.py \
		tests/test_trackers.py tests/test_undo_mcp.py $(ARGS)

$(CLIENTS)/.done: $(STAMP) Makefile
	@rm -rf $(CLIENTS) && mkdir -p $(CLIENTS)/bin
	$(PYTHON) -m venv $(CLIENTS)/dvc
	$(CLIENTS)/dvc/bin/python -m pip install -q dvc==3.67.1
	@ln -s ../dvc/bin/dvc $(CLIENTS)/bin/dvc
	$(PY) -m pip install -q --no-warn-conflicts --target $(CLIENTS)/mcp --no-deps fiftyone-mcp-server==0.1.15
	$(PY) -m pip install -q --no-warn-conflicts --target $(CLIENTS)/mcp mcp==2.3.0
	$(PY) -m pip install -q --no-warn-conflicts --target $(CLIENTS)/wandb wandb==0.31.0
	$(PY) -m pip install -q --no-warn-conflicts --target $(CLIENTS)/sql sqlalchemy==2.1.9 alembic==1.20.1
	@touch $@

note-fiftyone: setup ## Try FiftyOne's own calls against our table of them, and note that it holds
	$(SUITE) --note-fiftyone -m fiftyone $(ARGS)

demo: setup ## Tell the story: label, snapshot, a bad edit, compare, roll back
	@$(SANDBOX) .sandbox/demo -m demo $(ARGS)

app: setup ## Open the demo dataset in the FiftyOne App
	@$(SANDBOX) .sandbox/demo -m demo --app $(ARGS)

bench: setup ## Measure create, load and revert against FiftyOne's own clone and load
	@$(SANDBOX) .sandbox/bench -m benchmarks $(ARGS)

bench-large: setup ## Measure summaries and diffs on a million samples (ARGS="--suite delta": the delta backend)
	@$(SANDBOX) .sandbox/bench -m benchmarks --large $(ARGS)

lint: setup $(LINK) ## Check style, formatting and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(PY) -m mypy

format: setup ## Put style and formatting right
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

# The type checker sees the root under the package's name, whatever the clone's folder is called.
$(LINK): $(STAMP)
	@mkdir -p $(@D) && ln -sfn ../.. $@

lock: setup ## Resolve both locks anew, for every supported Python
	$(PY) -m pip install --quiet uv
	$(COMPILE) --extra dev -o requirements.lock $(ARGS)
	@# What the tests of other tools need besides, and only what the first one does not have
	$(COMPILE) --extra integrations -c requirements.lock -o $(VENV)/integrations.lock $(ARGS) \
		$$(sed -n 's/^\([A-Za-z0-9._-]*\)==.*/--no-emit-package \1/p' requirements.lock | sort -u)
	awk '/^# The following packages were excluded/ {exit} {print}' $(VENV)/integrations.lock \
		> requirements-integrations.lock

clean: ## Remove everything that make made
	rm -rf $(VENV) .sandbox build *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
