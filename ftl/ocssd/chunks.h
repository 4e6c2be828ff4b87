// SPDX-License-Identifier: GPL-2.0-only
// The chunks of an open-channel SSD 2.0 and their states.
#pragma once

#include "faults.h"
#include "nvmev/counter.h"
#include "nvmev/host_array.h"
#include "shape.h"

namespace nvmev {
class StateArchive;
}

namespace nvmev::ocssd {

struct Chunk {
  u64 programmed;  // ns: when it was opened
  u32 wp;          // sectors; of a random chunk: 0
  u32 cnlb;        // sectors
  u32 erases;
  u32 planned;     // wp as the command at hand leaves it, where `command` is that
  u32 command;
  u32 opening;     // the command that was counted as opening it
  nvme::ChunkState state;
  u8 type;
  bool reset_fails;  // its next reset
  u8 notified;       // how urgent a refresh the host was told of

  bool random() const { return type & nvme::chunk_type::kRandom; }
};

class Chunks {
 public:
  // False when there is no memory.
  bool init(const Shape& shape, const nvmev_config& config, nvmev_host* host);

  // All that can be used is free (Format NVM). Wear stays.
  void format();

  Chunk& operator[](u64 chunk) { return chunks_[chunk]; }
  const Chunk& operator[](u64 chunk) const { return chunks_[chunk]; }
  u64 size() const { return chunks_.size(); }

  // Changes the state and the counts that depend on it.
  void set_state(u64 chunk, nvme::ChunkState state);

  // After a reset: one more erase. False when that was the last: the chunk is offline.
  bool wear_out(u64 chunk);

  u8 wear_index(u64 chunk) const { return index_of(chunks_[chunk].erases); }
  // Whether its index is further above the mean than `threshold`.
  bool ahead_of_mean(u64 chunk, u32 threshold) const;

  u64 in_state(nvme::ChunkState state) const { return counts_[slot(state)].get(); }
  u32 open() const { return static_cast<u32>(in_state(nvme::ChunkState::kOpen)); }
  u32 open_in_unit(u64 unit) const { return open_in_unit_[unit]; }
  u64 erases() const { return erases_.get(); }
  u32 most_erases() const { return static_cast<u32>(most_.get()); }
  u32 rated() const { return rated_; }

  void describe(u64 chunk, nvme::ChunkDescriptor* descriptor) const;
  nvme::Status set(u64 chunk, const nvme::ChunkDescriptor& descriptor, bool check_only);

  u64 hash() const;

  // `now`: modelled ns of the save.
  void transfer(StateArchive& archive, u64 now);

 private:
  static u32 slot(nvme::ChunkState state) { return static_cast<u32>(std::countr_zero(static_cast<u8>(state))); }
  u8 index_of(u64 erases) const {
    const u64 index = erases * 255 / rated_;
    return static_cast<u8>(index < 255 ? index : 255);
  }
  void set_initial(const InitialState& state);
  void make_bad(u32 milli_percent, u64 seed);

  Shape shape_{};
  u32 rated_ = 1;
  HostArray<Chunk> chunks_;
  HostArray<u32> open_in_unit_;
  Counter counts_[4];  // by slot()
  Counter erases_, most_;
};

}  // namespace nvmev::ocssd
