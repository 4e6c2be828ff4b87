// SPDX-License-Identifier: GPL-2.0-only
// The zone state machine against a plain model of it that was written from the specification alone (Zoned Namespace Command
// Set 1.1, sections 2.1.1 and 3.4), with random commands.
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>
#include <set>

#include "host/rig.h"
#include "host/zns_device.h"

namespace nvmev::test {
namespace {

using nvme::Status;
using nvme::ZoneSendAction;
using nvme::ZoneState;

constexpr u64 kBlock = 4096;

// Everything in blocks. Slow and obvious: it counts afresh what the device keeps counts of.
struct Model {
  struct Zone {
    ZoneState state = ZoneState::kEmpty;
    u64 wp = 0, high = 0;
    bool zrwa = false, extension = false;
    bool finished_by_controller = false, finish_recommended = false, reset_recommended = false;
  };

  std::vector<Zone> zones;
  u64 capacity = 0, zrwa_size = 0, granularity = 0;
  u32 max_active = 0, max_open = 0, max_zrwa = 0;
  std::deque<u32> implicit;  // in the order in which they were opened

  bool open(const Zone& zone) const {
    return zone.state == ZoneState::kImplicitlyOpen || zone.state == ZoneState::kExplicitlyOpen;
  }
  bool active(const Zone& zone) const { return open(zone) || zone.state == ZoneState::kClosed; }
  u32 dead() const {
    u32 n = 0;
    for (const Zone& zone : zones) n += zone.state == ZoneState::kReadOnly || zone.state == ZoneState::kOffline;
    return n;
  }
  u32 opened() const {
    u32 n = 0;
    for (const Zone& zone : zones) n += open(zone);
    return n;
  }
  u32 actives() const {
    u32 n = 0;
    for (const Zone& zone : zones) n += active(zone);
    return n;
  }
  u32 zrwas() const {
    u32 n = 0;
    for (const Zone& zone : zones) n += zone.zrwa;
    return n;
  }

  void become(u32 z, ZoneState state) {
    Zone& zone = zones[z];
    std::erase(implicit, z);
    if (state == ZoneState::kImplicitlyOpen) implicit.push_back(z);
    zone.state = state;
    if (!active(zone)) {
      zone.zrwa = false;
      zone.finish_recommended = false;
    }
    if (state == ZoneState::kEmpty) zone = Zone{};
    if (state == ZoneState::kReadOnly) zone.finished_by_controller = zone.reset_recommended = false;
    if (state == ZoneState::kOffline) {
      zone = Zone{};
      zone.state = state;
    }
  }

  Status can_open(const Zone& zone) const {
    if (open(zone)) return Status::kSuccess;
    if (zone.state == ZoneState::kEmpty && max_active != 0 && actives() == max_active) return Status::kTooManyActiveZones;
    if (max_open != 0 && opened() == max_open && implicit.empty()) return Status::kTooManyOpenZones;
    return Status::kSuccess;
  }
  void make_open(u32 z, ZoneState state) {
    if (!open(zones[z]) && max_open != 0 && opened() == max_open) become(implicit.front(), ZoneState::kClosed);
    become(z, state);
  }

  Status write(u32 z, u64 at, u64 count, bool append, u64* place) {
    Zone& zone = zones[z];
    if (append && zone.zrwa) return Status::kInvalidZoneOperation;
    if (zone.state == ZoneState::kFull) return Status::kZoneIsFull;
    if (zone.state == ZoneState::kReadOnly) return Status::kZoneIsReadOnly;
    if (zone.state == ZoneState::kOffline) return Status::kZoneIsOffline;
    if (append) at = zone.wp;
    if (at + count > capacity) return Status::kZoneBoundaryError;
    if (zone.zrwa) {
      if (at < zone.wp || at + count > zone.wp + 2 * zrwa_size) return Status::kZoneInvalidWrite;
    } else if (at != zone.wp) {
      return Status::kZoneInvalidWrite;
    }
    if (const Status status = can_open(zone); status != Status::kSuccess) return status;
    if (!open(zone)) make_open(z, ZoneState::kImplicitlyOpen);
    *place = at;
    zone.high = std::max(zone.high, at + count);
    if (zone.zrwa) {
      while (at + count > zone.wp + zrwa_size) zone.wp += granularity;
    } else {
      zone.wp = zone.high;
    }
    if (zone.wp == capacity) become(z, ZoneState::kFull);
    return Status::kSuccess;
  }

