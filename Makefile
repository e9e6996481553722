# bmt: `make demo` shows the procedure, `make test` proves it, `make up` keeps it running.
# Every target makes its own virtual environment first and is quick when nothing changed.

# The system's own where it fits: distributions build theirs optimised, and it needs a quarter less CPU than one that was not.
FITS   := import ensurepip, sqlite3, ssl, sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))
PYTHON ?= $(shell /usr/bin/python3 -c '$(FITS)' 2> /dev/null && echo /usr/bin/python3 || echo python3)
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# Processes that share the tests. Two cores do with four what they do with three in nine tenths of the time; with more, tests that wait for
# something wait at the edge of theirs.
WORKERS ?= 4
PARSERS := cd tools/parsers && npm ci --silent --no-fund --no-audit --ignore-scripts

# Compiled once, not at each start: a service has two thousand modules, and takes two seconds of a processor longer without.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test systems units compiled browser prove drill faults scale audit up down lint format types architecture docs parse reference manifests apiserver lock image containers clean bench

help:            ## What can be made
	@sed -n 's/^\([a-z]*\): .*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 22

setup: $(STAMP)  ## The virtual environment, with .venv/bin/bmt, and the parts it runs on

$(STAMP): pyproject.toml locks/bootstrap.txt locks/dev.txt evaluation/jars/jgo.lock.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; ok = (3, 11) <= v < (3, 14); ok or sys.exit(f"bmt needs Python 3.11 to 3.13, and {sys.executable} is {v[0]}.{v[1]}: name another with make PYTHON=python3.11")'
	@echo "Setting up $(VENV) with $(PYTHON) (once; about two minutes on a new machine)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "  Python packages"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r locks/bootstrap.txt
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip sync --quiet --compile-bytecode --require-hashes locks/dev.txt
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --no-deps --editable .
	@echo "  Apache Kafka, mongod"
	@$(BIN)/bmt setup
	@touch $@

demo: $(STAMP)   ## Four applications and one termination through all four steps, then stop
	@$(BIN)/bmt demo

test: $(STAMP)   ## Lint, types, architecture, then every test on real Kafka and MongoDB
	@$(MAKE) --no-print-directory -j2 lint architecture
	@$(MAKE) --no-print-directory -j2 types units
	@$(MAKE) --no-print-directory systems

# What needs no Kafka, MongoDB or service computes all the time, so it does not run beside the tests that wait for one.
UNITS := tests/architecture tests/contract tests/specification tests/unit
REST  := tests $(UNITS:%=--ignore=%)

systems: compiled
	@$(BIN)/python -m pytest -q -n $(WORKERS) --no-loadscope-reorder $(REST)

units: $(STAMP)
	@$(BIN)/python -m pytest -q -n 2 --no-loadscope-reorder $(UNITS)

# As bytecode, once: else each process that shares them does this for itself.
compiled: $(VENV)/compiled.log

$(VENV)/compiled.log: $(STAMP) $(shell find bmt services web evaluation prove tests -name '*.py')
	@$(BIN)/python -m pytest -q --collect-only $(REST) > $@.new || { tail $@.new; exit 1; }
	@mv $@.new $@

faults: $(STAMP) ## The long forms: every crash point 20 times, and more (hours on a small machine)
	@BMT_LONG=1 $(BIN)/python -m pytest -q tests/faults tests/behaviour tests/bench $$(grep -rlEw 'LONG|only_long|decider_machine|hypothesis' tests/contract tests/e2e tests/integration tests/unit --include='test_*.py' | grep -v -e _in_a_browser -e test_drill)

browser: $(STAMP) ## Every page in Chromium: both languages, without scripts, by keyboard, and as axe sees it
	@BMT_LONG=1 $(BIN)/python -m pytest -q -m browser tests/e2e

prove: $(STAMP)  ## 2,000 requests, 50 faults, and the audit of what is left (about ten minutes)
	@$(BIN)/bmt prove --requests 2000 --faults 50

