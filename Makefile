# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: The pkern authors
# `make` alone lists the targets. All outputs go to build/, but for the three products on the top level.

CC = cc
CXX = c++
PREFIX = /usr/local
DESTDIR =

WARNINGS = -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Werror
PRODUCTS = pkern.h pkern_pool.h pkern_simd.h
VERSION := $(shell sed -n 's/^.define PKERN_VERSION "\(.*\)"/\1/p' src/base/version.h)

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

# ---- products

build/tools/headers: tools/headers.c
	@mkdir -p $(@D)
	$(CC) -std=c99 -D_POSIX_C_SOURCE=200809L -O1 $(WARNINGS) -o $@ $<

.PHONY: headers check-headers build/dist
headers: build/tools/headers ## write pkern.h, pkern_pool.h and pkern_simd.h from src/
	build/tools/headers src .

build/dist: build/tools/headers # the products as the sources would make them
	@mkdir -p $@
	@build/tools/headers src $@

check-headers: build/dist ## fail where a product differs from what src/ makes
	@for product in $(PRODUCTS); do cmp -s $$product build/dist/$$product || { \
	    echo "$$product is not what src/ makes."; \
	    echo "To fix it: make your changes under src/ (not in $$product), run 'make headers', commit both."; \
	    exit 1; }; done
	@echo "the products are what src/ makes"

.PHONY: install install-check
install: ## copy headers, pkg-config and CMake files to $(DESTDIR)$(PREFIX)
	mkdir -p $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/share/pkgconfig $(DESTDIR)$(PREFIX)/share/cmake/pkern
	cp $(PRODUCTS) $(DESTDIR)$(PREFIX)/include/
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' packaging/pkern.pc.in > $(DESTDIR)$(PREFIX)/share/pkgconfig/pkern.pc
	cp packaging/pkernConfig.cmake $(DESTDIR)$(PREFIX)/share/cmake/pkern/
	sed 's|@VERSION@|$(VERSION)|' packaging/pkernConfigVersion.cmake.in \
	    > $(DESTDIR)$(PREFIX)/share/cmake/pkern/pkernConfigVersion.cmake

install-check: ## install into a scratch folder and build a program by pkg-config and CMake
	@sh tests/dist/install_test.sh build/install

# ---- demo and examples: a compiler and make are enough

build/examples/%: examples/%.c pkern.h
	@mkdir -p $(@D)
	$(CC) -std=c99 -O2 -I. $< -o $@ -pthread -lm

.PHONY: demo examples
demo: build/examples/language_search ## the main job on real text, under a minute
	build/examples/language_search --demo

examples: ## build each example by the command at its top, and test it
	@sh tools/check_examples.sh
	@for test in $(wildcard tests/examples/*_test.sh); do sh $$test || exit 1; done

# ---- tests: all files of tests/<layer> are one translation unit; a kind is a way to build it. The layers below HDC are built without it.

LAYERS = $(sort $(patsubst tests/%/,%,$(dir $(wildcard tests/*/test_*.c))))
# Lines for backtraces; -g, for a debugger, takes half as long again to build.
DEBUG = -g1
TEST_FLAGS = -std=gnu11 $(DEBUG) $(WARNINGS) -I. -Itests -MMD -MP
PLAIN = -DPKN_TEST_PLAIN
# Outputs get their names when they are whole, so several makes may run at once.
ID := new$(shell echo $$$$)

.SECONDARY:
.PHONY: force
force:
$(LAYERS:%=build/tests/%.c): build/tests/%.c: force # rewritten where the list of files has changed
	@mkdir -p $(@D)
	@{ echo '#include "test.h"'; for test in $(sort $(wildcard tests/$*/test_*.c)); do \
	    echo "#include \"$$test\""; done; } > $@.$(ID)
	@if cmp -s $@.$(ID) $@; then rm $@.$(ID); else mv $@.$(ID) $@; fi


