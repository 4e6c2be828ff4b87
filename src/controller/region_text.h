// SPDX-License-Identifier: GPL-2.0-only
// The key `namespaces`: entries `type:size[:key=value]...`, separated by commas. The size of one entry may be missing:
// it takes what the others leave.
#pragma once

#include "nvmev/ftl.h"
#include "nvmev/host.h"
#include "nvmev/types.h"

namespace nvmev {

// Entries; 1 where the key is not set.
u32 region_count(const nvmev_config& config);

// Fills in what entry `index` says: *region, a copy of `config`, gets its type, capacity and keys. Expects
// `config.capacity` to be known. 0 or a negative errno with *error.
int read_region(const nvmev_config& config, u32 index, nvmev_config* region, nvmev_error* error);

// Whether any entry, or the type, belongs to the family. Texts that cannot be read do not.
bool any_region_of(const nvmev_config& config, CommandFamily family);

// Checks entries, types, sizes and the names of keys; not their values. 0 or a negative errno with *error.
int check_regions(const nvmev_config& config, nvmev_error* error);

}  // namespace nvmev
