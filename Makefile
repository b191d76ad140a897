# Verbs only: what is built and how stands in CMakeLists.txt and CMakePresets.json.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help deps build portable bench results test test-slurm dev golden install format tidy clean test-simt gpu-check

JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
GOLDEN ?= $(or $(YOSO_GOLDEN),tests/golden/cases)
REPORT ?= build/overview.json
BENCH ?= $(shell ls -t build/portable/yoso-bench build/release/yoso-bench 2>/dev/null | head -n 1)
data = experiments/data/use-lite-layer

# One line of progress on a terminal; elsewhere silence unless something fails.
compile = cmake --build --preset $(1) -j $(JOBS) $(if $(2),--target $(2)) $(if $(MAKE_TERMOUT),,-- --quiet)
tool = command -v $(1) >/dev/null || { echo "$(1) is not installed (Debian package $(1))" >&2; exit 1; }
sources = $(shell git ls-files '*.cpp' '*.hpp' '*.cu')

help: ## this screen
	@echo "yoso-bench: how fast, how big and how wrong is YOSO attention beside its rivals?"
	@echo
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18
	@echo
	@echo "  JOBS=$(JOBS) compilers at a time"

deps: ## install missing Debian packages (root or sudo; else prints the command to run)
	@cmake/deps.sh

build: deps build/release/build.ninja ## build/release/yoso-bench and the libraries
	@$(call compile,release,yoso)

portable: deps build/portable/build.ninja ## build/portable/yoso-bench: with GPU code, for machines with nothing but glibc (needs nvcc)
	@$(call compile,portable)
	@ctest --preset portable

bench: build ## the main job: speed, memory and error of every method; report in REPORT=build/overview.json
	build/release/yoso-bench overview --qkv $(data)0-n2048.safetensors --qkv $(data)1-n512.safetensors \
	  --input gaussian,clustered -n 512..4096*2 --hashes 8..128*2 --time-budget 0.5 -o $(REPORT)

results: build ## every experiment, into results/ (about two hours; leave the machine alone meanwhile)
	@for run in experiments/*/run.sh; do sh $$run || [ $$? -eq 4 ] || exit 1; done

test: deps build/release/build.ninja ## build and run all tests
	@$(call compile,release)
	@ctest --preset release -j $(JOBS)
	@build/release/tests/golden/golden | grep ' passed, '

test-slurm: build ## a sweep on a Slurm of two pretend nodes (installs slurm-wlm; root)
	@cmake/deps.sh slurm-wlm munge
	@tests/slurm/test.sh build/release/yoso-bench

test-simt: deps ## CUDA kernels: the whole walk in the emulator, sanitizers, and, with nvcc, its resource budget
	@cmake --preset simt >/dev/null
	@$(call compile,simt)
	@ctest --preset simt -j $(JOBS)
	@if command -v nvcc >/dev/null; then python3 tests/simt/budget/budget.py; else echo "no nvcc: registers were not checked"; fi

# Needs nothing but the program and this checkout: no compiler, no package manager.
gpu-check: ## on a machine with a GPU: check every CUDA cell, then measure; reports in results/09_gpu (about 9 minutes)
	@[ -x "$(BENCH)" ] || { echo "no program: make build or make portable first, or say BENCH=PATH" >&2; exit 1; }
	@checked=0; $(BENCH) check --backend cuda || checked=$$?; [ $$checked -ne 4 ] || exit 4; $(BENCH) repro gpu && exit $$checked

dev: deps build/dev/build.ninja ## the same tests under ASan and UBSan, in build/dev
	@$(call compile,dev)
	@ctest --preset dev -j $(JOBS)

golden: deps build/release/build.ninja ## compare with the vectors of GOLDEN=DIR (usual: tests/golden/cases)
	@$(call compile,release,golden)
	@build/release/tests/golden/golden $(GOLDEN)

install: build ## install into PREFIX=/usr/local (and DESTDIR)
	@DESTDIR=$(DESTDIR) cmake --install build/release --prefix $(abspath $(PREFIX)) >/dev/null
	@echo "installed in $(DESTDIR)$(abspath $(PREFIX))"

format: ## clang-format every source in place
	@$(call tool,clang-format)
	@clang-format -i $(sources)

tidy: deps build/release/build.ninja ## clang-tidy over lib, kernels and apps
	@$(call tool,clang-tidy)
	@$(call compile,release,yoso)
	@git ls-files 'lib/*.cpp' 'kernels/*.cpp' 'apps/*.cpp' | \
	  xargs -P $(JOBS) -n 1 clang-tidy -p build/release --quiet --extra-arg=-Wno-unknown-warning-option 2>&1 | \
	  { ! grep -v '^[0-9]* warnings\? generated'; }

clean: ## remove build/
	@rm -rf build

build/%/build.ninja: CMakePresets.json | deps
	@echo "configuring build/$*; the first build takes a few minutes"
	@cmake --preset $* >/dev/null
	@touch $@
