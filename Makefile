# Triage: everything from one place. `make help` says what there is.

# What the programs tell as their commit.
export SOURCE_COMMIT ?= $(if $(wildcard .git),$(shell git describe --always --dirty --abbrev=12 --exclude '*' 2>/dev/null))

.DEFAULT_GOAL := help
.PHONY: help setup encoder build test run format lint bench load soak clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  run and test take settings, NAME=VALUE: compose/run --help and compose/test --help list them"

setup: ## Install what is missing (run and test do it by themselves)
	@compose/local/setup

encoder: ## Make an encoder to train models with: ENCODER=use, the default, or ENCODER=e5
	@compose/local/setup encoder

build: setup ## Build .build/release/triage and train the starter model
	swift build -c release --product triage
	@compose/local/starter-model

test: ## Lint, build and run all tests
	@compose/test

run: ## Start a broker, workers and a gateway; classify samples; serve until Ctrl-C
	@compose/run

format: ## Format the Swift code
	swift format --in-place --recursive Package.swift Sources Tests

lint: ## Check format, scripts, manifests, configuration and contracts
	@compose/local/setup lint
	@compose/local/lint

bench: build ## Measure speed
	swift build -c release --product Benchmarks
	swift build -c release --product ConstantServer
	@Tests/Benchmarks/run

load: build ## Load the local stack with Locust and write the report
	@compose/local/setup load monitoring
	@Tests/Load/run

soak: build ## Break everything at full size; overload, stream, 10,000 at once, and SOAK_SECONDS=600 of load
	swift build -c release --build-tests
	@compose/local/setup contract load monitoring
	TRIAGE_TEST_SOAK=1 swift test -c release --skip-build --filter EndToEndTests
	@Tests/Load/overload.py
	@Tests/Load/stream.py
	@Tests/Load/inflight.py
	@Tests/Load/soak

clean: ## Remove what was built (set-up's downloads stay in .deps)
	rm -rf .build .bench
