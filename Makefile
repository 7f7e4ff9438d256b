# The workshop of carrel. `make` lists the commands; PG=15|16|17|18 picks the server for each of them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Given on the command line or in the environment; else scripts/env.sh chooses.
ifdef PG
export PG
endif

.PHONY: help setup build

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 26

setup: ## install what is missing; prepare a private server
	@scripts/setup.sh

build: setup ## build the extension into the private server
	@scripts/build.sh
