// SPDX-License-Identifier: GPL-2.0-only
// I/O logs of fio, versions 2 and 3 (fio's HOWTO, "Trace file format"):
//
//   fio version 2 iolog                            fio version 3 iolog
//   FILE add|open|close                            MICROSECONDS FILE add|open|close
//   FILE read|write|trim|sync|datasync OFFSET LENGTH   MICROSECONDS FILE read|... OFFSET LENGTH
//   FILE wait MICROSECONDS 0
//
// Version 2 has no times but those that `wait` lines add. Passed over: add, open, close, sync_file_range, which do
// nothing to a device.
#include "trace/device_filter.h"
#include "trace/fields.h"
#include "trace/reader.h"

namespace nvmev::sim {
namespace {

constexpr std::string_view kHeader2 = "fio version 2 iolog";
constexpr std::string_view kHeader3 = "fio version 3 iolog";

enum class Action { kIo, kFlush, kWait, kNothing };

struct ActionRow {
  std::string_view name;
  Action action;
  IoOp op;
};

constexpr ActionRow kActions[] = {
    {"read", Action::kIo, IoOp::kRead},         {"write", Action::kIo, IoOp::kWrite},
    {"trim", Action::kIo, IoOp::kDeallocate},   {"sync", Action::kFlush, IoOp::kFlush},
    {"datasync", Action::kFlush, IoOp::kFlush}, {"wait", Action::kWait, IoOp::kFlush},
    {"add", Action::kNothing, IoOp::kFlush},    {"open", Action::kNothing, IoOp::kFlush},
    {"close", Action::kNothing, IoOp::kFlush},  {"sync_file_range", Action::kNothing, IoOp::kFlush},
};

class FioIolog final : public TraceReader {
 public:
  FioIolog(Lines& lines, const TraceOptions& options) : TraceReader(lines), filter_(options.device) {
    std::string_view header;
    lines.next(&header);
    version_ = header == kHeader2 ? 2 : header == kHeader3 ? 3 : 0;
    if (version_ == 0) lines.refuse("first line '{}' or '{}' is right", kHeader2, kHeader3);
  }

  bool timed() const override { return version_ == 3; }

  bool next(TraceIo* io) override {
    std::string_view line;
    while (lines_.next(&line)) {
      if (parse(line, io)) return true;
    }
    filter_.check(lines_);
    return false;
  }

 private:
  // False if there is no I/O on this line.
  bool parse(std::string_view line, TraceIo* io) {
    const Fields<5> all = split_blanks<5>(line);
    const std::size_t first = version_ == 3 ? 1 : 0;  // field of the file name
    if (all.count < first + 2 || all.count > first + 4) refuse_form();
    if (version_ == 3) {
      const std::optional<u64> time = to_ns(all[0], kMicrosecond);
      if (!time) lines_.refuse("'{}' is no time: a number of microseconds is right", all[0]);
      time_ = *time;
    }
    const ActionRow& row = action(all[first + 1]);
    const bool has_range = all.count == first + 4;
    switch (row.action) {
      case Action::kNothing:
        passed_over_.other_lines++;
        return false;
      case Action::kWait:
        if (version_ == 3 || !has_range) refuse_form();
        wait(number("time to wait", all[first + 2]));
        return false;
      case Action::kFlush:
        io->io = {0, 0, IoOp::kFlush, false, 0};
        break;
      case Action::kIo:
        if (!has_range) refuse_form();
        io->io = {number("offset", all[first + 2]), number("length", all[first + 3]), row.op, false, 0};
        break;
    }
    if (!filter_.takes(all[first], lines_)) {
      passed_over_.other_lines++;
      return false;
    }
    io->time = forward(time_);
    return true;
  }

  [[noreturn]] void refuse_form() const {
    lines_.refuse("'{}FILE read|write|trim|sync|datasync OFFSET LENGTH' or '{}FILE add|open|close' is right",
                  version_ == 3 ? "MICROSECONDS " : "", version_ == 3 ? "MICROSECONDS " : "");
  }

  const ActionRow& action(std::string_view name) const {
    for (const ActionRow& row : kActions) {
      if (row.name == name) return row;
    }
    std::string names;
    for (const ActionRow& row : kActions) names += fmt::format("{}{}", names.empty() ? "" : ", ", row.name);
    lines_.refuse("'{}' is no action: one of {} is right", name, names);
  }

  u64 number(const char* what, std::string_view text) const {
    const std::optional<u64> value = to_number(text);
    if (!value) lines_.refuse("{} '{}': a number below 2^64 is right", what, text);
    return *value;
  }

  // fio does not wait for so little.
  void wait(u64 microseconds) {
    constexpr u64 kShortest = 100;
    if (microseconds > ~0ull / 2 / kMicrosecond)
      lines_.refuse("time to wait of {} us: less than 292 years is right", microseconds);
    if (microseconds >= kShortest) time_ += microseconds * kMicrosecond;
  }

  static constexpr u64 kMicrosecond = 1000;

  DeviceFilter filter_;
  u32 version_;
  u64 time_ = 0;
};

}  // namespace

const TraceFormat kFioIologFormat = {"fio", "'fio version 2 iolog' or 'fio version 3 iolog' as first line",
                                     [](std::string_view first) { return first.starts_with("fio version "); },
                                     [](Lines& lines, const TraceOptions& options) -> std::unique_ptr<TraceReader> {
                                       return std::make_unique<FioIolog>(lines, options);
                                     }};

}  // namespace nvmev::sim
