# make run         everything on this machine, in one command: http://127.0.0.1:8000 (PORT=... for another port)
# make test        lint, types, contracts, tests; browser tests in $CHROMIUM or a Chromium/Chrome that is found
# make acceptance  the full starter study in a browser, then a study that is watched, changed, proved and repeated
# make models      small trained models that are optional: MiniLM for sentence vectors (90 MB), SmolLM2-135M-Instruct (540 MB)
# make lint | format | lock | clean
# TORCH_INDEX=https://download.pytorch.org/whl/cpu chooses another build of torch (docs/install.md)

PYTHON ?= python3
TORCH_INDEX ?=
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check
export OMP_NUM_THREADS ?= 1
export PYTHONUNBUFFERED := 1
SELECTED := -m "not acceptance and not models" -rs

# The name of a stamp holds the hash of what was installed: an unchanged lock installs nothing.
hash = $(firstword $(shell cat $(1) | sha256sum))
INSTALLED := $(VENV)/installed-$(call hash,requirements.lock)
INSTALLED_DEV := $(VENV)/installed-dev-$(call hash,requirements.lock requirements-dev.lock)

.PHONY: run install install-dev models test test-in-background test-domain test-application acceptance lint format lock browser clean

run: $(INSTALLED)
	@exec $(PY) -m chimera.launch

install: $(INSTALLED)

install-dev: $(INSTALLED_DEV)

models: $(INSTALLED)
	@$(PY) -m training_app.install_models

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Chimera needs Python 3.11 or later; choose one by PYTHON=python3.x")'
	$(PYTHON) -m venv $(VENV)

# torch first and alone: which build of it (CPU, CUDA) is the user's choice; the same version satisfies the lock.
$(INSTALLED): | $(PY)
	@echo "Installing the versions of requirements.lock: two to four minutes, this once ..."
	$(PIP) install --quiet --no-deps $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) $$(grep '^torch==' requirements.lock)
	$(PIP) install --quiet --requirement requirements.lock
	@touch $@

$(INSTALLED_DEV): $(INSTALLED)
	$(PIP) install --quiet --requirement requirements.lock --requirement requirements-dev.lock
	@touch $@

# Two halves beside each other, each with its own database; of the one in the background the end, or all if it fails.
test: install-dev browser
	@$(MAKE) --no-print-directory -j2 test-application test-in-background

test-in-background:
	@mkdir -p test-output
	@$(MAKE) --no-print-directory -j1 lint test-domain >test-output/domain.log 2>&1 \
	  && tail -n 3 test-output/domain.log || { cat test-output/domain.log; exit 1; }

# The domain and killed workers; pages, browsers and jobs are the other half, about as long.
DOMAIN := tests/core tests/contracts tests/services tests/kill

test-application: install-dev
	$(PY) -m pytest $(SELECTED) $(addprefix --ignore=,$(DOMAIN))

test-domain: install-dev
	$(PY) -m pytest $(SELECTED) $(DOMAIN)

acceptance: install-dev browser
	$(PY) -m pytest -m acceptance -rP

lint: install-dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy .
	$(VENV)/bin/lint-imports

format: install-dev
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

# As root, a missing browser is installed from Debian; anyone else is told by the tests what to do.
browser: install-dev
	@$(PY) -m tests.browser >/dev/null || test "$$(id -u)" != 0 || ! command -v apt-get >/dev/null \
	  || { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends chromium; }

lock: install-dev
	$(PY) -m chimera.launch.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache test-output
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
