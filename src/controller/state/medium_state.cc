// SPDX-License-Identifier: GPL-2.0-only
// The data in a state: runs of pages that are not all zero.
#include "../medium.h"
#include "nvmev/error.h"
#include "nvmev/state_archive.h"
#include "nvmev/text.h"

namespace nvmev {

namespace {

struct Run {
  u64 page;   // number of the first
  u64 pages;  // 0: there are no more runs
};

constexpr u64 kRunPages = 256;
constexpr u64 kProgressBytes = 1ull << 28;

bool is_zero_page(const u8* page) {
  for (u32 i = 0; i < kPageSize; i += sizeof(u64)) {
    u64 word;
    __builtin_memcpy(&word, page + i, sizeof(word));
    if (word != 0) return false;
  }
  return true;
}

// Tells every 256 MiB how far it is.
class Progress {
 public:
  Progress(nvmev_host* host, const char* what, u64 total) : host_(host), what_(what), total_(total) {}
  void add(u64 bytes) {
    done_ += bytes;
    if (done_ < next_) return;
    next_ += kProgressBytes;
    if (total_ == 0) {
      nvmev_host_log(host_, NVMEV_LOG_INFO, "state: %s %llu MiB", what_, static_cast<unsigned long long>(done_ >> 20));
    } else {
      nvmev_host_log(host_, NVMEV_LOG_INFO, "state: %s %llu of at most %llu MiB", what_,
                     static_cast<unsigned long long>(done_ >> 20), static_cast<unsigned long long>(total_ >> 20));
    }
  }

 private:
  nvmev_host* host_;
  const char* what_;
  u64 total_;
  u64 done_ = 0;
  u64 next_ = kProgressBytes;
};

}  // namespace

u8* Medium::stored_page(u64 page) const {
  if (kind_ == NVMEV_MEDIUM_RESERVED) return linear_ + (page << kPageShift);
  const Leaf* leaf = leaf_of(page << kPageShift);
  return leaf != nullptr ? leaf->pages[slot_of(page << kPageShift)].load(std::memory_order_relaxed) : nullptr;
}

void Medium::save(StateArchive& archive) {
  Progress progress(host_, "saved", used());
  const u64 pages = capacity_ >> kPageShift;
  const auto holds_data = [this](u64 page) {
    const u8* bytes = stored_page(page);
    return bytes != nullptr && !is_zero_page(bytes);
  };
  for (u64 page = skip_unwritten(0) >> kPageShift; page < pages && archive.ok();) {
    Run run{page, 0};
    while (run.pages < kRunPages && page < pages && holds_data(page)) {
      run.pages++;
      page++;
    }
    if (run.pages == 0) {
      page = skip_unwritten((page + 1) << kPageShift) >> kPageShift;
      continue;
    }
    archive.value(run);
    for (u64 i = 0; i < run.pages; i++) archive.bytes(stored_page(run.page + i), kPageSize);
    progress.add(run.pages << kPageShift);
  }
  Run end{pages, 0};
  archive.value(end);
}

void Medium::load(StateArchive& archive) {
  Progress progress(host_, "read", 0);
  const u64 pages = capacity_ >> kPageShift;
  u64 next = 0;
  while (archive.ok()) {
    Run run{};
    archive.value(run);
    if (!archive.ok()) return;
    if (run.page < next || run.page > pages || run.pages > pages - run.page) {
      return archive.refuse(err::kInvalid, "it holds data of pages %llu to %llu of %llu",
                            static_cast<unsigned long long>(run.page),
                            static_cast<unsigned long long>(run.page + run.pages), static_cast<unsigned long long>(pages));
    }
    // Memory that is kept as found holds something else.
    if (kind_ == NVMEV_MEDIUM_RESERVED) memset(linear_ + (next << kPageShift), 0, (run.page - next) << kPageShift);
    if (run.pages == 0) return;
    for (u64 page = run.page; page < run.page + run.pages; page++) {
      if (!prepare(page << kPageShift)) {
        return archive.refuse(err::kNoMemory, "no memory for its data: %llu MiB of them are there",
                              static_cast<unsigned long long>(used() >> 20));
      }
      archive.bytes(stored_page(page), kPageSize);
    }
    next = run.page + run.pages;
    progress.add(run.pages << kPageShift);
  }
}

void Medium::transfer(StateArchive& archive) {
  archive.expect("the capacity", capacity_);
  if (archive.loading()) {
    load(archive);
  } else {
    save(archive);
  }
}

}  // namespace nvmev
