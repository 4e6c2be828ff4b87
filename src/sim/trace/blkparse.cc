// SPDX-License-Identifier: GPL-2.0-only
// Text of blkparse in its default format (blkparse(1)):
//
//   MAJOR,MINOR CPU SEQUENCE SECONDS PID ACTION RWBS SECTOR + SECTORS [PROCESS]
//
// Each I/O passes through several actions; one of them is replayed, D (sent to the driver) unless told otherwise.
// Passed over: other actions, and commands that are neither read, write, discard nor flush. The statistics that
// blkparse prints behind the events end the trace.
#include "trace/device_filter.h"
#include "trace/fields.h"
#include "trace/reader.h"

namespace nvmev::sim {
namespace {

constexpr u64 kSector = 512;
constexpr u64 kSecond = 1000ull * 1000 * 1000;

bool is_device(std::string_view text) {
  const std::size_t comma = text.find(',');
  return comma != std::string_view::npos && to_number(text.substr(0, comma)) && to_number(text.substr(comma + 1));
}

// What the letters of RWBS say.
struct Rwbs {
  bool preflush = false;
  bool fua = false;
  char op = '\0';  // R, W, D, or N for others; '\0' for a flush alone
};

class Blkparse final : public TraceReader {
 public:
  Blkparse(Lines& lines, const TraceOptions& options)
      : TraceReader(lines), filter_(options.device), action_(options.blkparse_action) {}

  bool next(TraceIo* io) override {
    if (has_pending_) {
      has_pending_ = false;
      *io = pending_;
      return true;
    }
    std::string_view line;
    while (lines_.next(&line)) {
      if (is_summary(line)) break;
      if (parse(line, io)) {
        found_ = true;
        return true;
      }
    }
    filter_.check(lines_);
    if (!found_ && passed_over_.other_lines != 0) {
      refuse("{}: no I/O with action {}: --blkparse-action with another, such as Q, is right", lines_.name(), action_);
    }
    return false;
  }

 private:
  static bool is_summary(std::string_view line) {
    return (line.starts_with("CPU") && line.find('(') != std::string_view::npos) || line.starts_with("Total (");
  }

  bool parse(std::string_view line, TraceIo* io) {
    const Fields<10> fields = split_blanks<10>(line);
    const std::optional<u64> time = fields.count > 3 ? to_ns(fields[3], kSecond) : std::nullopt;
    if (fields.count < 6 || !is_device(fields[0]) || !to_number(fields[1]) || !to_number(fields[2]) || !time ||
        !to_number(fields[4])) {
      lines_.refuse("'MAJOR,MINOR CPU SEQUENCE SECONDS PID ACTION RWBS SECTOR + SECTORS [PROCESS]' is right");
    }
    if (fields[5] != action_) return pass_over();
    if (fields.count < 7) lines_.refuse("action {} without RWBS", action_);
    const Rwbs rwbs = parse_rwbs(fields[6]);
    if (rwbs.op == 'N') return pass_over();

    Io range{0, 0, IoOp::kFlush, rwbs.fua, 0};
    const bool has_range = fields.count >= 10 && fields[8] == "+";
    if (has_range) {
      range.offset = sectors("first sector", fields[7]);
      range.length = sectors("number of sectors", fields[9]);
    }
    if (rwbs.op != '\0' && !has_range && !rwbs.preflush) {
      lines_.refuse("action {} without range: 'SECTOR + SECTORS' behind RWBS is right", action_);
    }
    if (!filter_.takes(fields[0], lines_)) return pass_over();
    if (first_ == kNone) first_ = *time;
    io->time = forward(*time > first_ ? *time - first_ : 0);

    const bool moves = rwbs.op != '\0' && range.length != 0;
    if (!moves && !rwbs.preflush) lines_.refuse("a range of 0 sectors: at least 1 is right");
    range.op = rwbs.op == 'R' ? IoOp::kRead : rwbs.op == 'D' ? IoOp::kDeallocate : IoOp::kWrite;
    if (!rwbs.preflush) {
      io->io = range;
      return true;
    }
    // The flush comes before the data.
    io->io = {0, 0, IoOp::kFlush, false, 0};
    has_pending_ = moves;
    pending_ = {io->time, range};
    return true;
  }

  bool pass_over() {
    passed_over_.other_lines++;
    return false;
  }

  // [F]op[F][A][S][M]...: an F before the operation is a flush before it, one behind it Force Unit Access.
  Rwbs parse_rwbs(std::string_view text) const {
    Rwbs rwbs;
    for (const char c : text) {
      switch (c) {
        case 'F':
          (rwbs.op == '\0' && !rwbs.preflush ? rwbs.preflush : rwbs.fua) = true;
          break;
        case 'R':
        case 'W':
        case 'D':
        case 'N':
          if (rwbs.op == '\0') rwbs.op = c;
          break;
        case 'A':
        case 'B':
        case 'E':
        case 'M':
        case 'S':
          break;
        default:
          lines_.refuse("'{}' in RWBS '{}': letters of RWDNFABEMS are right", c, text);
      }
    }
    if (rwbs.op == '\0' && !rwbs.preflush)
      lines_.refuse("RWBS '{}' names no operation: one of R, W, D, F is right", text);
    return rwbs;
  }

  u64 sectors(const char* what, std::string_view text) const {
    const std::optional<u64> value = to_number(text);
    if (!value || *value > ~0ull / kSector) lines_.refuse("{} '{}': a number below 2^55 is right", what, text);
    return *value * kSector;
  }

  static constexpr u64 kNone = ~0ull;

  DeviceFilter filter_;
  std::string action_;
  u64 first_ = kNone;  // ns
  bool found_ = false;
  bool has_pending_ = false;
  TraceIo pending_{};
};

}  // namespace

const TraceFormat kBlkparseFormat = {"blkparse",
                                     "MAJOR,MINOR CPU SEQUENCE SECONDS PID ACTION RWBS SECTOR + SECTORS [PROCESS]",
                                     [](std::string_view first) {
                                       const Fields<6> fields = split_blanks<6>(first);
                                       return fields.count >= 6 && is_device(fields[0]);
                                     },
                                     [](Lines& lines, const TraceOptions& options) -> std::unique_ptr<TraceReader> {
                                       return std::make_unique<Blkparse>(lines, options);
                                     }};

}  // namespace nvmev::sim
