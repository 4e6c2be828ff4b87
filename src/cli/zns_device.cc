// SPDX-License-Identifier: GPL-2.0-only
#include "zns_device.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/nvme_ioctl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include "nvmev/nvme/zns.h"

namespace nvmev::cli {

namespace {

constexpr std::uint8_t kIdentify = 0x06;
constexpr std::uint8_t kRead = 0x02;

}  // namespace

void refuse_status(const char* what, int status) {
  throw std::runtime_error(fmt::format("{}: NVMe status {:#x}", what, status));
}

PageBuffer::PageBuffer(std::size_t bytes) : bytes_(bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  memory_ = static_cast<unsigned char*>(memory);
}

PageBuffer::~PageBuffer() {
  if (memory_ != nullptr) munmap(memory_, bytes_);
}

ZonedNamespace::ZonedNamespace(const std::string& path) : file_(open(path.c_str(), O_RDWR | O_CLOEXEC)) {
  if (file_ < 0) throw std::system_error(errno, std::generic_category(), path);
  const int nsid = ioctl(file_, NVME_IOCTL_ID);
  if (nsid <= 0) throw std::system_error(errno, std::generic_category(), path + " is no NVMe namespace");
  nsid_ = static_cast<std::uint32_t>(nsid);
  const PageBuffer page(4096);
  nvme_admin_cmd identify{};
  identify.opcode = kIdentify;
  identify.nsid = nsid_;
  identify.addr = reinterpret_cast<std::uintptr_t>(page.data());
  identify.data_len = 4096;
  const int status = ioctl(file_, NVME_IOCTL_ADMIN_CMD, &identify);
  if (status < 0) throw std::system_error(errno, std::generic_category(), path);
  if (status > 0) refuse_status("Identify", status);
  // FLBAS, and LBADS of that format.
  block_bytes_ = 1u << page.data()[128 + 4 * (page.data()[26] & 0xf) + 2];
}

ZonedNamespace::~ZonedNamespace() { close(file_); }

void ZonedNamespace::run(std::uint8_t opcode, std::uint64_t block, void* data, std::size_t bytes, std::uint32_t cdw12,
                         std::uint32_t cdw13) {
  nvme_passthru_cmd64 command{};
  command.opcode = opcode;
  command.nsid = nsid_;
  command.addr = reinterpret_cast<std::uintptr_t>(data);
  command.data_len = static_cast<std::uint32_t>(bytes);
  command.cdw10 = static_cast<std::uint32_t>(block);
  command.cdw11 = static_cast<std::uint32_t>(block >> 32);
  command.cdw12 = cdw12;
  command.cdw13 = cdw13;
  const int status = ioctl(file_, NVME_IOCTL_IO64_CMD, &command);
  if (status < 0) throw std::system_error(errno, std::generic_category(), "a command");
  if (status > 0) refuse_status(fmt::format("opcode {:#x}", opcode).c_str(), status);
}

std::vector<ZonedNamespace::Zone> ZonedNamespace::report(std::uint32_t count) {
  constexpr std::size_t kBytes = 64 << 10;
  constexpr std::uint32_t kMost = kBytes / sizeof(nvme::ZoneDescriptor) - 1;
  const PageBuffer page(kBytes);
  std::vector<Zone> zones;
  for (std::uint64_t from = 0; zones.size() < count;) {
    run(static_cast<std::uint8_t>(nvme::ZnsOpcode::kZoneManagementReceive), from, page.data(), kBytes, kBytes / 4 - 1,
        nvme::kReceivePartial);
    nvme::ZoneReportHeader header;
    std::memcpy(&header, page.data(), sizeof(header));
    nvme::ZoneDescriptor zone{};
    for (std::uint64_t i = 0; i < header.zones && zones.size() < count; i++) {
      std::memcpy(&zone, page.data() + sizeof(header) + i * sizeof(zone), sizeof(zone));
      zones.push_back({zone.start, zone.capacity, zone.write_pointer});
    }
    if (header.zones < kMost) break;
    from = zone.start + (zones[1].start - zones[0].start);
  }
  return zones;
}

void ZonedNamespace::reset(const Zone& zone) {
  run(static_cast<std::uint8_t>(nvme::ZnsOpcode::kZoneManagementSend), zone.start, nullptr, 0, 0,
      static_cast<std::uint32_t>(nvme::ZoneSendAction::kReset));
}

void ZonedNamespace::read(std::uint64_t block, void* data, std::size_t bytes) {
  run(kRead, block, data, bytes, static_cast<std::uint32_t>(bytes / block_bytes_ - 1), 0);
}

}  // namespace nvmev::cli
