# Everything happens in .venv, which the first target that needs it makes.
# Hooks and CI call these targets and define nothing themselves.

SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV ?= .venv
BIN := $(VENV)/bin
PORT ?= 8000
HOST ?= 127.0.0.1
WORKERS ?= 2
ARGS ?=
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: serve
serve: $(VENV)/.for-serve ## set up, index articles/ and serve them (HOST= PORT= WORKERS= ARGS=--watch)
	@exec $(BIN)/python -m kb serve --host $(HOST) --port $(PORT) --workers $(WORKERS) $(ARGS)

.PHONY: test
test: $(VENV)/.for-dev ## set up and run every test (ARGS="-k word" narrows)
	@$(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

.PHONY: check
check: $(VENV)/.for-dev ## lint, formatting, types and layers
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check .
	@$(BIN)/python -m mypy
	@$(BIN)/python -c "from importlinter.cli import lint_imports_command as lint; lint()"

.PHONY: fix
fix: $(VENV)/.for-dev ## correct what ruff can correct
	@$(BIN)/python -m ruff check --fix .
	@$(BIN)/python -m ruff format .

.PHONY: bench
bench: $(VENV)/.for-dev ## print the figures of the documentation
	@for file in benchmarks/*.py; do \
	  test -e "$$file" || { echo "no benchmarks yet; add benchmarks/<name>.py"; exit 0; }; \
	  echo "== $$file"; $(BIN)/python "$$file" || exit 1; \
	done

.PHONY: clean
clean: ## remove what the targets made (.venv, builds, caches); articles and git stay
	rm -rf $(VENV) var dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis test-artefacts
	rm -f kb/kernels/libnative.so
	find kb tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is a copy of what is installed by: a fresh checkout has new file times but nothing new.
ASKED := pyproject.toml hatch_build.py kb/kernels/native.c
# What tests need is enough to serve, so one installation writes both stamps.
$(VENV)/.for-serve: what := .
$(VENV)/.for-serve: stamps = $(VENV)/.for-serve
$(VENV)/.for-dev: what := .[dev]
$(VENV)/.for-dev: stamps = $(VENV)/.for-serve $(VENV)/.for-dev
$(VENV)/.for-serve $(VENV)/.for-dev: FORCE
	@if cat $(ASKED) | cmp -s - $@ && $(BIN)/python -I -c "import kb" 2>/dev/null; then exit 0; fi; \
	set -e; \
	if ! $(BIN)/python -c "import sys; sys.exit(sys.version_info < (3, 11))" 2>/dev/null; then \
	  python=; \
	  for name in python3.13 python3.12 python3.11 python3; do \
	    if $$name -c "import sys; sys.exit(sys.version_info < (3, 11))" >/dev/null 2>&1; then python=$$name; break; fi; \
	  done; \
	  if test -z "$$python"; then \
	    found=$$(python3 -V 2>&1 || true); \
	    echo "make: needs Python 3.11 or newer, found $${found:-none}; install python3.13 and run make again" >&2; \
	    exit 2; \
	  fi; \
	  if ! $$python -c "import venv, ensurepip" 2>/dev/null; then \
	    echo "make: $$python has no venv; install it (Debian, Ubuntu: apt-get install python3-venv) and run make again" >&2; \
	    exit 2; \
	  fi; \
	  echo "Making $(VENV) with $$($$python -V)"; \
	  rm -rf $(VENV); \
	  $$python -m venv $(VENV); \
	fi; \
	echo "Installing what pyproject.toml asks for into $(VENV)"; \
	$(BIN)/python -m pip install --quiet --editable "$(what)"; \
	for stamp in $(stamps); do cat $(ASKED) > "$$stamp"; done

.PHONY: FORCE
FORCE:
