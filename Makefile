PYTHON ?= python3
UV ?= $(shell command -v uv || echo .uv/bin/uv)
QUESTION ?= What are the strongest arguments for and against carbon taxes?
export UV_PYTHON_DOWNLOADS ?= never

.PHONY: help demo test fuzz lint types wheel format clean
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
	@UV_PROJECT_ENVIRONMENT=.venv-fuzz $(UV) sync --quiet --locked --only-group fuzz --python $(PYTHON)
	@if command -v npm >/dev/null; then npm ci --silent --prefix tests/api/node --no-audit --no-fund; else echo "no npm: the test with OpenAI's Node client will be skipped"; fi
	@FUSION_TEST_GGUF=$$(PYTHON=$(PYTHON) bash .ci/fetch-test-model .cache) || echo "no small test model: tests of local models will be skipped"; \
	export FUSION_TEST_GGUF; .venv/bin/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

fuzz: $(filter .uv/bin/uv,$(UV))  ## send the HTTP API what its OpenAPI document allows and forbids
	@UV_PROJECT_ENVIRONMENT=.venv-fuzz $(UV) sync --quiet --locked --only-group fuzz --python $(PYTHON)
	.venv-fuzz/bin/python tests/api/fuzz.py --examples 60 --seconds 4

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
	rm -rf .venv .venv-fuzz .uv tests/api/node/node_modules dist .mypy_cache .ruff_cache .hypothesis .langgraph_api
