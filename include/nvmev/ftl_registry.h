// SPDX-License-Identifier: GPL-2.0-only
// The device types of this build.
#pragma once

#include "nvmev/ftl.h"

namespace nvmev {

// nullptr if this build has no such type.
const FtlType* find_ftl(const char* name);

class TextWriter;

// Policies that device types offer by name, each kind under the configuration key that chooses it ("victim").
bool policy_exists(const char* key, const char* name);

// All of a kind, comma-separated: for messages.
void list_policies(const char* key, TextWriter& text);

}  // namespace nvmev
