# linli. `make` alone lists the targets. Needs Python >= 3.11 and make; everything else goes into .venv/.

# The newest Python that really runs (a pyenv shim may not) and can make a virtual environment.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys, ensurepip, sqlite3, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; \
	done)

# jieba comes as source: build them the modern way with old pips too; no pip version notices.
export PIP_USE_PEP517 := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

BIN := .venv/bin
READY := .venv/.ready
ROOMS := bot classifier dialogs domain scheduler services storage texts

.DEFAULT_GOAL := help
.PHONY: help setup run test check format lock rights routes tickets bench clean

help: ## List the targets
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name text; do \
		printf '  make %-8s %s\n' "$$name" "$$text"; done

setup: $(READY) ## Make .venv/ with everything, from requirements.lock

run: setup ## Open the demo compound: a group chat in the terminal
	@$(BIN)/linli demo

test: setup ## Run all tests (more options: make test ARGS="-k polls")
	$(BIN)/pytest -n auto $(ARGS)

check: setup ## Lint, format, types, import contracts, database drift
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/linli db check

format: setup ## Format the code and mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: | $(BIN)/python ## Write requirements.lock anew (newer versions: make lock ARGS=--upgrade)
	@$(BIN)/uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
		--no-header --no-emit-index-url --no-emit-find-links --quiet -o requirements.lock $(ARGS)

rights: setup ## Write docs/rights.md from the table of rights
	@$(BIN)/python -c "from services.rights import table; print(table(), end='')" > docs/rights.md

routes: setup ## Write the table of who gets what first into docs/tickets.md
	@$(BIN)/python -c "from pathlib import Path; from services.responsibility import into; \
		page = Path('docs/tickets.md'); page.write_text(into(page.read_text('utf-8')), 'utf-8')"

tickets: setup ## Write the states, acts and limits of tickets into docs/tickets.md
	@$(BIN)/python -c "from pathlib import Path; from services.ticket_table import into; \
		page = Path('docs/tickets.md'); page.write_text(into(page.read_text('utf-8')), 'utf-8')"

bench: setup ## List the benchmarks
	@for file in benchmarks/[a-z]*.py; do if [ -f "$$file" ]; then \
		printf '  $(BIN)/python -m benchmarks.%-10s %s\n' "$$(basename $$file .py)" "$$(sed -n '1s/^"""\([^"]*\).*/\1/p' "$$file")"; fi; done

clean: ## Remove .venv/ and all caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@if [ -z "$(PYTHON)" ]; then echo "linli needs Python 3.11 or newer with venv and sqlite3; none was found." \
		"Install one (Debian: apt install python3 python3-venv), or name it: make setup PYTHON=/path/to/python3" >&2; exit 1; fi
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) does not run or is older than Python 3.11." >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv

$(READY): pyproject.toml requirements.lock | $(BIN)/python
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q .venv/lib $(ROOMS) # the first start should not have to compile
	@touch $@
