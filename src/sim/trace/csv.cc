// SPDX-License-Identifier: GPL-2.0-only
// Text in columns, as most block traces of SNIA IOTTA are published. Which column is what, the first line says, or
// --csv-columns for files without such a line; columns with other names are not looked at. Example:
//
//   Timestamp,Response,IOType,LUN,Offset,Size
#include <strings.h>

#include "trace/device_filter.h"
#include "trace/fields.h"
#include "trace/operation.h"
#include "trace/reader.h"

namespace nvmev::sim {
namespace {

constexpr std::size_t kMaxColumns = 64;

enum class Role : u8 { kOther, kTime, kOp, kOffset, kLength, kDevice };
constexpr std::size_t kRoles = 6;

struct ColumnName {
  const char* name;
  Role role;
  u64 unit;  // ns of a time, bytes of an offset or length
};

constexpr ColumnName kNames[] = {
    {"timestamp", Role::kTime, 1000ull * 1000 * 1000},
    {"time", Role::kTime, 1000ull * 1000 * 1000},
    {"timestamp_s", Role::kTime, 1000ull * 1000 * 1000},
    {"timestamp_ms", Role::kTime, 1000ull * 1000},
    {"timestamp_us", Role::kTime, 1000ull},
    {"timestamp_ns", Role::kTime, 1},
    {"op", Role::kOp, 1},
    {"opcode", Role::kOp, 1},
    {"type", Role::kOp, 1},
    {"iotype", Role::kOp, 1},
    {"offset", Role::kOffset, 1},
    {"lba", Role::kOffset, 512},
    {"sector", Role::kOffset, 512},
    {"size", Role::kLength, 1},
    {"length", Role::kLength, 1},
    {"sectors", Role::kLength, 512},
    {"lun", Role::kDevice, 1},
    {"device", Role::kDevice, 1},
    {"device_id", Role::kDevice, 1},
    {"disk", Role::kDevice, 1},
    {"disknumber", Role::kDevice, 1},
};

// Roles without which there is no I/O, with the names that give them.
struct Needed {
  Role role;
  const char* names;
};
constexpr Needed kNeeded[] = {
    {Role::kTime, "timestamp (seconds), timestamp_ms, timestamp_us or timestamp_ns"},
    {Role::kOp, "op, type or iotype"},
    {Role::kOffset, "offset (bytes), lba or sector (512 bytes)"},
    {Role::kLength, "size or length (bytes) or sectors (512 bytes)"},
};

const ColumnName* find_name(std::string_view text) {
  for (const ColumnName& row : kNames) {
    if (std::string_view(row.name).size() == text.size() && strncasecmp(row.name, text.data(), text.size()) == 0) {
      return &row;
    }
  }
  return nullptr;
}

char separator_of(const std::string& text) {
  if (text == "tab") return '\t';
  if (text == "space") return ' ';
  if (text.size() != 1) refuse("--csv-separator {}: one character, tab or space is right", text);
  return text[0];
}

class Csv final : public TraceReader {
 public:
  Csv(Lines& lines, const TraceOptions& options)
      : TraceReader(lines), filter_(options.device), separator_(separator_of(options.csv_separator)) {
    if (!options.csv_columns.empty()) {
      const Fields<kMaxColumns> names = split_at<kMaxColumns>(options.csv_columns, ',');
      set_columns(names, "--csv-columns " + options.csv_columns);
    } else {
      std::string_view header;
      lines.next(&header);
      set_columns(split(header), lines.where());
    }
  }

  bool next(TraceIo* io) override {
    std::string_view line;
    while (lines_.next(&line)) {
      if (parse(line, io)) return true;
    }
    filter_.check(lines_);
    return false;
  }

 private:
  struct Column {
    std::size_t index = kMaxColumns;
    u64 unit = 1;
    std::string name;
  };

  Fields<kMaxColumns> split(std::string_view line) const {
    return separator_ == ' ' ? split_blanks<kMaxColumns>(line) : split_at<kMaxColumns>(line, separator_);
  }

  void set_columns(const Fields<kMaxColumns>& names, const std::string& where) {
    if (names.count > kMaxColumns) sim::refuse("{}: more than {} columns", where, kMaxColumns);
    count_ = names.count;
    for (std::size_t i = 0; i < names.count; i++) {
      const ColumnName* known = find_name(names[i]);
      if (known == nullptr) continue;
      Column& column = columns_[static_cast<std::size_t>(known->role)];
      if (column.index != kMaxColumns) {
        sim::refuse("{}: columns {} and {} both say the same: one of them is right", where, column.name, names[i]);
      }
      column = {i, known->unit, std::string(names[i])};
    }
    for (const Needed& needed : kNeeded) {
      if (columns_[static_cast<std::size_t>(needed.role)].index == kMaxColumns) {
        sim::refuse("{}: no column named {} (--csv-columns names those of a file without such a line)", where,
                    needed.names);
      }
    }
  }

  const Column& column(Role role) const { return columns_[static_cast<std::size_t>(role)]; }

  bool parse(std::string_view line, TraceIo* io) {
    const Fields<kMaxColumns> fields = split(line);
    if (fields.count != count_) {
      lines_.refuse("{} fields: {} are right, one for each column",
                    fields.count > kMaxColumns ? "too many" : std::to_string(fields.count), count_);
    }
    const Column& when = column(Role::kTime);
    const std::optional<u64> time = to_ns(fields[when.index], when.unit);
    if (!time) lines_.refuse("{} '{}': a decimal is right", when.name, fields[when.index]);
    const Column& kind = column(Role::kOp);
    const std::optional<IoOp> op = to_operation(fields[kind.index]);
    if (!op) lines_.refuse("{} '{}': one of {} is right", kind.name, fields[kind.index], kOperationWords);
    io->io = {0, 0, *op, false, 0};
    if (*op != IoOp::kFlush) {
      io->io.offset = bytes(column(Role::kOffset), fields);
      io->io.length = bytes(column(Role::kLength), fields);
    }
    const Column& device = column(Role::kDevice);
    if (device.index != kMaxColumns && !filter_.takes(fields[device.index], lines_)) {
      passed_over_.other_lines++;
      return false;
    }
    if (first_ == kNone) first_ = *time;
    io->time = forward(*time > first_ ? *time - first_ : 0);
    return true;
  }

  u64 bytes(const Column& column, const Fields<kMaxColumns>& fields) const {
    const std::string_view text = fields[column.index];
    const std::optional<u64> value = to_number(text);
    u64 result;
    if (!value || __builtin_mul_overflow(*value, column.unit, &result)) {
      lines_.refuse("{} '{}': a number of {} is right", column.name, text, column.unit == 1 ? "bytes" : "sectors");
    }
    return result;
  }

  static constexpr u64 kNone = ~0ull;

  DeviceFilter filter_;
  char separator_;
  std::size_t count_ = 0;
  std::array<Column, kRoles> columns_;
  u64 first_ = kNone;  // ns
};

}  // namespace

const TraceFormat kCsvFormat = {"csv",
                                "names of the columns as first line, such as Timestamp,Response,IOType,LUN,Offset,Size",
                                [](std::string_view first) {
                                  const Fields<kMaxColumns> fields = split_at<kMaxColumns>(first, ',');
                                  std::size_t known = 0;
                                  for (std::size_t i = 0; i < fields.count && i < kMaxColumns; i++)
                                    known += find_name(fields[i]) != nullptr;
                                  return known >= 2;
                                },
                                [](Lines& lines, const TraceOptions& options) -> std::unique_ptr<TraceReader> {
                                  return std::make_unique<Csv>(lines, options);
                                }};

}  // namespace nvmev::sim
