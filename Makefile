# One entry for people and for CI: `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

.NOTPARALLEL:

DEBUG   := .build/debug/ai-gateway
RELEASE := .build/dist/ai-gateway

# Exclusivity checks cost 22 k of 144 k instructions per request; NIO must be built without them too, hence the command line.
RELEASE_FLAGS := -c release --static-swift-stdlib -Xswiftc -enforce-exclusivity=unchecked
SWIFT_SOURCES := Sources Tests Package.swift

# What `make run`, `make bench` and `make test-e2e` pass on, for example: make run ARGS="--config gateway.yaml"
ARGS ?=
# For each target of `make fuzz`.
SECONDS ?= 600

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## install the missing Debian packages for building and testing (says first which)
	@scripts/setup build test

.PHONY: build
build: ## debug build (the first one takes 5 to 6 minutes on two cores, later ones seconds)
	@scripts/setup build
	swift build

.PHONY: release
release: ## optimised, stripped binary in .build/dist (the first one takes 8 to 10 minutes)
	@scripts/setup build
	swift build $(RELEASE_FLAGS) --product ai-gateway
	@mkdir -p $(dir $(RELEASE))
	strip -o $(RELEASE) .build/release/ai-gateway

# The debug build, because it is ready in half the time and the one that the tests have built already.
.PHONY: run
run: build ## start all services on embedded defaults (ARGS="…" are options of `ai-gateway run`)
	@exec $(DEBUG) run $(ARGS)

.PHONY: test
test: test-unit test-e2e ## the unit tier, then the end-to-end tests on the debug binary

.PHONY: test-unit
test-unit: ## values, state machines, goldens: no sockets, no sleeps, under 60 s after the build
	@scripts/setup build test
	swift build --build-tests
	@scripts/test-unit $(ARGS)
	@scripts/test-scan

.PHONY: test-e2e
test-e2e: build ## the real binary driven by real SDKs against the simulator and a real inference server
	@scripts/setup test
	@AI_GATEWAY_BINARY="$(CURDIR)/$(DEBUG)" scripts/test-e2e $(ARGS)

.PHONY: test-conformance
test-conformance: build ## the OpenAI and Anthropic SDKs' own resource tests through the gateway, translated too
	@scripts/setup test
	@AI_GATEWAY_BINARY="$(CURDIR)/$(DEBUG)" scripts/test-conformance $(ARGS)

.PHONY: test-agents
test-agents: build ## coding agents through the gateway, each on an upstream of another dialect than its own
	@scripts/setup test
	@AI_GATEWAY_BINARY="$(CURDIR)/$(DEBUG)" scripts/test-agents $(ARGS)

.PHONY: test-storage
test-storage: ## the storage drivers against the storage contract, MySQL's on a MariaDB of its own
	@scripts/setup build test
	swift build --build-tests
	@scripts/test-storage $(ARGS)

.PHONY: test-crash
test-crash: build ## gateway and token service killed at random under load: 20 rounds of two minutes, or ARGS="2 30"
	@scripts/setup test
	@AI_GATEWAY_BINARY="$(CURDIR)/$(DEBUG)" scripts/test-crash $(ARGS)

.PHONY: fuzz
fuzz: ## libFuzzer on everything that reads bytes from outside: 600 s for each target, or SECONDS=30 (ARGS="json" for one)
	@scripts/setup build
	@SECONDS_EACH="$(SECONDS)" scripts/fuzz $(ARGS)

.PHONY: test-tokenizer
test-tokenizer: ## token ids against the publishers' own tokenizers, on 50 MB of text for each (ARGS="MB TEXT…" for more)
	@scripts/setup build test
	@scripts/test-tokenizer $(ARGS)

.PHONY: bench-tokenizer
bench-tokenizer: ## the tokenizer's speed beside others' on fresh texts (ARGS="TEXT…" for other texts)
	@scripts/setup build
	swift build -c release --package-path benchmarks/tokenizer
	@tables=$$(scripts/fetch-tokenizer-tables) && python=$$(scripts/venv tokenizer) && \
		"$$python" benchmarks/tokenizer/compare benchmarks/tokenizer/.build/release/tokenizer-probe "$$tables" $(ARGS)

.PHONY: lint
lint: ## imports by layer, formatting, shell scripts, links of the documentation, and the tools that check them
	@scripts/setup test
	scripts/check-imports
	swift format lint --strict --parallel -r $(SWIFT_SOURCES)
	shellcheck $$(git ls-files | xargs -d '\n' awk 'FNR == 1 && /^#!.*(bash|[/ ]sh)$$/ { print FILENAME } { nextfile }')
	scripts/check-links
	scripts/test-tools

.PHONY: format
format: ## rewrite the Swift sources in the project's format
	swift format -i --parallel -r $(SWIFT_SOURCES)

.PHONY: bench
bench: release ## the gateway among its peers, and what it must meet (ARGS="--quick", "--only chat,sse", "--json FILE", …)
	@scripts/setup bench
	@benchmarks/run --binary $(RELEASE) $(ARGS)

.PHONY: bench-publish
bench-publish: release ## from publishing a change to its being in force, under 1 000 open streams
	@benchmarks/publish-latency --binary $(RELEASE) $(ARGS)

.PHONY: bench-ledger
bench-ledger: release ## a ledger of 20 million records: storing, questions, removal of days (ARGS="--rows 1000000")
	@AI_GATEWAY_BINARY="$(CURDIR)/$(RELEASE)" benchmarks/ledger $(ARGS)

.PHONY: bench-results
bench-results: release ## the same, and write the tables to benchmarks/RESULTS.md
	@scripts/setup bench
	@benchmarks/run --binary $(RELEASE) --results benchmarks/RESULTS.md $(ARGS)

.PHONY: bench-where
bench-where: release ## where a request's instructions go, by area and by function
	@scripts/setup bench
	@benchmarks/where $(ARGS)

.PHONY: check-allocations
check-allocations: build ## allocations of the pass-through path against benchmarks/thresholds (ARGS="--binary FILE", "--update")
	@scripts/setup test
	@benchmarks/check-allocations --binary $(DEBUG) $(ARGS)

.PHONY: docs
docs: build ## rewrite the reference pages from the lists in the code
	@mkdir -p docs/reference
	@for page in errors metrics configuration dialects; do \
		$(DEBUG) reference $$page > .build/$$page.md; \
		mv .build/$$page.md docs/reference/$$page.md; \
		echo "docs/reference/$$page.md"; \
	done

.PHONY: clean
clean: ## remove what was built and the Python environments of the tests
	rm -rf .build .build-fuzz .venvs
