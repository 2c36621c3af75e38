# Everything a person does with a clone. Needs Python 3.11 to 3.13, git and make.
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory
BIN := .venv/bin
STACK := $(BIN)/python -m stack
# Each file of tests has servers and databases of its own. More workers than cores: much of it is waiting.
SIDE_BY_SIDE := --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help install up down status env demo test test-e2e check bench dictionary lock clean

help:  ## show this
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo '  eval "$$(make -s env)"  lets this shell use `airflow` against the running stack. A connection exported'
	@echo '                       before `make up`, such as AIRFLOW_CONN_SALESFORCE_DEFAULT, is used instead of the'
	@echo '                       local one: that is how to point one connection at a real system.'
	@echo '  PYTHON=…             which Python to build the environment with, from 3.11 to 3.13'
	@echo '  CRM_STACK_HOME=…     another folder for the stack (default .stack)'
	@echo '  CRM_SANDBOX_SIZE=…   opportunities of a new sandbox org (default 10000, about 110,000 records in all)'

install:  ## create .venv from requirements/lock.txt; the others do it when needed
	@sh stack/install.sh

up: install  ## start sandbox, local warehouse and Airflow, or what is missing of them
	@$(STACK) up

down:  ## stop all of it; data is kept in .stack
	@if [ -x $(BIN)/python ]; then $(STACK) down; else echo "nothing was running"; fi

status: install  ## what runs, and whether it answers
	@$(STACK) status

env: install  ## print export lines for the shell
	@$(STACK) env

demo: install  ## run everything once with live progress and print what happened; the stack stays up
	@$(STACK) demo

test: install  ## the test suite that runs while you wait
	@$(BIN)/pytest $(SIDE_BY_SIDE) -n 3

test-e2e: install  ## whole runs, the real scheduler, faults and kills; takes some 30 minutes
	@$(BIN)/pytest -m e2e $(SIDE_BY_SIDE) -n 3 --timeout 1200

check: install  ## formatter, linter, types, import contracts, links of the docs
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@PYTHONPATH=plugins:. $(BIN)/lint-imports
	@$(BIN)/python .ci/check_links.py

dictionary: install  ## docs/data-dictionary.md from the org that the running stack moves
	@eval "$$($(STACK) env)" && PYTHONPATH=plugins $(BIN)/python -m crm_patterns dictionary docs/data-dictionary.md

bench: install  ## the benchmarks
	@PYTHONPATH=plugins:. $(BIN)/python -m benchmarks

lock: install  ## requirements/lock.txt from requirements.txt and requirements/local.in; pins that still fit are kept
	@.venv/.uv/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --quiet \
		--output-file requirements/lock.txt requirements/local.in

clean: down  ## remove the local stack with its data, and the caches; .venv is kept
	@rm -rf "$${CRM_STACK_HOME:-.stack}" .pytest_cache .mypy_cache .ruff_cache .import_linter_cache htmlcov .coverage
