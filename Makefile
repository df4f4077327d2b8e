# Triage: everything from one place. `make help` says what there is.

WORKERS ?= 2
GATEWAYS ?= 1
BROKER ?= tansu
export WORKERS GATEWAYS BROKER ONCE MODEL KAFKA PROXY MONITORING

.DEFAULT_GOAL := help
.PHONY: help setup build test run format lint bench load soak clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  make run takes WORKERS=2 GATEWAYS=1 BROKER=tansu|noida ONCE=1 MODEL=file KAFKA=host:port"
	@echo "           PROXY=1|0 (nginx) MONITORING=1|0 (Prometheus); both come with more than one gateway"

setup: ## Install what is missing (once; `make run` and `make test` do it by themselves)
	@compose/local/setup

build: setup ## Build .build/release/triage and train the starter model
	swift build -c release --product triage
	@compose/local/starter-model

test: lint ## Lint, build and run all tests
	swift build -c release --build-tests
	@compose/local/starter-model
	@Tests/Operations/run
	swift test -c release --skip-build

run: build ## Start a broker, workers and a gateway; classify samples; serve until Ctrl-C
	@compose/local/run

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
