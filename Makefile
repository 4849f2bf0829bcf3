# Two commands: `make demo` and `make test`. Both make .venv first, and only when pyproject.toml
# has changed since.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint clean

demo: $(VENV)/demo.stamp
	$(BIN)/python examples/demo.py demo

test: $(VENV)/dev.stamp lint
	$(BIN)/python -m pytest -n 2

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# the development extras hold all that the demo needs
$(VENV)/demo.stamp: pyproject.toml
	@test $(VENV)/dev.stamp -nt pyproject.toml || \
	  { $(PYTHON) -m venv $(VENV) && $(BIN)/pip install -q -e '.[cpu,demo]'; }
	@touch $@

$(VENV)/dev.stamp: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -e '.[cpu,heic,demo,dev]'
	@touch $@

clean:
	rm -rf $(VENV) demo
