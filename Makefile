# Every target makes its own environment in .venv: Python 3.10 to 3.13 is all it needs.
# Another interpreter: make test PYTHON=python3.12

PYTHON ?= python3
RUN := .venv/bin/python
# The demo needs less than the tests, and installs less.
TRAIN := .venv/.train
DEV := .venv/.dev
WEB := web/node_modules/.installed

# The environment is ours alone, whatever the caller has activated.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME
export PYTHONNOUSERSITE := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo demo-training test lint format benchmark picture shipped
.PHONY: web web-serve test-web node
# Two targets must not install into .venv at once.
.NOTPARALLEL:

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 22

demo: $(TRAIN) ## track a drawn clip, teach a model drawn clips, compare (at most 5 minutes)
	$(RUN) examples/demo.py

demo-training: $(TRAIN) ## train from nothing on drawn faces, evaluate, track (about 20 minutes)
	$(RUN) examples/demo_training.py

test: $(DEV) ## run the tests
	$(RUN) -m pytest --numprocesses auto

lint: $(DEV) ## check style
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

format: $(DEV) ## mend style
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

benchmark: $(TRAIN) ## print the speed of training, of the data pipeline and of the tracker
	$(RUN) -m benchmarks.speed.training
	$(RUN) -m strrn_tf benchmark --model strrn-mdm
	$(RUN) -m strrn_tf benchmark --model strrn-hgn

MODEL ?= strrn-fast
shipped: $(TRAIN) ## train a shipped model from nothing, hours: MODEL=strrn-fast DATA=DIR
	@test -n "$(MODEL)" -a -n "$(DATA)" || { \
	  echo "Say which model and where the data are: make shipped MODEL=strrn-fast DATA=DIR" >&2; exit 1; }
	$(RUN) -m benchmarks.models.train_shipped $(MODEL) --data "$(DATA)"

picture: $(TRAIN) ## draw the picture of the README again
	$(RUN) examples/readme_picture.py

web: $(WEB) ## build the page for browsers and the package strrn-web (Node 20 or later)
	$(RUN) -m strrn_tf.commands.web.constants web/src/exported.js
	cd web && npm run --silent build

web-serve: web ## serve the page by HTTPS to phones in the same network
	cd web && npm run --silent serve

test-web: $(DEV) ## run the tests of the page, as far as Node and Chromium can be had
	@web/scripts/test.sh $(RUN)

# Asked before 2.5 GB are installed for Python.
node:
	@major=$$(node --version 2>/dev/null | sed -E 's/^v([0-9]+).*/\1/'); \
	[ "$${major:-0}" -ge 20 ] && command -v npm >/dev/null || { \
	  echo "The page needs Node 20 or later, and npm: https://nodejs.org" >&2; exit 1; }

$(WEB): web/package.json web/package-lock.json | node $(TRAIN)
	cd web && npm ci --silent
	@touch $@

$(TRAIN) $(DEV): .venv/.%: pyproject.toml setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "strrn needs Python 3.10 to 3.13; $(PYTHON) is $$($(PYTHON) --version 2>&1)." \
	    "Name another one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	@# Older ones cannot install a project with pyproject.toml in place.
	$(RUN) -m pip install --quiet "pip>=23"
	@echo "Installing into .venv: 2.5 GB; 1 to 2 minutes where the network is fast ..."
	@# Python compiles a module when it is first used, which is a fraction of them.
	$(RUN) -m pip install --quiet --no-compile --editable ".[$*]" --constraint constraints.txt
	@touch $@
