// SPDX-License-Identifier: GPL-2.0-only
#include "ocssd12.h"

#include "../flash/random.h"
#include "faults.h"
#include "nvmev/error.h"
#include "nvmev/text.h"

namespace nvmev::ocssd {

using nvme::Status;
namespace block_type = nvme::block_type;

namespace {

constexpr u32 kUsualCycles = 1000;

VectorOutcome refuse(u64 now, Status status, u64 failed) { return {now, status, failed, false}; }

}  // namespace

int Ocssd12::check(const nvmev_config& config, nvmev_error* error) {
  Shape shape;
  if (const int result = shape.init(config, error); result != 0) return result;
  if (shape.page_sectors * shape.layout.sector_bytes > 32768) {
    return fail(error, err::kInvalid, "lsecs_per_pg=%u: pages of at most 32768 bytes are right", shape.page_sectors);
  }
  return parse_block_types(config.oc.block_types, nullptr, nullptr, error);
}

Ftl* Ocssd12::create(const nvmev_config& config, nvmev_host* host) {
  void* memory = nvmev_host_alloc(host, sizeof(Ocssd12));
  if (memory == nullptr) return nullptr;
  Ocssd12* ssd = construct_at<Ocssd12>(memory, host);
  if (ssd->init(config)) return ssd;
  ssd->destroy();
  return nullptr;
}

void Ocssd12::destroy() {
  nvmev_host* host = host_;
  this->~Ocssd12();
  nvmev_host_free(host, this, sizeof(*this));
}

bool Ocssd12::init(const nvmev_config& config) {
  shape_.init(config, nullptr);
  config_ = config.oc;
  rated_ = config.pe_cycles != 0 ? config.pe_cycles : kUsualCycles;
  until_failure_ = config_.write_errors_after;
  const u64 entries = shape_.all_chunks() * shape_.planes;
  if (!nand_.init(shape_, config, host_) || !written_.allocate(host_, (shape_.layout.sectors + 63) / 64) ||
      !types_.allocate(host_, entries) || !map_.allocate(host_, config_.l2p_table ? shape_.layout.sectors : 0)) {
    return false;
  }
  for (u64 i = 0; config.bad_blocks != 0 && i < entries; i++) {
    const bool bad = flash::mix(config.seed ^ flash::mix(0x0bad0000ull + i)) % 100000 < config.bad_blocks;
    if (bad) types_[i] = block_type::kBad;
  }
  parse_block_types(config.oc.block_types, this,
                    [](void* self, const InitialBlocks& blocks) { static_cast<Ocssd12*>(self)->set_initial(blocks); },
                    nullptr);
  return true;
}

void Ocssd12::set_initial(const InitialBlocks& blocks) {
  for (u64 i = 0; i < types_.size(); i++) {
    const u32 plane = static_cast<u32>(i % shape_.planes);
    if (blocks.place.sector != kAnyPlace && blocks.place.sector != plane) continue;
    if (matches(blocks.place, shape_, i / shape_.planes)) types_[i] = blocks.type;
  }
}

void Ocssd12::format() {
  memset(written_.data(), 0, written_.size() * sizeof(u64));
  if (has_l2p_table()) memset(map_.data(), 0, map_.size() * sizeof(u32));
}

u64 Ocssd12::state_hash() const {
  u64 hash = 0xcbf29ce484222325;
  const auto add = [&hash](u64 word) { hash = (hash ^ word) * 0x100000001b3; };
  for (const u64 word : written_) add(word);
  for (const u8 type : types_) add(type);
  for (const u32 place : map_) add(place);
  add(erases_.get());
  return hash;
}

FtlHealth Ocssd12::health() const {
  FtlHealth health;
  const u64 used = erases_.get() * 100 / (types_.size() * rated_);
  health.percentage_used = static_cast<u8>(used < 255 ? used : 255);
  return health;
}

void Ocssd12::report(TextWriter& text) const {
  const auto number = [](u64 value) { return static_cast<unsigned long long>(value); };
  text.add("oc_version 1\nsectors_written %llu\nsectors_read %llu\nblock_erases %llu\n", number(sectors_written_.get()),
           number(sectors_read_.get()), number(erases_.get()));
  nand_.report(text, run_clock_.run());
}

void Ocssd12::geometry(u8* page) const {
  auto& id = *reinterpret_cast<nvme::Geometry12*>(page);
  const auto log2 = [](u32 value) { return static_cast<u8>(std::countr_zero(value)); };
  id.ver = 1;
  id.cgrps = 1;
  id.cap = 3;
  id.dom = config_.l2p_mode;
  u8 at = 0;
  const auto field = [&at](nvme::AddressField12& to, u32 bits) {
    to = {at, static_cast<u8>(bits)};
    at = static_cast<u8>(at + bits);
  };
  const u32 sec_bits = log2(shape_.page_sectors), pln_bits = log2(shape_.planes);
  field(id.sec, sec_bits);
  field(id.pln, pln_bits);
  field(id.pg, shape_.sector_bits - sec_bits - pln_bits);
  field(id.blk, shape_.chunk_bits);
  field(id.lun, shape_.unit_bits);
  field(id.ch, shape_.group_bits);
  auto& group = id.group;
  group.mtype = config_.memory_type;
  group.fmtype = config_.flash_type;
  group.num_ch = static_cast<u8>(shape_.groups);
  group.num_lun = static_cast<u8>(shape_.units);
  group.num_pln = static_cast<u8>(shape_.planes);
  group.num_blk = static_cast<u16>(shape_.chunks);
  group.num_pg = config_.block_pages;
  group.fpg_sz = static_cast<u16>(shape_.page_sectors * shape_.layout.sector_bytes);
  group.csecs = static_cast<u16>(shape_.layout.sector_bytes);
  group.sos = static_cast<u16>(shape_.layout.metadata_bytes);
  group.trdt = config_.read_time;
  group.trdm = config_.read_time_max;
  group.tprt = config_.program_time;
  group.tprm = config_.program_time_max;
  group.tbet = config_.erase_time;
  group.tbem = config_.erase_time_max;
  group.mpos = 0x10101u * shape_.planes;
  group.mccap = 1;
  if (config_.flash_type == 0) return;
  // Lower pages are every other one: distances of two, four bits each.
  const u32 lower = config_.block_pages / 2;
  group.pair_count = static_cast<u16>(lower < 2 * sizeof(group.pairs) ? lower : 2 * sizeof(group.pairs));
  memset(group.pairs, 0x22, (group.pair_count + 1u) / 2);
}

VectorOutcome Ocssd12::execute(u64 now, const VectorRequest& request, SectorRun* runs) {
  run_clock_.set(now);
  nand_.begin(now);
  RunBuilder builder(runs);
  switch (request.op) {
    case VectorOp::kErase:
      return erase(now, request);
    case VectorOp::kWrite:
    case VectorOp::kHybridWrite:
      return write(now, request, builder);
    case VectorOp::kRead:
      return read(now, request, builder);
    case VectorOp::kScalarRead:
      return read_mapped(now, request, builder);
    default:
      return refuse(now, Status::kInvalidOpcode, 0);
  }
}

// ---- Erase ------------------------------------------------------------------------------------------------------------

void Ocssd12::erase_plane(u64 chunk, u32 plane) {
  const u64 first = chunk * shape_.chunk_sectors + plane * shape_.page_sectors;
  for (u32 row = 0; row < shape_.chunk_rows(); row++) {
    for (u32 i = 0; i < shape_.page_sectors; i++) set_written(first + row * shape_.row_sectors() + i, false);
  }
}

u64 Ocssd12::erased_sectors(u64 address, u32 plane_mode, u32* count) const {
  *count = planes_of(plane_mode) == shape_.planes ? shape_.chunk_sectors : 0;
  return shape_.chunk_of(address) * shape_.chunk_sectors;
}

VectorOutcome Ocssd12::erase(u64 now, const VectorRequest& request) {
  const AddressList& list = request.from;
  const u32 planes = planes_of(request.plane_mode);
  if (planes == 0) return refuse(now, Status::kInvalidField, 0);
  u64 missing = 0, bad = 0;
  for (u32 i = 0; i < list.count; i++) {
    if (shape_.sector_of(list[i]) == kNoSector) {
      missing |= bit_of(i);
      continue;
    }
    const u64 first = entry_of(list[i]) / planes * planes;
    for (u32 plane = 0; plane < planes; plane++) bad |= is_bad(first + plane) ? bit_of(i) : 0;
  }
  if (missing != 0) return refuse(now, Status::kLbaOutOfRange, missing);
  if (bad != 0) return refuse(now, Status::kInvalidField, bad);
  VectorOutcome outcome{now, Status::kSuccess};
  for (u32 i = 0; i < list.count; i++) {
    const u64 chunk = shape_.chunk_of(list[i]);
    const u32 first = plane_of(shape_.offset_of(list[i])) / planes * planes;
    for (u32 plane = first; plane < first + planes; plane++) erase_plane(chunk, plane);
    erases_.add(planes);
    const u64 end = nand_.erase(chunk, 1, now);
    if (end > outcome.done) outcome.done = end;
  }
  return outcome;
}

// ---- Write ------------------------------------------------------------------------------------------------------------

// Whether the injection hits the next sector: after so many good ones, so many bad ones.
bool Ocssd12::write_fails() {
  if (config_.write_errors == 0) return false;
  if (failures_left_ == 0 && until_failure_ != 0) {
    until_failure_--;
    return false;
  }
  if (failures_left_ == 0) failures_left_ = config_.write_errors;
  if (--failures_left_ == 0) until_failure_ = config_.write_errors_after;
  return true;
}

// Calls `with(chunk, offset, count)` for each part of the runs that lies in one chunk; those that lie nowhere are
// left out.
template <typename Function>
void Ocssd12::for_each_span(const SectorRun* runs, u32 count, Function with) const {
  for (u32 i = 0; i < count; i++) {
    if (runs[i].sector == kNoSector) continue;
    u64 sector = runs[i].sector;
    for (u32 left = runs[i].count; left != 0;) {
      const u32 offset = static_cast<u32>(sector % shape_.chunk_sectors);
      const u32 room = shape_.chunk_sectors - offset;
      const u32 part = left < room ? left : room;
      with(sector / shape_.chunk_sectors, offset, part);
      sector += part;
      left -= part;
    }
  }
}

VectorOutcome Ocssd12::write(u64 now, const VectorRequest& request, RunBuilder& runs) {
  const AddressList& to = request.from;
  const bool hybrid = request.op == VectorOp::kHybridWrite;
  const u32 planes = planes_of(request.plane_mode);
  if (planes == 0) return refuse(now, Status::kInvalidField, 0);
  if (to.count < shape_.row_sectors()) return refuse(now, Status::kInvalidField, bits_of(0, to.count));
  u64 missing = 0, refused = 0;
  for (u32 i = 0; i < to.count; i++) {
    const u64 sector = shape_.sector_of(to[i]);
    if (sector == kNoSector) {
      missing |= bit_of(i);
      continue;
    }
    bool full = is_written(sector) || is_bad(entry_of(to[i]));
    for (u32 earlier = 0; earlier < i; earlier++) full |= to[earlier] == to[i];
    if (full) refused |= bit_of(i);
  }
  if (missing != 0) return refuse(now, Status::kLbaOutOfRange, missing);
  if (refused != 0) return refuse(now, Status::kInvalidField, refused);
  if (hybrid && (request.logical > blocks() || to.count > blocks() - request.logical)) {
    return refuse(now, Status::kLbaOutOfRange, 0);
  }
  VectorOutcome outcome{now, Status::kSuccess};
  if (request.check_only) return outcome;
  SectorRun* const first = runs.begin();
  for (u32 i = 0; i < to.count; i++) {
    if (write_fails()) {
      outcome.failed |= bit_of(i);
      outcome.status = Status::kVectorWriteFailure;
      continue;
    }
    const u64 sector = shape_.sector_of(to[i]);
    set_written(sector, true);
    if (hybrid) map_[request.logical + i] = static_cast<u32>(sector) + 1;
    runs.add(sector, 1, i);
    sectors_written_.add(1);
  }
  const u64 ready = nand_.receive(static_cast<u64>(to.count) * shape_.layout.sector_bytes);
  outcome.done = ready;
  outcome.runs = runs.count();
  for_each_span(first, runs.count(), [&](u64 chunk, u32 offset, u32 count) {
    const u64 end = nand_.program(chunk, offset, count, planes, ready);
    if (end > outcome.done) outcome.done = end;
  });
  return outcome;
}

// ---- Read -------------------------------------------------------------------------------------------------------------

VectorOutcome Ocssd12::read(u64 now, const VectorRequest& request, RunBuilder& runs) {
  const AddressList& from = request.from;
  const u32 planes = planes_of(request.plane_mode);
  if (planes == 0) return refuse(now, Status::kInvalidField, 0);
  u64 missing = 0;
  for (u32 i = 0; i < from.count; i++) missing |= shape_.sector_of(from[i]) == kNoSector ? bit_of(i) : 0;
  if (missing != 0) return refuse(now, Status::kLbaOutOfRange, missing);
  for (u32 i = 0; i < from.count; i++) {
    // The device gives up at the first page that is empty.
    if (!is_written(shape_.sector_of(from[i]))) return refuse(now, Status::kEmptyPage, bits_of(i, from.count - i));
  }
  SectorRun* const first = runs.begin();
  for (u32 i = 0; i < from.count; i++) runs.add(shape_.sector_of(from[i]), 1, i);
  VectorOutcome outcome{now, Status::kSuccess};
  outcome.runs = runs.count();
  for_each_span(first, runs.count(), [&](u64 chunk, u32 offset, u32 count) {
    const u64 end = nand_.read(chunk, offset, count, 1, planes, now, true);
    if (end > outcome.done) outcome.done = end;
  });
  sectors_read_.add(from.count);
  return outcome;
}

// A read of logical blocks: through the map that hybrid writes fill. What is not mapped, or was erased, reads as zeros.
VectorOutcome Ocssd12::read_mapped(u64 now, const VectorRequest& request, RunBuilder& runs) {
  SectorRun* const first = runs.begin();
  for (u32 i = 0; i < request.from.count; i++) {
    const u32 place = has_l2p_table() ? map_[request.from[i]] : 0;
    const bool stored = place != 0 && is_written(place - 1);
    if (!runs.add(stored ? place - 1 : kNoSector, 1, i)) return refuse(now, Status::kInvalidField, 0);
  }
  VectorOutcome outcome{now, Status::kSuccess};
  outcome.runs = runs.count();
  for_each_span(first, runs.count(), [&](u64 chunk, u32 offset, u32 count) {
    const u64 end = nand_.read(chunk, offset, count, 1, shape_.planes, now, true);
    if (end > outcome.done) outcome.done = end;
    sectors_read_.add(count);
  });
  return outcome;
}

// ---- Tables -----------------------------------------------------------------------------------------------------------

u64 Ocssd12::mapped(u64 logical) const {
  const u32 place = map_[logical];
  if (place == 0) return nvme::kUnmapped;
  return shape_.address_of((place - 1) / shape_.chunk_sectors, (place - 1) % shape_.chunk_sectors);
}

bool Ocssd12::bad_block_table(u64 address, nvme::BadBlockTableHeader* header, u32* first) const {
  if (shape_.sector_of(address) == kNoSector) return false;
  const u32 entries = shape_.chunks * shape_.planes;
  *first = static_cast<u32>(shape_.chunk_of(address) / shape_.chunks) * entries;
  *header = {};
  memcpy(header->tblid, "BBLT", sizeof(header->tblid));
  header->verid = 1;
  header->tblks = entries;
  for (u32 i = *first; i < *first + entries; i++) {
    header->tfact += types_[i] == block_type::kBad;
    header->tgrown += types_[i] == block_type::kGrownBad;
    header->tdresv += types_[i] == block_type::kDeviceReserved;
    header->thresv += types_[i] == block_type::kHostReserved;
  }
  return true;
}

Status Ocssd12::set_block_types(const AddressList& blocks, u8 type) {
  if (!is_block_type(type)) return Status::kInvalidField;
  for (u32 i = 0; i < blocks.count; i++) {
    if (shape_.sector_of(blocks[i]) == kNoSector) return Status::kLbaOutOfRange;
  }
  for (u32 i = 0; i < blocks.count; i++) types_[entry_of(blocks[i])] = type;
  return Status::kSuccess;
}

}  // namespace nvmev::ocssd
