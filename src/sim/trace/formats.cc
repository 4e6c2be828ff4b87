// SPDX-License-Identifier: GPL-2.0-only
#include "trace/reader.h"

namespace nvmev::sim {
namespace {

// In the order in which they are asked whether they recognise a file.
const TraceFormat* const kFormats[] = {&kFioIologFormat, &kBlkparseFormat, &kMsrFormat, &kCsvFormat};

}  // namespace

std::string trace_format_names() {
  std::string names;
  for (const TraceFormat* format : kFormats) names += (names.empty() ? "" : ", ") + std::string(format->name);
  return names;
}

const TraceFormat& find_trace_format(Lines& lines, const TraceOptions& options) {
  const std::string_view first = lines.peek();
  if (first.empty()) refuse("{}: has no line: a trace is right", lines.name());
  if (!options.csv_columns.empty() && options.format.empty()) return kCsvFormat;
  for (const TraceFormat* format : kFormats) {
    if (options.format.empty() ? format->recognises(first) : options.format == format->name) return *format;
  }
  if (!options.format.empty()) {
    refuse("--trace-format {}: one of {} is right", options.format, trace_format_names());
  }
  std::string forms;
  for (const TraceFormat* format : kFormats) forms += fmt::format("; {}: {}", format->name, format->form);
  std::string_view line;
  lines.next(&line);
  refuse("{}: {}: no known trace format (--trace-format and --csv-columns help){}", lines.where(), lines.quoted(),
         forms);
}

}  // namespace nvmev::sim
