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

void tell() { std::fprintf(stderr, "%llu commands\n", static_cast<unsigned long long>(commands)); }

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  std::atexit(tell);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const nvmev::u8* data, size_t size) {
  constexpr nvmev::u64 kReport = 10'000'000;  // for runs of hours
  const nvmev::u64 before = commands;
  commands += nvmev::test::attack_controller(data, size);
  if (before / kReport != commands / kReport) tell();
  return 0;
}
