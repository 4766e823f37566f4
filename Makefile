# Everything a developer runs. `make` alone lists the targets; nothing is needed but Python and make.

VENV := .venv
BIN := $(VENV)/bin
# Rewritten whenever the environment is brought up to date; newer sources make it stale.
STAMP := $(VENV)/.installed
PYTHONS := python3 python3.13 python3.12 python3.11
# Arguments handed on to pytest: make test PYTEST_ARGS="-k neo4j -x"
PYTEST_ARGS ?=
LOCK_ARGS ?=

.PHONY: help setup demo test suite lint style types bench bench-quality soak screenshots lock clean
.DEFAULT_GOAL := help

help: ## List the targets
	@echo "Linkspan: cross-domain recommendations that live in your knowledge graph"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

setup: $(STAMP) ## Make the local environment (the other targets do it by themselves)

$(BIN)/uv:
	@set -e; if [ ! -x $(BIN)/python ]; then \
		for python in $(PYTHONS); do \
			"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
			echo "Making $(VENV) with $$("$$python" --version)"; \
			"$$python" -m venv $(VENV) && break; \
			rm -rf $(VENV); \
			echo "$$python has no working 'venv' (on Debian and Ubuntu: apt-get install python3-venv)" >&2; \
			exit 1; \
		done; \
		test -x $(BIN)/python || { \
			echo "Linkspan needs Python 3.11 or later; none of these is: $(PYTHONS)" >&2; exit 1; }; \
	fi
	@$(BIN)/python -m pip install --quiet uv

$(STAMP): requirements.lock pyproject.toml | $(BIN)/uv
	@echo "Installing what Linkspan needs (the first time downloads some gigabytes)"
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP) ## Books from eight domains, from files to recommendations, in a few minutes
	@$(BIN)/linkspan demo

# Three at a time, each with its own servers and one thread: threads of two trainings wait for each other,
# and on two cores a third uses the time in which the others wait for a server.
test: $(STAMP) ## All checks; also on the real Neo4j where java (17 or 21) and mvn are there
	@$(MAKE) --no-print-directory -j2 lint suite

suite: $(STAMP)
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

lint: style types ## ruff and mypy --strict

style: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/python .ci/typecheck.py

bench: $(STAMP) ## Run every benchmark, each beside what it is compared with
	@set -e; for script in benchmarks/[a-z]*.py; do \
		echo "== $$script"; $(BIN)/python "$$script"; \
	done

bench-quality: $(STAMP) ## Quality on five data sets, 3 seeds, into docs/ (data: LINKSPAN_DATA)
	$(BIN)/python benchmarks/quality.py

soak: $(STAMP) ## The long counts: 50 kills of ingest a server, whole data sets; log in docs/soak.log
	@mkdir -p build
	LINKSPAN_SOAK=1 $(BIN)/pytest -v -s --no-header -W ignore -m soak tests > build/soak.log; \
		status=$$?; cat build/soak.log; test $$status -eq 0 && cp build/soak.log docs/soak.log

screenshots: $(STAMP) ## The pictures of the explore page in docs/, after `make demo` (needs Chromium)
	$(BIN)/python .ci/screenshots.py

lock: $(BIN)/uv ## Bring requirements.lock in line with pyproject.toml (newest: LOCK_ARGS=--upgrade)
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --all-extras \
		--custom-compile-command "make lock" $(LOCK_ARGS) pyproject.toml -o requirements.lock

clean: ## Remove everything that was built, the environment too
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
