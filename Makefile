# One command per habit. Every target makes what it needs: `make test` works from a clean checkout.
PYTHON ?= python3
VENV ?= .venv
TORCH ?= torch==2.13.0
# a full map for `make evaluate`; a synthetic section if empty
MAP ?=
PIP = $(VENV)/bin/python -m pip install -q --disable-pip-version-check

.PHONY: demo test check evaluate clean

demo: $(VENV)/.installed
	$(VENV)/bin/grainlight demo --output demo --force

test: $(VENV)/.installed-dev
	$(VENV)/bin/python -m pytest -q

check: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check src tests
	$(VENV)/bin/ruff format --check src tests
	$(VENV)/bin/mypy
	$(VENV)/bin/python -m pytest -q -m "not slow"

evaluate: $(VENV)/.installed
	$(VENV)/bin/grainlight evaluate $(MAP)

clean:
	rm -rf build dist demo src/grainlight.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

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
