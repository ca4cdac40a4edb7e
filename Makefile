# Two commands set a machine up: `make demo` shows what ioledger does, `make test` proves it.
PYTHON ?= python3
VENV   := .venv
SIZE   := small
RUNS   := 200
SEEDS  := 1..100
FAULTS := $(addprefix tests/faults/test_,full_disks.py low_memory.py lakes_that_go_away.py every_table.py signals.py) \
	tests/faults/test_kills.py::test_commands_that_are_told_to_stop_leave_the_same
DAYS   := 365
POINTS := 3
INPUTS := 1000000
SEED   := 0
BIN    := $(VENV)/bin
CINDER := .cache/cinder-29
TELEMETRY := .cache/telemetry
PIP    := $(BIN)/python -m pip --quiet --disable-pip-version-check
LOCKS  := .ci/requirements
LOCK   := .cache/uv/bin/uv pip compile --quiet --no-annotate --no-header --generate-hashes --constraint constraints.txt \
	--universal --python-version 3.11.5 # the oldest that all pins of constraints.txt take

# Nothing is installed or run whose SHA-256 is not in $(LOCKS): what builds packages is there too, before they are built.
define install
$(PYTHON) -m venv $(VENV)
$(PIP) install --require-hashes --only-binary :all: --requirement $(LOCKS)/build.txt
$(PIP) install --require-hashes --no-build-isolation --requirement $(LOCKS)/$(1).txt
$(PIP) install --no-deps --no-build-isolation --editable .
touch $@
endef

.PHONY: help demo demo-live test test-long simulate kills faults defects lint docs docs-site bench bench-collect bench-check bench-peers bench-dask bench-rate bench-report bench-fleet bench-store bench-sources bench-capacity constraints locks audit clean soak pairs fuzz

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/.installed ## tour the commands with a synthetic fleet whose true usage is known
	rm -rf .cache/demo
	$(BIN)/ioledger demo --directory .cache/demo

demo-live: $(VENV)/.installed-live ## boot two capped guests under emulation and meter them for a minute
	$(BIN)/python tests/live/demo_live.py

# A test that waits for ever ends its worker, which tells where it waited, instead of the patience of whoever runs this.
ENDS := -o faulthandler_timeout=600 -o faulthandler_exit_on_timeout=true

test: ## install what the tests need, and run them all
	.ci/system-packages test
	$(MAKE) --no-print-directory --jobs 2 $(VENV)/.installed-test $(CINDER)/.installed
	$(BIN)/python -m pytest -n 2 --dist worksteal $(ENDS)

test-long: $(VENV)/.installed-test ## all that takes too long for each change, for hours: faults, inputs, pairs, a simulated year
	$(BIN)/python -m pytest -n 2 --dist worksteal -m long
	$(BIN)/python tests/simulation/run.py 1..1000 --figures
	$(MAKE) --no-print-directory kills faults fuzz pairs soak
	$(BIN)/python docs/generate.py

simulate: $(VENV)/.installed-test ## live through simulated faults, SEEDS=1..100 or 137; MUTANTS=1 finds mistakes made on purpose
	$(BIN)/python tests/simulation/run.py $(SEEDS) $(if $(MUTANTS),--mutants) $(if $(MINUTES),--minutes $(MINUTES))

kills: $(VENV)/.installed-test ## kill commands in the middle of what they do, RUNS=500 times, and judge what they leave
	$(BIN)/python tests/kills/run.py $(if $(filter file,$(origin RUNS)),500,$(RUNS)) --to docs/promises/kills.json

faults: $(VENV)/.installed-test ## meet full disks, lost file systems, damage in every table and signals, and count them
	IOLEDGER_FAULTS_TO=docs/promises/faults.json $(BIN)/python -m pytest -m "long or not long" $(FAULTS)

soak: $(VENV)/.installed-test ## live through a simulated year of 200 disks at a minute, DAYS=365, and judge whether anything grew
	$(BIN)/python tests/soak/run.py --days $(DAYS) $(if $(MINUTES),--minutes $(MINUTES)) --to docs/promises/soak.json

pairs: $(VENV)/.installed-test ## run any two commands at once on one lake, POINTS=3 times each pair, and write docs/concurrency.md
	$(BIN)/python tests/pairs/run.py --points $(POINTS) --keep $(if $(MINUTES),--missing --minutes $(MINUTES))

fuzz: $(VENV)/.installed-test ## hand very many odd inputs to every parser, INPUTS=1000000 (about half an hour) or fewer, others by SEED=6
	$(BIN)/python tests/fuzz/run.py $(INPUTS) --seed $(SEED) --figures

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

bench-peers: $(VENV)/.installed-bench-peers $(TELEMETRY)/.installed ## measure metering beside Prometheus, collectd, Gnocchi, pandas …, SIZE=full or small
	$(BIN)/python -m benchmarks.peers $(if $(filter file,$(origin SIZE)),full,$(SIZE))

