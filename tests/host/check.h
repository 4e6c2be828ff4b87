// SPDX-License-Identifier: GPL-2.0-only
// Assertion of the test host: the same in unit tests, benchmarks and fuzz targets, and on in every build.
#pragma once

#include <cstdio>
#include <cstdlib>

#define NVMEV_CHECK(condition)                                                           \
  do {                                                                                   \
    if (!(condition)) {                                                                  \
      std::fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                      \
    }                                                                                    \
  } while (0)
