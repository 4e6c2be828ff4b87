// SPDX-License-Identifier: GPL-2.0-only
// Key-value namespaces for programs: NVMe Key Value commands through the character device that Linux makes of such a namespace
// (/dev/ng0n1; 5.13 and later). Header only, C++17, no library but the standard one; works with any drive that has the command set.
//
//   nvmev::KvNamespace kv("/dev/ng0n1");
//   kv.put("key", "value");
//   if (auto value = kv.get("key")) use(*value);
//   kv.remove("key");
//   for (const std::string& key : kv.list()) ...
//
// Keys have 1 to 16 bytes, any bytes. Values have 0 to limits().value_bytes. Each call is one command (list() as many as it takes) and
// returns when it is complete. What the drive refuses is thrown as KvError, what the system refuses as std::system_error. An object is
// for one thread at a time; several objects for the same namespace may be used at once.
#pragma once

#include <fcntl.h>
#include <linux/nvme_ioctl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace nvmev {

// The status of a command: Status Code Type in bits 10:8, Status Code in bits 7:0.
class KvError : public std::runtime_error {
 public:
  explicit KvError(unsigned status) : std::runtime_error(text(status)), status_(status) {}

  unsigned status() const { return status_; }

  static constexpr unsigned kInvalidField = 0x002;
  static constexpr unsigned kCapacityExceeded = 0x081;
  static constexpr unsigned kInvalidValueSize = 0x085;
  static constexpr unsigned kInvalidKeySize = 0x086;
  static constexpr unsigned kKeyDoesNotExist = 0x087;
  static constexpr unsigned kUnrecoveredError = 0x088;
  static constexpr unsigned kKeyExists = 0x089;

 private:
  static std::string text(unsigned status) {
    switch (status) {
      case kInvalidField:
        return "Invalid Field in Command";
      case kCapacityExceeded:
        return "Capacity Exceeded";
      case kInvalidValueSize:
        return "Invalid Value Size";
      case kInvalidKeySize:
        return "Invalid Key Size";
      case kKeyDoesNotExist:
        return "KV Key Does Not Exist";
      case kUnrecoveredError:
        return "Unrecovered Error";
      case kKeyExists:
        return "Key Exists";
      default: {
        constexpr char kDigits[] = "0123456789abcdef";
        std::string code = "NVMe status 0x";
        for (int shift = 8; shift >= 0; shift -= 4) code += kDigits[status >> shift & 0xf];
        return code;
      }
    }
  }

  unsigned status_;
};

class KvNamespace {
 public:
  struct Limits {
    std::uint64_t capacity_bytes;
    std::uint64_t used_bytes;
    std::uint32_t key_bytes;
    std::uint32_t value_bytes;
  };

  enum Rule : unsigned {
    kAlways = 0,
    kMustExist = 1u << 8,     // replace only: else Key Does Not Exist
    kMustNotExist = 1u << 9,  // add only: else Key Exists
  };

  // `path` is a namespace's character device.
  explicit KvNamespace(const std::string& path) : file_(::open(path.c_str(), O_RDWR | O_CLOEXEC)) {
    if (file_ < 0) throw std::system_error(errno, std::generic_category(), path);
    const int nsid = ::ioctl(file_, NVME_IOCTL_ID);
    if (nsid <= 0) {
      const int error = errno;
      ::close(file_);
      throw std::system_error(error, std::generic_category(), path + " is no NVMe namespace");
    }
    nsid_ = static_cast<std::uint32_t>(nsid);
  }
  ~KvNamespace() {
    ::close(file_);
    if (memory_ != nullptr) ::munmap(memory_, mapped_);
  }
  KvNamespace(const KvNamespace&) = delete;
  KvNamespace& operator=(const KvNamespace&) = delete;

  void put(std::string_view key, std::string_view value, Rule rule = kAlways) {
    char* data = buffer(value.size());
    if (!value.empty()) std::memcpy(data, value.data(), value.size());
    check(run(kStore, key, data, value.size(), rule));
  }

  // nullopt if the key does not exist.
  std::optional<std::string> get(std::string_view key) {
    std::uint64_t length = 0;
    // Twice what was seen lately: most values take one command, and a long one does not make the buffers of all others large.
    for (std::size_t room = pages(std::min(2 * lately_, longest_));;) {
      char* data = buffer(room);
      const unsigned status = run(kRetrieve, key, data, room, 0, &length);
      if (status == KvError::kKeyDoesNotExist) return std::nullopt;
      check(status);
      if (length <= room) {
        lately_ = (7 * lately_ + length) / 8;
        longest_ = std::max(longest_, length);
        return std::string(data, length);
      }
      room = pages(length);  // it may become longer still meanwhile
    }
  }

  // The length of a value, without reading it.
  std::optional<std::uint64_t> length(std::string_view key) {
    std::uint64_t length = 0;
    const unsigned status = run(kRetrieve, key, nullptr, 0, 0, &length);
    if (status == KvError::kKeyDoesNotExist) return std::nullopt;
    check(status);
    return length;
  }

  // Whether there was such a key.
  bool remove(std::string_view key) { return existed(run(kDelete, key, nullptr, 0, 0)); }
  bool exist(std::string_view key) { return existed(run(kExist, key, nullptr, 0, 0)); }