drill: $(STAMP)  ## A backup under load, a restore, and what it took: RPO and RTO (a quarter of an hour)
	@BMT_LONG=1 $(BIN)/python -m pytest -q -s tests/e2e/test_drill.py

bench: $(STAMP)  ## What it costs: one table of figures and ratios (a report, never a test)
	@cd tests && PYTHONPATH=. ../$(BIN)/python -m bench

scale: $(STAMP)  ## The rounds of `make bench` with one and with two processes of each service (a report, never a test)
	@cd tests && PYTHONPATH=. ../$(BIN)/python -m bench scale

audit: $(STAMP)  ## What is known to be unsafe in the locked packages (asks a public database)
	@$(BIN)/uv tool run pip-audit@2.10.1 --strict --progress-spinner off --require-hashes --disable-pip -r locks/services.txt \
	  || { echo "make audit: a package is unsafe, or the database could not be asked about all of them: see above"; exit 1; }

up: $(STAMP)     ## The same system, kept running
	@$(BIN)/bmt up --detach

down: $(STAMP)   ## Stop what `make up` started
	@$(BIN)/bmt down

lint: $(STAMP)   ## Format and rules
	@$(BIN)/ruff format --quiet --check . || { echo "make format mends these"; exit 1; }
	@$(BIN)/ruff check --quiet .

format: $(STAMP) ## Mend format and what can be mended of the rules
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .

types: $(STAMP)  ## mypy, strict
	@nice $(BIN)/mypy --no-error-summary

architecture: $(STAMP)  ## The arrows between the rooms
	@$(BIN)/lint-imports --no-cache > $(VENV)/architecture.log 2>&1 || { cat $(VENV)/architecture.log; exit 1; }

docs: $(STAMP)   ## OpenAPI, AsyncAPI and JSON Schemas from the models; the page of settings
	@$(BIN)/python tools/api_documents.py
	@$(BIN)/python tools/settings_page.py

parse:           ## docs/api read by the parsers of AsyncAPI and Redocly (needs node 20 and npm)
	@$(PARSERS) && node parse.mjs

reference:       ## docs/api as pages in dist/api that need no network (needs node 20 and npm)
	@$(PARSERS) && node pages.mjs ../../dist/api

manifests: $(STAMP)  ## deploy/kubernetes rendered and validated (needs Go 1.26; CRDS names files of further definitions; then make test does, too)
	@command -v go > /dev/null || { echo "make manifests needs Go 1.26 on the PATH"; exit 2; }
	@$(BIN)/python tools/manifests/validate.py $(CRDS)

apiserver:       ## deploy/kubernetes applied to a real API server, built once (needs Go 1.26; CRDS as above)
	@tools/apiserver/apply.sh $(CRDS)

image:           ## The services' image, with Docker or podman (see deploy/compose/README.md)
	@deploy/compose/image.sh

containers: $(STAMP) ## deploy/compose started for real, with Docker or podman: one request from POST to filed
	@BMT_LONG=1 $(BIN)/python -m pytest -q tests/integration/deploy/test_containers.py

lock: $(STAMP)   ## Resolve again: hashes, no addresses
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --all-extras pyproject.toml -o locks/dev.txt --custom-compile-command "make lock"
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --extra services --extra telemetry -c locks/dev.txt pyproject.toml -o locks/services.txt --custom-compile-command "make lock"
	@echo "scim2-server" | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras -c locks/dev.txt - -o deploy/compose/ipms/requirements.txt --custom-compile-command "make lock"
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --extra evaluation -c locks/dev.txt pyproject.toml -o deploy/compose/embedded/requirements.txt --custom-compile-command "make lock"
	@echo "cyclonedx-bom" | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras -c locks/dev.txt - -o locks/sbom.txt --custom-compile-command "make lock"
	@$(BIN)/python locks/pin_extras.py locks/services.txt locks/sbom.txt deploy/compose/ipms/requirements.txt deploy/compose/embedded/requirements.txt

clean:           ## Remove what make made (the data of `make up` stays in .bmt)
	@rm -rf $(VENV) dist/api .mypy_cache .pytest_cache .ruff_cache .hypothesis
