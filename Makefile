# Two commands for everybody: `make book` and `make test`. Each sets up what it needs in .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

export TF_CPP_MIN_LOG_LEVEL = 3

.PHONY: book pdf notebooks test lint clean

book: $(READY)
	$(BIN)/python book/build.py

pdf: book
	$(BIN)/python book/pdf.py

notebooks: $(READY)
	PYTHONPATH=book $(BIN)/python -m notebooks

test: $(READY) lint
	$(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# pip would compile on one core. Some packages come with files that are not meant for this Python, and fail to compile.
$(READY): requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "Python 3.11 to 3.13 is needed, but this is " + sys.version.split()[0] + ": make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -r requirements.txt
	$(BIN)/python -m compileall -qq -j 0 $(VENV) || true
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

clean:
	rm -rf _build $(VENV)
