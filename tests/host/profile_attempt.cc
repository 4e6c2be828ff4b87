// SPDX-License-Identifier: GPL-2.0-only
#include "host/profile_attempt.h"

#include <cstring>
#include <string>
#include <vector>

#include "host/check.h"
#include "nvmev/host.h"

namespace nvmev::test {
namespace {

// One line for people.
void check_message(const nvmev_error& error) {
  const std::size_t length = strnlen(error.text, sizeof(error.text));
  NVMEV_CHECK(length != 0 && length < sizeof(error.text));
  NVMEV_CHECK(std::memchr(error.text, '\n', length) == nullptr);
}

template <std::size_t kSize>
void check_text(const char (&field)[kSize]) {
  NVMEV_CHECK(strnlen(field, kSize) < kSize);
}

}  // namespace

bool attempt_profile(const u8* data, std::size_t size) {
  // On the heap and no byte longer, so that the sanitizer sees reads beyond the end.
  const std::vector<char> text(data, data + size);
  nvmev_config before;
  nvmev_config_init(&before);
  nvmev_config config = before;
  nvmev_error error{};
  if (const int result = nvmev_config_load(&config, "input", text.data(), text.size(), &error); result != 0) {
    NVMEV_CHECK(result < 0);
    check_message(error);
    NVMEV_CHECK(std::strncmp(error.text, "input:", 6) == 0);  // and the number of the line
    NVMEV_CHECK(std::memcmp(&config, &before, sizeof(config)) == 0);
    return false;
  }
  check_text(config.type);
  check_text(config.namespaces);
  check_text(config.serial);
  check_text(config.model);
  check_text(config.victim);
  check_text(config.allocation);
  check_text(config.separation);
  check_text(config.write_buffer);
  check_text(config.mapping_cache);
  // As a host does that is not told how much.
  config.capacity = nvmev_config_capacity(&config);
  if (config.capacity == 0) config.capacity = 64ull << 20;
  error = {};
  const int result = nvmev_config_check(&config, &error);
  if (result == 0) return true;
  NVMEV_CHECK(result < 0);
  check_message(error);
  return false;
}

}  // namespace nvmev::test