bench-dask: $(VENV)/.installed-bench ## measure usage build by two workers of Dask beside a local one, SIZE=small or large
	$(BIN)/python -m benchmarks.distributed $(SIZE)

bench-rate: $(VENV)/.installed ## measure rate and export beside a bare scan: a month of ten million usage records
	$(BIN)/python -m benchmarks.rate

bench-report: $(VENV)/.installed ## measure the report of a month of 10,000 volumes
	mkdir -p .cache
	$(BIN)/python -m benchmarks.html_report

bench-store: $(VENV)/.installed-test ## measure a month's build from an object store beside one from a directory
	$(BIN)/python -m benchmarks.store

bench-fleet: $(VENV)/.installed ## measure many hosts that write one lake, SIZE=small, medium, wide (1,000 hosts for 80 minutes) or full (a day)
	$(BIN)/python -m benchmarks.many_hosts $(SIZE)

bench-sources: $(VENV)/.installed-test $(CINDER)/.installed ## measure collect on 100,000 volumes of CloudStack and of Cinder
	$(BIN)/python -m benchmarks.sources

bench-capacity: $(VENV)/.installed ## measure what each step takes at several sizes, and fit formulas: SIZE=small, standard or large
	$(BIN)/python -m benchmarks.capacity $(SIZE) $(if $(CAPACITY_LAKE),--lake $(CAPACITY_LAKE))

constraints: ## pin the versions of everything that pyproject.toml asks for
	rm -rf .cache/pins
	$(PYTHON) -m venv .cache/pins
	.cache/pins/bin/python -m pip --quiet install '.[dev,docs,libvirt,postgres,sources,bench]'
	.cache/pins/bin/python -m pip freeze --exclude ioledger > constraints.txt
	$(MAKE) --no-print-directory locks

locks: ## write the SHA-256 of every file of what constraints.txt pins, for all platforms
	$(PYTHON) -m venv .cache/uv
	.cache/uv/bin/python -m pip --quiet --disable-pip-version-check install uv
	$(LOCK) $(LOCKS)/build.in --output-file $(LOCKS)/build.txt
	$(LOCK) pyproject.toml --output-file $(LOCKS)/demo.txt
	$(LOCK) pyproject.toml --extra libvirt --output-file $(LOCKS)/live.txt
	$(LOCK) pyproject.toml --extra dev,docs,libvirt,postgres,sources --output-file $(LOCKS)/test.txt
	$(LOCK) pyproject.toml --extra bench --output-file $(LOCKS)/bench.txt
	$(LOCK) pyproject.toml --extra bench,libvirt --output-file $(LOCKS)/bench-peers.txt

audit: ## ask PyPI which pinned versions have known vulnerabilities; takes a network
	.ci/audit $(LOCKS)/*.txt

clean: ## remove everything that the commands above made
	rm -rf $(VENV) .cache build dist *.egg-info

$(VENV)/.installed: pyproject.toml $(LOCKS)/demo.txt
	.ci/system-packages demo
	$(call install,demo)

$(VENV)/.installed-live: pyproject.toml $(LOCKS)/live.txt
	.ci/system-packages live
	$(call install,live)

$(VENV)/.installed-test: pyproject.toml $(LOCKS)/test.txt
	.ci/system-packages test
	$(call install,test)

# A real Cinder and a real Keystone, which need other versions of what ioledger stands on.
$(CINDER)/.installed: tests/support/cinder/constraints.txt tests/support/cinder/prepare tests/support/cinder/*.in
	$(PYTHON) -m venv $(CINDER)
	$(CINDER)/bin/python -m pip --quiet --disable-pip-version-check install \
		--constraint tests/support/cinder/constraints.txt cinder keystone fixtures ddt testtools oslotest
	tests/support/cinder/prepare $(CINDER)
	touch $@

$(VENV)/.installed-bench: pyproject.toml $(LOCKS)/bench.txt
	.ci/system-packages demo
	$(call install,bench)

$(VENV)/.installed-bench-collect: pyproject.toml $(LOCKS)/live.txt
	.ci/system-packages bench
	$(call install,live)

$(VENV)/.installed-bench-peers: pyproject.toml $(LOCKS)/bench-peers.txt
	.ci/system-packages bench
	$(call install,bench-peers)

# Gnocchi and CloudKitty, which need other versions of what ioledger stands on.
$(TELEMETRY)/.installed: benchmarks/peers/openstack/constraints.txt
	$(PYTHON) -m venv $(TELEMETRY)
	$(TELEMETRY)/bin/python -m pip --quiet --disable-pip-version-check install \
		--constraint benchmarks/peers/openstack/constraints.txt gnocchi cloudkitty
	touch $@