  // Up to `most` keys in the drive's order, from `from` on. Keys that exist all the time are all among them, exactly once.
  std::vector<std::string> list(std::string_view from = {}, std::size_t most = ~static_cast<std::size_t>(0)) {
    std::vector<std::string> keys;
    std::string start(from);
    while (keys.size() < most) {
      const std::vector<std::string> part = list_once(start);
      // The key that the last command ended with comes first, if it is still there.
      const bool again = !keys.empty() && !part.empty() && part.front() == keys.back();
      const std::size_t fresh = part.size() - (again ? 1 : 0);
      if (fresh == 0) break;
      keys.insert(keys.end(), part.begin() + (again ? 1 : 0), part.end());
      start = keys.back();
    }
    if (keys.size() > most) keys.resize(most);
    return keys;
  }

  Limits limits() {
    char* data = buffer(kPage);
    nvme_passthru_cmd command{};
    command.opcode = 0x06;  // Identify, CNS 05h, CSI 1
    command.nsid = nsid_;
    command.addr = reinterpret_cast<std::uintptr_t>(data);
    command.data_len = kPage;
    command.cdw10 = 0x05;
    command.cdw11 = 1u << 24;
    const int status = ::ioctl(file_, NVME_IOCTL_ADMIN_CMD, &command);
    if (status < 0) throw std::system_error(errno, std::generic_category(), "Identify");
    check(static_cast<unsigned>(status) & 0x7ff);
    Limits limits{};
    std::memcpy(&limits.capacity_bytes, data, 8);
    std::memcpy(&limits.used_bytes, data + 16, 8);
    std::uint16_t key_bytes;
    std::memcpy(&key_bytes, data + 72, 2);
    limits.key_bytes = key_bytes;
    std::memcpy(&limits.value_bytes, data + 76, 4);
    return limits;
  }

 private:
  enum : std::uint8_t { kStore = 0x01, kRetrieve = 0x02, kList = 0x06, kDelete = 0x10, kExist = 0x14 };
  static constexpr std::size_t kPage = 4096;
  static constexpr std::size_t kHugePage = 2 << 20;
  static constexpr std::size_t kMaxKey = 16;

  // Bytes of the pages that so many bytes take, and at least one.
  static std::size_t pages(std::uint64_t bytes) { return bytes == 0 ? kPage : (bytes + kPage - 1) / kPage * kPage; }

  static void check(unsigned status) {
    if (status != 0) throw KvError(status);
  }
  static bool existed(unsigned status) {
    if (status == KvError::kKeyDoesNotExist) return false;
    check(status);
    return true;
  }

  // Memory for data. Large transfers must lie in few pieces, or the kernel refuses them: hence huge pages.
  char* buffer(std::size_t bytes) {
    if (bytes > room_) {
      if (memory_ != nullptr) ::munmap(memory_, mapped_);
      room_ = (bytes + kHugePage - 1) / kHugePage * kHugePage;
      mapped_ = room_ + kHugePage;
      void* memory = ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (memory == MAP_FAILED) {
        memory_ = nullptr;
        room_ = 0;
        throw std::system_error(errno, std::generic_category(), "buffer");
      }
      memory_ = memory;
      const auto address = reinterpret_cast<std::uintptr_t>(memory);
      data_ = reinterpret_cast<char*>((address + kHugePage - 1) / kHugePage * kHugePage);
      ::madvise(data_, room_, MADV_HUGEPAGE);
    }
    return data_;
  }

  // A command's status. `bytes` of value, or of buffer, which is `data`.
  unsigned run(std::uint8_t opcode, std::string_view key, char* data, std::size_t bytes, unsigned options,
               std::uint64_t* result = nullptr) {
    if (key.size() > kMaxKey || (key.empty() && opcode != kList)) return KvError::kInvalidKeySize;
    if (bytes > UINT32_MAX) return KvError::kInvalidValueSize;
    unsigned char padded[kMaxKey]{};
    std::copy(key.begin(), key.end(), padded);
    nvme_passthru_cmd64 command{};
    command.opcode = opcode;
    command.nsid = nsid_;
    std::memcpy(&command.cdw2, padded, 8);
    std::memcpy(&command.cdw14, padded + 8, 8);
    command.addr = bytes != 0 ? reinterpret_cast<std::uintptr_t>(data) : 0;
    // The kernel takes whole dwords; the command says how many bytes count.
    command.data_len = static_cast<std::uint32_t>((bytes + 3) / 4 * 4);
    command.cdw10 = static_cast<std::uint32_t>(bytes);
    command.cdw11 = static_cast<std::uint32_t>(key.size()) | options;
    const int status = ::ioctl(file_, NVME_IOCTL_IO64_CMD, &command);
    if (status < 0) throw std::system_error(errno, std::generic_category(), "NVMe command");
    if (result != nullptr) *result = command.result & 0xffffffff;
    return static_cast<unsigned>(status) & 0x7ff;
  }

  std::vector<std::string> list_once(std::string_view from) {
    constexpr std::size_t kRoom = 16 * kPage;
    char* data = buffer(kRoom);
    check(run(kList, from, data, kRoom, 0));
    std::vector<std::string> keys;
    std::uint32_t count;
    std::memcpy(&count, data, sizeof(count));
    std::size_t at = sizeof(count);
    for (std::uint32_t i = 0; i < count && at + 2 <= kRoom; i++) {
      std::uint16_t length;
      std::memcpy(&length, data + at, sizeof(length));
      if (at + 2 + length > kRoom) break;
      keys.emplace_back(data + at + 2, length);
      at += (2 + static_cast<std::size_t>(length) + 3) / 4 * 4;
    }
    return keys;
  }

  int file_;
  std::uint32_t nsid_ = 0;
  void* memory_ = nullptr;
  std::size_t mapped_ = 0;
  char* data_ = nullptr;
  std::size_t room_ = 0;
  std::uint64_t lately_ = 0, longest_ = 0;  // lengths of values that were read
};

}  // namespace nvmev
