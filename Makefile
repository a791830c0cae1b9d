# One virtual environment serves every target; it is made and filled when a target first needs it, and again when a
# lock file changed. Packages come from wherever pip is configured to look, and only with the hashes of the lock. Python
# compiles what is used when it is used: that is a third of it, and a minute less to wait.

# Where that is switched off, every process would compile everything again, for longer than many a test takes.
unexport PYTHONDONTWRITEBYTECODE

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
IS_311 := -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'
PYTHON ?= $(shell for p in python3.11 python3 python; do $$p $(IS_311) 2>/dev/null && echo $$p && break; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input install --no-compile
COMPILE := uv pip compile --python-version 3.11 --no-emit-index-url --no-emit-find-links --generate-hashes
TENSORFLOW = $(shell sed -n 's/^tensorflow==\([^ ]*\).*/\1/p' requirements.lock)
MLFLOW = $(shell sed -n 's/^mlflow==\([^ ]*\).*/\1/p' requirements.lock)

REVISION := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
ENGINE ?= docker
TARGET ?= cpu
IMAGE ?= unforeseen:$(REVISION)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help install run test test-image bench bench-serving fuzz-serving image sbom golden lint format lock clean

help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(VENV)/run.stamp $(VENV)/project.stamp ## Install the command .venv/bin/unforeseen

run: $(VENV)/run.stamp $(VENV)/project.stamp ## Install, then run the whole pipeline on the built-in walkway into runs/walkway
	$(BIN)/unforeseen run --out runs/walkway --set training.epochs=2

# While types are checked on one core, the other imports what the tests do: Python compiles it once, not in both of them.
test: $(VENV)/dev.stamp $(VENV)/project.stamp ## Install, then check style and types and run every test
	@$(BIN)/python -m pytest -n 0 --collect-only -qq >/dev/null 2>&1 & $(MAKE) --no-print-directory lint; status=$$?; wait; exit $$status
	$(BIN)/python -m pytest -n 2

bench: $(VENV)/run.stamp $(VENV)/project.stamp ## Measure training, inference, preprocessing and the pipeline's own overhead
	$(BIN)/python -m pipelines.bench

image: ## Build the image: TARGET=cpu, gpu or mlflow, IMAGE=name:tag, ENGINE=docker or podman, BASE=another base image
	$(ENGINE) build $(if $(findstring podman,$(ENGINE)),--format docker) -f Dockerfile.gpu --target $(TARGET) -t $(IMAGE) --build-arg REVISION=$(REVISION) \
		$(if $(BASE),--build-arg BASE=$(BASE)) $(BUILD_FLAGS) .

test-image: image $(VENV)/dev.stamp $(VENV)/project.stamp ## Build the image as above, and run the whole pipeline in it: minutes
	UNFORESEEN_IMAGE=$(IMAGE) UNFORESEEN_ENGINE=$(ENGINE) $(BIN)/python -m pytest -n 0 -v tests/pipelines/test_containers.py

sbom: $(VENV)/run.stamp $(VENV)/project.stamp ## List what is installed, and under which licences, into build/
	$(BIN)/python .ci/sbom.py build

bench-serving: $(VENV)/run.stamp $(VENV)/project.stamp ## Measure what the service adds to the detector, and what it does under too much load
	$(BIN)/python -m pipelines.bench.serving

fuzz-serving: $(VENV)/dev.stamp $(VENV)/project.stamp ## Send ten thousand malformed requests to a real server
	UNFORESEEN_FUZZ=10000 $(BIN)/python -m pytest -n 0 -s tests/serving/test_fuzz.py

golden: $(VENV)/dev.stamp $(VENV)/project.stamp ## Write anew how each profile places the pipeline; read the diff
	UNFORESEEN_GOLDEN=1 $(BIN)/python -m pytest -n 0 tests/pipelines/test_compile.py

lint: $(VENV)/dev.stamp $(VENV)/project.stamp ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/dev.stamp ## Write the style that lint expects
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: ## Write the lock files anew from pyproject.toml; needs uv
	$(COMPILE) pyproject.toml -o requirements.lock
	$(COMPILE) --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	echo 'tensorflow-cpu==$(TENSORFLOW)' | $(COMPILE) --no-deps --no-header - -o requirements-cpu.lock
	echo 'tensorflow[and-cuda]==$(TENSORFLOW)' | $(COMPILE) --no-header -c requirements.lock - -o requirements-gpu.lock
	printf 'mlflow[auth]==$(MLFLOW)\nboto3\npsycopg2-binary\n' | $(COMPILE) --no-header -c requirements.lock - -o requirements-mlflow.lock

clean: ## Remove the virtual environment and every cache; runs/ stays
	rm -rf $(VENV) build unforeseen.egg-info .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# A stamp is written last, so an installation that was interrupted is done again.
$(VENV)/python.stamp:
	@"$(PYTHON)" $(IS_311) 2>/dev/null || { echo "expected Python 3.11: install it, or name one with make PYTHON=/path/to/python3.11. Received: $(or $(PYTHON),none on PATH)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/run.stamp: requirements.lock $(VENV)/python.stamp
	$(PIP) --require-hashes -r requirements.lock
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock $(VENV)/python.stamp
	$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

# setuptools, which builds the project, is in both locks; whichever is installed first serves.
$(VENV)/project.stamp: pyproject.toml | $(VENV)/python.stamp
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@
