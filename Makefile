# Two commands are enough: `make demo` to see it work, `make test` to see that it works. Both install what they need.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed-from-lock
TEMPLATES = $(shell find templates -name '*.html' 2>/dev/null)
BLOCKS := --extra-block allowed,endallowed

PORT ?= 8000
SANDBOX_PORT ?= 8099
JOBS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test test-all crash owner attack papers fuzz fuzz-api client-check bench bench-archive bench-export bench-points bench-queue soak check lint audit sbom format messages docs install lock screenshots clean

help:  ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: install  ## start it all with made-up universities: http://127.0.0.1:8000
	@exec $(BIN)/python manage.py demo --port $(PORT) --sandbox-port $(SANDBOX_PORT)

test: install  ## every check and every test: on PostgreSQL, and on SQLite what depends on the database
	@exec $(BIN)/python -m tests.suite $(if $(JOBS),--jobs $(JOBS)) $(SUITE)

test-all: override SUITE += --all
test-all: test  ## every test on both databases

crash: install  ## kill everything at random, then count the grades in Ladok (CRASH="--kills 1000": see --help)
	@exec $(BIN)/python -m tests.crash $(CRASH)

owner: install  ## mix people up in Ladok at random, then see whose grades are there (OWNER="--sequences 5000": see --help)
	@exec $(BIN)/python -m tests.owner $(OWNER)

attack: install  ## attack exports at random, and hold Ladok's ledger against rows and pages (ATTACK="--attacks 1000": see --help)
	@exec $(BIN)/python -m tests.attack $(ATTACK)

papers: install  ## exams of several sizes with papers, packages and logs, workers killed over them (PAPERS="--people 40 400 10000")
	@exec $(BIN)/python -m tests.papers $(PAPERS)

fuzz-api: install  ## thousands of calls of our API that nobody has thought of (FUZZ="--cases 10000")
	@exec $(BIN)/python -m tests.api $(FUZZ)

fuzz: install  ## answers of Ladok and WISEflow, forms and webhooks that nobody has thought of (FUZZ="--cases 10000": see --help)
	@exec $(BIN)/python -m tests.fuzz $(FUZZ)

client-check: install  ## a client made from our OpenAPI by npm lists, exports, polls until it is done (needs node and npm)
	@exec $(BIN)/python -m pytest -q -n 0 -p no:cacheprovider tests/client/check.py

bench: install  ## how time and memory grow with size, as ratios within one run (BENCH="--people 2000 10000")
	@exec $(BIN)/python -m tests.bench $(BENCH)

bench-queue: install  ## how long a click waits while the queue is busy, and how long a night takes with two clusters (BENCH="--clicks 3")
	@exec $(BIN)/python -m tests.bench.queue $(BENCH)

bench-export: install  ## one export of 10,000 grades, beside a bare request and a bulk insert (BENCH="--people 1000")
	@exec $(BIN)/python -m tests.bench.export $(BENCH)

bench-points: install  ## 3,000 and 10,000 people who are marked item by item, from WISEflow to Ladok (BENCH="--people 500")
	@exec $(BIN)/python -m tests.bench.points $(BENCH)

bench-archive: install  ## an archive package of two gigabytes: the worker's memory (BENCH="--people 10000 --megabytes 0")
	@exec $(BIN)/python -m tests.bench.archive $(BENCH)

soak: install  ## all of it at once for half an hour: errors, memory, and how long a click waits (SOAK="--minutes 5 --flows 40")
	@exec $(BIN)/python -m tests.bench.soak $(SOAK)

check: lint audit  ## what needs no service and no browser: lint, types, known vulnerabilities, translations, links, settings
	$(BIN)/python -m pytest -q tests/test_house

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(if $(TEMPLATES),$(BIN)/djade --check --target-version 5.2 $(TEMPLATES))
	$(if $(TEMPLATES),$(BIN)/djhtml --check $(BLOCKS) --tabwidth 2 $(TEMPLATES))
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: install  ## put code and templates in their right shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(if $(TEMPLATES),$(BIN)/djade --target-version 5.2 $(TEMPLATES))
	-$(if $(TEMPLATES),$(BIN)/djhtml $(BLOCKS) --tabwidth 2 $(TEMPLATES))

messages: install  ## gather the texts to translate, and compile the translations (needs gettext)
	$(BIN)/python manage.py makemessages --locale sv --no-obsolete --no-wrap --add-location file --ignore '$(VENV)' --ignore var --ignore tests
	$(BIN)/python manage.py compilemessages --locale sv --ignore '$(VENV)'

docs: install  ## write those parts of docs/ that come from the code
	DJANGO_SETTINGS_MODULE=ladokflow.settings $(BIN)/python -m tests.written_docs

screenshots: install  ## take the pictures in docs/images/ and in the manual anew (needs chromium)
	$(BIN)/python -m tests.screenshots

install: $(STAMP)

# A Python without ensurepip (Debian's, without python3-venv) makes a venv without pip: its own pip fills it then.
# uv takes a tenth of the time. It knows nothing of pip's own configuration (a mirror, a proxy): where it fails, pip does it.
LOCKED = --quiet --require-hashes --requirement requirements-dev.lock
$(STAMP): requirements-dev.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11 or 3.12 is needed." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || $(PYTHON) -m venv --clear --without-pip $(VENV)
	@echo "Installing what is needed into $(VENV), once."
	@if [ -x $(BIN)/pip ]; then pip="$(BIN)/python -m pip"; else pip="$(PYTHON) -m pip --python $(BIN)/python"; fi; \
	  pip="$$pip --disable-pip-version-check"; \
	  { sed -n '/^uv==/,/# via/p' requirements-dev.lock | $$pip install --quiet --require-hashes --requirement /dev/stdin && \
	    $(BIN)/uv pip install --python $(BIN)/python --system-certs $(LOCKED); } || $$pip install $(LOCKED)
	@touch $(STAMP)

# No registry host and no path of this machine gets into the files: they name packages, versions and hashes only.
PIP_COMPILE = CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --allow-unsafe --generate-hashes --strip-extras \
  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host

lock: install  ## write the lock files anew from pyproject.toml: what production needs, and what development needs besides
	$(PIP_COMPILE) --output-file requirements.lock pyproject.toml
	$(PIP_COMPILE) --extra otel --constraint requirements.lock --output-file requirements-otel.lock pyproject.toml
	$(PIP_COMPILE) --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml

audit: install  ## ask whether anything in requirements.lock is known to be vulnerable (AUDIT=--must: fail where nobody can be asked)
	@$(BIN)/python -m tests.audit $(AUDIT)

sbom: install  ## write what production is made of to var/sbom.json (CycloneDX), from requirements.lock
	@mkdir -p var
	$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --of JSON --output-file var/sbom.json requirements.lock

clean:  ## remove what the checks leave behind (never var/, which holds the database and the keys)
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage staticfiles
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
