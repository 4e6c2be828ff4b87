// SPDX-License-Identifier: GPL-2.0-only
#include "nand.h"

#include "nvmev/text.h"

namespace nvmev::ocssd {

// The times that the geometry tells the host are those of the model.
void Nand::set(const nvmev_config& config) {
  config_ = config;
  const nvmev_open_channel& oc = config.oc;
  const bool mlc = shape_.version == 1 && oc.flash_type == 1;
  config_.cell = static_cast<u32>(mlc ? flash::Cell::kMlc : flash::Cell::kSlc);
  config_.nand_read_lsb = oc.read_time;
  config_.nand_read_csb = config_.nand_read_msb = config_.nand_read_tsb = mlc ? oc.read_time_max : oc.read_time;
  config_.nand_read_saving = 0;
  config_.nand_program = oc.program_time;
  config_.nand_erase = oc.erase_time;
  config_.nand_multiplane = 1;
}

bool Nand::init(const Shape& shape, const nvmev_config& config, nvmev_host* host) {
  shape_ = shape;
  set(config);
  flash::Geometry geometry{};
  geometry.channels = shape.groups;
  geometry.dies = static_cast<u32>(shape.all_units());
  geometry.planes = shape.planes;
  geometry.page_bytes = shape.page_sectors * shape.layout.sector_bytes;
  geometry.program_rows = 1;
  geometry.block_rows = geometry.full_rows = shape.chunk_rows();
  geometry.die_blocks = shape.chunks;
  geometry.cell = static_cast<flash::Cell>(config_.cell);
  geometry.way_first = true;
  pcie_in_.init(config.pcie_bandwidth, kPageSize);
  pcie_out_.init(config.pcie_bandwidth, kPageSize);
  return array_.init(geometry, config_, host);
}

void Nand::retune(const nvmev_config& config) {
  set(config);
  array_.retune(config_);
}

// Calls `with(row, sectors, planes)` for each operation that it takes.
template <typename Function>
void Nand::for_each_row(u32 offset, u32 count, u32 at_once, Function with) const {
  const u32 step = shape_.page_sectors * at_once;
  while (count != 0) {
    const u32 room = step - offset % step;
    const u32 sectors = count < room ? count : room;
    const u32 first_plane = offset / shape_.page_sectors;
    const u32 last_plane = (offset + sectors - 1) / shape_.page_sectors;
    with(offset / shape_.row_sectors(), sectors, last_plane - first_plane + 1);
    offset += sectors;
    count -= sectors;
  }
}

u64 Nand::read(u64 chunk, u32 offset, u32 count, u32 tries, u32 at_once, u64 ready, bool to_host) {
  u64 end = ready;
  for_each_row(offset, count, at_once, [&](u32 row, u32 sectors, u32 planes) {
    const u64 done = array_.read(die_of(chunk), row, sectors * shape_.layout.sector_bytes, planes, tries, ready,
                                 flash::Cause::kHost, to_host ? &pcie_out_ : nullptr).end;
    if (done > end) end = done;
  });
  return end;
}

u64 Nand::program(u64 chunk, u32 offset, u32 count, u32 at_once, u64 ready) {
  u64 end = ready;
  for_each_row(offset, count, at_once, [&](u32, u32 sectors, u32 planes) {
    const u64 done = array_.program(die_of(chunk), sectors * shape_.layout.sector_bytes, planes, ready,
                                    flash::Cause::kHost).end;
    if (done > end) end = done;
  });
  return end;
}

u64 Nand::erase(u64 chunk, u32 operations, u64 ready) {
  u64 end = ready;
  for (u32 i = 0; i < operations; i++) end = array_.erase(die_of(chunk), ready);
  return end;
}

}  // namespace nvmev::ocssd
