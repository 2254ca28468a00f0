# One command per habit. Every target makes what it needs: `make test` works from a clean checkout.
PYTHON ?= python3
VENV ?= .venv
TORCH ?= torch==2.13.0
# full maps that `make evaluate` and `make bench` take beside its synthetic sections
MAP ?=
# pixels of training patches for each peer that needs it (`make bench`); as many as the joint denoiser saw: 75 minutes each
# on one core. More goes on from where the last run ended
PIXELS ?= 256000000
# `make train-gpu`: preset, folder of the run, and minutes of training; the first of the three runs that made the shipped
# weights. For the others: PRESET=gpu-stacks, then PRESET=gpu-further, and START=weights of the run before. The same
# command goes on
PRESET ?= gpu
START ?=
GPU ?= runs/$(PRESET)
MINUTES ?= 11.4
PIP = $(VENV)/bin/python -m pip install -q --disable-pip-version-check

# tables that `make constants` fits anew, all that a command fits where none is named; OPTIONS are its own, such as
# "--size 65 --quality fast --output constants.json" for a quick look that leaves the shipped file alone
TABLES ?=
OPTIONS ?=

# tests run in so many processes, of one thread each (tests/conftest.py); WORKERS=0 runs them in this one
WORKERS ?= 2
# an empty PYTHONDONTWRITEBYTECODE: or each of the many processes that tests start compiles all that it imports
PYTEST = PYTHONDONTWRITEBYTECODE= $(VENV)/bin/python -m pytest -q -n $(WORKERS) --dist worksteal

.PHONY: demo app demo-volume test check coverage evaluate bench constants gallery docs browser real-files train-gpu clean

demo: $(VENV)/.installed
	$(VENV)/bin/grainlight demo --output demo --force

app: $(VENV)/.installed-app
	$(VENV)/bin/grainlight app --demo

demo-volume: $(VENV)/.installed-volume
	rm -rf demo-volume
	$(VENV)/bin/grainlight synthesize --volume 9 --every 4 --scale 2 --size 97,97 --grain-size 14 --misalign 0.5 \
	  --output demo-volume
	$(VENV)/bin/grainlight volume check demo-volume/volume.csv --scale 2 --angles 0:180:10 --pl-step 0.5
	$(VENV)/bin/grainlight volume run demo-volume/volume.csv --scale 2 --angles 0:180:10 --pl-step 0.5 \
	  --quality fast --output demo-volume/restored

test: $(VENV)/.installed-dev browser
	$(PYTEST)

check: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check src tests benchmarks examples
	$(VENV)/bin/ruff format --check src tests benchmarks examples
	$(VENV)/bin/mypy
	$(PYTEST) -m "not slow"

# which lines of src the quick tests run, in this process and in those that they start
coverage: $(VENV)/.installed-dev browser
	$(VENV)/bin/coverage erase
	$(VENV)/bin/coverage run -m pytest -q -m "not slow"
	$(VENV)/bin/coverage combine -q
	$(VENV)/bin/coverage report

evaluate: $(VENV)/.installed
	$(VENV)/bin/grainlight evaluate --suite $(MAP) --json evaluation.json --output evaluation.md --force
	$(VENV)/bin/python -m benchmarks.bars evaluation.json

bench: $(VENV)/.installed-bench
	$(VENV)/bin/python -m benchmarks.peers.train --pixels $(PIXELS) --output runs/peers
	$(VENV)/bin/python -m benchmarks.side_by_side --output docs/benchmark --size 97 $(if $(MAP),--maps $(MAP))
	$(VENV)/bin/python -m benchmarks.speed --output docs/benchmark/speed.md
	$(VENV)/bin/python -m pytest -q benchmarks

constants: $(VENV)/.installed
	$(VENV)/bin/python -m benchmarks.constants $(TABLES) $(OPTIONS)

gallery: $(VENV)/.installed
	$(VENV)/bin/python examples/make.py docs/gallery

# The site, from docs/, the docstrings and tutorials that run; every warning is an error.
docs: $(VENV)/.installed-docs
	$(VENV)/bin/python -m sphinx -W --keep-going -q docs docs/_build/html

# The check first: what is wrong with the device shows in seconds.
train-gpu: $(VENV)/.installed
	rm -rf $(GPU)-check
	mkdir -p $(dir $(GPU))
	$(VENV)/bin/grainlight train --preset tiny --steps 3 --seed 1 --device cuda --output $(GPU)-check
	rm -rf $(GPU)-check
	$(VENV)/bin/grainlight train --preset $(PRESET) $(if $(START),--start $(START)) --minutes $(MINUTES) --seed 1 \
	  --device cuda --output $(GPU)

# The report and the page are tested in a real browser; where none can be had those tests say so and are skipped.
browser:
	@for one in "$$CHROMIUM" chromium chromium-browser google-chrome; do \
	  command -v "$$one" >/dev/null 2>&1 && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  (apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core) \
	    >/dev/null 2>&1 && exit 0; fi; \
	echo "no Chromium: the tests in a browser are skipped" >&2

# Real files that have a public address of their own, for the tests that read them; the others skip and say so.
real-files: $(VENV)/.installed-dev
	$(VENV)/bin/python -m tests.real_files

clean:
	rm -rf build dist demo demo-volume evaluation.json evaluation.md src/grainlight.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed: make PYTHON=python3.11 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# torch first and by its exact version, so that nothing else decides which build comes
$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(PIP) "$(TORCH)"
	$(PIP) -e .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/.installed
	$(PIP) -e ".[dev]"
	@touch $@

$(VENV)/.installed-volume: pyproject.toml | $(VENV)/.installed
	$(PIP) -e ".[volume]"
	@touch $@

$(VENV)/.installed-docs: pyproject.toml | $(VENV)/.installed
	$(PIP) -e ".[docs]"
	@touch $@

$(VENV)/.installed-app: pyproject.toml | $(VENV)/.installed
	$(PIP) -e ".[app]"
	@touch $@

$(VENV)/.installed-bench: pyproject.toml | $(VENV)/.installed
	$(PIP) -e ".[bench]"
	@touch $@
