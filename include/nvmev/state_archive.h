// SPDX-License-Identifier: GPL-2.0-only
// How objects write their state to a state file, and read it back: one function of an object names every part once, and
// serves both directions.
#pragma once

#include <type_traits>

#include "nvmev/counter.h"
#include "nvmev/host_array.h"
#include "nvmev/text.h"
#include "nvmev/types.h"

namespace nvmev {

// Whether a byte that comes from elsewhere may be looked at as a bool.
inline bool is_bool(const bool& value) {
  u8 byte;
  __builtin_memcpy(&byte, &value, 1);
  return byte <= 1;
}

class StateArchive {
 public:
  StateArchive(const StateArchive&) = delete;
  StateArchive& operator=(const StateArchive&) = delete;

  // Whether parts are read from the file; otherwise they are written to it.
  bool loading() const { return loading_; }

  // False once something went wrong: parts are left as they are from then on.
  bool ok() const { return result_ == 0; }
  int result() const { return result_; }

  // Bytes as they are. Zeros take no room: stretches of them are left out, and memory that is zero already is not
  // touched when they are read back.
  void sparse(void* data, u64 length);

  // The same for what is small or has no zeros.
  void bytes(void* data, u64 length) {
    if (ok()) keep(move(data, length));
  }

  template <typename T>
  void value(T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    bytes(&value, sizeof(value));
  }

  // A byte that is neither 0 nor 1 is refused.
  void flag(bool& value);

  void counter(Counter& counter) {
    u64 number = counter.get();
    value(number);
    if (ok()) counter.set(number);
  }

  // An object that is nothing but counters.
  template <typename T>
  void counters(T& object) {
    static_assert(sizeof(T) % sizeof(Counter) == 0 && alignof(T) == alignof(Counter));
    Counter* all = reinterpret_cast<Counter*>(&object);
    for (std::size_t i = 0; i < sizeof(T) / sizeof(Counter); i++) counter(all[i]);
  }

  // An array whose size the configuration gives: it must be the same as in the file.
  template <typename T>
  void array(const char* name, HostArray<T>& array) {
    expect(name, array.size());
    if constexpr (std::is_same_v<T, Counter>) {
      for (Counter& each : array) counter(each);
    } else {
      static_assert(std::is_trivially_copyable_v<T>);
      expect(name, sizeof(T));
      sparse(array.data(), array.size() * sizeof(T));
    }
  }

  // A number that is the same in the file, or the state is refused, with its name.
  void expect(const char* name, u64 number);

  // The state does not fit: the reason, of which only the first is kept. `code`: a negative errno.
  [[gnu::format(printf, 3, 4)]] void refuse(int code, const char* format, ...);

 protected:
  // `error` is told the reason of the first failure.
  StateArchive(bool loading, nvmev_error* error) : loading_(loading), error_(error) {}
  ~StateArchive() = default;

  // Moves bytes in the archive's direction. 0 or a negative errno, for which it has filled in *error().
  virtual int move(void* data, u64 length) = 0;

  nvmev_error* error() const { return error_; }

 private:
  void keep(int result) {
    if (result != 0 && result_ == 0) result_ = result;
  }
  void write_sparse(const u8* data, u64 length);
  void read_sparse(u8* data, u64 length);

  bool loading_;
  int result_ = 0;
  nvmev_error* error_;
};

}  // namespace nvmev
