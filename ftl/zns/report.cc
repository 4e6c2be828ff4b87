// SPDX-License-Identifier: GPL-2.0-only
// What the zoned SSD tells about itself.
#include "nvmev/text.h"
#include "zns.h"

namespace nvmev::zns {

namespace {

struct Row {
  const char* name;
  Counter Statistics::*counter;
};

constexpr Row kRows[] = {
    {"host_read_bytes", &Statistics::host_read_bytes},
    {"host_written_bytes", &Statistics::host_written_bytes},
    {"zone_appends", &Statistics::appends},
    {"refused_zone_writes", &Statistics::refused_writes},
    {"flash_read_rows", &Statistics::flash_read_rows},
    {"buffered_read_bytes", &Statistics::buffered_read_bytes},
    {"unwritten_read_bytes", &Statistics::unwritten_read_bytes},
    {"zone_resets", &Statistics::resets},
    {"zone_finishes", &Statistics::finishes},
    {"zone_opens", &Statistics::explicit_opens},
    {"zone_closes", &Statistics::closes},
    {"zone_padding_units", &Statistics::padding_units},
    {"zone_erased_blocks", &Statistics::erased_blocks},
    {"zrwa_flushes", &Statistics::zrwa_flushes},
    {"zone_excursions", &Statistics::excursions},
    {"read_retries", &Statistics::read_retries},
    {"uncorrectable_reads", &Statistics::uncorrectable_reads},
};

struct StateName {
  nvme::ZoneState state;
  const char* name;
};

constexpr StateName kStates[] = {
    {nvme::ZoneState::kEmpty, "empty"},
    {nvme::ZoneState::kImplicitlyOpen, "implicitly_open"},
    {nvme::ZoneState::kExplicitlyOpen, "explicitly_open"},
    {nvme::ZoneState::kClosed, "closed"},
    {nvme::ZoneState::kFull, "full"},
    {nvme::ZoneState::kReadOnly, "read_only"},
    {nvme::ZoneState::kOffline, "offline"},
};

unsigned long long number(u64 value) { return value; }

}  // namespace

void Zns::report(TextWriter& text) const {
  text.add("zones %u\nzone_bytes %llu\nzone_capacity_bytes %llu\n", limits().zones, number(limits().zone_bytes),
           number(limits().zone_capacity));
  text.add("zone_dies %u\nzone_groups %u\nprogram_unit_bytes %u\n", layout_.width, layout_.groups, layout_.unit_bytes);
  u32 counts[16] = {};
  for (u32 zone = 0; zone < table_.size(); zone++) counts[static_cast<u8>(view(zone).state) & 0xf]++;
  for (const StateName& row : kStates) text.add("zones_%s %u\n", row.name, counts[static_cast<u8>(row.state)]);
  text.add("zones_active %u\nzones_open %u\nzones_with_zrwa %u\n", table_.active(), table_.opened(), table_.zrwas());
  text.add("zone_implicit_closes %llu\n", number(table_.implicit_closes()));
  text.add("write_buffers %u\nwrite_buffer_bytes %llu\n", buffers_.count(), number(buffers_.bytes()));
  for (const Row& row : kRows) text.add("%s %llu\n", row.name, number((statistics_.*row.counter).get()));
  text.add("bad_blocks %llu\nspare_blocks_left %llu\npercentage_used %u\n", number(wear_.bad_blocks()),
           number(wear_.spare_left()), wear_.percentage_used());
  const u64 run = run_clock_.run();
  array_.report(text, run);
  flash::report_pcie(text, pcie_in_, pcie_out_, run);
}

MediaCounters Zns::media() const {
  u32 empty = 0;
  for (u32 zone = 0; zone < table_.size(); zone++) empty += view(zone).state == nvme::ZoneState::kEmpty;
  return {
      .has_flash = true,
      .bad_blocks = wear_.bad_blocks(),
      .read_retries = statistics_.read_retries.get(),
      .uncorrectable_reads = statistics_.uncorrectable_reads.get(),
      .erases_most = wear_.largest(),
      .free_percent = static_cast<u8>(static_cast<u64>(empty) * 100 / table_.size()),
  };
}

u64 Zns::state_hash() const {
  u64 hash = 0x7a6e73ull;
  const auto add = [&hash](u64 value) { hash = flash::mix(hash ^ value); };
  for (u32 i = 0; i < table_.size(); i++) {
    const Zone& zone = table_[i];
    add(static_cast<u64>(i) << 32 | static_cast<u64>(zone.state) << 8 | zone.attributes);
    add(zone.write_pointer);
    add(zone.high);
    add(static_cast<u64>(flows_[i].units) << 32 | flows_[i].filled);
  }
  for (u32 die = 0; die < layout_.geometry.dies; die++) {
    for (u32 block = 0; block < layout_.geometry.die_blocks; block++) add(wear_.block_erases(die, block));
  }
  return hash;
}

}  // namespace nvmev::zns
