# The two commands: `make demo` and `make test`. Both need Python 3.11 or newer, git and make, and may be run again.
PYTHON ?= python3
VENV ?= .venv
PORT ?= 8000
JOBS ?= auto
UPGRADE ?= --upgrade
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
INSTALL := $(PIP) install --constraint constraints.txt --no-build-isolation
PLUGINS := $(notdir $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml)))
PLUGIN_CODE := $(wildcard plugins/*/crmcore_*)
PYTEST := $(BIN)/python -m pytest
INSTALL_PLUGINS = test -z "$(PLUGINS)" || $(INSTALL) $(foreach p,$(PLUGINS),--editable 'plugins/$(p)$(1)')
UNINSTALL_PLUGINS = test -z "$(PLUGINS)" || $(PIP) uninstall --yes $(foreach p,$(PLUGINS),crmcore-$(p))

.PHONY: help demo test check lint types test-core test-plugins example bench format schema docs constraints console install clean

help:
	@echo "make demo         a company with data in it, and the console in your browser (PORT=$(PORT))"
	@echo "make test         lint, types, the core without plugins, then each plugin; SQLite and PostgreSQL"
	@echo "make check        lint and types only"
	@echo "make bench        the read engine against hand-written SQL, PostGraphile and the usual Python server (BENCH=options)"
	@echo "make format       what the formatter and the linter can repair"
	@echo "make schema       print schema.graphql anew after a change of the API"
	@echo "make docs         write the pages that follow from the code: hooks, quality scale"
	@echo "make constraints  resolve the pinned versions anew, plugins included (UPGRADE= keeps those that still do)"
	@echo "make console      build the console's assets anew (needs node and npm)"
	@echo "make clean        forget the environment and the demo's data"

# ---------------------------------------------------------------- environment: a stamp each, keyed on the pinned versions

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "crmcore needs Python 3.11 or newer; name one with make PYTHON=python3.12")'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.build: $(BIN)/python constraints.txt
	@$(PIP) install --constraint constraints.txt hatchling editables
	@touch $@

$(VENV)/.runtime: $(VENV)/.build pyproject.toml
	@echo "installing crmcore into $(VENV)"
	@$(INSTALL) --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	@echo "installing the tools for tests into $(VENV)"
	@$(INSTALL) --editable '.[dev]'
	@touch $@

$(VENV)/.plugins: $(VENV)/.runtime $(wildcard plugins/*/pyproject.toml)
	@echo "installing the plugins into $(VENV)"
	@$(call INSTALL_PLUGINS)
	@touch $@

$(VENV)/.libraries: $(VENV)/.dev $(wildcard plugins/*/pyproject.toml)
	@echo "installing the plugins' own libraries into $(VENV)"
	@$(call INSTALL_PLUGINS,[test])
	@touch $@

install: $(VENV)/.dev

# ---------------------------------------------------------------- the demo

demo: $(VENV)/.plugins
	@CRMCORE=$(BIN)/crmcore PORT=$(PORT) bash tools/demo.sh

# ---------------------------------------------------------------- the checks, in this order; the first red one ends the run

test: check test-core test-plugins

check: lint types

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.libraries
	$(BIN)/mypy crmcore $(PLUGIN_CODE)

test-core: $(VENV)/.dev
	@rm -f $(VENV)/.plugins
	@$(UNINSTALL_PLUGINS)
	@$(MAKE) --no-print-directory example || printf '\n*** The sample app is not tested: it needs Node, npm and its registry. ***\n\n'
	$(PYTEST) tests -n $(JOBS) --cov --cov-report=term

EXAMPLE := examples/thanks-app

example: $(EXAMPLE)/node_modules/.installed

$(EXAMPLE)/node_modules/.installed: $(EXAMPLE)/package-lock.json
	@echo "installing the compiler of the sample app into $(EXAMPLE)"
	@cd $(EXAMPLE) && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

test-plugins: $(VENV)/.dev
	@rm -f $(VENV)/.plugins
	@$(call INSTALL_PLUGINS,[test])
	@set -e; for plugin in $(PLUGINS); do \
		echo "$(PYTEST) plugins/$$plugin/tests -n $(JOBS)"; \
		$(PYTEST) plugins/$$plugin/tests -n $(JOBS); \
	done

PEER := benchmarks/postgraphile

bench: $(VENV)/.dev
	@$(MAKE) --no-print-directory $(PEER)/node_modules/.installed || \
		printf '\n*** PostGraphile could not be installed: it needs npm and its registry. The benchmark goes on without it. ***\n\n'
	$(BIN)/python -m benchmarks $(BENCH)

$(PEER)/node_modules/.installed: $(PEER)/package-lock.json
	@echo "installing PostGraphile and its Node into $(PEER)"
	@cd $(PEER) && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# ---------------------------------------------------------------- upkeep

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schema: $(VENV)/.runtime
	$(BIN)/crmcore schema export --core --output schema.graphql

docs: $(VENV)/.runtime
	$(BIN)/python tools/plugin_pages.py

constraints:
	printf '%s\n' '-e .[dev]' $(foreach p,$(PLUGINS),'-e plugins/$(p)[test]') | uv pip compile - --universal --python-version 3.11 \
		$(UPGRADE) --quiet --no-annotate --no-header $(foreach p,crmcore $(PLUGINS:%=crmcore-%),--no-emit-package $(p)) \
		--output-file constraints.txt

console:
	cd tools/console && npm ci && npm run build

clean:
	rm -rf $(VENV) .demo
