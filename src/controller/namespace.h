// SPDX-License-Identifier: GPL-2.0-only
// Namespaces: ranges of a region of the device, seen as logical blocks.
#pragma once

#include <array>
#include <atomic>

#include "block_format.h"
#include "nvmev/nvme/feature.h"
#include "nvmev/nvme/status.h"
#include "nvmev/types.h"

namespace nvmev {

class Medium;
struct Region;

// NN and MNAN: the largest namespace id, and how many there can be.
inline constexpr u32 kMaxNamespaces = 32;

enum class NamespaceState : u8 {
  kAbsent,
  kAllocated,
};

// What a format command or the creator of a namespace chooses.
struct FormatChoice {
  u8 index = 0;
  u8 dps = 0;
  bool interleaved = false;

  bool operator==(const FormatChoice&) const = default;
};

// Fields other than atomics change only while the namespace is attached to no controller and no command uses it any more.
struct Namespace {
  u32 id;
  Region* region;
  u64 base;   // first byte in the device's address space; on a page
  u64 bytes;
  u8 ana_group = 1;  // ANAGRPID
  bool shared;  // may be attached to several controllers (NMIC)
  std::atomic<NamespaceState> state{NamespaceState::kAbsent};
  std::atomic<u32> controllers{0};  // those that it is attached to, a bit for each
  std::atomic<u8> reservation{0};   // nvme::ReservationType: reservations.h
  std::atomic<u8> format{0};  // index of the LBA format
  std::atomic<u8> dps{0};     // End-to-end Data Protection Type Settings; 0: no protection information
  std::atomic<bool> interleaved{false};  // FLBAS bit 4: metadata follow each block's data, instead of being apart
  // Format NVM is under way; its blocks and its format are about to change.
  std::atomic<bool> formatting{false};
  std::atomic<nvme::WriteProtection> protection{nvme::WriteProtection::kNone};
  std::atomic<u8> streams{0};  // controllers that have the Streams directive enabled, a bit for each
  // Reads of blocks that were never written fail (feature 05h, DULBE).
  std::atomic<bool> unwritten_fails{false};

  bool exists() const { return state.load(std::memory_order_acquire) != NamespaceState::kAbsent; }
  // `controller`: number, from 0.
  bool attached_to(u32 controller) const {
    return (controllers.load(std::memory_order_seq_cst) >> controller & 1) != 0;
  }
  bool has_streams_enabled(u32 controller) const { return (streams.load(std::memory_order_relaxed) >> controller & 1) != 0; }
  bool attached_to_any() const { return controllers.load(std::memory_order_seq_cst) != 0; }
  void attach(u32 controller) { controllers.fetch_or(1u << controller, std::memory_order_seq_cst); }
  void detach(u32 controller) { controllers.fetch_and(~(1u << controller), std::memory_order_seq_cst); }
  // Bytes that it takes of the address space: whole pages.
  u64 allocated() const { return (bytes + kPageSize - 1) & ~static_cast<u64>(kPageSize - 1); }
  bool write_protected() const {
    return protection.load(std::memory_order_seq_cst) != nvme::WriteProtection::kNone;
  }
  const BlockFormat& block_format() const { return kBlockFormats[format.load(std::memory_order_relaxed)]; }
  u32 lba_shift() const { return block_format().shift; }
  u32 metadata_bytes() const { return block_format().metadata; }
  // Formatted LBA Size (FLBAS).
  u8 flbas() const {
    const u32 index = format.load(std::memory_order_relaxed);
    return static_cast<u8>((index & 0xf) | (index >> 4) << 5 | (interleaved.load(std::memory_order_relaxed) ? 1u << 4 : 0));
  }
  u64 blocks() const { return bytes >> lba_shift(); }
  // NUSE: blocks with data, or all of them on a medium that does not know.
  u64 used_blocks(const Medium& medium) const;
  FormatChoice format_choice() const {
    return {format.load(std::memory_order_relaxed), dps.load(std::memory_order_relaxed),
            interleaved.load(std::memory_order_relaxed)};
  }
  // While no command uses its blocks.
  void set_format(const FormatChoice& choice) {
    format.store(choice.index, std::memory_order_relaxed);
    dps.store(choice.dps, std::memory_order_relaxed);
    interleaved.store(choice.interleaved, std::memory_order_relaxed);
  }
};

// All namespaces of a device. They are created and deleted by dispatcher 0 and looked up by any thread.
class Namespaces {
 public:
  // `capacity`: bytes of the device's address space, a multiple of the page size.
  void init(u64 capacity);

  // Allocates room in `region` for `bytes` for a new namespace in state kAllocated. nullptr with *status when
  // there is no id or no contiguous room left.
  Namespace* create(Region& region, u64 bytes, const FormatChoice& format, bool shared, u32 ana_group,
                    nvme::Status* status);
  void remove(Namespace& ns) { ns.state.store(NamespaceState::kAbsent, std::memory_order_release); }

  // nullptr for ids beyond the largest, and for 0 and FFFFFFFFh.
  Namespace* find(u32 id) { return id - 1 < kMaxNamespaces ? &namespaces_[id - 1] : nullptr; }
  const Namespace* find(u32 id) const { return id - 1 < kMaxNamespaces ? &namespaces_[id - 1] : nullptr; }

  u64 capacity() const { return capacity_; }
  u64 unallocated() const;

  Namespace* begin() { return namespaces_.data(); }
  Namespace* end() { return namespaces_.data() + namespaces_.size(); }
  const Namespace* begin() const { return namespaces_.data(); }
  const Namespace* end() const { return namespaces_.data() + namespaces_.size(); }

 private:
  bool find_room(const Region& region, u64 bytes, u64* base) const;

  u64 capacity_ = 0;
  std::array<Namespace, kMaxNamespaces> namespaces_;
};

// The same as one of the controllers sees them: any thread.
class ControllerNamespaces {
 public:
  ControllerNamespaces(Namespaces& all, u32 controller) : all_(all), controller_(controller) {}

  Namespaces& all() { return all_; }

  Namespace* find(u32 id) { return all_.find(id); }
  const Namespace* find(u32 id) const { return all_.find(id); }

  bool attached(const Namespace& ns) const { return ns.attached_to(controller_); }
  // nullptr unless it is attached to the controller.
  Namespace* find_attached(u32 id) {
    Namespace* ns = all_.find(id);
    return ns != nullptr && attached(*ns) ? ns : nullptr;
  }
  const Namespace* find_attached(u32 id) const {
    const Namespace* ns = all_.find(id);
    return ns != nullptr && attached(*ns) ? ns : nullptr;
  }

  u64 capacity() const { return all_.capacity(); }
  u64 unallocated() const { return all_.unallocated(); }

  Namespace* begin() { return all_.begin(); }
  Namespace* end() { return all_.end(); }
  const Namespace* begin() const { return all_.begin(); }
  const Namespace* end() const { return all_.end(); }

 private:
  Namespaces& all_;
  const u32 controller_;
};

}  // namespace nvmev
