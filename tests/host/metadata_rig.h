// SPDX-License-Identifier: GPL-2.0-only
// A device whose namespaces have metadata, and what its blocks and their protection information should be.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "host/rig.h"
#include "host/sgl.h"
#include "src/controller/crc.h"

namespace nvmev::test {

using Bytes = std::vector<u8>;
__extension__ typedef unsigned __int128 u128;

inline constexpr u32 kPract = 1u << 29, kGuard = 1u << 28, kApp = 1u << 27, kRef = 1u << 26, kStorage = 1u << 24;
inline constexpr u32 kFirst = 1u << 8, kInterleaved = 1u << 4;  // PIL and MSET of Format NVM

inline Bytes join(const Bytes& a, const Bytes& b) {
  Bytes both = a;
  both.insert(both.end(), b.begin(), b.end());
  return both;
}

inline Bytes part(const Bytes& all, size_t at, size_t length) {
  return Bytes(all.begin() + static_cast<std::ptrdiff_t>(at), all.begin() + static_cast<std::ptrdiff_t>(at + length));
}

// A format of a namespace, as the tests go through them.
struct Format {
  u8 index;
  u32 lba;
  u32 metadata;
  u32 tuple;  // bytes of protection information
  u32 pi = 0;  // type
  bool first = false;
  bool interleaved = false;

  u32 guard() const { return tuple == 8 ? 2 : index >= 8 ? 4 : 8; }  // bytes
  u32 tags() const { return tuple - guard() - 2; }                 // bytes of storage and reference tag
  u32 storage() const { return index == 4 || index == 8 ? 16 : index == 9 ? 32 : 0; }  // bits of the storage tag
  // Both tags of a block.
  u128 space(u64 reference) const {
    const u32 bits = 8 * tags() - storage();
    const u64 tag = storage() == 16 ? 0xbeef : storage() == 32 ? 0xdeadbeef : 0;
    return static_cast<u128>(tag) << bits | (bits < 64 ? reference & ((1ull << bits) - 1) : reference);
  }
};

inline std::vector<Format> all_formats(bool with_pi) {
  const Format plain[] = {{2, 4096, 8, 8},  {3, 4096, 16, 16}, {4, 4096, 16, 16},
                          {5, 4096, 64, 8}, {6, 512, 8, 8},    {7, 512, 64, 8},
                          {8, 4096, 16, 16}, {9, 4096, 64, 16}};
  std::vector<Format> all;
  for (Format format : plain) {
    for (const bool interleaved : {false, true}) {
      format.interleaved = interleaved;
      for (format.pi = with_pi ? 1 : 0; format.pi <= (with_pi ? 3u : 0u); format.pi++) {
        for (const bool first : {false, true}) {
          if (first && (!with_pi || format.metadata == format.tuple)) continue;
          format.first = first;
          all.push_back(format);
        }
      }
    }
  }
  return all;
}

inline std::string name(const Format& format) {
  return "format " + std::to_string(format.index) + " type " + std::to_string(format.pi) + (format.first ? " first" : " last") +
         (format.interleaved ? " interleaved" : " separate");
}

class MetadataRig : public Rig {
 public:
  // With what the state file holds, if there is one.
  explicit MetadataRig(const Settings& settings = {}, const TestFile* state = nullptr) : Rig(settings) {
    if (state != nullptr) {
      host.file = *state;
      nvmev_error error{};
      EXPECT_EQ(nvmev_dev_load(device.get(), &error), 0) << error.text;
    }
    start();
    know_extended_formats();
  }

  nvme::Status know_extended_formats(bool know = true) {
    DmaBuffer data(driver.arena(), 512);
    Bytes bytes(512);
    bytes[2] = know;
    data.write(bytes);
    nvme::Sqe sqe = cmd::set_feature(nvme::Feature::kHostBehavior, 0);
    sqe.prp1 = data.bus();
    return admin(sqe).status;
  }

