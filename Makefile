PYTHON ?= python3
UV ?= $(shell command -v uv || echo .uv/bin/uv)
QUESTION ?= What are the strongest arguments for and against carbon taxes?
export UV_PYTHON_DOWNLOADS ?= never

.PHONY: help demo test lint types wheel format clean
help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/'

.uv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit("fusion-graph needs Python 3.11 or later; set PYTHON=python3.12, say") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv .uv || { echo "this Python has no venv module: install it (Debian: apt-get install python3-venv) or install uv"; exit 1; }
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check uv

demo: $(filter .uv/bin/uv,$(UV))  ## install, and run one question through the whole graph
	@$(UV) sync --quiet --locked --python $(PYTHON)
	@.venv/bin/fusion ask --corpus examples/corpus "$(QUESTION)"

test: $(filter .uv/bin/uv,$(UV))  ## install what tests need, and run them all
	@$(UV) sync --quiet --locked --group dev --python $(PYTHON)
	@FUSION_TEST_GGUF=$$(PYTHON=$(PYTHON) bash .ci/fetch-test-model .cache) || echo "no small test model: tests of local models will be skipped"; \
	export FUSION_TEST_GGUF; .venv/bin/python -m pytest -n 2 --dist loadfile

lint: $(filter .uv/bin/uv,$(UV))  ## ruff: rules and formatting
	@$(UV) sync --quiet --locked --group dev --python $(PYTHON)
	.venv/bin/ruff check . && .venv/bin/ruff format --check .
	.venv/bin/python scripts/refresh_vendor.py --check

types: $(filter .uv/bin/uv,$(UV))  ## mypy --strict
	@$(UV) sync --quiet --locked --group dev --python $(PYTHON)
	.venv/bin/mypy

wheel: $(filter .uv/bin/uv,$(UV))  ## build the wheel and try it in an empty environment
	UV=$(UV) PYTHON=$(PYTHON) bash .ci/wheel

format: $(filter .uv/bin/uv,$(UV))  ## let ruff fix what it can
	.venv/bin/ruff check --fix . && .venv/bin/ruff format .

clean:  ## remove what the other targets made
	rm -rf .venv .uv dist .mypy_cache .ruff_cache .hypothesis .langgraph_api
