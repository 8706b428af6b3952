# Everything happens in .venv, which the first target that needs it makes.
# Hooks and CI call these targets and define nothing themselves.

SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?=
VERSIONS ?= locked
RESOLVER ?= $(BIN)/python
PORT ?= 8000
HOST ?= 127.0.0.1
WORKERS ?= 2
ARGS ?=
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: serve
serve: $(VENV)/.for-serve ## set up, index articles/ and serve them (HOST= PORT= WORKERS= ARGS=--watch)
	@exec $(BIN)/python -m kb serve --host $(HOST) --port $(PORT) --workers $(WORKERS) $(ARGS)

# Tests wait as long as they work: five processes keep two processors busy.
# Every process that a test starts would compile all modules again if Python might not keep them.
# A test that failed or hung is told with its traceback and asked once more (RERUNS=0: never).
RERUNS ?= 1
AGAIN := --reruns $(RERUNS) --rerun-show-tracebacks

.PHONY: test
test: $(VENV)/.for-dev ## set up and run every test (ARGS=tests/ranking for a room; COVERAGE=1 counts)
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n 5 --dist loadgroup $(AGAIN) $(if $(COVERAGE),--cov --cov-report=) $(ARGS)

.PHONY: soak
soak: $(VENV)/.for-dev ## hold every figure of docs/security.md in full, in hours (ARGS=kills for one of them)
	@$(BIN)/python tests/reliability $(ARGS)

.PHONY: test-newest
test-newest: test-with-newest ## run every test with the newest versions that pyproject.toml allows
.PHONY: test-oldest
test-oldest: test-with-oldest ## run every test with the oldest ones

.PHONY: test-with-newest test-with-oldest
test-with-newest test-with-oldest: test-with-%: $(VENV)/.for-lock
	@rm -f .venv-$*/.for-dev
	@$(MAKE) --no-print-directory test VERSIONS=$* VENV=.venv-$* RESOLVER=$(BIN)/python

.PHONY: lock
lock: $(VENV)/.for-lock ## write requirements/ from pyproject.toml; what fits stays (ARGS=--upgrade renews all)
	@$(BIN)/python requirements/lock.py refresh $(ARGS)

.PHONY: check
check: $(VENV)/.for-dev ## lint, formatting, types, layers, and the floor of the coverage last counted
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check .
	@$(BIN)/python -m mypy
	@$(BIN)/python -c "from importlinter.cli import lint_imports_command as lint; lint()"
	@if test -f .coverage; then $(BIN)/python -m coverage report --format=total; \
	else echo "coverage: not counted yet; run make test COVERAGE=1"; fi

.PHONY: audit
audit: .venv-audit/.for-audit ## ask PyPI about known vulnerabilities of all that is locked
	@for lock in postgresql opensearch dev; do \
	  echo "requirements/$$lock.txt"; \
	  .venv-audit/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off \
	    --requirement requirements/$$lock.txt || exit 1; \
	done

.PHONY: sbom
sbom: .venv-audit/.for-audit ## write what serving installs, as CycloneDX, to build/sbom.json
	@mkdir -p build
	@.venv-audit/bin/python -W ignore -m cyclonedx_py requirements --pyproject pyproject.toml --output-reproducible \
	  --output-file build/sbom.json requirements/postgresql.txt
	@echo build/sbom.json

.PHONY: docs
docs: $(VENV)/.for-dev ## write the reference of the code to build/reference
	@$(BIN)/python -W ignore -m pdoc --output-directory build/reference kb '!kb.searchlog.migrations' '!kb.ranking.kernels.libnative'
	@echo "build/reference/index.html"

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
	rm -rf $(VENV) .venv-newest .venv-oldest .venv-audit var dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis test-artefacts
	rm -f kb/ranking/kernels/libnative.so kb/ranking/kernels/libnative.crc translations/*/LC_MESSAGES/messages-*.mo
	find kb tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is a copy of what is installed by: a fresh checkout has new file times but nothing new.
ASKED := pyproject.toml requirements/serve.txt requirements/dev.txt hatch_build.py kb/ranking/kernels/native.c
PIP := $(BIN)/python -m pip install --quiet
# What tests need is enough to serve, so one installation writes both stamps.
$(VENV)/.for-serve: lock := serve
$(VENV)/.for-serve: package := .
$(VENV)/.for-serve: stamps = $(VENV)/.for-serve
$(VENV)/.for-dev: lock := dev
$(VENV)/.for-dev: package := .[dev]
$(VENV)/.for-dev: stamps = $(VENV)/.for-serve $(VENV)/.for-dev
$(VENV)/.for-serve $(VENV)/.for-dev: venv
	@if cat $(ASKED) | cmp -s - $@ && $(BIN)/python -I -c "import kb" 2>/dev/null; then exit 0; fi; \
	set -e; \
	uncovered=; \
	if test $(VERSIONS) = locked; then \
	  file=requirements/$(lock).txt; \
	  uncovered=$$($(BIN)/python requirements/lock.py covers); \
	else \
	  file=$(VENV)/$(VERSIONS).txt; \
	  $(RESOLVER) requirements/lock.py resolve $(VERSIONS) $(BIN)/python $$file; \
	fi; \
	if test -n "$$uncovered"; then \
	  echo "Installing within the bounds of pyproject.toml: $$file does not cover $$uncovered"; \
	  $(PIP) --editable "$(package)"; \
	else \
	  echo "Installing $$file into $(VENV)"; \
	  $(PIP) --require-hashes --only-binary :all: --requirement $$file; \
	  $(PIP) --no-deps --no-build-isolation --editable .; \
	fi; \
	for stamp in $(stamps); do cat $(ASKED) > "$$stamp"; done

# uv writes the locks; who only installs them needs pip alone.
$(VENV)/.for-lock: venv
	@if cmp -s requirements/uv.txt $@; then exit 0; fi; \
	set -e; \
	echo "Installing requirements/uv.txt into $(VENV)"; \
	$(PIP) --require-hashes --only-binary :all: --requirement requirements/uv.txt; \
	cp requirements/uv.txt $@

# These tools bring forty packages of their own, which nothing else is to see.
.venv-audit/.for-audit: requirements/audit.txt
	@$(MAKE) --no-print-directory venv VENV=.venv-audit
	@.venv-audit/bin/python -m pip install --quiet --require-hashes --only-binary :all: --requirement $<
	@cp $< $@

.PHONY: venv
venv:
	@if $(BIN)/python -c "import sys; sys.exit(sys.version_info < (3, 11))" 2>/dev/null; then exit 0; fi; \
	python=; \
	for name in $(PYTHON) python3.13 python3.12 python3.11 python3; do \
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
	$$python -m venv $(VENV)
