// SPDX-License-Identifier: GPL-2.0-only
#include "zns.h"

#include "nvmev/error.h"
#include "nvmev/text.h"

namespace nvmev::zns {

using nvme::Status;

namespace {

// Buffers where the number of active zones has no limit.
constexpr u32 kMaxBuffers = 4096;

unsigned long long number(u64 value) { return value; }

}  // namespace

int Zns::check(const nvmev_config& config, nvmev_error* error) {
  ZoneLimits limits;
  Layout layout{};
  if (const int result = read_limits(config, &limits, error); result != 0) return result;
  if (const int result = layout.init(config, limits, error); result != 0) return result;
  const u64 buffer = config.zone_write_buffer != 0 ? config.zone_write_buffer : config.write_buffer_size;
  if (buffer < layout.unit_bytes) {
    return fail(error, err::kRange, "%s=%llu: at least %u bytes, one program of a die, is right",
                config.zone_write_buffer != 0 ? "zone_write_buffer" : "write_buffer_size", number(buffer),
                layout.unit_bytes);
  }
  return 0;
}

Ftl* Zns::create(const nvmev_config& config, nvmev_host* host) {
  void* memory = nvmev_host_alloc(host, sizeof(Zns));
  if (memory == nullptr) return nullptr;
  Zns* zns = construct_at<Zns>(memory, host);
  if (zns->init(config)) return zns;
  zns->destroy();
  return nullptr;
}

void Zns::destroy() {
  nvmev_host* host = host_;
  this->~Zns();
  nvmev_host_free(host, this, sizeof(*this));
}

bool Zns::init(const nvmev_config& config) {
  nvmev_error unused;
  ZoneLimits limits;
  read_limits(config, &limits, &unused);
  layout_.init(config, limits, &unused);
  early_completion_ = config.early_completion != 0;
  own_buffers_ = config.zone_write_buffer != 0;
  retune(config);
  seen_fault_ = 0;
  ecc_.init(config);
  pcie_in_.init(config.pcie_bandwidth, kPageSize);
  pcie_out_.init(config.pcie_bandwidth, kPageSize);
  u32 buffers = 1;
  if (own_buffers_) {
    buffers = limits.max_active != 0 && limits.max_active < limits.zones ? limits.max_active : limits.zones;
    if (buffers > kMaxBuffers) buffers = kMaxBuffers;
  }
  const flash::Geometry& geometry = layout_.geometry;
  const u32 used = (limits.zones + layout_.groups - 1) / layout_.groups * layout_.blocks;
  const bool ok = array_.init(geometry, config, host_) && wear_.init(geometry, used, config, host_) &&
                  table_.init(limits, host_) && flows_.allocate(host_, limits.zones) &&
                  buffers_.init(host_, buffers, own_buffers_ ? config.zone_write_buffer : config.write_buffer_size,
                                layout_.unit_bytes) &&
                  free_buffers_.allocate(host_, buffers) && recent_.allocate(host_, geometry.dies) &&
                  to_erase_.allocate(host_, geometry.dies) && to_pad_.allocate(host_, geometry.dies) &&
                  extensions_.allocate(host_, static_cast<std::size_t>(limits.zones) * limits.extension_bytes);
  if (!ok) return false;
  for (u32 i = buffers; i-- != 0;) free_buffers_[free_count_++] = i;
  for (Zone& zone : table_) {
    if (!usable(index(zone))) table_.fail(zone, nvme::ZoneState::kOffline, 0);
  }
  return true;
}

bool Zns::usable(u32 zone) const {
  for (u32 i = 0; i < layout_.width * layout_.blocks; i++) {
    const u32 die = layout_.group_of(zone) * layout_.width + i % layout_.width;
    if (!wear_.usable(die, layout_.first_block(zone) + i / layout_.width)) return false;
  }
  return true;
}

void Zns::retune(const nvmev_config& config) {
  const auto put = [](std::atomic<u64>& to, u64 value) { to.store(value, std::memory_order_relaxed); };
  firmware_.set(config);
  array_.retune(config);
  put(finish_recommended_, config.finish_recommended);
  put(reset_recommended_, config.reset_recommended);
  put(active_limit_, config.zone_active_limit);
  put(fault_, config.zone_fault);
}

u64 Zns::begin(u64 now) {
  if (now < last_now_) now = last_now_;
  run_clock_.set(now);
  last_now_ = now;
  array_.set_floor(now);
  advance(now);
  return firmware_.take(now);
}

IoPlan Zns::finished(u64 now, u64 done, Status status) { return {done < now ? now : done, status}; }

// Plain reads and writes, of hosts that know of no zones (the simulator): deallocating a zone resets it.
IoPlan Zns::plan(const IoRequest& request) {
  u64 done = request.now;
  switch (request.op) {
    case IoOp::kRead:
    case IoOp::kCompare:
      return read(request.now, request.offset, request.length, false);
    case IoOp::kWrite:
    case IoOp::kWriteZeroes: {
      ZoneWrite data{request.op == IoOp::kWrite ? ZoneWrite::Kind::kWrite : ZoneWrite::Kind::kZeroes, request.offset,
                     request.length};
      const ZoneAnswer answer = write(request.now, data, &done);
      if (answer.status == Status::kSuccess) settle(data.offset);
      return finished(request.now, done, answer.status);
    }
    case IoOp::kDeallocate: {
      const u64 zone_bytes = limits().zone_bytes;
      const u64 end = (request.offset + request.length) / zone_bytes;
      for (u64 zone = (request.offset + zone_bytes - 1) / zone_bytes; zone < end && zone < limits().zones; zone++) {
        ZoneSend reset{.action = nvme::ZoneSendAction::kReset, .zone = static_cast<u32>(zone)};
        u64 each = request.now;
        send(request.now, reset, &each);
        if (each > done) done = each;
      }
      return finished(request.now, done, Status::kSuccess);
    }
    case IoOp::kFlush:
      done = begin(request.now);
      break;
  }
  return finished(request.now, done, Status::kSuccess);
}

// What is read-only or offline stays so: formatting repairs nothing.
void Zns::format() {
  for (Zone& zone : table_) {
    bool worn_out = false;
    erase_zone(index(zone), &worn_out);
    forget_data(index(zone));
    if (zone.state == nvme::ZoneState::kOffline) continue;
    if (worn_out) {
      table_.fail(zone, nvme::ZoneState::kOffline, last_now_);
    } else if (zone.state == nvme::ZoneState::kReadOnly) {
      table_.move_write_pointer(zone, 0, 0, last_now_);
    } else {
      table_.reset(zone, last_now_);
    }
  }
  run_batches(last_now_, flash::Cause::kBackground);
}

}  // namespace nvmev::zns

namespace nvmev {

extern const FtlType kZnsType;
constinit const FtlType kZnsType = {"zns", CommandFamily::kZoned, zns::Zns::check, zns::Zns::create};

}  // namespace nvmev
