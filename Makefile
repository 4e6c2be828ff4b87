# SPDX-License-Identifier: GPL-2.0-only
# Targets for people; how the module is compiled is in Kbuild. `make help` lists them.

KVER ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KVER)/build
JOBS ?= $(shell nproc)
MAKEFLAGS += --no-print-directory

.PHONY: module install unit bench sim sim-test cli fuzz demo test test-kernels clean distclean help

module:
	@test -e "$(KDIR)/Makefile" || { \
		echo "make: no kernel headers at $(KDIR)"; \
		echo "  for the running kernel: apt-get install linux-headers-$(KVER)"; \
		echo "  for another: make KVER=release, or make KDIR=folder-of-a-built-kernel"; \
		echo "  for a guest's: scripts/vm build 6.1"; \
		exit 1; } >&2
	@scripts/setup module
	$(MAKE) -C "$(KDIR)" M="$(CURDIR)" -j$(JOBS) modules

install: module
	$(MAKE) -C "$(KDIR)" M="$(CURDIR)" modules_install
	depmod "$$($(MAKE) -s -C "$(KDIR)" kernelrelease)"

unit:
	@scripts/setup unit
	cmake -S tests -B build/unit
	cmake --build build/unit -j$(JOBS)
	ctest --test-dir build/unit -j$(JOBS) --output-on-failure

bench:
	@scripts/setup unit
	cmake -S tests -B build/bench -DCMAKE_BUILD_TYPE=Release
	cmake --build build/bench -j$(JOBS) --target bench_core
	build/bench/bench_core $(BENCH_ARGS)

sim:
	@scripts/setup sim
	cmake -S src/sim -B build/sim
	cmake --build build/sim -j$(JOBS)

sim-test: sim
	ctest --test-dir build/sim --output-on-failure

cli:
	@scripts/setup cli
	cmake -S src/cli -B build/cli
	cmake --build build/cli -j$(JOBS)

fuzz:
	@scripts/fuzz

demo:
	@scripts/demo

test:
	@scripts/setup vm unit
	@scripts/tally '$(MAKE) unit' 'FUZZ_SEED=1 FUZZ_SECONDS=120 scripts/fuzz controller' 'FUZZ_SEED=1 FUZZ_SECONDS=20 scripts/fuzz profile state' '$(MAKE) sim-test' tests/harness/run 'scripts/guest-tests --retry 3 6.1,6.12'

test-kernels:
	@scripts/setup vm
	@scripts/tally 'scripts/guest-tests --retry 3 5.10,7.x'

clean:
	@test ! -e "$(KDIR)/Makefile" || $(MAKE) -C "$(KDIR)" M="$(CURDIR)" clean
	rm -rf build/unit build/bench build/sim build/cli build/ko build/tree

distclean: clean
	@scripts/vm clean
	rm -rf build

help:
	@echo 'make [module]      nvmev.ko for the running kernel; KVER=release or KDIR=folder for another'
	@echo 'make install       installs it where modprobe finds it (as root)'
	@echo 'make demo          shows it at work in a guest: nothing of this machine is touched'
	@echo 'make unit          unit tests of the core, with sanitizers'
	@echo 'make bench         speed of the core; BENCH_ARGS for Google Benchmark'
	@echo 'make sim           build/sim/nvmev-sim, the offline simulator; sim-test: its tests'
	@echo 'make cli           build/cli/nvmev, the command line tool'
	@echo 'make fuzz          hostile requesters, profiles and state files of a fuzzer, for FUZZ_SECONDS each'
	@echo 'make test          unit tests and fuzzing, then tests in guests with kernels 6.1 and 6.12'
	@echo 'make test-kernels  build, load, I/O and unload on 5.10 and the newest 7.x as well'
	@echo 'make clean         removes what was built; distclean: the images of the guests too'
	@echo
	@echo 'scripts/vm --help            guests, by hand'
	@echo 'scripts/guest-tests --help   single tests in guests'
