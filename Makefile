# Set-up and the everyday commands. Nothing is installed outside this folder:
# .tools/ holds uv, .venv/ the application (Python 3.11 or newer), bot/rasa/.venv/ Rasa (Python 3.10, its last).
UV_VERSION = 0.13.9
PYTHON = python3

UV = .tools/bin/uv
UV_STAMP = .tools/uv-$(UV_VERSION).stamp
APP_STAMP = .venv/app.stamp
DEV_STAMP = .venv/dev.stamp
RASA_STAMP = bot/rasa/.venv/rasa.stamp
APP_PYTHON = .venv/bin/python
RASA_PYTHON = bot/rasa/.venv/bin/python

# The files are complete and hashed: nothing is resolved again. --no-deps is what lets Rasa's environment do without the
# packages that bot/rasa/overrides.in takes out.
INSTALL = $(UV) pip install --quiet --no-deps --require-hashes
COMPILE = $(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url

SHELL = /bin/sh
.DELETE_ON_ERROR:
.PHONY: help run setup test check format audit bench lock

help: ## this list
	@echo "make run      set up what is missing and start Rapport on http://127.0.0.1:8000 (PORT=8001 make run: elsewhere)"
	@echo "make test     every test (ARGS='-k words' narrows it)"
	@echo "make check    formatting, lint, types, known vulnerabilities"
	@echo "make format   write the formatting that make check asks for"
	@echo "make bench    measure; figures go to bench/results/"
	@echo "make lock     compile the requirement files anew (ARGS=--upgrade: newer versions)"
	@echo "make setup    only set up"

# exec: Ctrl-C on make reaches the command once, and nothing stays behind between the two.
run: $(APP_STAMP) $(RASA_STAMP)
	@exec .venv/bin/rapport up

setup: $(APP_STAMP) $(DEV_STAMP) $(RASA_STAMP)
	@echo "everything is set up"

# Side by side: the tests of one running stack, and beside them those that need no more than a store and a browser.
test: setup
	@.venv/bin/pytest -n auto $(ARGS)

check: $(DEV_STAMP)
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	@$(APP_PYTHON) .ci/audit.py requirements/app.txt

format: $(DEV_STAMP)
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

bench: setup
	@mkdir -p bench/results; failed=; \
	for file in bench/[!_]*.py; do \
	  name=$$(basename $$file .py); echo "bench: $$name"; \
	  $(APP_PYTHON) -m bench.$$name || failed="$$failed $$name"; \
	done; \
	if [ -n "$$failed" ]; then echo "bench: failed:$$failed" >&2; exit 1; fi

lock: $(UV_STAMP)
	$(COMPILE) --python-version 3.11 requirements/app.in -o requirements/app.txt $(ARGS)
	$(COMPILE) --python-version 3.11 requirements/dev.in -o requirements/dev.txt $(ARGS)
	$(COMPILE) --python-version 3.10 --override bot/rasa/overrides.in bot/rasa/requirements.in -o bot/rasa/requirements.txt $(ARGS)

# A stamp is newer than what was installed from, so nothing is done twice; it lies in what it vouches for, so that
# deleting an environment is all it takes to have it made anew.
$(UV_STAMP):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null || { \
	  echo "make: no Python 3.8 or newer answers to '$(PYTHON)'." >&2; \
	  echo "Mend: install one (Debian: apt-get install python3 python3-venv), or say where it is: make PYTHON=/path/to/python3 $(MAKECMDGOALS)" >&2; \
	  exit 1; }
	@echo "setting up .tools: uv $(UV_VERSION)"
	@$(PYTHON) -m venv .tools || { \
	  echo "Mend: Python's venv module is missing or broken (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@rm -f .tools/uv-*.stamp; touch $@

$(APP_PYTHON): | $(UV_STAMP)
	@echo "setting up .venv: the application's Python"
	@$(UV) venv --quiet --clear --no-python-downloads --python 3.11 .venv 2>/dev/null \
	  || $(UV) venv --quiet --clear --no-python-downloads --python '>=3.11' .venv 2>/dev/null \
	  || $(UV) venv --quiet --clear --python 3.11 .venv || { \
	  echo "make: the application needs Python 3.11 or newer, and none was found or could be fetched." >&2; \
	  echo "Mend: install one (pyenv install 3.11; Debian: apt-get install python3.11), then the same make again" >&2; \
	  exit 1; }

$(RASA_PYTHON): | $(UV_STAMP)
	@echo "setting up bot/rasa/.venv: Rasa's Python 3.10"
	@$(UV) venv --quiet --clear --no-python-downloads --python 3.10 bot/rasa/.venv 2>/dev/null \
	  || $(UV) venv --quiet --clear --python 3.10 bot/rasa/.venv || { \
	  echo "make: Rasa needs Python 3.10, and it was not found and could not be fetched." >&2; \
	  echo "Mend: install it beside your own (pyenv install 3.10; Debian: apt-get install python3.10), then the same make again" >&2; \
	  exit 1; }

$(APP_STAMP): requirements/app.txt pyproject.toml | $(UV_STAMP) $(APP_PYTHON)
	@echo "setting up .venv: requirements/app.txt"
	@$(INSTALL) --python $(APP_PYTHON) -r requirements/app.txt
	@$(UV) pip install --quiet --python $(APP_PYTHON) --no-deps --no-build-isolation -e .
	@touch $@

$(DEV_STAMP): requirements/dev.txt $(APP_STAMP)
	@echo "setting up .venv: requirements/dev.txt"
	@$(INSTALL) --python $(APP_PYTHON) -r requirements/dev.txt
	@touch $@

$(RASA_STAMP): bot/rasa/requirements.txt | $(UV_STAMP) $(RASA_PYTHON)
	@echo "setting up bot/rasa/.venv: bot/rasa/requirements.txt (1.8 GB, the longest part)"
	@$(INSTALL) --python $(RASA_PYTHON) -r bot/rasa/requirements.txt
	@touch $@
