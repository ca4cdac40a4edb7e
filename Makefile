# Two commands set a machine up: `make demo` shows what ioledger does, `make test` proves it.
PYTHON ?= python3
VENV   := .venv
SIZE   := small
RUNS   := 200
SEEDS  := 1..100
BIN    := $(VENV)/bin
CINDER := .cache/cinder-29
PIP    := $(BIN)/python -m pip --quiet --disable-pip-version-check

.PHONY: help demo demo-live test simulate defects lint docs docs-site bench bench-collect bench-check bench-rate bench-report bench-sources constraints clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/.installed ## tour the commands with a synthetic fleet whose true usage is known
	rm -rf .cache/demo
	$(BIN)/ioledger demo --directory .cache/demo

demo-live: $(VENV)/.installed-live ## boot two capped guests under emulation and meter them for a minute
	$(BIN)/python tests/live/demo_live.py

test: ## install what the tests need, and run them all
	.ci/system-packages test
	$(MAKE) --no-print-directory --jobs 2 $(VENV)/.installed-test $(CINDER)/.installed
	$(BIN)/python -m pytest -n 2 --dist worksteal

simulate: $(VENV)/.installed-test ## live through simulated faults, SEEDS=1..100 or 137; MUTANTS=1 finds mistakes made on purpose
	$(BIN)/python tests/simulation/run.py $(SEEDS) $(if $(MUTANTS),--mutants)

defects: $(VENV)/.installed-test ## seed mistakes in the metering, one at a time, and see that the tests catch each
	$(BIN)/python tests/defects/run.py

lint: $(VENV)/.installed-test ## style, types and the dependency rules between the areas
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.installed-test ## write the pages of docs/ that come from the code, and run its notebooks
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/notebooks/run.py

docs-site: $(VENV)/.installed-test ## make a site of the pages of docs/ in .cache/site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build
	@echo 'to read it: $(BIN)/python -m http.server --bind 127.0.0.1 --directory .cache/site 8000'

bench: $(VENV)/.installed-bench ## measure usage build beside a bare scan and other engines, SIZE=small, files or large
	$(BIN)/python -m benchmarks $(SIZE)

bench-collect: $(VENV)/.installed-bench-collect ## measure collect beside other readers of 60 real guests, and its memory over RUNS=200
	$(BIN)/python -m benchmarks.collection --runs $(RUNS)

bench-check: $(VENV)/.installed ## measure check by all rules: a million volumes at a moment, a month of a thousand disks
	$(BIN)/python -m benchmarks.check

bench-rate: $(VENV)/.installed ## measure rate and export beside a bare scan: a month of ten million usage records
	$(BIN)/python -m benchmarks.rate

bench-report: $(VENV)/.installed ## measure the report of a month of 10,000 volumes
	mkdir -p .cache
	$(BIN)/python -m benchmarks.html_report

bench-sources: $(VENV)/.installed-test $(CINDER)/.installed ## measure collect on 100,000 volumes of CloudStack and of Cinder
	$(BIN)/python -m benchmarks.sources

constraints: ## pin the versions of everything that pyproject.toml asks for
	rm -rf .cache/pins
	$(PYTHON) -m venv .cache/pins
	.cache/pins/bin/python -m pip --quiet install '.[dev,docs,libvirt,postgres,sources,bench]'
	.cache/pins/bin/python -m pip freeze --exclude ioledger > constraints.txt

clean: ## remove everything that the commands above made
	rm -rf $(VENV) .cache build dist *.egg-info

$(VENV)/.installed: pyproject.toml constraints.txt
	.ci/system-packages demo
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --constraint constraints.txt --editable .
	touch $@

$(VENV)/.installed-live: pyproject.toml constraints.txt
	.ci/system-packages live
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --constraint constraints.txt --editable '.[libvirt]'
	touch $@

$(VENV)/.installed-test: pyproject.toml constraints.txt
	.ci/system-packages test
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --constraint constraints.txt --editable '.[dev,docs,libvirt,postgres,sources]'
	touch $@

# A real Cinder and a real Keystone, which need other versions of what ioledger stands on.
$(CINDER)/.installed: tests/support/cinder/constraints.txt tests/support/cinder/prepare tests/support/cinder/*.in
	$(PYTHON) -m venv $(CINDER)
	$(CINDER)/bin/python -m pip --quiet --disable-pip-version-check install \
		--constraint tests/support/cinder/constraints.txt cinder keystone fixtures ddt testtools oslotest
	tests/support/cinder/prepare $(CINDER)
	touch $@

$(VENV)/.installed-bench: pyproject.toml constraints.txt
	.ci/system-packages demo
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --constraint constraints.txt --editable '.[bench]'
	touch $@

$(VENV)/.installed-bench-collect: pyproject.toml constraints.txt
	.ci/system-packages bench
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --constraint constraints.txt --editable '.[libvirt]'
	touch $@