  Status read(u32 z, u64 at, u64 count, bool unwritten_fails) const {
    if (zones[z].state == ZoneState::kOffline) return Status::kZoneIsOffline;
    return unwritten_fails && at + count > zones[z].high ? Status::kUnwrittenBlock : Status::kSuccess;
  }

  Status send(ZoneSendAction action, u32 z, bool zrwa, u64 flush_end) {
    Zone& zone = zones[z];
    switch (action) {
      case ZoneSendAction::kOpen:
        if (zone.state == ZoneState::kFull || zone.state == ZoneState::kReadOnly || zone.state == ZoneState::kOffline) {
          return Status::kInvalidZoneTransition;
        }
        if (zrwa && zone.state != ZoneState::kEmpty) return Status::kInvalidZoneOperation;
        if (zrwa && zrwas() == max_zrwa) return Status::kZrwaUnavailable;
        if (const Status status = can_open(zone); status != Status::kSuccess) return status;
        if (zone.state != ZoneState::kExplicitlyOpen) make_open(z, ZoneState::kExplicitlyOpen);
        if (zrwa) zone.zrwa = true;
        return Status::kSuccess;
      case ZoneSendAction::kClose:
        if (!active(zone)) return Status::kInvalidZoneTransition;
        if (zone.state != ZoneState::kClosed) become(z, ZoneState::kClosed);
        return Status::kSuccess;
      case ZoneSendAction::kFinish:
        if (zone.state == ZoneState::kFull) return Status::kSuccess;
        if (!active(zone) && zone.state != ZoneState::kEmpty) return Status::kInvalidZoneTransition;
        become(z, ZoneState::kFull);
        return Status::kSuccess;
      case ZoneSendAction::kReset:
        if (zone.state == ZoneState::kEmpty) return Status::kSuccess;
        if (!active(zone) && zone.state != ZoneState::kFull) return Status::kInvalidZoneTransition;
        become(z, ZoneState::kEmpty);
        return Status::kSuccess;
      case ZoneSendAction::kOffline:
        if (zone.state == ZoneState::kOffline) return Status::kSuccess;
        if (zone.state != ZoneState::kReadOnly) return Status::kInvalidZoneTransition;
        become(z, ZoneState::kOffline);
        return Status::kSuccess;
      case ZoneSendAction::kSetDescriptorExtension:
        if (zone.state != ZoneState::kEmpty) return Status::kInvalidZoneTransition;
        if (max_active != 0 && actives() == max_active) return Status::kTooManyActiveZones;
        become(z, ZoneState::kClosed);
        zone.extension = true;
        return Status::kSuccess;
      case ZoneSendAction::kFlushZrwa:
        if (!zone.zrwa) return Status::kInvalidZoneOperation;
        if (flush_end <= zone.wp || flush_end > zone.wp + zrwa_size || flush_end > capacity ||
            (flush_end - zone.wp) % granularity != 0) {
          return Status::kInvalidZoneOperation;
        }
        if (const Status status = can_open(zone); status != Status::kSuccess) return status;
        if (!open(zone)) make_open(z, ZoneState::kImplicitlyOpen);
        zone.wp = flush_end;
        zone.high = std::max(zone.high, flush_end);
        if (zone.wp == capacity) become(z, ZoneState::kFull);
        return Status::kSuccess;
    }
    return Status::kInvalidField;
  }

  Status send_all(ZoneSendAction action) {
    std::vector<u32> chosen;
    for (u32 z = 0; z < zones.size(); z++) {
      const Zone& zone = zones[z];
      const bool full = zone.state == ZoneState::kFull;
      if ((action == ZoneSendAction::kOpen && zone.state == ZoneState::kClosed) ||
          (action == ZoneSendAction::kClose && open(zone)) || (action == ZoneSendAction::kFinish && active(zone)) ||
          (action == ZoneSendAction::kReset && (active(zone) || full)) ||
          (action == ZoneSendAction::kOffline && zone.state == ZoneState::kReadOnly)) {
        chosen.push_back(z);
      }
    }
    if (action == ZoneSendAction::kOpen && max_open != 0 && opened() + chosen.size() > max_open) {
      return Status::kTooManyOpenZones;
    }
    for (const u32 z : chosen) send(action, z, false, 0);
    return Status::kSuccess;
  }

