// SPDX-License-Identifier: GPL-2.0-only
#include "host/driver.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "host/check.h"

namespace nvmev::test {
namespace {

using nvme::Cqe;
using nvme::Registers;
using nvme::Sqe;
using nvme::Status;

u32 pages_for(u32 entries, u32 entry_bytes) { return (entries * entry_bytes + kPageSize - 1) / kPageSize; }

Completion decode(const Cqe& cqe, u16 cq_id, u64 time) {
  Completion completion;
  completion.time = time;
  completion.cq_id = cq_id;
  completion.sq_id = cqe.sq_id;
  completion.cid = cqe.cid;
  completion.sq_head = cqe.sq_head;
  completion.status = static_cast<Status>(cqe.phase_status >> 1 & 0x7ff);
  completion.more = cqe.phase_status >> 14 & 1;
  completion.dnr = cqe.phase_status >> 15 & 1;
  completion.dw0 = cqe.dw0;
  completion.dw1 = cqe.dw1;
  return completion;
}

// Whether the device asked, with its EventIdx, to hear of the step from `before` to `after`: modulo 2^16.
bool wants_event(u32 event_idx, u32 after, u32 before) {
  return static_cast<u16>(after - event_idx - 1) < static_cast<u16>(after - before);
}

}  // namespace

Driver::Driver(Device& device, Runner& runner, u32 controller)
    : device_(device), runner_(runner), controller_(controller) {}

Driver::~Driver() {
  // The device still holds pointers: it must let go before the memory is given back.
  if (read32(offsetof(Registers, cc)) & nvme::cc::kEnable) disable();
  free_queues();
}

u32 Driver::read32(u32 offset) const {
  return __atomic_load_n(reinterpret_cast<const u32*>(device_.bar(controller_) + offset), __ATOMIC_ACQUIRE);
}

u64 Driver::read64(u32 offset) const {
  const u64 low = read32(offset);
  return low | static_cast<u64>(read32(offset + 4)) << 32;
}

void Driver::write32(u32 offset, u32 value) {
  __atomic_store_n(reinterpret_cast<u32*>(device_.bar(controller_) + offset), value, __ATOMIC_RELEASE);
}

void Driver::write64(u32 offset, u64 value) {
  write32(offset, static_cast<u32>(value));
  write32(offset + 4, static_cast<u32>(value >> 32));
}

bool Driver::enable(const EnableOptions& options) {
  const auto settled = [&](u32 mask, u32 value) {
    while ((csts() & mask) != value) {
      if (!runner_.step()) return false;
    }
    return true;
  };
  NVMEV_CHECK(settled(nvme::csts::kReady, 0));
  free_queues();

  const u32 sq_entries = options.admin_entries;
  const u32 cq_entries = options.admin_cq_entries ? options.admin_cq_entries : sq_entries;
  const u64 sq_bus = arena().alloc(pages_for(sq_entries, sizeof(Sqe)));
  const u64 cq_bus = arena().alloc(pages_for(cq_entries, sizeof(Cqe)));
  sqs_[0] = {0, 0, sq_entries, sq_bus, 0, 0, 0};
  cqs_[0] = {0, cq_entries, cq_bus, 0, true, 0};

  write32(offsetof(Registers, aqa), (sq_entries - 1) | (cq_entries - 1) << 16);
  write64(offsetof(Registers, asq), sq_bus);
  write64(offsetof(Registers, acq), cq_bus);
  const u32 cc = options.css << 4 | options.iosqes << 16 | options.iocqes << 20 | options.extra_cc;
  // As Linux does: configuration first, the enable bit in a second write.
  write32(offsetof(Registers, cc), cc);
  read32(offsetof(Registers, cc));
  write32(offsetof(Registers, cc), cc | nvme::cc::kEnable);

  while (!ready()) {
    if (csts() & nvme::csts::kFatal) return false;
    if (!runner_.step() && !ready()) return false;
  }
  return true;
}

void Driver::disable() {
  write32(offsetof(Registers, cc), read32(offsetof(Registers, cc)) & ~(nvme::cc::kEnable | 3u << 14));
  while (ready()) NVMEV_CHECK(runner_.step() || !ready());
  // CFS, too, is gone once the controller has taken notice.
  while (csts() & nvme::csts::kFatal) NVMEV_CHECK(runner_.step() || !(csts() & nvme::csts::kFatal));
  free_queues();
}

void Driver::shutdown() {
  write32(offsetof(Registers, cc), (read32(offsetof(Registers, cc)) & ~(3u << 14)) | 1u << 14);
  while ((csts() & nvme::csts::kShutdownMask) != nvme::csts::kShutdownComplete) NVMEV_CHECK(runner_.step());
}

void Driver::forget_queues() { free_queues(); }

void Driver::give_back(u64 bus, u32 pages) {
  if (bus >= arena().base() && bus < arena().end()) arena().free(bus, pages);
}

void Driver::free_queues() {
  for (const auto& [id, queue] : sqs_) give_back(queue.bus, pages_for(queue.entries, sizeof(Sqe)));
  for (const auto& [id, queue] : cqs_) give_back(queue.bus, pages_for(queue.entries, sizeof(Cqe)));
  sqs_.clear();
  cqs_.clear();
  reaped_.clear();
  if (shadow_) arena().free(shadow_);
  if (event_idx_) arena().free(event_idx_);
  shadow_ = event_idx_ = 0;
}

void Driver::create_queue_pair(u16 id, u32 entries, u16 vector) {
  NVMEV_CHECK(create_cq(id, entries, vector).ok());
  NVMEV_CHECK(create_sq(id, entries, id).ok());
}

Completion Driver::create_cq(u16 id, u32 entries, u16 vector, bool interrupts) {
  const u32 pages = pages_for(entries, sizeof(Cqe));
  const u64 bus = arena().alloc(pages);
  const Completion completion = admin(cmd::create_cq(id, entries, bus, vector, interrupts));
  if (completion.ok()) {
    cqs_[id] = {id, entries, bus, 0, true, vector};
  } else {
    arena().free(bus, pages);
  }
  return completion;
}

Completion Driver::create_sq(u16 id, u32 entries, u16 cq_id, nvme::QueuePriority priority) {
  const u32 pages = pages_for(entries, sizeof(Sqe));
  const u64 bus = arena().alloc(pages);
  const Completion completion = admin(cmd::create_sq(id, entries, bus, cq_id, priority));
  if (completion.ok()) {
    sqs_[id] = {id, cq_id, entries, bus, 0, 0, 0};
  } else {
    arena().free(bus, pages);
  }
  return completion;
}

Completion Driver::create_cq_at(u64 bus, u16 id, u32 entries, u16 vector) {
  const Completion completion = admin(cmd::create_cq(id, entries, bus, vector, true));
  if (completion.ok()) cqs_[id] = {id, entries, bus, 0, true, vector};
  return completion;
}

Completion Driver::create_sq_at(u64 bus, u16 id, u32 entries, u16 cq_id) {
  const Completion completion = admin(cmd::create_sq(id, entries, bus, cq_id, nvme::QueuePriority::kUrgent));
  if (completion.ok()) sqs_[id] = {id, cq_id, entries, bus, 0, 0, 0};
  return completion;
}

Completion Driver::delete_sq(u16 id) {
  const Completion completion = admin(cmd::delete_sq(id));
  if (completion.ok()) {
    reap();  // commands that the deletion aborted
    give_back(sq(id).bus, pages_for(sq(id).entries, sizeof(Sqe)));
    sqs_.erase(id);
  }
  return completion;
}

Completion Driver::delete_cq(u16 id) {
  const Completion completion = admin(cmd::delete_cq(id));
  if (completion.ok()) {
    give_back(cq(id).bus, pages_for(cq(id).entries, sizeof(Cqe)));
    cqs_.erase(id);
  }
  return completion;
}

Completion Driver::use_shadow_doorbells() {
  const u64 shadow = arena().alloc();
  const u64 event_idx = arena().alloc();
  const Completion completion = admin(cmd::doorbell_buffers(shadow, event_idx));
  if (completion.ok()) {
    shadow_ = shadow;
    event_idx_ = event_idx;
  } else {
    arena().free(shadow);
    arena().free(event_idx);
  }
  return completion;
}

u16 Driver::queue(u16 sq_id, Sqe sqe) {
  sqe.cid = sq(sq_id).next_cid++;
  queue_raw(sq_id, sqe);
  return sqe.cid;
}

void Driver::queue_raw(u16 sq_id, const Sqe& sqe) {
  SubmissionQueue& queue = sq(sq_id);
  NVMEV_CHECK((queue.tail + 1) % queue.entries != queue.head);
  std::memcpy(arena().at(queue.bus + static_cast<u64>(queue.tail) * sizeof(Sqe)), &sqe, sizeof(sqe));
  queue.tail = (queue.tail + 1) % queue.entries;
}

void Driver::ring(u16 sq_id) { write_sq_doorbell(sq_id, sq(sq_id).tail); }

void Driver::write_sq_doorbell(u16 id, u32 value) { write_doorbell(2u * id, id, value); }
void Driver::write_cq_doorbell(u16 id, u32 value) { write_doorbell(2u * id + 1, id, value); }

void Driver::write_doorbell(u32 index, u16 id, u32 value) {
  if (id != 0 && shadow_ != 0) {
    u32* shadow = reinterpret_cast<u32*>(arena().at(shadow_)) + index;
    const u32* event_idx = reinterpret_cast<const u32*>(arena().at(event_idx_)) + index;
    std::atomic_thread_fence(std::memory_order_release);
    const u32 before = __atomic_exchange_n(shadow, value, __ATOMIC_SEQ_CST);
    // The device may not look at the shadow for a long time unless it is told so.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (!wants_event(__atomic_load_n(event_idx, __ATOMIC_ACQUIRE), value, before)) return;
  }
  doorbell_writes_++;
  write32(NVMEV_BAR_DOORBELLS + index * 4, value);
}

bool Driver::has_entry(const CompletionQueue& queue) const {
  const u8* entry = arena().at(queue.bus + static_cast<u64>(queue.head) * sizeof(Cqe));
  const u16* word = reinterpret_cast<const u16*>(entry + offsetof(Cqe, phase_status));
  return (__atomic_load_n(word, __ATOMIC_ACQUIRE) & 1) == queue.phase;
}

size_t Driver::reap() {
  size_t count = 0;
  for (const auto& [id, queue] : cqs_) count += reap(id);
  return count;
}

size_t Driver::reap(u16 cq_id) {
  CompletionQueue& queue = cq(cq_id);
  size_t count = 0;
  while (has_entry(queue)) {
    Cqe cqe;
    std::memcpy(&cqe, arena().at(queue.bus + static_cast<u64>(queue.head) * sizeof(Cqe)), sizeof(cqe));
    const Completion completion = decode(cqe, cq_id, runner_.now());
    if (const auto found = sqs_.find(completion.sq_id); found != sqs_.end()) {
      NVMEV_CHECK(completion.sq_head < found->second.entries);
      NVMEV_CHECK(found->second.cq_id == cq_id);
      found->second.head = completion.sq_head;
    }
    reaped_.push_back(completion);
    if (++queue.head == queue.entries) {
      queue.head = 0;
      queue.phase = !queue.phase;
    }
    count++;
  }
  if (count != 0) write_cq_doorbell(cq_id, queue.head);
  return count;
}

std::vector<Completion> Driver::take() { return std::exchange(reaped_, {}); }

std::optional<Completion> Driver::take(u16 sq_id, u16 cid) {
  const auto found = std::find_if(reaped_.begin(), reaped_.end(),
                                  [&](const Completion& c) { return c.sq_id == sq_id && c.cid == cid; });
  if (found == reaped_.end()) return std::nullopt;
  const Completion completion = *found;
  reaped_.erase(found);
  return completion;
}

Completion Driver::wait(u16 sq_id, u16 cid) {
  while (true) {
    reap();
    if (const auto completion = take(sq_id, cid)) return *completion;
    if (!runner_.step()) {
      reap();
      const auto completion = take(sq_id, cid);
      NVMEV_CHECK(completion.has_value());
      return *completion;
    }
  }
}

bool Driver::wait_for(size_t count) {
  while (true) {
    reap();
    if (reaped_.size() >= count) return true;
    if (!runner_.step()) {
      reap();
      return reaped_.size() >= count;
    }
  }
}

Driver::Data Driver::identify(nvme::Cns cns, u32 nsid, nvme::Csi csi, u16 cntid) {
  DmaBuffer buffer(arena(), kPageSize);
  const Completion completion = admin(cmd::identify(cns, nsid, buffer.bus(), csi, cntid));
  return {completion, buffer.read()};
}

Driver::Data Driver::get_log(nvme::LogPage page, u32 bytes, u64 offset, bool retain, u8 specific) {
  DmaBuffer buffer(arena(), bytes);
  const Prps prps(arena(), buffer);
  nvme::Sqe sqe = cmd::get_log(page, offset, bytes, prps.prp1(), prps.prp2(), retain);
  sqe.cdw10 |= static_cast<u32>(specific) << 8;
  const Completion completion = admin(sqe);
  return {completion, buffer.read()};
}

Driver::Data Driver::read(u64 slba, u32 blocks, u16 sq_id, u32 offset) {
  DmaBuffer buffer(arena(), static_cast<size_t>(blocks) * lba_size, offset);
  const Prps prps(arena(), buffer);
  const Completion completion = run(sq_id, cmd::with_prps(cmd::read(slba, blocks), prps));
  NVMEV_CHECK(buffer.margins_intact());
  return {completion, buffer.read()};
}

Completion Driver::write(u64 slba, const std::vector<u8>& bytes, u16 sq_id, u32 offset) {
  NVMEV_CHECK(!bytes.empty() && bytes.size() % lba_size == 0);
  DmaBuffer buffer(arena(), bytes.size(), offset);
  buffer.write(bytes);
  const Prps prps(arena(), buffer);
  return run(sq_id, cmd::with_prps(cmd::write(slba, static_cast<u32>(bytes.size() / lba_size)), prps));
}

Completion Driver::compare(u64 slba, const std::vector<u8>& bytes, u16 sq_id) {
  DmaBuffer buffer(arena(), bytes.size());
  buffer.write(bytes);
  const Prps prps(arena(), buffer);
  return run(sq_id, cmd::with_prps(cmd::compare(slba, static_cast<u32>(bytes.size() / lba_size)), prps));
}

Completion Driver::deallocate(const std::vector<nvme::DsmRange>& ranges, u16 sq_id) {
  const size_t bytes = ranges.size() * sizeof(nvme::DsmRange);
  DmaBuffer buffer(arena(), bytes);
  std::vector<u8> raw(bytes);
  std::memcpy(raw.data(), ranges.data(), bytes);
  buffer.write(raw);
  const Prps prps(arena(), buffer);
  return run(sq_id, cmd::with_prps(cmd::dataset_management(static_cast<u32>(ranges.size())), prps));
}

}  // namespace nvmev::test
