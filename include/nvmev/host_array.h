// SPDX-License-Identifier: GPL-2.0-only
// Objects and arrays in memory that the host gives at attach.
#pragma once

#include <type_traits>

#include "nvmev/host.h"
#include "nvmev/types.h"

// Freestanding C++ has no <new>; this is the placement form that the language needs.
struct NvmevPlacement {
  void* at;
};
inline void* operator new(std::size_t, NvmevPlacement place) noexcept { return place.at; }

namespace nvmev {

// Makes a T in place. `at` is suitably sized and aligned.
template <typename T, typename... Arguments>
T* construct_at(void* at, Arguments&&... arguments) {
  return new (NvmevPlacement{at}) T(static_cast<Arguments&&>(arguments)...);
}

// An array of a size that is known at attach. Elements are default-constructed.
template <typename T>
class HostArray {
  static_assert(alignof(T) <= kCacheLine);

 public:
  HostArray() = default;
  HostArray(const HostArray&) = delete;
  HostArray& operator=(const HostArray&) = delete;
  ~HostArray() { release(); }

  // False when there is no memory.
  bool allocate(nvmev_host* host, std::size_t count) {
    release();
    if (count == 0) return true;
    if (count > SIZE_MAX / sizeof(T)) return false;
    void* memory = nvmev_host_alloc(host, count * sizeof(T));
    if (memory == nullptr) return false;
    host_ = host;
    data_ = static_cast<T*>(memory);
    count_ = count;
    if constexpr (!std::is_trivially_default_constructible_v<T>) {
      for (std::size_t i = 0; i < count; i++) construct_at<T>(&data_[i]);
    }
    return true;
  }

  void release() {
    if constexpr (!std::is_trivially_destructible_v<T>) {
      for (T& element : *this) element.~T();
    }
    if (data_ != nullptr) nvmev_host_free(host_, data_, count_ * sizeof(T));
    data_ = nullptr;
    count_ = 0;
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  std::size_t size() const { return count_; }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  T* begin() { return data_; }
  T* end() { return data_ + count_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + count_; }

 private:
  nvmev_host* host_ = nullptr;
  T* data_ = nullptr;
  std::size_t count_ = 0;
};

}  // namespace nvmev
