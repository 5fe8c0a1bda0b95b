# Two commands for people: make demo, make test. Nothing is needed but Python 3.11 and make.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin

.PHONY: demo test check install lock fuzz faults clean

demo: .venv/.installed
	$(BIN)/lantian demo

test: check
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile

check: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest tests/test_house.py

# The long versions, half an hour to hours each: into docs/results/fuzz.md, faults.md and faults.json.
fuzz: .venv/.installed
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz.long --cases 104000 --write

faults: .venv/.installed
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.faults.long --points 20 --write

install: .venv/.installed

# torch first and pinned: a plain `torch` would bring several GB of CUDA packages on some machines.
.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and "Python 3.11 is needed")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet torch==2.13.0
	$(BIN)/pip install --quiet -c constraints.txt -e '.[train,postgres,oidc,scale,dev]'
	touch $@

# After a change of dependencies: what is installed now becomes the pinned set.
lock:
	$(BIN)/pip freeze --exclude-editable | sed 's/+cpu$$//' > constraints.txt

clean:
	rm -rf .venv var
