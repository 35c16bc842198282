# SPDX-License-Identifier: GPL-2.0-or-later
# hcbench. `make help` lists the targets. Everything built lies in build/.
VARIANT ?= release
B       := build$(if $(filter-out release,$(VARIANT)),/$(VARIANT))
CC      ?= gcc
VERSION := 0.1.0

.DEFAULT_GOAL := all
MAKEFLAGS += --no-builtin-rules

WARN := -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes \
        -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wformat=2 -Wconversion \
        -Werror=incompatible-pointer-types $(if $(WERROR),-Werror)
SAN-asan := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -O1
SAN-tsan := -fsanitize=thread -O1
SAN-fuzz := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -O1
SAN      := $(SAN-$(VARIANT))
# -ffp-contract=off: the models give the same bytes with every compiler.
CFLAGS   ?= -O2 -g
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -I. -I$(B) -DHCB_VERSION='"$(VERSION)"' $(CFLAGS) $(WARN) \
        -ffp-contract=off -fstack-protector-strong -MMD -MP $(SAN) $(LIB_CFLAGS)
Q := $(if $(V),,@)

# --- libraries: probed once, absent ones turn their engine into one listed with the reason
-include $(B)/config.mk
$(B)/config.mk: ci/probe-libs Makefile
	@mkdir -p $(B)
	@CC="$(CC)" ci/probe-libs $(B)/config.mk $(B)/config.h

# --- what is built
CORE_SRC := $(sort $(wildcard bench/core/*.c))
LIB_SRC  := $(CORE_SRC) $(sort $(wildcard engines/*.c workloads/*.c bench/*.c reports/*.c lab/*.c bench/cmd/*.c))
LIB_SRC  := $(filter-out bench/cmd/main.c,$(LIB_SRC))
LIB_OBJ  := $(LIB_SRC:%.c=$(B)/obj/%.o)
MAIN_OBJ := $(B)/obj/bench/cmd/main.o

all: $(B)/hcbench  ## build build/hcbench

$(B)/obj/%.o: %.c $(B)/config.mk
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(B)/libhcb.a: $(LIB_OBJ)
	@echo "  AR      $@"
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/hcbench: $(MAIN_OBJ) $(B)/libhcb.a
	@echo "  LD      $@"
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $(MAIN_OBJ) $(B)/libhcb.a $(LIBS) -lm -lpthread

# --- tests
UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c tests/conformance/test_*.c tests/fault/test_*.c))
UNIT_BIN := $(patsubst tests/%.c,$(B)/tests/%,$(UNIT_SRC))
$(B)/tests/%: tests/%.c $(B)/libhcb.a
	@mkdir -p $(@D)
	@echo "  TEST    $<"
	$(Q)$(CC) $(ALL_CFLAGS) -Itests -o $@ $< $(B)/libhcb.a $(LIBS) -lcmocka -lm -lpthread $(TEST_LDFLAGS)

tests: $(UNIT_BIN)  ## build the test programs

FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_BIN := $(patsubst tests/%.c,$(B)/%,$(FUZZ_SRC))
$(B)/fuzz/%: tests/fuzz/%.c $(B)/libhcb.a
	@mkdir -p $(@D)
	@echo "  FUZZ    $<"
	$(Q)$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer -o $@ $< $(B)/libhcb.a $(LIBS) -lm -lpthread

fuzzers: $(FUZZ_BIN)  # libFuzzer targets; ci/fuzz builds and runs them (VARIANT=fuzz CC=clang)

# --- long statistical grids of the shipped functions (ci/accuracy keeps what they print)
ACC_BIN := $(patsubst tests/%.c,$(B)/%,$(sort $(wildcard tests/accuracy/*.c)))
$(B)/accuracy/%: tests/accuracy/%.c $(B)/libhcb.a
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(ALL_CFLAGS) -Itests -o $@ $< $(B)/libhcb.a $(LIBS) -lm -lpthread

# --- side by side with fio (perf/)
PERF_SRC  := $(sort $(wildcard perf/*.c))
PERF_OBJ  := $(PERF_SRC:%.c=$(B)/obj/%.o)
# Tools on a library that is not there are not built; their rows say so.
PERF_TOOL := hdd_direct loop_direct $(if $(findstring -lrbd,$(LIBS)),rbd_bare) \
             $(if $(findstring -laio,$(LIBS)),submit_clock.so) \
             $(if $(findstring -lsqlite3,$(LIBS)),history_nights)
PERF_TOOL := $(PERF_TOOL:%=$(B)/perf/%)

$(B)/perf/hcb-perf: $(PERF_OBJ) $(B)/libhcb.a
	@mkdir -p $(@D)
	@echo "  LD      $@"
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $(PERF_OBJ) $(B)/libhcb.a $(LIBS) -lm -lpthread

$(B)/perf/%.so: perf/tools/%.c $(B)/config.mk
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(ALL_CFLAGS) -fPIC -shared -o $@ $< -ldl

$(B)/perf/%: perf/tools/%.c $(B)/libhcb.a
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $< $(B)/libhcb.a $(LIBS) -lm -lpthread

perf: $(B)/hcbench $(B)/perf/hcb-perf $(PERF_TOOL)  # build what `make bench` runs

bench: deps  ## what hcbench costs beside fio, 15 minutes; ARGS="--quick --rows null-32"
	@$(MAKE) --no-print-directory perf
	$(B)/perf/hcb-perf $(ARGS)

check: deps  ## set up (as root), build and run every test that needs no lab
	@$(MAKE) --no-print-directory all tests perf
	@tests/run $(B)

run: deps  ## set up (as root) and do the main job on the embedded default: the model disk
	@$(MAKE) --no-print-directory all
	$(B)/hcbench run postgres --on all=hdd:generic-7200,filled=60% --clock virtual --seed 1 -o $(B)/run.json

deps:  # installs what is missing when run as root, else says the one line to type
	@ci/install-deps --auto

accuracy:  ## how far models and statistics can be trusted: docs/accuracy.md (as root, 35 minutes)
	@$(MAKE) --no-print-directory all accuracy-programs $(filter %/history_nights,$(PERF_TOOL))
	@ci/accuracy

accuracy-programs: $(ACC_BIN)  # what ci/accuracy runs beside hcbench

fidelity: deps  ## PostgreSQL on a served disk through twenty power cuts (as root, 5 minutes)
	@$(MAKE) --no-print-directory all
	@HCB_TEST_TIMEOUT=1200 tests/run $(B) long

plots:  ## docs/img/: the pictures of docs/disk-model.md
	@$(MAKE) --no-print-directory all
	@ci/plots

lint:  ## format, static analysis, include direction, registries, shell
	@ci/lint

asan:  ## build with address and undefined-behaviour sanitizers
	@$(MAKE) --no-print-directory VARIANT=asan CC=clang all tests
tsan:  ## build with the thread sanitizer
	@$(MAKE) --no-print-directory VARIANT=tsan CC=clang all tests

format:  ## let clang-format have its way
	@git ls-files '*.c' '*.h' | xargs clang-format -i

clean:  ## remove build/
	rm -rf build

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 12

.PHONY: all tests fuzzers perf bench check run deps accuracy accuracy-programs fidelity plots lint asan tsan format clean help
.DELETE_ON_ERROR:
-include $(LIB_OBJ:.o=.d) $(MAIN_OBJ:.o=.d) $(addsuffix .d,$(UNIT_BIN) $(FUZZ_BIN) $(ACC_BIN)) $(PERF_OBJ:.o=.d) $(wildcard $(B)/perf/*.d)
