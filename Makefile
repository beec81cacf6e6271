# Two commands do everything: make serve, make test. The lines below can be typed by hand as well.
HOST ?= 127.0.0.1
PORT ?= 8000
BIN = .venv/bin
# The tests of requests, servers and deployment, and those that need many rows.
OTHER_TESTS = access bad_inputs benchmarks clients contract coverage_study deploy examples faults findings_corpus fuzz grafana json_conformance json_pieces kubernetes limits memory mtls \
	multiclass_requests nginx openapi order_and_chunks readme release reliability telemetry transport workers
# What meets every package that the service needs.
FLOOR_TESTS = access examples exact json_conformance media openapi parquet sections telemetry transport
CORE_TESTS = $(filter-out $(OTHER_TESTS:%=tests/test_%.py),$(wildcard tests/test_*.py))

.PHONY: serve test laws setup key check lint coverage coverage-study findings-corpus instructions openapi bench bench-compare reliability image-test soak mutants release floors lock

# The tests start many processes: without bytecode each would compile the service again.
test laws coverage: export PYTHONDONTWRITEBYTECODE =

serve: setup
	@echo 'Try: curl http://$(HOST):$(PORT)/v1/binary/report -H "Content-Type: application/json" -d @tests/data/breast_cancer.json'
	$(BIN)/gunicorn -c deploy/gunicorn.conf.py -b $(HOST):$(PORT) 'service.app:create_app()'

test: setup
	$(BIN)/python -m pytest -n auto

# The laws on a thousand examples, where `make test` draws sixty: about half an hour on two cores.
laws: setup
	EXAMPLES=1000 $(BIN)/python -m pytest -n auto $(CORE_TESTS)

setup: .venv/ready

.venv/ready: requirements.lock pyproject.toml
	python3 -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Assay needs Python 3.11 or newer")'
	@echo 'Setting up .venv, once: this takes a minute or a few.'
	python3 -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch .venv/ready

check: lint test coverage instructions

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Every branch of the core, by its own tests and few examples of each law, without the processor's vectors: numpy then
# sorts as it does where it knows none.
coverage: setup
	NPY_DISABLE_CPU_FEATURES="X86_V3 X86_V4" EXAMPLES=20 $(BIN)/coverage run -m pytest -n auto -m "not long" $(CORE_TESTS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# What a request costs, counted by valgrind where it is installed: no more than is committed.
instructions: setup
	$(BIN)/python -m tests.benchmarks.instructions

# A key for who may call: make key NAME=pipeline
key: setup
	@$(BIN)/python -m service.access $(NAME)

openapi: setup
	$(BIN)/python -m service.openapi
	$(BIN)/python -m service.readme

# How often the intervals hold the true value, and how often comparisons err: about half an hour on two cores.
coverage-study: setup
	$(BIN)/python -m tests.coverage_study --write

# What the findings tell of payloads that are known to have them, or not: a few minutes on two cores.
findings-corpus: setup
	$(BIN)/python -m tests.findings_corpus --write

# What the service promises under stress: restarts, overload, faults, half an hour of requests, changes of the metrics: an
# hour and a half. RELIABILITY='--only overload' measures a part; the others are those of the last time.
reliability: setup
	$(BIN)/python -m tests.reliability --write README.md $(RELIABILITY)

# Half an hour of requests, and what a worker holds after each few of them.
SOAK_SECONDS = 1800
soak: setup
	$(BIN)/python -m tests.reliability --only growth --soak $(SOAK_SECONDS)

# Whether the tests of the core notice changes of the metrics: a few of each module, EACH=. mutmut keeps its work in mutants/.
EACH = 3
mutants: setup
	EXAMPLES=2 PYTEST_ADDOPTS="-m 'not long' -p no:cacheprovider $(OTHER_TESTS:%=--ignore=tests/test_%.py)" \
		$(BIN)/python -m tests.mutants --each $(EACH) $(JSON:%=--json %)

# The image, built and run without a container engine where buildah and mmdebstrap are, as root: one to three minutes.
image-test: setup
	$(BIN)/python -m pytest -rs -n 0 tests/image.py

# Speed and memory beside peers, which it installs: about ten minutes. BENCH=--quick takes less than one.
bench: .venv/bench-ready
	$(BIN)/python -m tests.benchmarks $(BENCH)

# This tree against a commit: about half a minute.
bench-compare: setup
	$(BIN)/python -m tests.benchmarks.against_base $(BASE)

.venv/bench-ready: .venv/ready tests/benchmarks/requirements.lock
	$(BIN)/python -m pip install --quiet --require-hashes -r tests/benchmarks/requirements.lock
	touch $@

# What is released, in dist/, after every check: the wheel, what runs with it, and their SHA-256.
release: check
	$(BIN)/python -m tests.coverage_study --awaited
	$(BIN)/python deploy/release.py

# The service with the lowest versions that pyproject.toml allows: about three minutes.
floors: .venv-floors/ready
	.venv-floors/bin/python -m pytest -n auto $(FLOOR_TESTS:%=tests/test_%.py)

.venv-floors/ready: .venv/ready tests/floors.py
	python3 -m venv --clear .venv-floors
	.venv-floors/bin/python -m pip install --quiet hatchling editables
	$(BIN)/python -m tests.floors > .venv-floors/floors.txt
	.venv-floors/bin/python -m pip install --quiet --no-build-isolation -c .venv-floors/floors.txt -e '.[columnar,zstd,jwt,otel,dev]'
	touch $@

# Needs uv. No index address is written.
lock:
	uv pip compile pyproject.toml --universal --python-version 3.11 --extra columnar --extra zstd --extra jwt --extra otel --extra dev \
		--generate-hashes --no-emit-index-url --no-header --no-annotate -o requirements.lock
	uv pip compile pyproject.toml --universal --python-version 3.11 --extra zstd --extra jwt --extra otel -c requirements.lock \
		--generate-hashes --no-emit-index-url --no-header --no-annotate -o deploy/requirements.lock
	uv pip compile pyproject.toml --universal --python-version 3.11 --extra bench -c requirements.lock \
		--generate-hashes --no-emit-index-url --no-header --no-annotate -o tests/benchmarks/requirements.lock
