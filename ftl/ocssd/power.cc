// SPDX-License-Identifier: GPL-2.0-only
// Sudden loss of power. Of an open chunk, the last mw_cunits sectors are not on flash for certain: the host has to write on, or close
// the chunk, before they are. Write units from the end of that part are lost, as the seed chooses; the write pointer goes back.
#include "ocssd20.h"

namespace nvmev::ocssd {

using nvme::ChunkState;

void Ocssd20::power_cycle(u64, u64 seed, PowerLossSink& sink) {
  for (u64 i = 0; i < chunks_.size(); i++) {
    Chunk& chunk = chunks_[i];
    if (chunk.state != ChunkState::kOpen || chunk.random()) continue;
    const u32 cached = config_.mw_cunits < chunk.wp ? config_.mw_cunits : chunk.wp;
    const u32 units = cached / config_.ws_min;
    const u32 lost = static_cast<u32>(flash::mix(seed ^ flash::mix(i)) % (units + 1)) * config_.ws_min;
    if (lost == 0) continue;
    chunk.wp -= lost;
    if (chunk.wp == 0) chunks_.set_state(i, ChunkState::kFree);
    const u64 sector = i * shape_.chunk_sectors + chunk.wp;
    const u32 bytes = shape_.layout.sector_bytes;
    sink.lost({sector * bytes, static_cast<u64>(lost) * bytes, 0, true});
  }
}

}  // namespace nvmev::ocssd
