// SPDX-License-Identifier: GPL-2.0-only
// Memory that the requester writes and reads while the device does: each word is accessed once, as a whole.
#pragma once

#include "nvmev/types.h"

namespace nvmev {

// What the other side wrote before the word that is read is visible after.
inline u32 load_acquire(const u32* word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }
inline u32 load_relaxed(const u32* word) { return __atomic_load_n(word, __ATOMIC_RELAXED); }
inline u64 load_relaxed(const u64* word) { return __atomic_load_n(word, __ATOMIC_RELAXED); }

// What was written before is visible to whoever sees the word.
inline void store_release(u32* word, u32 value) { __atomic_store_n(word, value, __ATOMIC_RELEASE); }
inline void store_relaxed(u32* word, u32 value) { __atomic_store_n(word, value, __ATOMIC_RELAXED); }
inline void store_relaxed(u64* word, u64 value) { __atomic_store_n(word, value, __ATOMIC_RELAXED); }

}  // namespace nvmev
