# `make run` and `make test` need Python 3.11 or newer and make, nothing else.

VENV := .venv
PY := $(VENV)/bin/python
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$python; break; }; done)
AUDIT := .venv-audit/bin
ARGS ?=
# Enough to start Django where nothing is served or signed.
CHECK_ENV = TOKEN_SECRET=$$($(PY) -c 'import secrets; print(secrets.token_hex(32))') TOKEN_ADMIN_KEY=check DATA_DIR=$(VENV)/check
# `router`, `link-assistant-router`: of this folder, whatever the current one is.
INSTALL_PROGRAM = cmp -s pyproject.toml $(VENV)/installed-program || { \
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . \
	&& cp pyproject.toml $(VENV)/installed-program; }

# Set in many images: every start would compile our modules anew, and every test run the tests.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test test-long compat interop peers demo check bench soak fuzz format audit audit-offline image-check docs readme venv venv-dev clean

run: venv .env  ## Serve on :8080, with a fresh .env if there is none
	@exec $(PY) manage.py serve $(ARGS)

test: venv-dev  ## Run the tests
	$(PY) -m pytest -n auto --dist worksteal $(ARGS)

test-long: venv-dev  ## Counts, outages and leases at their full size: minutes, best alone on the machine
	GATEWAY_TEST_LONG=true GATEWAY_TEST_REQUESTS_PER_WORKER=$${GATEWAY_TEST_REQUESTS_PER_WORKER:-10000} GATEWAY_TEST_AWAY_SECONDS=60 \
		GATEWAY_TEST_WAIT_FOR_LEASES=true GATEWAY_TEST_CLOSING_CALLS=10000 GATEWAY_TEST_SIGNATURES=10000 \
		GATEWAY_TEST_SIGN_INS=200 \
		$(PY) -m pytest -n 2 --dist worksteal -m long -rA $(ARGS) tests/e2e/many tests/providers

demo: venv  ## See it stream without an account: a stand-in for the vendor, a gateway, one answer
	$(PY) examples/demo.py $(ARGS)

check: venv-dev  ## Format, lint, types, imports, migrations, deployment checks
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy gateway tokens accounts providers forgefed manage.py examples
	$(VENV)/bin/lint-imports
	$(CHECK_ENV) $(PY) manage.py makemigrations --check --dry-run
	$(CHECK_ENV) $(PY) manage.py check --deploy --fail-level WARNING
	$(PY) -m pytest -q tests/test_rules.py

compat: venv-dev  ## Run the real link-assistant-router 0.18.0 beside ours and compare (needs cargo); ARGS="--only routes" for a part
	$(PY) -m tests.compat.run $(ARGS)

interop: peers  ## Run programs of others against us: clients, SDKs of several releases and their own tests, proxies, a Fedify server, Schemathesis (needs npm, tmux, chromium)
	GATEWAY_TEST_INTEROP=true $(PY) -m pytest -n auto --dist worksteal -m interop $(ARGS)

peers: venv-dev  ## Fetch the programs of others that tests run (npm, PyPI) into ~/.cache/link-assistant-router-tests
	$(PY) -m tests.e2e.installs

bench: venv-dev  ## Measure the gateway beside a bare relay (needs wrk); ARGS="--help" tells more
	$(PY) -m bench.run $(ARGS)

soak: venv-dev  ## An hour of traffic with faults: does anything grow? ARGS="--seconds 60" for a look
	$(PY) -m bench.soak $(ARGS)

fuzz: venv-dev  ## Fuzz what reads strangers' bytes, a minute each, one on each processor at a time; ARGS="--seconds 600 sse" for longer, or one alone
	$(PY) -m tests.fuzz.run $(ARGS)

format: venv-dev  ## Put the code in the project's form
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

# Secrets are found by their form (keys of vendors, private keys, addresses with a password); alphabets and tables look random, too.
REFUSED_LICENCES = AGPL;GPL-2.0;GPL-3.0;GNU General Public License v2 (GPLv2);GNU General Public License v3 (GPLv3)
AUDITED = requirements.txt requirements-clouds.txt requirements-otel.txt
audit: audit-offline  ## All of that, and known weaknesses: asks a service on the internet, and fails where one library is not known there
	$(AUDIT)/pip-audit --strict --require-hashes --disable-pip $(AUDITED:%=-r %)

audit-offline: venv-dev  ## Licences, secrets in the repository, and build/sbom.json: all that is installed
	@test -x $(AUDIT)/python || $(PY) -m venv .venv-audit
	@cmp -s requirements-audit.txt .venv-audit/installed || { \
		$(AUDIT)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-audit.txt \
		&& cp requirements-audit.txt .venv-audit/installed; }
	$(AUDIT)/pip-licenses --python=$(PY) --fail-on="$(REFUSED_LICENCES)" \
		--packages $$(sed -n 's/^\([a-z0-9._-]*\)==.*/\1/p' $(AUDITED))
	@mkdir -p build
	cat $(AUDITED) | $(AUDIT)/cyclonedx-py requirements --output-reproducible --pyproject pyproject.toml -o build/sbom.json -
	git ls-files -z -- . ':!tests' ':!requirements*' | xargs -0 $(AUDIT)/detect-secrets-hook \
		--disable-plugin KeywordDetector --disable-plugin Base64HighEntropyString --disable-plugin HexHighEntropyString \
		--exclude-lines '://user:password@'

image-check:  ## Build the image twice without an engine, compare and try it: buildah in a chroot (Debian: buildah, debootstrap; as root, minutes)
	tests/deploy/image_check.sh

docs: venv-dev  ## Build the documents as a site into build/site; a link that leads nowhere ends it
	NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build

readme: venv-dev  ## Write the table of options in docs/settings.md anew
	$(PY) -m tests.readme --write

# Installed again only when the list or the interpreter has changed, not when a checkout touched the files.
venv: $(PY)
	@cmp -s requirements-dev.txt $(VENV)/installed-dev || cmp -s requirements.txt $(VENV)/installed || { \
		$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt \
		&& cp requirements.txt $(VENV)/installed; }
	@$(INSTALL_PROGRAM)

venv-dev: $(PY)
	@cmp -s requirements-dev.txt $(VENV)/installed-dev || { \
		$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt \
		&& cp requirements-dev.txt $(VENV)/installed-dev; }
	@$(INSTALL_PROGRAM)

$(PY):
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; none was found (PYTHON=... names one)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "on Debian and Ubuntu: apt install python3-venv" >&2; rm -rf $(VENV); exit 1; }

.env:
	@umask 077 && $(PYTHON) -c 'import secrets; print("# Made by make run. Keep it secret.\nTOKEN_SECRET=" + secrets.token_hex(32) + "\nTOKEN_ADMIN_KEY=" + secrets.token_urlsafe(32))' > .env
	@echo "wrote .env with a fresh TOKEN_SECRET and TOKEN_ADMIN_KEY (mode 0600)"

clean:  ## Remove what make has made (not .env, not DATA_DIR)
	rm -rf $(VENV) .venv-audit build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