# $(call kind,NAME,COMPILER,FLAGS,LIBRARIES)
define kind
$(LAYERS:%=build/tests/$(1)/%): build/tests/$(1)/%: build/tests/%.c
	@mkdir -p $$(@D)
	$(2) $$(TEST_FLAGS) $$(if $$(filter %/hdc,$$@),,-DPKERN_NO_HDC) $(3) $$< -MT $$@ -MF $$@.$(ID).d -o $$@.$(ID) -pthread -lm $(4)
	@mv $$@.$(ID).d $$@.d && mv $$@.$(ID) $$@
-include $$(LAYERS:%=build/tests/$(1)/%.d)
.PHONY: build-$(1) run-$(1)
build-$(1): $$(LAYERS:%=build/tests/$(1)/%)
run-$(1): build-$(1)
	@sh tests/run.sh $$(LAYERS:%=build/tests/$(1)/%)
endef
SANITIZE = -O1 -fno-omit-frame-pointer -Isrc $(PLAIN)
COMMA = ,
NEON_CC = aarch64-linux-gnu-gcc
MUSL_CC = musl-gcc
$(eval $(call kind,criterion,$(CC),-O2 -Isrc,-lcriterion))
$(eval $(call kind,plain,$(CC),-O2 -Isrc $(PLAIN)))
$(eval $(call kind,dist,$(CC),-O0 -Ibuild/dist -DPKERN_TEST_DIST $(PLAIN)))
$(eval $(call kind,serial,$(CC),-O2 -Isrc -DPKERN_NO_THREADS $(PLAIN)))
$(eval $(call kind,nofutex,$(CC),-O2 -Isrc -DPKERN_NO_FUTEX $(PLAIN)))
$(eval $(call kind,debug,$(CC),-O2 -Isrc -DPKERN_DEBUG=1 $(PLAIN)))
$(eval $(call kind,musl,$(MUSL_CC),-O2 -static -Isrc $(PLAIN)))
$(eval $(call kind,asan,$(CC),-fsanitize=address $(SANITIZE)))
$(eval $(call kind,ubsan,$(CC),-fsanitize=undefined -fno-sanitize-recover=all $(SANITIZE)))
$(eval $(call kind,sanitize,$(CC),-fsanitize=address$(COMMA)undefined -fno-sanitize-recover=all $(SANITIZE:-Isrc=-Ibuild/dist) -DPKERN_TEST_DIST))
$(eval $(call kind,tsan,$(CC),-fsanitize=thread $(SANITIZE)))
$(eval $(call kind,neon,$(NEON_CC),-O1 -static -Isrc $(PLAIN)))
$(eval $(call kind,coverage,gcc,-O0 --coverage -fprofile-update=atomic -Isrc -DPKN_TEST_COVERAGE '-DPKN_ALWAYS_INLINE=static inline __attribute__((unused))' $(PLAIN)))

.PHONY: test test-dist test-isa test-serial test-musl unload-test fences-test test-neon asan ubsan sanitize tsan coverage stress
test: ## all tests, with Criterion where it can be had
	@if sh tools/need.sh criterion/criterion.h libcriterion-dev; then \
	    PKN_TEST_ARGUMENTS="--timeout 60" $(MAKE) --no-print-directory run-criterion; \
	else echo "without Criterion: the tests run on the plain runner"; $(MAKE) --no-print-directory run-plain; fi

test-dist: build/dist ## the same tests on the generated products
	@$(MAKE) --no-print-directory run-dist

test-isa: ## simd and hdc once for each instruction set that this CPU has
	@kind=criterion; sh tools/need.sh criterion/criterion.h libcriterion-dev || kind=plain; \
	set -- $(patsubst %,build/tests/$$kind/%,$(filter simd hdc,$(LAYERS))); \
	$(MAKE) --no-print-directory "$$@" && PKN_TEST_ARGUMENTS="--timeout 60" sh tests/run_isa.sh "$$@"

THREADLESS = $(patsubst %,build/tests/serial/%,base pool par) $(patsubst %,build/tests/nofutex/%,base pool) build/tests/debug/pool
test-serial: $(THREADLESS) ## base, pool and par without threads; base and pool with condition variables; pool with assertions
	@sh tests/run.sh $(THREADLESS)

