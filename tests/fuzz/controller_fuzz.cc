// SPDX-License-Identifier: GPL-2.0-only
// A requester of the fuzzer's choice. Seeds and what was worth keeping of its finds: corpus/controller. `make fuzz` runs it for
// a while; by hand:
//
//   cmake -S tests -B build/fuzz -DCMAKE_CXX_COMPILER=clang++ && make -C build/fuzz fuzz_controller
//   build/fuzz/fuzz_controller -max_len=4096 NEW_FOLDER tests/fuzz/corpus/controller
#include <cstdio>
#include <cstdlib>

#include "host/controller_attack.h"

namespace {
nvmev::u64 commands;
}

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  std::atexit([] { std::fprintf(stderr, "%llu commands\n", static_cast<unsigned long long>(commands)); });
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const nvmev::u8* data, size_t size) {
  commands += nvmev::test::attack_controller(data, size);
  return 0;
}
