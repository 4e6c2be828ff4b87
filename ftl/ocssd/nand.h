// SPDX-License-Identifier: GPL-2.0-only
// The flash of an open-channel SSD: groups are channels, parallel units are dies.
#pragma once

#include "../flash/array.h"
#include "shape.h"

namespace nvmev::ocssd {

class Nand {
 public:
  // False when there is no memory.
  bool init(const Shape& shape, const nvmev_config& config, nvmev_host* host);

  // Any thread, one at a time.
  void retune(const nvmev_config& config);

  // A command arrives; ns, never decreases.
  void begin(u64 now) { array_.set_floor(now_ = now); }

  // Data of the host, ready in the controller's memory.
  u64 receive(u64 bytes) { return pcie_in_.transfer(now_, bytes, 0, now_).end; }

  // Rows of a chunk that hold `count` sectors from `offset` on, one after the other on its die. Each returns when the
  // last is done. `at_once`: planes that work at the same time. `tries` of a read are array operations for each row.
  u64 read(u64 chunk, u32 offset, u32 count, u32 tries, u32 at_once, u64 ready, bool to_host);
  u64 program(u64 chunk, u32 offset, u32 count, u32 at_once, u64 ready);
  u64 erase(u64 chunk, u32 operations, u64 ready);

  // When all that is planned is over: `now` or later.
  u64 idle_from(u64 now) const {
    for (u32 die = 0; die < array_.geometry().dies; die++) {
      if (array_.die_free_at(die) > now) now = array_.die_free_at(die);
    }
    return now;
  }

  MediaTraffic traffic() const { return array_.traffic(); }
  void report(TextWriter& text, u64 now) const { array_.report(text, now); }

 private:
  void set(const nvmev_config& config);
  u32 die_of(u64 chunk) const { return static_cast<u32>(chunk / shape_.chunks); }
  template <typename Function>
  void for_each_row(u32 offset, u32 count, u32 at_once, Function with) const;

  Shape shape_{};
  nvmev_config config_{};  // as the array is to see it
  flash::Array array_;
  flash::Link pcie_in_, pcie_out_;
  u64 now_ = 0;
};

}  // namespace nvmev::ocssd
