# One target, one script: see CONTRIBUTING.md for what each is for.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run test check e2e fuzz bench soak breaks clean

help: ## this list
	@sed -nE 's/^([a-z0-9]+): ## (.*)/  make \1\t\2/p' Makefile | expand -t 16

run: ## the demo: PostgreSQL, the gateway and five commands to try (Ctrl-C ends it)
	@exec tools/demo

test: ## every test, black box ones included, a short fuzz run and the second verifier
	@tools/test

check: ## format, lints, licences, who may use what
	@tools/check

e2e: ## only the black box tests: real clients, real PostgreSQL
	@tools/test e2e

fuzz: ## fuzz each decoder; FUZZ_SECONDS each (default 300)
	@tools/fuzz "$${FUZZ_SECONDS:-300}"

bench: ## throughput and latency beside PostgreSQL alone, PgBouncer, direct SSH and a plain relay
	@tools/prepare bench
	@e2e/bench/run

soak: ## what is too long for every day: 200 kills under load, 100,000 files, long holds and fuzz runs
	@tools/prepare test
	@e2e/soak/run

breaks: ## break the product in known ways; each must turn its test red
	@tools/prepare test
	@e2e/breaks/run

clean: ## remove what was built
	@cargo clean