  nvme::Status use(const Format& wanted, u32 nsid = 1) {
    format = wanted;
    const u32 rest = wanted.pi << 5 | (wanted.first ? kFirst : 0) | (wanted.interleaved ? kInterleaved : 0);
    return admin(cmd::format(nsid, wanted.index, rest)).status;
  }

  // Memory that is contiguous on the bus, beginning inside a page.
  class MetadataBuffer {
   public:
    MetadataBuffer(Arena& arena, size_t bytes)
        : arena_(arena), bytes_(bytes), pages_((bytes + kOffset + 4095) / 4096), first_(arena.alloc(pages_)) {}
    ~MetadataBuffer() { arena_.free(first_, pages_); }
    u64 bus() const { return first_ + kOffset; }
    size_t size() const { return bytes_; }
    void write(const Bytes& bytes) { std::copy(bytes.begin(), bytes.end(), static_cast<u8*>(arena_.at(bus()))); }
    Bytes read() const {
      const u8* from = static_cast<const u8*>(arena_.at(bus()));
      return Bytes(from, from + bytes_);
    }

   private:
    static constexpr u32 kOffset = 4092;
    Arena& arena_;
    size_t bytes_;
    size_t pages_;
    u64 first_;
  };

  struct Result {
    nvme::Status status;
    Bytes data;
    Bytes metadata;
  };

  bool strips(const nvme::Sqe& sqe) const {
    return format.pi != 0 && format.metadata == format.tuple && (sqe.cdw12 & kPract) != 0;
  }

  // Runs a command on blocks; what is sent with Write and Compare is `data` and `metadata`, otherwise the result has them. Buffers begin
  // inside pages, so that blocks and their metadata cross them.
  Result run(nvme::Sqe sqe, const Bytes& data = {}, const Bytes& metadata = {}) {
    const u32 blocks = (sqe.cdw12 & 0xffff) + 1;
    const bool own = strips(sqe);
    const u32 stride = format.lba + (format.interleaved && !own ? format.metadata : 0);
    DmaBuffer buffer(driver.arena(), size_t{blocks} * stride, 516);
    const bool sends = !data.empty();
    if (sends && stride == format.lba) buffer.write(data);
    if (sends && stride != format.lba) {
      for (u32 i = 0; i < blocks; i++) {
        buffer.write(part(data, size_t{i} * format.lba, format.lba), size_t{i} * stride);
        buffer.write(part(metadata, size_t{i} * format.metadata, format.metadata), size_t{i} * stride + format.lba);
      }
    }
    const bool separate = !format.interleaved && !own;
    std::vector<u64> pages;
    const size_t metadata_bytes = size_t{blocks} * format.metadata;
    MetadataBuffer apart(driver.arena(), metadata_bytes);
    if (separate) {
      sqe.mptr = apart.bus();
      if (sends) apart.write(metadata);
    }
    const Prps prps(driver.arena(), buffer);
    Result result;
    result.status = io(by_sgl ? with_sgls(sqe, buffer, apart) : cmd::with_prps(sqe, prps)).status;
    EXPECT_TRUE(buffer.margins_intact());
    const Bytes all = buffer.read();
    for (u32 i = 0; i < blocks; i++) {
      result.data = join(result.data, part(all, size_t{i} * stride, format.lba));
      if (stride != format.lba) {
        result.metadata = join(result.metadata, part(all, size_t{i} * stride + format.lba, format.metadata));
      }
    }
    if (separate) result.metadata = apart.read();
    return result;
  }

