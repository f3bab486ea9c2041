# Everything from nothing: each target makes its own virtual environment first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO ?= demo-run

.PHONY: install demo test lint docs release bench clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[torch,cluster,docs,dev]'
	touch $(STAMP)

demo: $(STAMP)
	$(BIN)/rarecase run --preset demo --out $(DEMO)

test: $(STAMP)
	$(BIN)/python -m pytest -n auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python tools/structure.py --totals

docs: $(STAMP)
	rm -rf build/docs
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going -d build/docs/doctrees docs build/docs/html
	$(BIN)/python tools/links.py build/docs/html

release: $(STAMP)
	rm -rf build/lib dist
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt build twine
	$(BIN)/python -m build --outdir dist
	$(BIN)/python -m twine check --strict dist/*
	$(BIN)/python tools/wheel.py dist

bench: $(STAMP)
	$(BIN)/python benchmarks/augmentation.py
	$(BIN)/python benchmarks/unet_precision.py

clean:
	rm -rf $(VENV) $(DEMO) build dist src/*.egg-info
