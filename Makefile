# The front door: `make help` lists what it opens. The first of them sets up what it needs.

PYTHON ?=
VENV ?= .venv
PYTEST_ARGS ?=
WORKERS ?= 2

PY := $(VENV)/bin/python
PIP := $(PY) -m pip --quiet --disable-pip-version-check
PYTEST := $(PY) -m pytest -n $(WORKERS)
PIP_READY := $(VENV)/.ready-to-install
RUN_READY := $(VENV)/.ready-to-run
DEV_READY := $(VENV)/.ready-to-develop
AZURITE_READY := node_modules/.ready
CLIENT_READY := clients/typescript/node_modules/.ready
NPM_CLIENT := npm --prefix clients/typescript --silent
# A type checker for Bicep; the test that the resources are what Azure knows. Without it that is left to az.
BICEP_CHECK ?=
# Options of make bench: --quick, or those that `python -m benchmarks --help` lists.
BENCH_ARGS ?=
# Groups of pyproject.toml that have an environment each.
SUITES := .venv-scim2-tester/.ready .venv-scim-sanity/.ready
PEERS := .venv-scim2-server/.ready benchmarks/peers/scimmy/node_modules/.ready
APART := .venv-infra/.ready .venv-sbom/.ready .venv-audit/.ready .venv-bench/.ready .venv-scim2-server/.ready $(SUITES)
export PYTHON

.DELETE_ON_ERROR:
# Targets that are named together are made one after the other.
.NOTPARALLEL:
.PHONY: help run quick test torture test-oldest lint lock infra-check sbom audit demo example conformance bench verify ci format token install azurite clean screenshots

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1 \2/p' Makefile | while read -r target text; do \
		printf '  make %-11s %s\n' "$$target" "$$text"; done
	@echo "Variables: PYTHON, VENV, PYTEST_ARGS, WORKERS, BICEP_CHECK, BENCH_ARGS; of example: DEMO=1, PRODUCT_PORT; of run: PORT, SCIM_SECRET_TOKEN, EPHEMERAL=1"

run: free-port $(RUN_READY) $(AZURITE_READY) ## Run the service on this machine
	@exec $(PY) -m local

# A busy port is told before minutes of installing, not after them; once installed, the run tells it.
.PHONY: free-port
free-port:
	@[ -e $(RUN_READY) ] && [ -e $(AZURITE_READY) ] || { \
		python=$$(sh local/find_python.sh 2>/dev/null) || exit 0; "$$python" -m local.ports; }

quick: lint ## Check style, types, and what the unit tests can without a server, in less than a minute
	$(PYTEST) tests/unit -m "not server and not exhaustive" --hypothesis-profile=quick

test: $(DEV_READY) $(AZURITE_READY) $(CLIENT_READY) ## Run all tests but those of infra-check, or those that PYTEST_ARGS names
ifeq ($(strip $(PYTEST_ARGS)),)
	$(NPM_CLIENT) test
	$(PYTEST) tests/unit/scim --cov=shared/scim --cov-branch --cov-report=term --cov-fail-under=97
	$(PYTEST) --ignore=tests/unit/scim --ignore=tests/ops/infra
else
	$(PYTEST) $(PYTEST_ARGS)
endif

torture: $(DEV_READY) $(AZURITE_READY) ## Run the tests that leave much to chance for longer, killed instances and many writers
	WEBHOOK_ROUNDS=20 $(PYTEST) tests/unit/webhooks/test_nothing_lost.py
	FEED_REQUESTS=300 $(PYTEST) tests/unit/events/test_many_writers.py

test-oldest: ## Run the tests of what is deployed, without the long ones, on the oldest Python that is supported
	@python=$$(PYTHON= sh local/find_python.sh 3.11) || exit 1; \
	$(MAKE) --no-print-directory test VENV=.venv-3.11 PYTHON="$$python" \
		PYTEST_ARGS='tests/unit tests/spec/rfc tests/spec/clients tests/clients/python tests/ops/tools/test_help.py -m "not exhaustive"'

