// SPDX-License-Identifier: GPL-2.0-only
#include "identity.h"

#include "nvmev/text.h"

namespace nvmev {

namespace {

// FNV-1a, 64 bits.
u64 hash(u64 seed, const char* text) {
  u64 value = seed ^ 0xcbf29ce484222325ull;
  for (; *text != '\0'; text++) value = (value ^ static_cast<u8>(*text)) * 0x100000001b3ull;
  return value;
}

}  // namespace

std::array<u8, 16> make_uuid(const char* serial, const char* purpose) {
  std::array<u8, 16> uuid;
  for (u32 half = 0; half < 2; half++) {
    const u64 value = hash(hash(half + 1, serial), purpose);
    memcpy(uuid.data() + 8 * half, &value, sizeof(value));
  }
  uuid[6] = static_cast<u8>((uuid[6] & 0x0f) | 0x80);
  uuid[8] = static_cast<u8>((uuid[8] & 0x3f) | 0x80);
  return uuid;
}

void format_subnqn(const char* serial, char (&text)[256]) {
  char uuid[37];
  format_uuid(make_uuid(serial, "subsystem"), uuid);
  snprintf(text, sizeof(text), "nqn.2014-08.org.nvmexpress:uuid:%s", uuid);
}

std::array<u8, 16> namespace_uuid(const char* serial, u32 nsid) {
  char purpose[32];
  snprintf(purpose, sizeof(purpose), "namespace %u", nsid);
  return make_uuid(serial, purpose);
}

void format_uuid(const std::array<u8, 16>& uuid, char* text) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (u32 i = 0; i < uuid.size(); i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *text++ = '-';
    *text++ = kDigits[uuid[i] >> 4];
    *text++ = kDigits[uuid[i] & 0xf];
  }
  *text = '\0';
}

}  // namespace nvmev
