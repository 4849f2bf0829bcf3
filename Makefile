# Two commands: `make demo` and `make test`. Both make .venv first, and only when pyproject.toml
# has changed since. `make test-numeric` and `make test-oldest` test other machines than this one.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OLDEST := .venv-oldest

.PHONY: demo test test-numeric test-oldest lint clean

demo: $(VENV)/demo.stamp
	$(BIN)/python examples/demo.py demo

test: $(VENV)/dev.stamp lint
	$(BIN)/python -m pytest -n 2

# what depends on how numbers are added up, once more as on a processor without vector instructions
test-numeric: $(VENV)/dev.stamp
	ATEN_CPU_CAPABILITY=default ONEDNN_MAX_CPU_ISA=SSE41 MKL_ENABLE_INSTRUCTIONS=SSE4_2 \
	  $(BIN)/python -m pytest -n 2 -m numeric

# the oldest versions that pyproject.toml allows, in an environment of their own (8 GB)
test-oldest: $(OLDEST)/stamp
	$(OLDEST)/bin/python -m pytest -n 2

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	MYPY_NUM_WORKERS=2 $(BIN)/mypy
	$(BIN)/lint-imports

# the development extras hold all that the demo needs
$(VENV)/demo.stamp: pyproject.toml
	@test $(VENV)/dev.stamp -nt pyproject.toml || \
	  { $(PYTHON) -m venv $(VENV) && $(BIN)/pip install -q -e '.[cpu,demo,serve]'; }
	@touch $@

$(VENV)/dev.stamp: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -e '.[cpu,heic,demo,dev]'
	@touch $@

$(OLDEST)/stamp: pyproject.toml tests/oldest.txt
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/pip install -q -c tests/oldest.txt -e '.[cpu,heic,demo,dev]'
	@touch $@

clean:
	rm -rf $(VENV) $(OLDEST) demo