lint: $(DEV_READY) $(CLIENT_READY) ## Check style and types
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy .
	$(NPM_CLIENT) run lint

lock: $(DEV_READY) ## Write the locks of the deployed packages anew, from requirements.txt and pyproject.toml
	@exec $(PY) -m infra.lock_packages

infra-check: infra-tools $(DEV_READY) $(AZURITE_READY) .venv-infra/.ready .venv-azure-cli/.ready .venv-sbom/.ready ## Check infra/, its scripts and the workflows, without Azure
ifeq ($(strip $(BICEP_CHECK)),)
	@echo "note: types of resources are not checked here, because BICEP_CHECK names no checker; CI compiles with az"
else
	$(PY) "$(BICEP_CHECK)" $(wildcard infra/*.bicep infra/modules/*.bicep)
endif
	$(PYTEST) --dist loadfile tests/ops/infra
	$(VENV)/bin/shellcheck --external-sources --shell=sh $(wildcard infra/*.sh local/*.sh)

# Looked for before anything is installed, because make does not install it.
.PHONY: infra-tools
infra-tools:
	@[ -z "$(BICEP_CHECK)" ] || [ -f "$(BICEP_CHECK)" ] || { \
		echo "error: BICEP_CHECK=$(BICEP_CHECK) is no file" >&2; exit 1; }

sbom: .venv-sbom/.ready ## List what is deployed, in CycloneDX, into .data/sbom.cdx.json
	@mkdir -p .data
	.venv-sbom/bin/cyclonedx-py requirements infra/requirements.lock --pyproject pyproject.toml --mc-type application \
		--output-reproducible --output-format JSON --output-file .data/sbom.cdx.json

audit: .venv-audit/.ready ## Ask PyPI for known vulnerabilities of the packages that are deployed
	.venv-audit/bin/pip-audit --disable-pip --require-hashes --requirement infra/requirements.lock
	.venv-audit/bin/pip-audit --disable-pip --require-hashes --requirement infra/requirements-telemetry.lock

demo: $(DEV_READY) $(AZURITE_READY) ## Provision a generated directory as Entra does, and compare
	@exec $(PY) -m tools.demo

example: $(DEV_READY) $(AZURITE_READY) .venv-example/.ready ## Run the example product beside the service; DEMO=1 plays a role and an end
	@exec $(PY) -m local.example --python "$(CURDIR)/.venv-example/bin/python" $(if $(DEMO),--demo)

conformance: $(DEV_READY) $(AZURITE_READY) $(SUITES) ## Run the suites that others wrote, and print their tallies
	@exec $(PY) -m tests.spec.suites

bench: $(DEV_READY) $(AZURITE_READY) .venv-bench/.ready $(PEERS) ## Measure beside the peers into benchmarks/results.md, then the cold start (35 minutes)
	@.venv-bench/bin/python -m benchmarks $(BENCH_ARGS)
	@exec $(PY) -m benchmarks.start --rounds 5

verify: lint test infra-check conformance demo ## Run lint, test, infra-check, conformance and demo

ci: verify test-oldest ## Run what must hold for every commit: verify and test-oldest

screenshots: $(DEV_READY) $(AZURITE_READY) ## Make the pictures of the portal in docs/images
	@exec $(PY) -m tests.spec.portal.screenshots

format: $(DEV_READY) $(CLIENT_READY) ## Format the code
	$(PY) -m ruff check --fix
	$(PY) -m ruff format
	$(NPM_CLIENT) run format

token: $(RUN_READY) ## Show the token of the local service
	@exec $(PY) -m local token

install: $(DEV_READY) $(AZURITE_READY) $(CLIENT_READY) ## Install what tests, demo and tools need, and run nothing

azurite: $(AZURITE_READY) ## Install Azurite, the storage of run, test and demo

clean: ## Remove what was installed and cached; data and local.settings.json stay
	rm -rf .venv .venv-* node_modules benchmarks/peers/scimmy/node_modules clients/typescript/node_modules \
		clients/typescript/build clients/typescript/dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PY):
	@python=$$(sh local/find_python.sh) || exit 1; \
	echo "$(VENV): $$($$python --version)"; \
	$$python -m venv "$(VENV)" || { rm -rf "$(VENV)"; exit 1; }

# The pip that comes with Python may be too old to know the groups of pyproject.toml.
$(PIP_READY): pyproject.toml | $(PY)
	@$(PIP) install "$$(sed -n 's/^installer = \["\(.*\)"\]$$/\1/p' pyproject.toml)"
	@touch $@

$(RUN_READY): requirements.txt pyproject.toml | $(PIP_READY)
	@echo "$(VENV): installing what make run needs"
	@$(PIP) install -r requirements.txt --group local
	@touch $@

$(DEV_READY): requirements.txt pyproject.toml | $(PIP_READY)
	@echo "$(VENV): installing what make test, lint and demo need"
	@$(PIP) install -r requirements.txt --group dev
	@touch $@ $(RUN_READY)

.venv-bench/.ready: requirements.txt
$(APART): .venv-%/.ready: pyproject.toml | $(PIP_READY)
	@echo "$(@D): installing the group $* of pyproject.toml"
	@$(PY) -m venv --without-pip "$(@D)"
	@$(PIP) --python "$(@D)/bin/python" install $(addprefix -r ,$(filter requirements.txt,$^)) --group $*
	@touch $@

# As a product is installed: from its own requirements, with the client library built as a wheel.
.venv-example/.ready: examples/product/requirements.txt $(wildcard clients/python/pyproject.toml clients/python/src/*/*) | $(PIP_READY)
	@echo "$(@D): installing examples/product/requirements.txt"
	@$(PY) -m venv --without-pip "$(@D)"
	@cd examples/product && ../../$(PIP) --python ../../$(@D)/bin/python install --force-reinstall -r requirements.txt
	@touch $@

