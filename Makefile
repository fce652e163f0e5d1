# The two that matter: `make run` and `make test`. The work is done by scripts/, which need nothing but Python 3.11.
# Another interpreter: make PYTHON=/path/to/python3.12 run. Another environment: VENV=/path make run.
# Tried, not only looked for: a pyenv shim may be there without its Python.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
VENV ?= .venv
VENV_PYTHON = $(VENV)/bin/python
export VENV
BENCHMARKS = sam_parity interactive_quality zoom_to_refine embedding_wire decoder_browser click_to_mask workbench annotator_sim

.DEFAULT_GOAL := help
.PHONY: help run test test-fast lint format setup worker doctor passwords bench need-python

help: ## this list
	@echo "Maskwright. Environment: HOST, PORT, DATA_DIR, MASKWRIGHT_DEMO_PASSWORD, WORKERS, VENV"
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

run: need-python ## set everything up and start the site; Ctrl-C stops it
	@$(PYTHON) -m scripts.run

test: need-python ## install what the suite needs and run all of it
	@$(PYTHON) -m scripts.test

test-fast: need-python ## without the browser and without what is slow: a few minutes
	@$(PYTHON) -m scripts.test --fast

lint: need-python ## layout, faults and types of the code
	@$(PYTHON) -m scripts.test --lint

setup: need-python ## install everything, start nothing
	@$(PYTHON) -m scripts.install test training

format: $(VENV_PYTHON) ## let ruff and prettier lay out the code
	@$(VENV_PYTHON) -m ruff check --fix . && $(VENV_PYTHON) -m ruff format . && npm run --silent format

worker: $(VENV_PYTHON) ## one more worker, in the foreground
	@$(VENV_PYTHON) manage.py worker

doctor: $(VENV_PYTHON) ## look for what is wrong, one line each
	@$(VENV_PYTHON) manage.py doctor

passwords: $(VENV_PYTHON) ## new passwords for the demo logins
	@$(VENV_PYTHON) manage.py reset_demo_password

bench: $(VENV_PYTHON) ## every benchmark, one after the other
	@for name in $(BENCHMARKS); do echo "=== $$name"; $(VENV_PYTHON) -m "benchmarks.$$name" || exit 1; done

need-python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 is missing. Debian, Ubuntu: apt-get install python3.11 python3.11-venv" >&2; exit 1; }

$(VENV_PYTHON):
	@echo "Nothing is installed yet: make setup" >&2; exit 1
