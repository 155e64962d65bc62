# make demo | test | lint | bench | install. Everything goes into .venv; nothing needs root.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: install demo test lint bench clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Atlas needs Python 3.11 or newer; set PYTHON=")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25'
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $(STAMP)

demo: install
	$(BIN)/atlas run pipelines/quickstart.yaml

test: install
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/atlas library lint concept_library

DATA ?= ../shared/data
bench: install
	$(BIN)/python benchmarks/segmentation.py --data $(DATA)
	$(BIN)/python benchmarks/tagging.py --data examples/corpus
	$(BIN)/python benchmarks/annotate.py --data runs/quickstart
	$(BIN)/python benchmarks/annotator_views.py --data runs/quickstart

clean:
	rm -rf runs .pytest_cache .mypy_cache .ruff_cache