# Not compiled: of azure-cli's thousands of modules, the check loads a few.
.venv-azure-cli/.ready: pyproject.toml | $(PIP_READY)
	@echo "$(@D): installing the groups azure-cli and azure-cli-check of pyproject.toml"
	@rm -rf "$(@D)"
	@$(PY) -m venv --without-pip "$(@D)"
	@$(PIP) --python "$(@D)/bin/python" install --no-compile --group azure-cli-check
	@$(PIP) --python "$(@D)/bin/python" install --no-compile --no-deps --group azure-cli
	@touch $@

benchmarks/peers/scimmy/node_modules/.ready: benchmarks/peers/scimmy/package.json benchmarks/peers/scimmy/package-lock.json | $(AZURITE_READY)
	@echo "$(@D): installing scimmy"
	@npm ci --prefix benchmarks/peers/scimmy --loglevel=error --no-progress
	@touch $@

$(CLIENT_READY): clients/typescript/package.json clients/typescript/package-lock.json
	@command -v node >/dev/null && command -v npm >/dev/null || { \
		echo "error: node or npm is missing: install Node.js 22 or newer for the client library" >&2; exit 1; }
	@echo "$(@D): installing what checks and tests the client library for TypeScript"
	@npm ci --prefix clients/typescript --loglevel=error --no-progress
	@touch $@

$(AZURITE_READY): package.json package-lock.json .npmrc
	@command -v node >/dev/null && command -v npm >/dev/null || { \
		echo "error: node or npm is missing: install Node.js 22 or newer for Azurite" >&2; exit 1; }
	@case $$(node --version) in v2[2-9].*|v[3-9][0-9].*) ;; *) \
		echo "warning: Azurite asks for Node.js 22 or newer; 20 works" >&2 ;; esac
	@echo "node_modules: installing Azurite"
	@npm ci --loglevel=error --no-progress || { \
		echo "error: Azurite could not be installed: npm ci failed" >&2; exit 1; }
	@touch $@
