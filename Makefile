# All tasks. `make` lists the targets.

CARGO ?= cargo

# Finds or gets a server for tests and examples, and prints its path.
SERVER = scripts/ensure-server.sh

.DEFAULT_GOAL := help
.PHONY: help demo dashboard test model other-servers upgrade soak drills bench lint api server

help: ## lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## sends 100,000 typed orders through a real server, with a table at the end
	@if [ -z "$$REDIS_URL" ]; then \
		STREAM_TEST_SERVER="$$($(SERVER))" || exit 1; export STREAM_TEST_SERVER; \
	fi; \
	$(CARGO) run --release -p stream-examples --bin quickstart && \
	echo "In a browser: make dashboard"

# As in `make dashboard FAULT=poison`.
FAULT ?= crash

dashboard: ## serves the dashboard of a demonstration: FAULT=crash|slow|poison|none
	@STREAM_TEST_SERVER="$$($(SERVER))" || exit 1; export STREAM_TEST_SERVER; \
	$(CARGO) run -p stream-ops --example dashboard -- --fault $(FAULT)

test: ## runs all tests, against private servers that it starts and stops
	@STREAM_TEST_SERVER="$$($(SERVER))" || exit 1; export STREAM_TEST_SERVER; \
	set -x; $(CARGO) test --workspace --all-features

# As in `make model DEEPER=2`, which takes several times as long.
DEEPER ?= 0

model: ## explores a model of the lease protocol, with faults, to a depth: DEEPER=n goes further
	DEEPER=$(DEEPER) $(CARGO) test --release -p stream-tests --test model -- \
		--ignored --nocapture --test-threads 1

other-servers: ## runs the tests of failovers, clusters and scenarios on Valkey and a newer Redis
	@scripts/other-servers.sh

upgrade: ## runs this version beside the first one, which it builds from the history once
	@STREAM_TEST_SERVER="$$($(SERVER))" || exit 1; export STREAM_TEST_SERVER; \
	$(CARGO) test -p stream-tests --test upgrade -- --ignored --nocapture --test-threads 1

# As in `make soak MINUTES=10 SEED=7 TOPOLOGY=sentinel` (or `cluster`).
MINUTES ?= 1

soak: ## injects random faults for MINUTES, and checks that no order is lost (SEED, TOPOLOGY)
	@STREAM_TEST_SERVER="$$($(SERVER))" || exit 1; export STREAM_TEST_SERVER; \
	$(CARGO) run -p stream-tests --features soak --bin soak -- \
		--minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) $(if $(TOPOLOGY),--topology $(TOPOLOGY))

# As in `make drills ROUNDS=20 DRILLS=kill,planned`.
ROUNDS ?= 1

drills: ## runs failovers of real servers under load, ROUNDS times each, with a table at the end
	@STREAM_TEST_SERVER="$$($(SERVER))" || exit 1; export STREAM_TEST_SERVER; \
	DRILL_ROUNDS=$(ROUNDS) DRILLS=$(DRILLS) $(CARGO) test -p stream-tests --all-features \
		--test reach -- --ignored --nocapture --exact drills::many::every_drill_many_times

bench: ## measures speed against redis-benchmark, the redis crate and a peer (ROUNDS=5, QUICK=1)
	@$(CARGO) build --release --locked --manifest-path tests/peer/Cargo.toml --target-dir target/peer \
		|| echo "the peer can't be built: its figures are left out" >&2
	@STREAM_TEST_SERVER="$$($(SERVER))" || exit 1; export STREAM_TEST_SERVER; \
	set -x; $(CARGO) bench -p stream-tests --bench speed

lint: ## checks formatting, clippy and rustdoc, with warnings as errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --all-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --all-features
	@if $(CARGO) deny --version >/dev/null 2>&1; then \
		set -x; $(CARGO) deny check licenses bans sources; \
	else \
		echo "cargo-deny is not installed: licences and duplicates are not checked"; \
	fi
	@if $(CARGO) public-api --version 2>/dev/null | grep -q ' 0\.52\.'; then \
		$(API) | diff -u stream-lib/public-api.txt - || \
			{ echo "the public items have changed: run make api" >&2; exit 1; }; \
	else \
		echo "cargo-public-api 0.52 is not installed: the list of public items is not checked"; \
	fi

# The list of public items, so that a change of them shows in a diff. The tool reads
# what rustdoc writes for machines, which a stable compiler does only when asked so.
API = RUSTC_BOOTSTRAP=1 $(CARGO) public-api -p stream-lib --all-features -sss

api: ## writes the list of public items to stream-lib/public-api.txt
	@$(CARGO) public-api --version >/dev/null 2>&1 || \
		{ echo "cargo-public-api is missing: cargo install cargo-public-api@0.52 --locked" >&2; exit 1; }
	$(API) > stream-lib/public-api.txt

server: ## finds or gets a redis-server or valkey-server, and prints its path
	@$(SERVER)
