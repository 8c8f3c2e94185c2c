# Everything runs in its own .venv; python3 with venv and pip is all that has to be there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The demo stays offline, whatever account the environment names.
OFFLINE := env -u GREENHOUSE_CLIENT_ID -u GREENHOUSE_CLIENT_SECRET -u GREENHOUSE_USER_ID \
  -u GREENHOUSE_ACCESS_TOKEN -u GREENHOUSE_BASE_URL -u GREENHOUSE_TOKEN_URL

.PHONY: demo test soak docs lint clean

demo: $(VENV)/installed
	@echo '$$ connector call get_candidate --input '"'"'{"candidate_id": 12345}'"'"
	@$(OFFLINE) $(BIN)/connector call get_candidate --input '{"candidate_id": 12345}'
	@echo '$$ connector ddl list_users_ddl'
	@$(OFFLINE) $(BIN)/connector ddl list_users_ddl
	@echo 'That was the embedded sandbox. For a real account, make a Harvest v3 credential in Greenhouse'
	@echo '(Configure > Dev Center), give it the :list scopes, and call the same with'
	@echo '  export GREENHOUSE_CLIENT_ID=...  GREENHOUSE_CLIENT_SECRET=...'
	@echo '  $(BIN)/connector call list_candidates --input '"'"'{"results_per_page": 10}'"'"

test: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/connector validate
	$(BIN)/python -m pytest --cov --cov-report=term

soak: $(VENV)/installed-test
	$(BIN)/python -m tests.soak

docs: $(VENV)/installed-test
	$(BIN)/python docs/generate.py

lint: $(VENV)/installed-test
	$(BIN)/ruff check --fix .
	$(BIN)/mypy

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml hatch_build.py | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/installed-test: pyproject.toml hatch_build.py | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --editable ".[test]"
	@touch $@ $(VENV)/installed

clean:
	rm -rf $(VENV) build dist .coverage* .mypy_cache .ruff_cache .pytest_cache
