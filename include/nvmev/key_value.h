// SPDX-License-Identifier: GPL-2.0-only
// A key-value store as a device type offers it: which keys there are, where their values lie, and how long that takes. The values'
// bytes are moved by whoever uses it.
//
// A command has two stages. In the first, within Model::carry_out(), it is planned: a store takes room for its value, a retrieval takes
// hold of the value as it is now. In the second, in any thread, data is moved and a store becomes visible, all at once. A value that is
// replaced or deleted meanwhile keeps its room until the last hold of it is released, so that every value is read as a whole.
#pragma once

#include "nvmev/ftl.h"
#include "nvmev/nvme/status.h"
#include "nvmev/types.h"

namespace nvmev {

namespace kv {

inline constexpr u32 kMaxKey = 255;  // bytes
inline constexpr u32 kMaxShortKey = 16;  // of keys that List returns

struct Key {
  const u8* bytes;
  u32 length;
};

// Conditions of a store.
enum Rule : u8 {
  kMustExist = 1 << 0,
  kMustNotExist = 1 << 1,
};

inline constexpr u32 kNoHold = ~0u;

// A value that nobody else changes.
struct Held {
  u32 hold = kNoHold;  // kNoHold: it has no bytes to move
  u32 length = 0;      // bytes of the whole value
};

// A position in a held value.
struct Cursor {
  u32 unit;
  u32 at;  // bytes from the beginning
};

// Which keys an iterator returns: those whose first bits are those of `pattern`, where `mask` has ones: 0 to 32 of them, from the
// first byte's highest bit on. Both in the order of the key's bytes.
struct Prefix {
  u8 pattern[4];
  u8 mask[4];
};

// What was copied of a list of keys.
struct Listed {
  u32 count;
  u32 bytes;
  u32 last;  // where the last entry begins
};

// Counts of what is there.
struct Usage {
  u64 keys;
  u64 key_bytes;
  u64 value_bytes;
  u64 used_bytes;      // that values, and a flash-resident index, take of the capacity
  u64 capacity_bytes;
};

}  // namespace kv

class KeyValue {
 public:
  // Where values lie gets room back: `discard` is called for pages that hold nothing any more, with offsets of the device's address
  // space; the FTL's address 0 is at `base`. Before the first command.
  struct Discarder {
    void (*discard)(void* context, u64 offset, u64 length) = nullptr;
    void* context = nullptr;
    u64 base = 0;
  };
  virtual void set_discarder(const Discarder& discarder) = 0;

  // ---- First stage. `now` and the results' `done` are modelled ns. A plan with another status than success holds nothing.

  // Takes room for a value of `length` bytes.
  virtual IoPlan plan_store(u64 now, kv::Key key, u32 length, u8 rules, kv::Held* held) = 0;
  // The same for what a key has, with `length` bytes more; a key that does not exist counts as empty. The value, with what is added, may
  // have at most `most` bytes: else Invalid Value Size.
  virtual IoPlan plan_append(u64 now, kv::Key key, u32 length, u32 most, kv::Held* held) = 0;
  // Takes hold of a value, of which `length` bytes from `offset` on are going to be read.
  virtual IoPlan plan_retrieve(u64 now, kv::Key key, u32 offset, u32 length, kv::Held* held) = 0;
  virtual IoPlan plan_exist(u64 now, kv::Key key) = 0;
  virtual IoPlan plan_delete(u64 now, kv::Key key) = 0;
  // Reading the index for `bytes` of keys, from a key on.
  virtual IoPlan plan_list(u64 now, kv::Key from, u32 bytes) = 0;

  // Writing `bytes` for some stores and deletions that are not known yet: those go through take(), commit() and remove().
  virtual IoPlan plan_batch(u64 now, u32 bytes, u32 commands) = 0;

  // ---- Second stage. Any thread.

  // A stretch of a held value, from the cursor on: its offset relative to the FTL's address 0, and bytes, at most `most` and not across
  // a page boundary. The cursor moves behind it. begin() makes a cursor at byte `at`.
  virtual kv::Cursor begin(u32 hold, u32 at) const = 0;
  virtual u32 next(kv::Cursor* cursor, u32 most, u64* offset) const = 0;

  // The value of a planned store has been written: the key has it now, and the hold is gone, as it is if this fails.
  virtual nvme::Status commit(kv::Key key, u8 rules, const kv::Held& held) = 0;
  // Takes hold of a key's value as it is now; an empty hold if it does not exist.
  virtual kv::Held hold(kv::Key key) = 0;
  // As commit(), if the key's value is still the one that is held by `old`. False: it is not, nothing was changed and both are still held.
  virtual bool commit_append(kv::Key key, const kv::Held& old, const kv::Held& held, nvme::Status* status) = 0;
  // Takes room for a value, without planning.
  virtual nvme::Status take(u32 length, kv::Held* held) = 0;
  virtual nvme::Status remove(kv::Key key) = 0;
  // Gives up a planned store, or ends a retrieval.
  virtual void release(const kv::Held& held) = 0;

  // Copies keys of at most kMaxShortKey bytes in ascending order, from `from` on (`after`: behind it), to `to`: as many as fit in
  // `bytes`, at most kListed. Each is preceded by its length in 2 bytes and followed by zeros up to a multiple of 4 bytes.
  static constexpr u32 kListed = 64;
  virtual kv::Listed list(kv::Key from, bool after, u8* to, u32 bytes) = 0;

  // ---- Iterators: numbers 1 to kIterators.
  static constexpr u32 kIterators = 16;
  // 0: all are open.
  virtual u32 open_iterator(const kv::Prefix& prefix) = 0;
  virtual bool close_iterator(u32 number) = 0;
  virtual bool iterator_is_open(u32 number) const = 0;
  // As list(), with keys of all lengths that the iterator has not returned yet, and lengths in 4 bytes. Keys that exist from open to
  // the end are returned exactly once. No key is left over when it returns none with room for kLongestEntry bytes.
  static constexpr u32 kLongestEntry = 4 + 256;
  virtual kv::Listed iterate(u32 number, u8* to, u32 bytes) = 0;

  // Any thread.
  virtual kv::Usage usage() const = 0;

 protected:
  ~KeyValue() = default;
};

}  // namespace nvmev
