// SPDX-License-Identifier: GPL-2.0-only
#include "config_keys.h"

#include "nvmev/error.h"
#include "nvmev/ftl_registry.h"
#include "nvmev/name_list.h"
#include "parse.h"
#include "nvmev/text.h"

namespace nvmev {
namespace {

constexpr u64 kMaxDelay = 1000ull * 1000 * 1000 * 1000;  // 1000 s, in ns
constexpr u64 kMaxCapacity = 1ull << 47;                  // its page table takes 8 bytes for each 2 MiB

#define FIELD(field) static_cast<u8>(sizeof(nvmev_config::field)), static_cast<u16>(offsetof(nvmev_config, field))

constexpr Key kKeys[] = {
    // name, kind, live, field, min, max, power of two, excludes
    {"type", KeyKind::kType, false, FIELD(type), 0, 0, false, nullptr},
    {"medium", KeyKind::kMedium, false, FIELD(medium), 0, 0, false, nullptr},
    {"capacity", KeyKind::kBytes, false, FIELD(capacity), 1ull << 20, kMaxCapacity, false, nullptr},
    {"lba_size", KeyKind::kBytes, false, FIELD(lba_size), 512, 4096, true, nullptr},
    {"read_latency", KeyKind::kMicroseconds, true, FIELD(read_time), 0, kMaxDelay, false, "read_time"},
    {"write_latency", KeyKind::kMicroseconds, true, FIELD(write_time), 0, kMaxDelay, false, "write_time"},
    {"read_delay", KeyKind::kNanoseconds, true, FIELD(read_delay), 0, kMaxDelay, false, nullptr},
    {"read_time", KeyKind::kNanoseconds, true, FIELD(read_time), 0, kMaxDelay, false, "read_latency"},
    {"read_trailing", KeyKind::kNanoseconds, true, FIELD(read_trailing), 0, kMaxDelay, false, nullptr},
    {"write_delay", KeyKind::kNanoseconds, true, FIELD(write_delay), 0, kMaxDelay, false, nullptr},
    {"write_time", KeyKind::kNanoseconds, true, FIELD(write_time), 0, kMaxDelay, false, "write_latency"},
    {"write_trailing", KeyKind::kNanoseconds, true, FIELD(write_trailing), 0, kMaxDelay, false, nullptr},
    {"io_unit_size", KeyKind::kBytes, false, FIELD(io_unit_size), 512, 1ull << 30, true, nullptr},
    {"nr_io_units", KeyKind::kCount, false, FIELD(nr_io_units), 1, 1024, false, nullptr},
    {"time_scale", KeyKind::kMilli, true, FIELD(time_scale_milli), 1, 1000ull * 1000 * 1000, false, nullptr},
    {"dispatchers", KeyKind::kCount, false, FIELD(dispatchers), 1, NVMEV_MAX_DISPATCHERS, false, nullptr},
    {"inflight", KeyKind::kCount, false, FIELD(inflight), 64, 65536, false, nullptr},
    {"queues", KeyKind::kCount, false, FIELD(queues), 1, NVMEV_MAX_VECTORS - 1, false, nullptr},
    {"queue_entries", KeyKind::kCount, false, FIELD(queue_entries), 2, 65536, false, nullptr},
    {"mdts", KeyKind::kCount, false, FIELD(mdts), 1, 9, false, nullptr},
    {"serial", KeyKind::kText, false, FIELD(serial), 1, 20, false, nullptr},
    {"model", KeyKind::kText, false, FIELD(model), 1, 40, false, nullptr},
};

#undef FIELD

static_assert(sizeof(kKeys) / sizeof(kKeys[0]) <= 128, "nvmev_config.keys_set has a bit for each key");

constexpr const char* kMediumNames[] = {"pages", "reserved", "none"};

void store(const Key& key, u64 value, nvmev_config* config) {
  u8* field = reinterpret_cast<u8*>(config) + key.offset;
  memcpy(field, &value, key.bytes);  // little-endian: the low bytes come first
}

int bad_range(const Key& key, const char* value, nvmev_error* error) {
  const char* unit = "";
  u64 min = key.min;
  u64 max = key.max;
  const auto text = [](u64 number) { return static_cast<unsigned long long>(number); };
  switch (key.kind) {
    case KeyKind::kBytes:
      unit = " bytes";
      break;
    case KeyKind::kNanoseconds:
      unit = " ns";
      break;
    case KeyKind::kMicroseconds:
      unit = " us";
      max /= 1000;
      break;
    case KeyKind::kMilli:
      return fail(error, err::kRange, "%s=%s is out of range: 0.001 to %llu is right", key.name, value,
                  text(max / 1000));
    default:
      break;
  }
  return fail(error, err::kRange, "%s=%s is out of range: %llu to %llu%s is right", key.name, value, text(min), text(max),
              unit);
}

int set_text(const Key& key, const char* value, nvmev_config* config, nvmev_error* error) {
  const std::size_t length = strlen(value);
  if (length < key.min || length > key.max) {
    return fail(error, err::kInvalid, "%s=%.48s has %llu characters: %llu to %llu is right", key.name, value,
                static_cast<unsigned long long>(length), static_cast<unsigned long long>(key.min),
                static_cast<unsigned long long>(key.max));
  }
  for (std::size_t i = 0; i < length; i++) {
    if (value[i] < ' ' || value[i] > '~') {
      return fail(error, err::kInvalid, "%s: character 0x%02x at position %llu: printable ASCII is right", key.name,
                  static_cast<unsigned>(static_cast<u8>(value[i])), static_cast<unsigned long long>(i + 1));
    }
  }
  memcpy(reinterpret_cast<u8*>(config) + key.offset, value, length + 1);
  return 0;
}

int set_type(const Key& key, const char* value, nvmev_config* config, nvmev_error* error) {
  if (find_ftl(value) == nullptr) {
    return fail(error, err::kInvalid, "%s=%.48s is unknown: one of %s is right", key.name, value, nvmev_type_names());
  }
  memset(config->type, 0, sizeof(config->type));
  memcpy(config->type, value, strlen(value));
  return 0;
}

int set_medium(const Key& key, const char* value, nvmev_config* config, nvmev_error* error) {
  for (u32 i = 0; i < sizeof(kMediumNames) / sizeof(kMediumNames[0]); i++) {
    if (strcmp(value, kMediumNames[i]) == 0) {
      store(key, i, config);
      return 0;
    }
  }
  return fail(error, err::kInvalid, "%s=%.48s is unknown: one of pages, reserved, none is right", key.name, value);
}

int parse_number(const Key& key, const char* value, u64* number) {
  switch (key.kind) {
    case KeyKind::kBytes:
      return parse_size(value, 1, number);
    case KeyKind::kMicroseconds: {
      if (const int error = parse_u64(value, number); error != 0) return error;
      return __builtin_mul_overflow(*number, 1000ull, number) ? err::kRange : 0;
    }
    case KeyKind::kMilli: {
      u32 milli;
      const int error = parse_milli(value, &milli);
      if (error == 0) *number = milli;
      return error;
    }
    default:
      return parse_u64(value, number);
  }
}

const char* expected_form(KeyKind kind) {
  switch (kind) {
    case KeyKind::kBytes:
      return "a size such as 512, 4K, 16G";
    case KeyKind::kMilli:
      return "a number such as 1, 20 or 0.5";
    case KeyKind::kNanoseconds:
      return "a whole number of nanoseconds";
    case KeyKind::kMicroseconds:
      return "a whole number of microseconds";
    default:
      return "a whole number";
  }
}

int set_number(const Key& key, const char* value, nvmev_config* config, nvmev_error* error) {
  u64 number = 0;
  const int parsed = parse_number(key, value, &number);
  if (parsed == err::kRange) return bad_range(key, value, error);
  if (parsed != 0) {
    return fail(error, err::kInvalid, "%s=%.48s is malformed: %s is right", key.name, value, expected_form(key.kind));
  }
  if (number < key.min || number > key.max) return bad_range(key, value, error);
  if (key.power_of_two && (number & (number - 1)) != 0) {
    return fail(error, err::kInvalid, "%s=%s: a power of two is right", key.name, value);
  }
  store(key, number, config);
  return 0;
}

}  // namespace

const Key* find_key(const char* name) {
  for (const Key& key : kKeys) {
    if (strcmp(key.name, name) == 0) return &key;
  }
  return nullptr;
}

u32 key_index(const Key& key) { return static_cast<u32>(&key - kKeys); }

int set_key(const Key& key, const char* value, nvmev_config* config, nvmev_error* error) {
  switch (key.kind) {
    case KeyKind::kType:
      return set_type(key, value, config, error);
    case KeyKind::kMedium:
      return set_medium(key, value, config, error);
    case KeyKind::kText:
      return set_text(key, value, config, error);
    default:
      return set_number(key, value, config, error);
  }
}

const char* key_names() {
  static constexpr auto names = join_names<384>(kKeys);
  return names.data();
}

}  // namespace nvmev