test-musl: ## base, pool and par linked statically with musl
	@if sh tools/need.sh $(MUSL_CC) musl-tools; then \
	    $(MAKE) --no-print-directory $(patsubst %,build/tests/musl/%,base pool par) && \
	    sh tests/run.sh $(patsubst %,build/tests/musl/%,base pool par); \
	else echo "1 skipped: $(MUSL_CC) is missing"; fi

unload-test: build/dist ## a library with a static pkern is loaded and unloaded 1000 times
	@sh tests/dist/unload_test.sh build/dist build/unload

fences-test: ## the memory orders' instructions are in the code, for x86-64 and 64-bit Arm
	@sh tests/dist/fences_test.sh build/fences

test-neon: ## simd and hdc cross-compiled for 64-bit Arm, under qemu
	@sh tools/need.sh $(NEON_CC) gcc-aarch64-linux-gnu libc6-dev-arm64-cross
	@sh tools/need.sh qemu-aarch64 qemu-user
	@$(MAKE) --no-print-directory $(patsubst %,build/tests/neon/%,$(filter simd hdc,$(LAYERS)))
	@PKERN_ISA=neon PKN_TEST_COMMAND=qemu-aarch64 sh tests/run.sh $(patsubst %,build/tests/neon/%,$(filter simd hdc,$(LAYERS)))

# $(call run-under-asan,KIND): uses after a return are found where no AVX-512 code is; gcc 12 aligns the frames that it moves for that to
# 32 bytes, too few for it.
USES_AVX512 = simd hdc
define run-under-asan
+@$(MAKE) --no-print-directory build-$(1)
@ASAN_OPTIONS=detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1 sh tests/run.sh $(patsubst %,build/tests/$(1)/%,$(filter-out $(USES_AVX512),$(LAYERS)))
@ASAN_OPTIONS=detect_stack_use_after_return=0 UBSAN_OPTIONS=print_stacktrace=1 sh tests/run.sh $(patsubst %,build/tests/$(1)/%,$(filter $(USES_AVX512),$(LAYERS)))
endef
asan: ## tests under the address sanitizer, leaks included
	$(call run-under-asan,asan)

ubsan: ## tests under the undefined-behaviour sanitizer
	@UBSAN_OPTIONS=print_stacktrace=1 $(MAKE) --no-print-directory run-ubsan

sanitize: build/dist ## the tests on the products under both of these at once, as CI runs them
	$(call run-under-asan,sanitize)

# Words: of HDC only the tests with one of them in their names.
TSAN_HDC ?=
tsan: ## tests under the thread sanitizer, without suppressions
	@$(MAKE) --no-print-directory build-tsan
	@TSAN_OPTIONS=halt_on_error=1 sh tests/run.sh $(patsubst %,build/tests/tsan/%,$(filter-out hdc,$(LAYERS)))
	@TSAN_OPTIONS=halt_on_error=1 PKN_TEST_ARGUMENTS="$(TSAN_HDC)" sh tests/run.sh build/tests/tsan/hdc

coverage: ## line and branch coverage of the tests, by gcov
	@rm -rf build/tests/coverage
	@$(MAKE) --no-print-directory run-coverage
	@sh tools/coverage.sh build/tests/coverage
	@sh tools/branches.sh build/tests/coverage/missed_branches tests/coverage_waivers.txt

