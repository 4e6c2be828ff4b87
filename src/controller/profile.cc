// SPDX-License-Identifier: GPL-2.0-only
// Profile files: the parser, and those that are embedded.
#include "config_keys.h"
#include "nvmev/error.h"
#include "nvmev/name_list.h"
#include "nvmev/host.h"
#include "nvmev/text.h"

// Makes the bytes of configs/NAME.conf available as LABEL_begin .. LABEL_end.
#define NVMEV_EMBED(label, file)                                   \
  asm(".pushsection .rodata\n" #label "_begin:\n.incbin \"" file "\"\n" #label "_end:\n.byte 0\n.popsection\n"); \
  extern "C" const char label##_begin[] __attribute__((visibility("hidden"))); \
  extern "C" const char label##_end[] __attribute__((visibility("hidden")))

NVMEV_EMBED(nvmev_profile_optane, "configs/optane.conf");
#ifdef CONFIG_NVMEVIRT_KVSSD
NVMEV_EMBED(nvmev_profile_kv_prototype, "configs/kv-prototype.conf");
#endif
#ifdef CONFIG_NVMEVIRT_SSD
NVMEV_EMBED(nvmev_profile_pcie4_tlc, "configs/pcie4-tlc.conf");
NVMEV_EMBED(nvmev_profile_pcie5_tlc, "configs/pcie5-tlc.conf");
NVMEV_EMBED(nvmev_profile_qlc, "configs/qlc.conf");
NVMEV_EMBED(nvmev_profile_samsung_970_pro, "configs/samsung-970-pro.conf");
#endif
#ifdef CONFIG_NVMEVIRT_ZNS
NVMEV_EMBED(nvmev_profile_wd_zn540, "configs/wd-zn540.conf");
NVMEV_EMBED(nvmev_profile_zns_prototype, "configs/zns-prototype.conf");
#endif

namespace nvmev {
namespace {

struct Profile {
  const char* name;
  const char* begin;
  const char* end;
};

constexpr Profile kProfiles[] = {
#ifdef CONFIG_NVMEVIRT_KVSSD
    {"kv-prototype", nvmev_profile_kv_prototype_begin, nvmev_profile_kv_prototype_end},
#endif
    {"optane", nvmev_profile_optane_begin, nvmev_profile_optane_end},
#ifdef CONFIG_NVMEVIRT_SSD
    {"pcie4-tlc", nvmev_profile_pcie4_tlc_begin, nvmev_profile_pcie4_tlc_end},
    {"pcie5-tlc", nvmev_profile_pcie5_tlc_begin, nvmev_profile_pcie5_tlc_end},
    {"qlc", nvmev_profile_qlc_begin, nvmev_profile_qlc_end},
    {"samsung-970-pro", nvmev_profile_samsung_970_pro_begin, nvmev_profile_samsung_970_pro_end},
#endif
#ifdef CONFIG_NVMEVIRT_ZNS
    {"wd-zn540", nvmev_profile_wd_zn540_begin, nvmev_profile_wd_zn540_end},
    {"zns-prototype", nvmev_profile_zns_prototype_begin, nvmev_profile_zns_prototype_end},
#endif
};

constexpr std::size_t kMaxLine = 256;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

// One line, taken apart in place: key and value point into `line`. False when it has no '='.
bool split(char* line, char** key, char** value) {
  char* equals = line;
  while (*equals != '\0' && *equals != '=') equals++;
  if (*equals == '\0') return false;
  const auto trim = [](char* begin, char* end) {
    while (begin < end && is_space(*begin)) begin++;
    while (end > begin && is_space(end[-1])) end--;
    *end = '\0';
    return begin;
  };
  char* end = equals + strlen(equals);
  *value = trim(equals + 1, end);
  *key = trim(line, equals);
  return true;
}

// Copies the line at `text` up to its end or comment. Returns whether it fits and has no NUL.
bool copy_line(const char* text, std::size_t length, char* line, bool* blank) {
  std::size_t n = 0;
  *blank = true;
  for (; n < length && text[n] != '#'; n++) {
    if (n + 1 == kMaxLine || text[n] == '\0') return false;
    if (!is_space(text[n])) *blank = false;
    line[n] = text[n];
  }
  line[n] = '\0';
  return true;
}

// Carries out a line. On its own, so that its buffers are not on the stack beside the configuration.
[[gnu::noinline]] int load_line(nvmev_config* config, const char* name, u32 number, const char* text, std::size_t length,
                                nvmev_error* error) {
  char line[kMaxLine];
  bool blank;
  if (!copy_line(text, length, line, &blank)) {
    return fail(error, err::kInvalid, "%s:%u: line has a NUL or more than %llu characters", name, number,
                static_cast<unsigned long long>(kMaxLine - 1));
  }
  if (blank) return 0;
  char* key;
  char* value;
  if (!split(line, &key, &value)) {
    return fail(error, err::kInvalid, "%s:%u: %.48s: `key = value` is right", name, number, line);
  }
  u64 before[sizeof(config->keys_set) / sizeof(u64)];
  memcpy(before, config->keys_set, sizeof(before));
  nvmev_error reason;
  const int result = nvmev_config_set(config, key, value, &reason);
  if (result != 0) return fail(error, result, "%s:%u: %.440s", name, number, reason.text);
  if (memcmp(before, config->keys_set, sizeof(before)) == 0) {
    return fail(error, err::kInvalid, "%s:%u: %s is given a second time", name, number, key);
  }
  return 0;
}

}  // namespace
}  // namespace nvmev

using namespace nvmev;

extern "C" int nvmev_config_load(nvmev_config* config, const char* name, const char* text, size_t length,
                                 nvmev_error* error) {
  nvmev_config parsed = *config;
  memset(parsed.keys_set, 0, sizeof(parsed.keys_set));
  u32 number = 0;
  for (std::size_t at = 0; at < length;) {
    std::size_t end = at;
    while (end < length && text[end] != '\n') end++;
    number++;
    const int result = load_line(&parsed, name, number, text + at, end - at, error);
    if (result != 0) return result;
    at = end + 1;
  }
  // What comes after a profile overrides it, in whichever terms.
  memset(parsed.keys_set, 0, sizeof(parsed.keys_set));
  *config = parsed;
  return 0;
}

extern "C" const char* nvmev_profile_text(const char* name, size_t* length) {
  for (const Profile& profile : kProfiles) {
    if (strcmp(profile.name, name) == 0) {
      *length = static_cast<std::size_t>(profile.end - profile.begin);
      return profile.begin;
    }
  }
  return nullptr;
}

extern "C" const char* nvmev_profile_names() {
  static constexpr auto names = join_names<256>(kProfiles);
  return names.data();
}