  // The command with SGLs, kept until the next call. That of the metadata cuts it at odd places.
  nvme::Sqe with_sgls(const nvme::Sqe& sqe, const DmaBuffer& data, const MetadataBuffer& metadata) {
    lists_.clear();
    std::vector<nvme::SglDescriptor> list;
    for (size_t at = 0; at < data.size();) {
      const size_t length = std::min(data.size() - at, kPageSize - data.bus(at) % kPageSize);
      list.push_back(data_block(data.bus(at), static_cast<u32>(length)));
      at += length;
    }
    const nvme::Sqe with_data = with_sgl(sqe, keep(list).last_segment());
    list.clear();
    for (size_t at = 0, next = 1; at < metadata.size(); at += list.back().length, next = next * 2 + 3) {
      list.push_back(data_block(metadata.bus() + at, static_cast<u32>(std::min(next, metadata.size() - at))));
    }
    nvme::Sqe all = with_data;
    all.flags = 2 << 6;
    all.mptr = keep({keep(list).last_segment()}).bus();
    return all;
  }

  Result read(u64 slba, u32 blocks, u32 prinfo = 0) { return run(tagged(cmd::read(slba, blocks), slba, prinfo)); }
  nvme::Status write(u64 slba, const Bytes& data, const Bytes& metadata, u32 prinfo = 0) {
    const u32 blocks = static_cast<u32>(data.size() / format.lba);
    return run(tagged(cmd::write(slba, blocks), slba, prinfo), data, metadata).status;
  }

  // With the tags that fit: reference tags count from the block's address (type 1), from 1000, or do not matter.
  nvme::Sqe tagged(nvme::Sqe sqe, u64 slba, u32 prinfo) const {
    sqe.cdw12 |= prinfo;
    put_tags(sqe, format.space(first_reference(slba)));
    sqe.cdw15 = 0xffff0000 | 0x1234;
    return sqe;
  }
  static void put_tags(nvme::Sqe& sqe, u128 tags) {
    sqe.cdw14 = static_cast<u32>(tags);
    sqe.cdw3 = static_cast<u32>(tags >> 32);
    sqe.cdw2 = static_cast<u32>(tags >> 64);
  }
  u64 first_reference(u64 slba) const { return format.pi == 1 ? slba : 1000; }
  u32 checks() const { return kGuard | kApp | (format.pi == 3 ? 0 : kRef); }

  // The metadata of blocks with right protection information; other bytes are random.
  Bytes protect(u64 slba, const Bytes& data, u64 seed, u16 application = 0x1234) const {
    Bytes all;
    for (u32 i = 0; i * size_t{format.lba} < data.size(); i++) {
      Bytes metadata = pattern(format.metadata, seed + i);
      const size_t at = format.first ? 0 : format.metadata - format.tuple;
      const Bytes guarded = join(part(data, size_t{i} * format.lba, format.lba), part(metadata, 0, at));
      const u64 reference = first_reference(slba) + (format.pi == 3 ? 0 : i);
      Bytes tuple;
      const auto put = [&](u128 value, u32 bytes) {
        while (bytes-- > 0) tuple.push_back(static_cast<u8>(value >> 8 * bytes));
      };
      const u8* from = guarded.data();
      put(format.guard() == 2   ? crc16(0, from, guarded.size())
          : format.guard() == 4 ? crc32c(0, from, guarded.size())
                                : crc64(0, from, guarded.size()),
          format.guard());
      put(application, 2);
      put(format.space(reference), format.tags());
      std::copy(tuple.begin(), tuple.end(), metadata.begin() + static_cast<std::ptrdiff_t>(at));
      all = join(all, metadata);
    }
    return all;
  }
  // Where the protection information of a block is in the metadata of several.
  size_t tuple_at(u32 block) const { return block * size_t{format.metadata} + (format.first ? 0 : format.metadata - format.tuple); }

  Format format{};
  bool by_sgl = false;  // run() uses SGLs, of the metadata too

 private:
  const SglSegment& keep(const std::vector<nvme::SglDescriptor>& descriptors) {
    lists_.push_back(std::make_unique<SglSegment>(driver.arena(), descriptors));
    return *lists_.back();
  }

  std::vector<std::unique_ptr<SglSegment>> lists_;
};

}  // namespace nvmev::test
