// SPDX-License-Identifier: GPL-2.0-only
// Keys in order.
#include "kv.h"
#include "nvmev/text.h"

namespace nvmev::kv {

namespace {

// Copies keys one behind the other, each with its length in `header` bytes in front.
struct Collector {
  u8* to;
  u32 room;
  u32 header;
  Listed listed{0, 0, 0};

  bool add(Key key) {
    const u32 bytes = (header + key.length + 3) / 4 * 4;
    if (listed.count == KeyValue::kListed || room - listed.bytes < bytes) return false;
    u8* entry = to + listed.bytes;
    memset(entry, 0, bytes);
    entry[0] = static_cast<u8>(key.length);
    memcpy(entry + header, key.bytes, key.length);
    listed.last = listed.bytes;
    listed.bytes += bytes;
    listed.count++;
    return true;
  }
};

u32 mask_bits(const Prefix& prefix) {
  u32 bits = 0;
  while (bits < 32 && (prefix.mask[bits / 8] >> (7 - bits % 8) & 1) != 0) bits++;
  return bits;
}

bool matches(Key key, const Prefix& prefix) {
  if (key.length * 8 < mask_bits(prefix)) return false;
  for (u32 i = 0; i < 4 && i < key.length; i++) {
    if (((key.bytes[i] ^ prefix.pattern[i]) & prefix.mask[i]) != 0) return false;
  }
  return true;
}

}  // namespace

Listed Kv::list(Key from, bool after, u8* to, u32 bytes) {
  Collector collector{to, bytes, 2};
  SpinGuard guard(host_, lock_);
  trees_[0].walk(from, after, [&](Key key) { return collector.add(key); });
  return collector.listed;
}

u32 Kv::open_iterator(const Prefix& prefix) {
  SpinGuard guard(host_, lock_);
  for (u32 i = 0; i < kIterators; i++) {
    if (iterators_[i].open) continue;
    iterators_[i] = Iterator{};
    iterators_[i].open = true;
    iterators_[i].prefix = prefix;
    return i + 1;
  }
  return 0;
}

bool Kv::close_iterator(u32 number) {
  SpinGuard guard(host_, lock_);
  if (number - 1 >= kIterators || !iterators_[number - 1].open) return false;
  iterators_[number - 1].open = false;
  return true;
}

bool Kv::iterator_is_open(u32 number) const {
  SpinGuard guard(host_, lock_);
  return number - 1 < kIterators && iterators_[number - 1].open;
}

// First through the short keys, then through the long ones.
Listed Kv::iterate(u32 number, u8* to, u32 bytes) {
  Collector collector{to, bytes, 4};
  SpinGuard guard(host_, lock_);
  if (number - 1 >= kIterators || !iterators_[number - 1].open) return {};
  Iterator& iterator = iterators_[number - 1];
  const Prefix& prefix = iterator.prefix;
  for (; iterator.tree < 2; iterator.tree++, iterator.begun = false) {
    u8 start[4];
    for (u32 i = 0; i < 4; i++) start[i] = prefix.pattern[i] & prefix.mask[i];
    const Key from = iterator.begun ? Key{iterator.last, iterator.length} : Key{start, (mask_bits(prefix) + 7) / 8};
    bool full = false;
    trees_[iterator.tree].walk(from, iterator.begun, [&](Key key) {
      if (!matches(key, prefix)) return false;
      full = !collector.add(key);
      return !full;
    });
    if (collector.listed.count != 0) {
      iterator.begun = true;
      iterator.length = to[collector.listed.last];
      memcpy(iterator.last, to + collector.listed.last + collector.header, iterator.length);
    }
    // What else this tree has comes next time; so does the other tree, if there is something to return.
    if (full || collector.listed.count != 0) break;
  }
  return collector.listed;
}

}  // namespace nvmev::kv
