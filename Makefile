# robotsim: `make run`, `make demo`, `make test`, `make test-cluster`, `make test-node`, `make check`, `make bench`.
#
# Needs Python 3.11 or newer, make and git; no root. Everything else is installed into .venv, again whenever
# a requirements file changes. `make test-cluster` needs Go 1.26 or newer as well, `make test-node` also root and
# packages of Debian.

.DEFAULT_GOAL := help
.PHONY: help run demo test test-cluster test-node check bench
.DELETE_ON_ERROR:

NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,\
	$(shell $(name) -c "$(NEW_ENOUGH)" >/dev/null 2>&1 && echo $(name))))

VENV := .venv
BIN := $(VENV)/bin
LINT := .venv-lint
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet
ROOMS := launcher robotsim_project backups simulations templates storage accounts common agent rosbag2

# What the launcher reads; see docs/configuration.md.
LAUNCHER_ENV := $(foreach name,BAG AGENTS PATTERN TRANSPORT RATE PORT,$(if $($(name)),$(name)="$($(name))"))

help:
	@echo "make run     start everything, run the demo simulation, keep serving until Ctrl-C"
	@echo "make demo    run the demo simulation and end; BAG= AGENTS= PATTERN= TRANSPORT= RATE= PORT="
	@echo "make test    all tests, on real PostgreSQL, Redis and S3 that it starts itself"
	@echo "make test-cluster   on a real MinIO and Kubernetes control plane; needs Go, builds once"
	@echo "make test-node      on a real Kubernetes node; needs Go, root and Debian's containerd, builds once"
	@echo "make check   format, lint, imports, dead code, types, Django's checks, migrations, file sizes, manifests, images, scripts"
	@echo "make bench   what can be measured, and how"

run: $(VENV)/.local
	@$(LAUNCHER_ENV) exec $(BIN)/python -m launcher run

demo: $(VENV)/.local $(if $(filter ros2,$(TRANSPORT)),$(VENV)/.ros2)
	@$(LAUNCHER_ENV) exec $(BIN)/python -m launcher demo

# Tests beside each other; those that fail are tried once more by themselves: decision 0081.
define tests
	$(BIN)/python -m pytest -m "$(1)" $(2) || { [ $$? -eq 1 ] && echo "Trying the failed tests once more, by themselves." && \
		$(BIN)/python -m pytest -m "$(1)" --last-failed --last-failed-no-failures none \
		--randomly-seed=last -x; }
endef

test: $(VENV)/.dev $(VENV)/.chromium
	$(call tests,not main_job and not cluster and not node,-n 3 --dist worksteal)
	$(call tests,main_job,-n 2 --dist loadgroup tests)

# pytest fails when it finds no test at all: a mark that got lost is not green.
test-cluster: $(VENV)/.dev
	$(BIN)/python -m tests.support.programs minio controlplane
	$(BIN)/python -m tests.deployment.node.containerd
	ROBOTSIM_TEST_STORAGE=minio $(BIN)/python -m pytest -m s3 -n 2
	$(BIN)/python -m pytest -m cluster

test-node: $(VENV)/.dev
	$(BIN)/python -m tests.support.programs minio controlplane kwok
	$(BIN)/python -m tests.deployment.node.containerd
	$(BIN)/python -m pytest -m node

# Whatever .env says: the gates judge the code.
check: export ENVIRONMENT := test
check: export DATA_DIR := $(CURDIR)/$(VENV)/check
check: export DATABASE_URL := sqlite:///$(CURDIR)/$(VENV)/check/check.sqlite3
check: $(VENV)/.dev $(LINT)/.ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_dead_code.py $(ROOMS) benchmarks scripts manage.py
	$(BIN)/mypy $(ROOMS)
	ENVIRONMENT=production REDIS_URL=redis://localhost STORAGE_DIR=$(DATA_DIR)/storage \
		SECRET_KEY=$$($(BIN)/python -c "import secrets; print(secrets.token_urlsafe(48))") \
		$(BIN)/python manage.py check --deploy --fail-level WARNING
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python scripts/check_file_sizes.py
	$(BIN)/python scripts/unit_manifests.py > $(DATA_DIR)/units.yaml
	$(LINT)/bin/python scripts/check_manifests.py $(DATA_DIR)/units.yaml
	$(LINT)/bin/python scripts/check_images.py

bench: $(VENV)/.dev
	@$(BIN)/python scripts/list_benchmarks.py

# A half-made environment would look finished to the next call: it is removed.
$(shell test -x $(BIN)/python || rm -f $(VENV)/.local $(VENV)/.ros2 $(VENV)/.dev $(VENV)/.chromium)
$(BIN)/python:
	@if [ -z "$(PYTHON)" ]; then \
		echo "robotsim needs Python 3.11 or newer, and none was found." >&2; \
		echo "Install one, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; fi
	@$(PYTHON) -c "$(NEW_ENOUGH)" || { \
		echo "$(PYTHON) does not run or is older than Python 3.11." >&2; exit 1; }
	@echo "Making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); \
		echo "On Debian and Ubuntu the module is in the package python3-venv." >&2; exit 1; }

# Linters that pin old libraries: an environment of their own.
$(LINT)/.ready: requirements-lint.txt | $(BIN)/python
	@echo "Installing linters into $(LINT)"
	@$(BIN)/python -m venv --clear $(LINT)
	@$(LINT)/bin/python -m pip install --disable-pip-version-check --quiet -r requirements-lint.txt
	@touch $@

$(VENV)/.local: requirements-local.txt requirements.txt requirements-agent.txt | $(BIN)/python
	@echo "Installing what robotsim needs into $(VENV)"
	@$(PIP) -r requirements-local.txt
	@touch $@

$(VENV)/.ros2: requirements-ros2.txt requirements-agent.txt | $(VENV)/.local
	@echo "Installing ROS 2 into $(VENV): rclpy and rmw_fastrtps as wheels, 240 MB"
	@$(PIP) -r requirements-ros2.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt requirements-local.txt requirements.txt requirements-ros2.txt requirements-agent.txt | $(BIN)/python
	@echo "Installing what robotsim and its tests need into $(VENV)"
	@$(PIP) -r requirements-dev.txt
	@touch $@ $(VENV)/.local $(VENV)/.ros2

# Tests of the console use the Chromium on PATH, else Playwright's, which is fetched once. Where that fails, they
# fail with the commands to install one.
$(VENV)/.chromium: requirements-dev.txt | $(VENV)/.dev
	@command -v chromium >/dev/null || $(BIN)/playwright install chromium || \
		echo "Playwright's Chromium could not be fetched." >&2
	@touch $@
