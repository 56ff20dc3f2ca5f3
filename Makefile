# Each target shows the real commands. You can also type them yourself.
PYTHON ?= python3
BROWSER ?= yes
VENV := .venv
BIN := $(VENV)/bin
FOLDER ?= my-notebooks
JOBS ?= 2

.PHONY: lab tour slides gallery demo test quick browser check notebooks baseline picture pictures bench clean

lab: $(VENV)/installed-notebooks  ## open the notebooks in JupyterLab; BROWSER=no PORT=8890 opens no browser
	$(BIN)/quantlab doctor
	$(BIN)/quantlab lab $(FOLDER) $(if $(filter no,$(BROWSER)),--no-browser) $(if $(PORT),--port $(PORT))

tour: $(VENV)/installed-notebooks  ## run the whole lab in the terminal; ARGS="--seeds 5"
	$(BIN)/quantlab tour $(ARGS)

slides: $(VENV)/installed-notebooks build/npm/installed  ## write the lecture as a folder that opens offline
	$(BIN)/quantlab slides $(ARGS)

gallery: $(VENV)/installed-notebooks $(VENV)/installed-grading build/npm/installed  ## write the lessons as web pages
	$(BIN)/quantlab gallery $(ARGS)

demo: $(VENV)/installed-demo  ## serve the explorers as one page
	$(BIN)/quantlab demo $(if $(filter no,$(BROWSER)),--no-browser) $(if $(PORT),--port $(PORT))

test: $(VENV)/installed-dev check  ## run every test
	$(ONE_THREAD) $(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

quick: $(VENV)/installed-dev  ## run the tests that start no process, kernel, server or training
	$(ONE_THREAD) $(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m $(QUICK) --hypothesis-profile=quick $(ARGS)

browser: build/npm/installed build/axe/installed  ## fetch the libraries for the tests in Chromium

check: $(VENV)/installed-dev  ## check style, types, who imports whom, and that notebooks match their sources
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/quantlab build --check

notebooks: $(VENV)/installed-dev  ## build the notebooks from instructor/sources
	$(BIN)/quantlab build

baseline: $(VENV)/installed-notebooks  ## train the package's baseline again
	$(BIN)/python instructor/make_baseline.py

picture: tour  ## make the first picture of README.md again
	mkdir -p docs && cp build/tour/overview.png docs/tour.png

pictures: $(VENV)/installed-dev build/npm/installed build/axe/installed  ## make the other pictures of README.md again
	$(BIN)/python instructor/make_pictures.py

bench: $(VENV)/installed-bench  ## measure every claim; writes benchmarks/RESULTS.md
	$(ONE_THREAD) $(BIN)/python benchmarks/run.py $(ARGS)

clean:  ## remove everything that can be made again
	rm -rf $(VENV) build dist

# Several processes share the cores, so each gets one thread: more threads would slow all down.
ONE_THREAD := OMP_NUM_THREADS=1
QUICK := "not process and not training and not notebook and not browser"

# reveal.js and MathJax, with the versions and checksums of the lock file.
build/npm/installed: instructor/slides/package.json instructor/slides/package-lock.json
	mkdir -p $(@D) && cp $^ $(@D)
	cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund
	touch $@

# Libraries that only the browser tests load.
build/axe/installed: tests/browser/package.json tests/browser/package-lock.json
	mkdir -p $(@D) && cp $^ $(@D)
	cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund
	touch $@

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "quantlab needs Python 3.11 or newer; name one with: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "venv is missing: install the package python3-venv of your system, then try again"; exit 1; }

$(VENV)/installed-%: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[$*]"
	touch $@ $(if $(filter dev bench,$*),$(VENV)/installed-notebooks)  # both include the notebooks' dependencies
