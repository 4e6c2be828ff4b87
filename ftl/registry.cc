// SPDX-License-Identifier: GPL-2.0-only
// Every device type has one line here and one folder beside this file.
#include "conv/policies.h"
#include "nvmev/ftl_registry.h"
#include "nvmev/name_list.h"
#include "nvmev/text.h"

namespace nvmev {

extern const FtlType kNvmType;
extern const FtlType kConvType;
extern const FtlType kKvType;
extern const FtlType kZnsType;
extern const FtlType kOcssdType;

namespace {

struct Row {
  const char* name;
  const FtlType* type;
};

constexpr Row kRows[] = {
#ifdef CONFIG_NVMEVIRT_NVM
    {"nvm", &kNvmType},
#endif
#ifdef CONFIG_NVMEVIRT_SSD
    {"conv", &kConvType},
#endif
#ifdef CONFIG_NVMEVIRT_KVSSD
    {"kv", &kKvType},
#endif
#ifdef CONFIG_NVMEVIRT_ZNS
    {"zns", &kZnsType},
#endif
#ifdef CONFIG_NVMEVIRT_OCSSD
    {"ocssd", &kOcssdType},
#endif
};

}  // namespace

const FtlType* find_ftl(const char* name) {
  for (const Row& row : kRows) {
    if (strcmp(row.name, name) == 0) return row.type;
  }
  return nullptr;
}

#ifdef CONFIG_NVMEVIRT_SSD
bool policy_exists(const char* key, const char* name) { return conv::policy_exists(key, name); }
void list_policies(const char* key, TextWriter& text) { conv::list_policies(key, text); }
#else
bool policy_exists(const char*, const char*) { return false; }
void list_policies(const char*, TextWriter&) {}
#endif

}  // namespace nvmev

extern "C" const char* nvmev_type_names() {
  static constexpr auto names = nvmev::join_names<64>(nvmev::kRows);
  return names.data();
}
