// SPDX-License-Identifier: GPL-2.0-only
// The policies of the page-mapped FTL, by name.
#pragma once

#include "nvmev/types.h"

namespace nvmev {
class TextWriter;
}

namespace nvmev::conv {

struct AllocationPolicy;
struct MappingCachePolicy;
struct SeparationPolicy;
struct VictimPolicy;
struct WriteBufferPolicy;

// nullptr if there is none of that name.
const AllocationPolicy* find_allocation(const char* name);
const MappingCachePolicy* find_mapping_cache(const char* name);
const SeparationPolicy* find_separation(const char* name);
const VictimPolicy* find_victim(const char* name);
const WriteBufferPolicy* find_write_buffer(const char* name);

// As in nvmev/ftl_registry.h.
bool policy_exists(const char* key, const char* name);
void list_policies(const char* key, TextWriter& text);

}  // namespace nvmev::conv
