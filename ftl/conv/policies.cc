// SPDX-License-Identifier: GPL-2.0-only
// Every policy has one line here.
#include "policies.h"

#include "allocation.h"
#include "mapping_cache.h"
#include "nvmev/text.h"
#include "separation.h"
#include "victim.h"
#include "write_buffer.h"

namespace nvmev::conv {

extern const VictimPolicy kGreedy;
extern const VictimPolicy kCostBenefit;
extern const VictimPolicy kFifo;
extern const VictimPolicy kRandom;
extern const VictimPolicy kDChoices;
extern const VictimPolicy kWindowed;
extern const AllocationPolicy kAllocationPolicies[4];
extern const SeparationPolicy kSeparationPolicies[5];
extern const MappingCachePolicy kMappingCachePolicies[3];

namespace {

constexpr const VictimPolicy* kVictimPolicies[] = {
    &kGreedy,
    &kCostBenefit,
    &kFifo,
    &kRandom,
    &kDChoices,
    &kWindowed,
};

constexpr WriteBufferPolicy kWriteBufferPolicies[] = {
    {"fifo", false},      // every write is programmed, in the order of arrival
    {"overwrite", true},
};

// ---- Tables of policies and of pointers to policies, alike

template <typename Policy>
const Policy& row(const Policy& policy) {
  return policy;
}
template <typename Policy>
const Policy& row(const Policy* policy) {
  return *policy;
}

template <typename Row, std::size_t kRows>
auto find(const Row (&rows)[kRows], const char* name) -> decltype(&row(rows[0])) {
  for (const Row& each : rows) {
    if (strcmp(row(each).name, name) == 0) return &row(each);
  }
  return nullptr;
}

template <typename Row, std::size_t kRows>
void list(const Row (&rows)[kRows], TextWriter& text) {
  for (const Row& each : rows) text.add("%s%s", &each != rows ? ", " : "", row(each).name);
}

}  // namespace

const AllocationPolicy* find_allocation(const char* name) { return find(kAllocationPolicies, name); }
const MappingCachePolicy* find_mapping_cache(const char* name) { return find(kMappingCachePolicies, name); }
const SeparationPolicy* find_separation(const char* name) { return find(kSeparationPolicies, name); }
const VictimPolicy* find_victim(const char* name) { return find(kVictimPolicies, name); }
const WriteBufferPolicy* find_write_buffer(const char* name) { return find(kWriteBufferPolicies, name); }

namespace {

struct Kind {
  const char* key;
  bool (*exists)(const char* name);
  void (*list)(TextWriter& text);
};

constexpr Kind kKinds[] = {
    {"allocation", [](const char* name) { return find_allocation(name) != nullptr; },
     [](TextWriter& text) { list(kAllocationPolicies, text); }},
    {"mapping_cache", [](const char* name) { return find_mapping_cache(name) != nullptr; },
     [](TextWriter& text) { list(kMappingCachePolicies, text); }},
    {"separation", [](const char* name) { return find_separation(name) != nullptr; },
     [](TextWriter& text) { list(kSeparationPolicies, text); }},
    {"victim", [](const char* name) { return find_victim(name) != nullptr; },
     [](TextWriter& text) { list(kVictimPolicies, text); }},
    {"write_buffer", [](const char* name) { return find_write_buffer(name) != nullptr; },
     [](TextWriter& text) { list(kWriteBufferPolicies, text); }},
};

const Kind* find_kind(const char* key) {
  for (const Kind& kind : kKinds) {
    if (strcmp(kind.key, key) == 0) return &kind;
  }
  return nullptr;
}

}  // namespace

bool policy_exists(const char* key, const char* name) {
  const Kind* kind = find_kind(key);
  return kind != nullptr && kind->exists(name);
}

void list_policies(const char* key, TextWriter& text) {
  if (const Kind* kind = find_kind(key); kind != nullptr) kind->list(text);
}

}  // namespace nvmev::conv