STRESS_JOBS = 100000000
STRESS_POOLS = 10000
STRESS_SEED = 1
build/stress/%: tests/stress/%.c $(wildcard src/*/*.[ch] src/*.h)
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -g -O2 $(WARNINGS) -Isrc $< -o $@ -pthread -lm

stress: $(patsubst tests/stress/%.c,build/stress/%,$(wildcard tests/stress/stress_*.c)) ## long random runs: STRESS_JOBS, STRESS_POOLS, STRESS_SEED
	@for program in $^; do $$program $(STRESS_JOBS) $(STRESS_POOLS) $(STRESS_SEED) || exit 1; done

# Half of the sequences on all CPUs, half on one; a twentieth of them again under each of two sanitizers.
SEQUENCES = 100000
SEQUENCE_SEED = 1
build/stress/api_sequences: $(wildcard tests/stress/api_*.h)
build/stress/api_sequences_asan build/stress/api_sequences_tsan: build/stress/api_sequences_%: tests/stress/api_sequences.c \
    $(wildcard tests/stress/api_*.h src/*/*.[ch] src/*.h)
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -g -O1 -fno-omit-frame-pointer -fsanitize=$(if $(filter asan,$*),address,thread) $(WARNINGS) -Isrc $< -o $@ -pthread -lm

.PHONY: sequences
sequences: build/stress/api_sequences build/stress/api_sequences_asan build/stress/api_sequences_tsan ## random sequences of calls: SEQUENCES, SEQUENCE_SEED
	@sh tests/stress/sequences.sh build/stress/api_sequences $(SEQUENCES) $(SEQUENCE_SEED)

# The explorer: its own files as they are, the library's sources with the shadow in front, scenarios with calls at plain accesses.
EXPLORE_EXECUTIONS = 5200000
EXPLORE = build/explore
$(EXPLORE)/src: tests/explore/adapt.sh $(wildcard tests/explore/shadow/*.h src/base/*.h src/pool/*.[ch] src/*.h)
	@sh tests/explore/adapt.sh src tests/explore/shadow $@
$(EXPLORE)/main.o: $(wildcard tests/explore/*.h) tests/explore/main.c tests/explore/explore.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -g -O2 $(WARNINGS) -Itests/explore -c tests/explore/main.c -o $@
$(EXPLORE)/%.o: tests/explore/%.c $(wildcard tests/explore/*.h) $(EXPLORE)/src
	$(CC) -std=gnu11 -g -O2 $(WARNINGS) -fsanitize=thread -Itests/explore -I$(EXPLORE)/src -c $< -o $@
$(EXPLORE)/explore: $(patsubst %,$(EXPLORE)/%.o,main litmus planted scenarios)
	$(CC) $^ -o $@

.PHONY: explore explore-full explore-mutants
explore: $(EXPLORE)/explore ## model checker: litmus tests, planted bugs, scenarios on the real scheduler
	@$< --executions $(EXPLORE_EXECUTIONS)

explore-full: $(EXPLORE)/explore ## the same with 100 million executions
	@$< --executions 100000000

explore-mutants: $(patsubst %,$(EXPLORE)/%.o,main litmus planted) ## weaken each memory order, drop each fence: a scenario must fail
	@CC="$(CC)" sh tests/explore/mutants.sh $(EXPLORE)

# Each tests/fuzz/fuzz_NAME.c is a program that libFuzzer drives, from what is in tests/fuzz/corpus/NAME and what earlier runs found.
FUZZ_CC = clang
FUZZ_RUNS = 10000000
FUZZ_SECONDS = 3600
FUZZ = $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
build/fuzz/%: tests/fuzz/%.c $(wildcard tests/fuzz/*.h tests/hdc/file_seal.h src/*/*.[ch] src/*.h)
	@mkdir -p $(@D)
	$(FUZZ_CC) -std=gnu11 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all $(WARNINGS) -Isrc -Itests/hdc -Itests/fuzz $< $(filter %.o,$^) -o $@ -pthread -lm

build/fuzz/fuzz_csv build/fuzz/fuzz_idx: examples/hdc_classify.c build/fuzz/library.o
build/fuzz/library.o: tests/fuzz/library.c $(wildcard src/*/*.[ch] src/*.h)
	@mkdir -p $(@D)
	$(FUZZ_CC) -std=gnu11 -O1 $(WARNINGS) -Isrc -c $< -o $@

.PHONY: fuzz fuzz-quick
fuzz: ## loaders against made-up files: FUZZ_RUNS in all, at most FUZZ_SECONDS each
	@sh tools/need.sh $(FUZZ_CC) clang libclang-rt-14-dev
	@$(MAKE) --no-print-directory $(FUZZ)
	@sh tests/fuzz/run.sh $(FUZZ_RUNS) $(FUZZ_SECONDS) $(FUZZ)

fuzz-quick: ## the same, 4 seconds each
	@$(MAKE) --no-print-directory fuzz FUZZ_SECONDS=4

# ---- what the products promise

.PHONY: compile-matrix sizes generator-test docs-check
compile-matrix: build/dist ## products with gcc and clang, C99 to C++17, all orders and options
	@sh tools/need.sh clang clang
	@sh tests/dist/matrix.sh build/dist build/matrix

sizes: build/dist ## object sizes of the products
	@sh tests/dist/sizes.sh build/dist build/matrix

generator-test: build/tools/headers ## prove that each rule of the generator and of the lints can fail
	@sh tests/dist/generator_test.sh build/tools/headers build/generator-test

docs-check: build/dist ## compile and run the examples in README.md and docs/
	@sh tools/docs_check.sh build/dist build/docs README.md $(wildcard docs/*.md)
	@sh tools/reliability.sh docs/reliability.md

# ---- style

.PHONY: lint format
lint: generator-test ## the project's own rules, clang-tidy and cppcheck
	@sh tools/need.sh clang-tidy clang-tidy
	@sh tools/need.sh cppcheck cppcheck
	@sh tools/lint.sh

format: ## clang-format on the sources, in place
	@sh tools/need.sh clang-format clang-format
	clang-format -i $(wildcard src/*.h src/*/*.[ch] tests/*.h tests/*/*.[ch] bench/*.[ch] examples/*.c tools/*.c)

# ---- benches

BENCH_FLAGS = -std=gnu11 -O2 -g -I. -Ibench
build/bench/%: bench/%.c pkern.h $(wildcard bench/*.h)
	@mkdir -p $(@D)
	$(CC) $(BENCH_FLAGS) $(filter %.c %.o,$^) -o $@ -pthread -lm

# pkern in another translation unit, but where a bench defines BENCH_OWN_PKERN
BENCHES = $(patsubst bench/%.c,build/bench/%,$(wildcard bench/bench_*.c))
$(filter-out $(patsubst %,build/bench/bench_%,simd hdc_limits),$(BENCHES)): build/bench/pkern.o
build/bench/pkern.o: bench/pkern.c pkern.h
	@mkdir -p $(@D)
	$(CC) $(BENCH_FLAGS) -c $< -o $@

# bench_fork: tasks by each compiler that is there
FORK_COMPILERS := $(foreach compiler,gcc clang,$(if $(shell command -v $(compiler)),$(compiler)))
build/bench/bench_fork: $(FORK_COMPILERS:%=build/bench/fork_typed_%.o) $(FORK_COMPILERS:%=build/bench/fork_tree_%.o)

build/bench/fork_typed_%.o: bench/fork_typed.c bench/fork_typed.h pkern.h
	@mkdir -p $(@D)
	$* $(BENCH_FLAGS) -fno-optimize-sibling-calls -Wno-attributes -DFORK_TYPED=fork_typed_$* -c $< -o $@

build/bench/fork_tree_%.o: bench/fork_tree.c bench/fork_typed.h pkern.h
	@mkdir -p $(@D)
	$* $(BENCH_FLAGS) -DFORK_TREE=fork_tree_$* -c $< -o $@

.PHONY: bench bench-quick bench-deps bench-build
bench-build: $(BENCHES) ## build them only

bench: $(BENCHES) ## all benches, with every peer that is installed
	sh bench/run.sh

bench-quick: $(BENCHES) ## a short form of the benches
	sh bench/run.sh quick

bench-deps: ## install the peers that the benches compare with
	sh bench/deps.sh

# the scheduler's model: bench/sim/README.md
build/bench/sim: $(wildcard bench/sim/*.[ch] src/*/*.[ch] src/*.h)
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -g -O2 $(WARNINGS) -Isrc -Ibench/sim bench/sim/sim.c -o $@ -pthread -lm

.PHONY: sim sim-check
sim: build/bench/sim ## model of the scheduler at 1 to 64 threads, beside real runs
	@$<

sim-check: build/bench/sim # the model's own test, without a clock
	@$< --check

.PHONY: clean
clean: ## remove build/
	rm -rf build
