// SPDX-License-Identifier: GPL-2.0-only
// Profiles of the fuzzer's choice. Seeds and what was worth keeping of its finds: corpus/profile. By hand:
//
//   cmake -S tests -B build/fuzz -DCMAKE_CXX_COMPILER=clang++ && make -C build/fuzz fuzz_profile
//   build/fuzz/fuzz_profile -dict=tests/fuzz/profile.dict NEW_FOLDER tests/fuzz/corpus/profile
#include "host/profile_attempt.h"

extern "C" int LLVMFuzzerTestOneInput(const nvmev::u8* data, size_t size) {
  nvmev::test::attempt_profile(data, size);
  return 0;
}
