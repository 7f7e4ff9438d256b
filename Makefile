# The workshop of carrel. `make` lists the commands; the work is in scripts/.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Which server: 15, 16, 17 or 18. Unset, scripts/env.sh takes the newest that is installed.
ifdef PG
export PG
endif
# Which tests: those whose names contain it.
export T
# How long sqlsmith is let loose, and with a debug build or not.
export MINUTES
export DEBUG
# Where the page is served.
export PORT
# Which documents the demo reads: a directory.
export DOCS
# What quality is measured with: a directory with chunking/questions.jsonl and its corpora.
BENCH_DATA ?= $(wildcard ../shared/data)
export BENCH_DATA
# How many chunks search is fast among: 1000000 unless it is set.
export CHUNKS
# A collection to measure ranking with, in BEIR's layout, instead of BENCH_DATA's: a directory.
export DATA
# How often the soak has the server crash; with which seed chance begins, there and in sqlsmith.
export ROUNDS
export SEED
# Which server `make install` installs into.
ifdef PG_CONFIG
export PG_CONFIG
endif

.PHONY: help setup build install package demo web psql stop test test-unit test-pgrx test-regress accept \
	test-concurrency test-servers test-clients test-checkers test-benches test-builds test-upgrade test-package test-soak test-sqlsmith test-all fuzz bench-chunking bench-retrieval bench-search bench-usage bench-agents bench-identity lint docs docs-accept readme-check clean

help: ## list the commands
	@echo "Commands, all with PG=15|16|17|18 to pick the server:"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

setup: ## install what is missing, prepare a private server
	@scripts/setup.sh

build: setup ## build the extension into the private server
	@scripts/build.sh

install: ## build the extension into the system's server (PG_CONFIG=path for another)
	@scripts/setup.sh --tools
	@scripts/build.sh --system

package: setup ## build a .deb of the extension for that version into target/packages/
	@scripts/package.sh

demo: build ## real documents, questions and answers in a private cluster (DOCS=directory)
	@scripts/demo.sh

web: build ## a page to look at: ask, upload, usage, requests (PORT=number)
	@scripts/web.sh

psql: ## open psql on the demo's database
	@scripts/cluster.sh start demo
	@scripts/cluster.sh psql demo

stop: ## stop the demo and whatever server of this checkout is running
	@scripts/cluster.sh stop-all

test: build ## run all tests (T=name: those whose names contain it)
	@scripts/test.sh $(STAGES)

test-unit: ## unit and property tests of the core, without PostgreSQL
	@scripts/test.sh unit

test-pgrx: setup ## tests inside the server, with a debug build
	@scripts/test.sh pgrx

test-regress: build ## regression tests: SQL and what it should print
	@scripts/test.sh regress

accept: build ## take what regression test T=name prints as expected
	@scripts/accept.sh

test-concurrency: build ## sessions side by side
	@scripts/test.sh concurrency

test-servers: build ## dump, restore, crash, attacks: real servers
	@scripts/test.sh servers

test-soak: build ## crashes, cancels, long sessions, for an hour or so (ROUNDS, SEED=number)
	@scripts/test.sh soak

test-clients: build ## through Drizzle, Deno, Python, Rust and others, each its own program
	@scripts/test.sh clients

test-checkers: build ## what other people's checkers say of policies and SQL
	@scripts/test.sh checkers

test-benches: build ## each benchmark once, at its smallest size
	@scripts/test.sh benches

test-builds: build ## a build leaves running servers alone
	@scripts/test.sh builds

test-sqlsmith: build ## random SQL as an end user, for ten minutes (MINUTES=number, SEED=number, DEBUG=yes)
	@scripts/sqlsmith.sh

fuzz: export FUZZ_CASES = $(or $(CASES),10000000)
fuzz: export FUZZ_SEED = $(SEED)
fuzz: export FUZZ_CASE = $(CASE)
fuzz: ## random input for the core (CASES=number, T=target, SEED=number)
	@scripts/fuzz.sh

test-package: setup ## the package in a clean root: install, README, purge, install again
	@scripts/test.sh package

test-upgrade: ## from PostgreSQL 16 to 18, and from this version of carrel to an invented next one
	@PG=18 scripts/test.sh upgrade

test-all: ## run all tests on 15, 16 and 18, one after the other, then those of upgrades
	@failed=; \
	for v in 15 16 18; do $(MAKE) --no-print-directory test PG=$$v || failed+=" $$v"; done; \
	$(MAKE) --no-print-directory test-upgrade || failed+=" upgrade"; \
	if [ -n "$$failed" ]; then echo "failed on:$$failed"; exit 1; fi

bench-chunking: build ## speed and memory of chunking beside others' (DOCS=directory)
	@scripts/bench.sh core database

bench-retrieval: build ## how well search finds and ranks (BENCH_DATA=directory; DATA=directory: ranking there)
	@scripts/bench.sh $(if $(DATA),,retrieval) ranking

bench-search: build ## how fast search is for each of 1,000 users (CHUNKS=number)
	@scripts/bench.sh search

bench-usage: build ## how fast usage is recorded (SECONDS_EACH, EVENTS, YEAR=number)
	@scripts/bench.sh usage

bench-agents: build ## how fast workers claim and complete requests (DURATION=seconds)
	@scripts/bench.sh agents

bench-identity: build ## what verifying a token costs, and asking who the caller is
	@scripts/bench.sh identity

lint: setup ## formatting, clippy, the README's claims
	@scripts/lint.sh

docs: ## build the pages of docs/ into target/book
	@scripts/docs.sh

docs-accept: build ## write docs/functions.md, and the output that README and docs/ show
	@scripts/functions.sh --accept
	@scripts/readme-sql.sh --accept

readme-check: ## what README, CONTRIBUTING and docs/ name and link to exists
	@scripts/readme-check.sh

clean: ## stop the servers, remove what was built
	@scripts/clean.sh
