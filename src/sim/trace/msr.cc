// SPDX-License-Identifier: GPL-2.0-only
// The traces of Microsoft Research Cambridge, without a header line:
//
//   Timestamp,Hostname,DiskNumber,Type,Offset,Size,ResponseTime
//
// with the time of issue in Windows file time (100 ns), Type Read or Write, offset and size in bytes. The response time
// is that of another device and plays no part. A device is HOSTNAME_DISK, as the files are named.
#include "trace/device_filter.h"
#include "trace/fields.h"
#include "trace/operation.h"
#include "trace/reader.h"

namespace nvmev::sim {
namespace {

constexpr u64 kTick = 100;  // ns
constexpr std::size_t kFields = 7;
constexpr const char* kForm = "Timestamp,Hostname,DiskNumber,Type,Offset,Size,ResponseTime";

class Msr final : public TraceReader {
 public:
  Msr(Lines& lines, const TraceOptions& options) : TraceReader(lines), filter_(options.device) {}

  bool next(TraceIo* io) override {
    std::string_view line;
    while (lines_.next(&line)) {
      if (parse(line, io)) return true;
    }
    filter_.check(lines_);
    return false;
  }

 private:
  bool parse(std::string_view line, TraceIo* io) {
    const Fields<kFields> fields = split_at<kFields>(line, ',');
    if (fields.count != kFields) {
      lines_.refuse("{} fields: {} are right, {}", fields.count > kFields ? "too many" : std::to_string(fields.count),
                    kFields, kForm);
    }
    const u64 ticks = number("Timestamp", fields[0]);
    const std::optional<IoOp> op = to_operation(fields[3]);
    if (!op) lines_.refuse("Type '{}': one of {} is right", fields[3], kOperationWords);
    io->io = {number("Offset", fields[4]), number("Size", fields[5]), *op, false, 0};
    device_.assign(fields[1]).append("_").append(fields[2]);
    if (!filter_.takes(device_, lines_)) {
      passed_over_.other_lines++;
      return false;
    }
    if (first_ == kNone) first_ = ticks;
    const u64 since = ticks > first_ ? ticks - first_ : 0;
    io->time = forward(since < ~0ull / kTick ? since * kTick : ~0ull);
    return true;
  }

  u64 number(const char* what, std::string_view text) const {
    const std::optional<u64> value = to_number(text);
    if (!value) lines_.refuse("{} '{}': a number below 2^64 is right", what, text);
    return *value;
  }

  static constexpr u64 kNone = ~0ull;

  DeviceFilter filter_;
  std::string device_;
  u64 first_ = kNone;
};

}  // namespace

const TraceFormat kMsrFormat = {"msr", kForm,
                                [](std::string_view first) {
                                  const Fields<kFields> fields = split_at<kFields>(first, ',');
                                  return fields.count == kFields && to_number(fields[0]) && to_operation(fields[3]);
                                },
                                [](Lines& lines, const TraceOptions& options) -> std::unique_ptr<TraceReader> {
                                  return std::make_unique<Msr>(lines, options);
                                }};

}  // namespace nvmev::sim
