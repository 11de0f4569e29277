# Everything starts from a bare Python 3.11 or later: `make demo`, `make test`.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin

.PHONY: demo test lint bench lock screenshots zendesk-app clean
.DEFAULT_GOAL := help

help:
	@echo "make demo   the whole thing on loopback, without an account: open the address that it prints"
	@echo "make test   linters, type checker and every test"
	@echo "make bench  how fast it is, as ratios within one run"
	@echo "make zendesk-app   the app to upload to Zendesk: dist/beforehand-zendesk.zip"
	@echo "make .venv  only the environment; the command is then .venv/bin/beforehand"

.venv: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Beforehand needs Python 3.11 or later on the PATH"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch .venv

.venv/dev: .venv requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch .venv/dev

demo: .venv
	$(BIN)/beforehand demo

test: lint
	$(BIN)/python -m pytest -q --numprocesses auto --maxprocesses 4 --dist loadfile

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/dev
	$(BIN)/python -m bench

zendesk-app: .venv
	$(BIN)/python -m manifests.build_zendesk_app dist/beforehand-zendesk.zip

# The pictures of the main states in docs/screenshots: taken by the browser tests, in Debian's Chromium.
screenshots: .venv/dev
	$(BIN)/python -m tests.browser.take_screenshots

# Refresh the pinned versions (needs uv). No index address is written into the files.
lock:
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url pyproject.toml requirements-build.in -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --group dev -c requirements.lock -o requirements-dev.lock

clean:
	rm -rf .venv var dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
