# Every target makes its own environment in .venv: Python 3.10 to 3.13 is all it needs.
# Another interpreter: make test PYTHON=python3.12

PYTHON ?= python3
RUN := .venv/bin/python
STAMP := .venv/.installed

# The environment is ours alone, whatever the caller has activated.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME
export PYTHONNOUSERSITE := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test lint format benchmark picture

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

demo: $(STAMP) ## draw faces, train on them, evaluate, write an overlay video (6 to 12 minutes)
	$(RUN) examples/demo.py

test: $(STAMP) ## run the tests (4 to 6 minutes)
	$(RUN) -m pytest --numprocesses auto

lint: $(STAMP) ## check style
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

format: $(STAMP) ## mend style
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

benchmark: $(STAMP) ## print the speed of training, of the data pipeline and of the tracker
	$(RUN) -m benchmarks.speed.training
	$(RUN) -m strrn_tf benchmark --model strrn-mdm
	$(RUN) -m strrn_tf benchmark --model strrn-hgn

picture: $(STAMP) ## draw the picture of the README again
	$(RUN) examples/readme_picture.py

$(STAMP): pyproject.toml setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "strrn needs Python 3.10 to 3.13; $(PYTHON) is $$($(PYTHON) --version 2>&1)." \
	    "Name another one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	@# Older ones cannot install a project with pyproject.toml in place.
	$(RUN) -m pip install --quiet "pip>=23"
	$(RUN) -m pip install --quiet --editable ".[dev]" --constraint constraints.txt
	@touch $@
