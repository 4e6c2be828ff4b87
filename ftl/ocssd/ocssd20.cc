// SPDX-License-Identifier: GPL-2.0-only
#include "ocssd20.h"

#include "nvmev/error.h"
#include "nvmev/text.h"

namespace nvmev::ocssd {

using nvme::ChunkState;
using nvme::Status;

namespace {

// An open chunk whose write pointer is not at a write unit, or at its end, could never be filled.
struct OpenChunks {
  u32 unit, sectors;
  bool good = true;
  u32 wp = 0;  // that is not

  static void look(void* self, const InitialState& state) {
    auto& chunks = *static_cast<OpenChunks*>(self);
    const u32 wp = state.wp != kAnyPlace ? state.wp : chunks.unit;
    if (state.state != ChunkState::kOpen || state.random || (wp % chunks.unit == 0 && wp < chunks.sectors)) return;
    chunks.good = false;
    chunks.wp = wp;
  }
};

}  // namespace

int Ocssd20::check(const nvmev_config& config, nvmev_error* error) {
  Shape shape;
  if (const int result = shape.init(config, error); result != 0) return result;
  Faults faults;
  if (const int result = faults.parse("write_fail", config.oc.write_fail, true, error); result != 0) return result;
  if (const int result = faults.parse("reset_fail", config.oc.reset_fail, false, error); result != 0) return result;
  OpenChunks open{shape.page_sectors, shape.chunk_sectors};
  if (const int result = parse_chunk_states(config.oc.chunk_state, &open, OpenChunks::look, error); result != 0) return result;
  if (open.good) return 0;
  return fail(error, err::kInvalid, "chunk_state=%s: an open chunk with write pointer %u: a multiple of ws_min=%u below its %u sectors "
              "is right", config.oc.chunk_state, open.wp, open.unit, open.sectors);
}

Ftl* Ocssd20::create(const nvmev_config& config, nvmev_host* host) {
  void* memory = nvmev_host_alloc(host, sizeof(Ocssd20));
  if (memory == nullptr) return nullptr;
  Ocssd20* ssd = construct_at<Ocssd20>(memory, host);
  if (ssd->init(config)) return ssd;
  ssd->destroy();
  return nullptr;
}

void Ocssd20::destroy() {
  nvmev_host* host = host_;
  this->~Ocssd20();
  nvmev_host_free(host, this, sizeof(*this));
}

bool Ocssd20::init(const nvmev_config& config) {
  nvmev_error* const unused = nullptr;
  shape_.init(config, unused);
  config_ = config.oc;
  write_faults_.parse("write_fail", config.oc.write_fail, true, unused);
  reset_faults_.parse("reset_fail", config.oc.reset_fail, false, unused);
  ecc_.init(config);
  random_ = flash::Random(config.seed);
  return nand_.init(shape_, config, host_) && chunks_.init(shape_, config, host_) &&
         opening_in_unit_.allocate(host_, shape_.all_units());
}

// Times alone: what the geometry reports stays as it was at attach.
void Ocssd20::retune(const nvmev_config& config) { nand_.retune(config); }

FtlHealth Ocssd20::health() const {
  FtlHealth health;
  const u64 used = chunks_.erases() * 100 / (chunks_.size() * chunks_.rated());
  health.percentage_used = static_cast<u8>(used < 255 ? used : 255);
  health.available_spare = static_cast<u8>(100 - chunks_.in_state(ChunkState::kOffline) * 100 / chunks_.size());
  return health;
}

void Ocssd20::report(TextWriter& text) const {
  const auto number = [](u64 value) { return static_cast<unsigned long long>(value); };
  text.add("oc_version 2\nchunks_free %llu\nchunks_open %llu\nchunks_closed %llu\nchunks_offline %llu\n",
           number(chunks_.in_state(ChunkState::kFree)), number(chunks_.in_state(ChunkState::kOpen)),
           number(chunks_.in_state(ChunkState::kClosed)), number(chunks_.in_state(ChunkState::kOffline)));
  text.add("sectors_written %llu\nsectors_read %llu\nsectors_copied %llu\n", number(written_.get()), number(read_.get()),
           number(copied_.get()));
  text.add("chunk_resets %llu\nerases_most %u\n", number(resets_.get()), chunks_.most_erases());
  nand_.report(text, run_clock_.run());
}

u64 Ocssd20::chunk_of(u64 address) const {
  const u64 chunk = shape_.chunk_of(address);
  return chunk < chunks_.size() ? chunk : chunks_.size();
}

void Ocssd20::geometry(u8* page) const {
  auto& geometry = *reinterpret_cast<nvme::Geometry20*>(page);
  geometry.mjr = 2;
  geometry.grp_len = static_cast<u8>(shape_.group_bits);
  geometry.pu_len = static_cast<u8>(shape_.unit_bits);
  geometry.chk_len = static_cast<u8>(shape_.chunk_bits);
  geometry.lba_len = static_cast<u8>(shape_.sector_bits);
  geometry.mccap = config_.capabilities;
  geometry.wit = config_.wear_threshold;
  geometry.num_grp = static_cast<u16>(shape_.groups);
  geometry.num_pu = static_cast<u16>(shape_.units);
  geometry.num_chk = shape_.chunks;
  geometry.clba = shape_.chunk_sectors;
  geometry.ws_min = config_.ws_min;
  geometry.ws_opt = config_.ws_opt;
  geometry.mw_cunits = config_.mw_cunits;
  geometry.maxoc = config_.max_open;
  geometry.maxocpu = config_.max_open_unit;
  geometry.trdt = config_.read_time;
  geometry.trdm = config_.read_time_max;
  geometry.twrt = config_.program_time;
  geometry.twrm = config_.program_time_max;
  geometry.tcrst = config_.erase_time;
  geometry.tcrsm = config_.erase_time_max;
}

VectorOutcome Ocssd20::execute(u64 now, const VectorRequest& request, SectorRun* runs) {
  run_clock_.set(now);
  nand_.begin(now);
  RunBuilder builder(runs);
  switch (request.op) {
    case VectorOp::kErase:
      return reset(now, request.from);
    case VectorOp::kWrite:
    case VectorOp::kScalarWrite:
      return write(now, request, request.from, builder, now);
    case VectorOp::kRead:
    case VectorOp::kScalarRead:
      return read(now, request, builder, true);
    case VectorOp::kCopy:
      return copy(now, request, runs);
    case VectorOp::kHybridWrite:
      break;
  }
  return {now, Status::kInvalidOpcode, 0, false};
}

void Ocssd20::notify(u64 chunk, u16 state) {
  nvme::ChunkNotification notification{};
  notification.lba = shape_.address_of(chunk, 0);
  notification.state = state;
  notification.mask = nvme::chunk_event::kOfChunk;
  notifications_.add(notification);
}

// Vector Chunk Reset. What is wrong with one address leaves all chunks as they are; a chunk that breaks in the reset is
// another matter.
VectorOutcome Ocssd20::reset(u64 now, const AddressList& addresses) {
  VectorOutcome outcome{now, Status::kSuccess};
  command_++;
  const auto refuse = [&](u32 i, Status status) {
    if (outcome.failed == 0) outcome.status = status;
    outcome.failed |= bit_of(i);
    outcome.moves = false;
  };
  for (u32 i = 0; i < addresses.count; i++) {
    const u64 number = shape_.chunk_of(addresses[i]);
    if (number >= chunks_.size() || shape_.offset_of(addresses[i]) >= shape_.chunk_sectors) {
      refuse(i, Status::kInvalidReset);
      continue;
    }
    Chunk& chunk = chunks_[number];
    // Named before by the same command, it is free by now.
    const bool free = chunk.state == ChunkState::kFree || chunk.command == command_;
    if (chunk.state == ChunkState::kOffline) {
      refuse(i, Status::kOfflineChunk);
    } else if (free ? (config_.capabilities & nvme::mccap::kMultipleResets) == 0
                    : chunk.state == ChunkState::kOpen && (config_.capabilities & nvme::mccap::kEarlyReset) == 0) {
      refuse(i, Status::kInvalidReset);
    }
    chunk.command = command_;
  }
  if (!outcome.moves) return outcome;
  const auto break_chunk = [&](u32 i, Status status) {
    refuse(i, status);
    outcome.moves = true;
  };
  for (u32 i = 0; i < addresses.count; i++) {
    const u64 number = shape_.chunk_of(addresses[i]);
    Chunk& chunk = chunks_[number];
    if (chunk.state == ChunkState::kOffline) {  // since an earlier address of the same command
      break_chunk(i, Status::kOfflineChunk);
      continue;
    }
    const u64 end = nand_.erase(number, 1, now);
    if (end > outcome.done) outcome.done = end;
    if (chunk.reset_fails || reset_faults_.hit(shape_, number, 0, random_) != nullptr) {
      chunks_.set_state(number, ChunkState::kOffline);
      break_chunk(i, Status::kInvalidReset);
      continue;
    }
    chunks_.set_state(number, ChunkState::kFree);
    chunk.wp = 0;
    chunk.notified = 0;
    resets_.add(1);
    if (!chunks_.wear_out(number)) {
      break_chunk(i, Status::kOfflineChunk);
    } else if (chunks_.ahead_of_mean(number, config_.wear_threshold)) {
      notify(number, nvme::chunk_event::kWear);
    }
  }
  return outcome;
}

}  // namespace nvmev::ocssd
