# make run, make test: everything else follows from these two
PYTHON ?= python3
PORT ?= 8501
BIN := .venv/bin

.PHONY: run test setup lint clean

run: .venv/.runs
	$(BIN)/python -m audiogan app --port $(PORT)

test: .venv/.tests
	$(BIN)/python -m pytest

setup: .venv/.runs

lint: .venv/.tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# a stamp is written only after a whole installation, so that a broken one is done again
.venv/.runs: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "audiogan needs Python 3.11 or newer; name one with: make run PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/.tests: requirements-dev.txt .venv/.runs
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

clean:
	rm -rf .venv build dist *.egg-info
