// SPDX-License-Identifier: GPL-2.0-only
// State files of the fuzzer's choice, with checksums that are right. Seeds and what was worth keeping of its finds: corpus/state. By
// hand:
//
//   cmake -S tests -B build/fuzz -DCMAKE_CXX_COMPILER=clang++ && make -C build/fuzz fuzz_state
//   build/fuzz/fuzz_state -max_len=64 NEW_FOLDER tests/fuzz/corpus/state
#include "host/state_attack.h"

extern "C" int LLVMFuzzerTestOneInput(const nvmev::u8* data, size_t size) {
  nvmev::test::attack_state(data, size);
  return 0;
}
