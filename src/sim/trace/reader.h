// SPDX-License-Identifier: GPL-2.0-only
// Block traces: what a reader of one format is, and the table of formats.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "input/lines.h"
#include "io.h"

namespace nvmev::sim {

struct TraceIo {
  u64 time;  // ns since the first I/O of the trace, or since its beginning if the format has one
  Io io;
};

struct TraceOptions {
  std::string file;
  std::string format;  // name of a format; empty: by content
  std::string device;  // the traced device to take; empty: there is only one; "all"
  std::string blkparse_action = "D";
  std::string csv_columns;  // names, comma-separated; empty: the first line has them
  std::string csv_separator = ",";
};

// Lines that a trace has beside the I/Os that are replayed, each for a reason that the format's reader states.
struct TracePassedOver {
  u64 other_lines = 0;     // other actions, files opened and closed, I/Os of other devices
  u64 backward_times = 0;  // I/Os whose time is before that of the line above: replayed at that time
};

class TraceReader {
 public:
  explicit TraceReader(Lines& lines) : lines_(lines) {}
  virtual ~TraceReader() = default;

  // The next I/O; times never decrease. False at the end. Refuses malformed lines.
  virtual bool next(TraceIo* io) = 0;
  // Whether I/Os have times of their own in this format.
  virtual bool timed() const { return true; }

  const TracePassedOver& passed_over() const { return passed_over_; }

 protected:
  // Makes times non-decreasing.
  u64 forward(u64 time) {
    if (time > kLatest) lines_.refuse("its time is more than 36 years after the first");
    if (time < latest_) {
      passed_over_.backward_times++;
      return latest_;
    }
    return latest_ = time;
  }

  Lines& lines_;
  TracePassedOver passed_over_;

 private:
  static constexpr u64 kLatest = 1ull << 60;  // ns; leaves room for what the model adds

  u64 latest_ = 0;
};

struct TraceFormat {
  const char* name;
  const char* form;  // of a line, for messages
  bool (*recognises)(std::string_view first_line);
  std::unique_ptr<TraceReader> (*open)(Lines& lines, const TraceOptions& options);
};

extern const TraceFormat kFioIologFormat;
extern const TraceFormat kBlkparseFormat;
extern const TraceFormat kMsrFormat;
extern const TraceFormat kCsvFormat;

// The format that the options name, or the one that recognises the first line.
const TraceFormat& find_trace_format(Lines& lines, const TraceOptions& options);

// Comma-separated, for messages.
std::string trace_format_names();

}  // namespace nvmev::sim