  void fault(u32 z, ZoneFault fault) {
    Zone& zone = zones[z];
    if (zone.state == ZoneState::kOffline) return;
    switch (fault) {
      case ZoneFault::kReadOnly:
        become(z, ZoneState::kReadOnly);
        break;
      case ZoneFault::kOffline:
        become(z, ZoneState::kOffline);
        break;
      case ZoneFault::kFull:
        if (active(zone)) {
          become(z, ZoneState::kFull);
          zone.finished_by_controller = true;
        }
        break;
      case ZoneFault::kFinishRecommended:
        zone.finish_recommended |= active(zone);
        break;
      case ZoneFault::kResetRecommended:
        zone.reset_recommended |= zone.state == ZoneState::kFull;
        break;
    }
  }
};

void expect_equal(const Model& model, ZnsDevice& device, u32 z) {
  const Model::Zone& zone = model.zones[z];
  const ZoneView view = device->view(z);
  ASSERT_EQ(static_cast<int>(view.state), static_cast<int>(zone.state)) << "zone " << z;
  const bool ended = zone.state == ZoneState::kFull || zone.state == ZoneState::kReadOnly;
  ASSERT_EQ(view.written, (ended ? zone.high : zone.wp) * kBlock) << "zone " << z;
  ASSERT_EQ(device->readable(z), zone.high * kBlock) << "zone " << z;
  const u8 attributes = static_cast<u8>(zone.finished_by_controller | zone.finish_recommended << 1 |
                                        zone.reset_recommended << 2 | zone.zrwa << 3 | zone.extension << 7);
  ASSERT_EQ(view.attributes, attributes) << "zone " << z << " state " << static_cast<int>(zone.state);
}

constexpr ZoneSendAction kActions[] = {ZoneSendAction::kClose,   ZoneSendAction::kFinish,
                                       ZoneSendAction::kOpen,    ZoneSendAction::kReset,
                                       ZoneSendAction::kOffline, ZoneSendAction::kSetDescriptorExtension,
                                       ZoneSendAction::kFlushZrwa};
constexpr const char* kFaults[] = {"read-only", "offline", "full", "finish-recommended", "reset-recommended"};

struct Case {
  const char* keys;
  u32 zones;
  u64 capacity, zrwa, granularity;
  u32 max_active, max_open, max_zrwa;
};

// Returns the statuses seen, with their counts.
std::map<u16, u64> compare(const Case& each, u64 seed, u32 commands) {
  ZnsDevice device(std::string("capacity=16M channels=2 dies_per_channel=2 planes=1 page_size=16K program_pages=1 "
                               "pages_per_block=16 zone_size=256K write_buffer_size=256K "
                               "zone_descriptor_extension=64 ") +
                   each.keys);
  Model model;
  model.zones.resize(each.zones);
  model.capacity = each.capacity;
  model.zrwa_size = each.zrwa;
  model.granularity = each.granularity;
  model.max_active = each.max_active;
  model.max_open = each.max_open;
  model.max_zrwa = each.max_zrwa;
  std::map<u16, u64> seen;
  std::mt19937_64 random(seed);
  const u8 extension[64] = {1, 2, 3};
  for (u32 n = 0; n < commands && !testing::Test::HasFatalFailure(); n++) {
    const u32 z = static_cast<u32>(random() % each.zones);
    Status expected{}, got{};
    const u32 kind = static_cast<u32>(random() % 100);
    if (kind < 60) {
      const Model::Zone& zone = model.zones[z];
      const bool append = random() % 4 == 0;
      const u64 count = 1 + random() % (random() % 8 == 0 ? 40 : 6);
      u64 at = zone.wp;
      if (zone.zrwa && random() % 4 != 0) at += random() % (2 * each.zrwa + 2);
      if (random() % 16 == 0) at = random() % 64;
      at = std::min<u64>(at, 63);  // what begins in another zone is another command
      u64 place = ~0ull;
      expected = model.write(z, at, count, append, &place);
      got = append ? device.append(z, count * kBlock).status
                   : device.write(z, at * kBlock, count * kBlock,
                                  random() % 4 == 0 ? ZoneWrite::Kind::kZeroes : ZoneWrite::Kind::kWrite)
                         .status;
      if (got == Status::kSuccess) EXPECT_EQ(device.place, place * kBlock);
    } else if (kind < 70) {
      const u64 at = random() % 64, count = 1 + random() % (64 - at);
      const bool fails = random() % 2;
      expected = model.read(z, at, count, fails);
      got = device.read(z, at * kBlock, count * kBlock, fails).status;
    } else if (kind < 97) {
      ZoneSend send{};
      send.action = kActions[random() % 7];
      send.zone = z;
      send.all = random() % 50 == 0 && send.action != ZoneSendAction::kSetDescriptorExtension &&
                 send.action != ZoneSendAction::kFlushZrwa;
      send.allocate_zrwa = send.action == ZoneSendAction::kOpen && !send.all && each.zrwa != 0 && random() % 2;
      const u64 flush_end = model.zones[z].wp + random() % (each.zrwa + 3);
      send.flush_end = device.start(z) + flush_end * kBlock;
      send.extension = extension;
      if (send.action == ZoneSendAction::kOffline && random() % 4 != 0) continue;
      expected = send.all ? model.send_all(send.action) : model.send(send.action, z, send.allocate_zrwa, flush_end);
      got = device.send(send).status;
    } else if (random() % 8 == 0) {
      const u32 fault = static_cast<u32>(random() % 5);
      // These are for ever: enough zones must be left.
      if (fault <= 1 && (random() % 8 != 0 || model.dead() * 3 >= each.zones)) continue;
      device.tune("zone_fault", (std::to_string(z) + ":" + kFaults[fault]).c_str());
      device->advance(device.now);
      device.tune("zone_fault", "none");
      device->advance(device.now);
      model.fault(z, static_cast<ZoneFault>(fault + 1));
    } else if (random() % 300 == 0) {
      device->format();
      for (u32 i = 0; i < each.zones; i++) {
        if (model.zones[i].state == ZoneState::kOffline) continue;
        const bool read_only = model.zones[i].state == ZoneState::kReadOnly;
        const bool extended = model.zones[i].extension;
        model.become(i, ZoneState::kEmpty);
        if (read_only) model.zones[i].state = ZoneState::kReadOnly;
        if (read_only) model.zones[i].extension = extended;
      }
    }
    EXPECT_EQ(got, expected) << "command " << n << ", zone " << z << ", seed " << seed;
    if (got != expected) break;
    seen[static_cast<u16>(got)]++;
    for (u32 i = 0; i < each.zones; i++) expect_equal(model, device, i);
    EXPECT_EQ(device->table().active(), model.actives());
    EXPECT_EQ(device->table().opened(), model.opened());
    EXPECT_EQ(device->table().zrwas(), model.zrwas());
  }
  return seen;
}

constexpr Case kCases[] = {
    {"", 64, 64, 0, 0, 0, 0, 0},
    {"max_active_zones=5 max_open_zones=3 zone_dies=2 zone_capacity=200K capacity=3M", 12, 50, 0, 0, 5, 3, 0},
    {"max_active_zones=6 max_open_zones=4 zrwa_size=64K zrwa_flush_granularity=16K zrwa_zones=1 zone_dies=1 capacity=3M",
     12, 64, 16, 4, 6, 4, 1},
    {"max_open_zones=2 zrwa_size=32K zrwa_flush_granularity=32K zone_write_buffer=64K capacity=2M", 8, 64, 8, 8, 0, 2, 8},
};

TEST(ZnsModel, RandomCommandsAgree) {
  std::map<u16, u64> seen;
  for (const Case& each : kCases) {
    for (u64 seed = 1; seed <= 4; seed++) {
      for (const auto& [status, count] : compare(each, seed, 25'000)) seen[status] += count;
      if (HasFailure()) return;
    }
  }
  u64 all = 0;
  for (const auto& [status, count] : seen) all += count;
  EXPECT_GT(all, 350'000u);
  // Every status of the command set was among them.
  for (const Status status :
       {Status::kSuccess, Status::kInvalidZoneOperation, Status::kZrwaUnavailable, Status::kZoneBoundaryError,
        Status::kZoneIsFull, Status::kZoneIsReadOnly, Status::kZoneIsOffline, Status::kZoneInvalidWrite,
        Status::kTooManyActiveZones, Status::kTooManyOpenZones, Status::kInvalidZoneTransition,
        Status::kUnwrittenBlock}) {
    EXPECT_GT(seen[static_cast<u16>(status)], 10u) << std::hex << static_cast<u16>(status);
  }
}

}  // namespace
}  // namespace nvmev::test
