// SPDX-License-Identifier: GPL-2.0-only
// Ring between one producing and one consuming thread. Elements are built and consumed in place.
#pragma once

#include <atomic>

#include "nvmev/types.h"

namespace nvmev {

template <typename T, u32 kCapacity>
class SpscRing {
  static_assert((kCapacity & (kCapacity - 1)) == 0, "capacity is a power of two");

 public:
  // Producer: the next free element, nullptr when the ring is full. Not visible before publish().
  T* reserve() {
    if (reserved_ - cached_head_ == kCapacity) {
      cached_head_ = head_.load(std::memory_order_acquire);
      if (reserved_ - cached_head_ == kCapacity) return nullptr;
    }
    return &elements_[reserved_ & (kCapacity - 1)];
  }

  // Producer: whether `count` elements can be reserved and committed one after another.
  bool has_room(u32 count) {
    if (kCapacity - (reserved_ - cached_head_) >= count) return true;
    cached_head_ = head_.load(std::memory_order_acquire);
    return kCapacity - (reserved_ - cached_head_) >= count;
  }

  // Producer: keeps the element that reserve() gave.
  void commit() { reserved_++; }

  // Producer: makes all committed elements visible. Returns whether there were any.
  bool publish() {
    if (tail_.load(std::memory_order_relaxed) == reserved_) return false;
    tail_.store(reserved_, std::memory_order_release);
    return true;
  }

  // Consumer: the oldest element, nullptr when there is none.
  T* front() {
    const u32 head = head_.load(std::memory_order_relaxed);
    if (head == cached_tail_) {
      cached_tail_ = tail_.load(std::memory_order_acquire);
      if (head == cached_tail_) return nullptr;
    }
    return &elements_[head & (kCapacity - 1)];
  }

  // Consumer: gives the oldest element back.
  void pop() { head_.store(head_.load(std::memory_order_relaxed) + 1, std::memory_order_release); }

  // Any thread: how many elements were published and popped in all, modulo 2^32.
  u32 published() const { return tail_.load(std::memory_order_acquire); }
  u32 popped() const { return head_.load(std::memory_order_acquire); }

  // Any thread: whether the consumer would find something.
  bool empty() const {
    return head_.load(std::memory_order_relaxed) == tail_.load(std::memory_order_acquire);
  }

 private:
  alignas(kCacheLine) std::atomic<u32> tail_{0};
  u32 reserved_ = 0;
  u32 cached_head_ = 0;
  alignas(kCacheLine) std::atomic<u32> head_{0};
  u32 cached_tail_ = 0;
  alignas(kCacheLine) T elements_[kCapacity];
};

}  // namespace nvmev
