// SPDX-License-Identifier: GPL-2.0-only
#include "state_file.h"

#include "nvmev/error.h"
#include "nvmev/text.h"
#include "xxh64.h"

namespace nvmev {

namespace {

constexpr char kMagic[] = NVMEV_STATE_MAGIC;
constexpr u64 kAlign = 4096;

u64 own_checksum(const StateSuperblock& block) {
  Xxh64 hash;
  hash.add(&block, offsetof(StateSuperblock, own_checksum));
  return hash.value();
}

}  // namespace

bool StateFile::valid(const StateSuperblock& block) const {
  return memcmp(block.magic, kMagic, sizeof(block.magic)) == 0 && block.own_checksum == own_checksum(block);
}

int StateFile::open(nvmev_error* error) {
  if (!blocks_.allocate(host_, 2)) return fail(error, err::kNoMemory, "no memory to read it");
  const u64 size = nvmev_host_file_size(host_);
  if (size == 0) return 0;
  if (size < kStates) {
    return fail(error, err::kInvalid, "it is no state file: it has %llu bytes", static_cast<unsigned long long>(size));
  }
  if (const int result = nvmev_host_file_read(host_, 0, blocks_.data(), kStates); result != 0) {
    return fail(error, result, "reading it failed with %d", result);
  }
  for (u32 i = 0; i < 2; i++) {
    if (valid(blocks_[i]) && (current_ == kNone || blocks_[i].sequence > blocks_[current_].sequence)) current_ = i;
  }
  if (current_ == kNone) {
    // The first save of all may have been cut off: then nothing was ever there.
    const bool marked = memcmp(blocks_[0].magic, kMagic, sizeof(kMagic) - 1) == 0 ||
                        memcmp(blocks_[1].magic, kMagic, sizeof(kMagic) - 1) == 0;
    return fail(error, err::kInvalid, marked ? "both of its superblocks are damaged" : "it is no state file");
  }
  const StateSuperblock& block = blocks_[current_];
  if (block.version != kStateVersion) {
    return fail(error, err::kInvalid, "it is of version %u: %u is right", block.version, kStateVersion);
  }
  if (block.offset > size || block.length > size - block.offset) {
    return fail(error, err::kInvalid, "it is cut off: %llu bytes of %llu are there", static_cast<unsigned long long>(size),
                static_cast<unsigned long long>(block.offset + block.length));
  }
  return 0;
}

void StateFile::place(u32 attempt, u64* offset, u64* limit) const {
  const StateSuperblock* block = current();
  *offset = kStates;
  *limit = ~0ull;
  if (block == nullptr) return;
  if (attempt == 0 && block->offset > kStates) {
    *limit = block->offset;
  } else {
    *offset = (block->offset + block->length + kAlign - 1) / kAlign * kAlign;
  }
}

int StateFile::commit(u64 offset, u64 length, u64 checksum, const char* description, nvmev_error* error) {
  const StateSuperblock* old = current();
  const u32 next = current_ == 0 ? 1 : 0;
  const u64 sequence = old != nullptr ? old->sequence + 1 : 1;
  StateSuperblock& block = blocks_[next];
  memset(&block, 0, sizeof(block));
  memcpy(block.magic, kMagic, sizeof(block.magic));
  block.version = kStateVersion;
  block.sequence = sequence;
  block.offset = offset;
  block.length = length;
  block.checksum = checksum;
  snprintf(block.description, sizeof(block.description), "%s", description);
  block.own_checksum = own_checksum(block);
  int result = nvmev_host_file_sync(host_);
  if (result == 0) result = nvmev_host_file_write(host_, next * sizeof(block), &block, sizeof(block));
  if (result == 0) result = nvmev_host_file_sync(host_);
  if (result != 0) {
    block.own_checksum = ~block.own_checksum;
    return fail(error, result, "making it durable failed with %d", result);
  }
  current_ = next;
  nvmev_host_file_keep(host_, offset, offset + length);
  return 0;
}

}  // namespace nvmev
