// SPDX-License-Identifier: GPL-2.0-only
#include "load/job_file.h"

#include "input/lines.h"
#include "trace/fields.h"

namespace nvmev::sim {

std::vector<JobSpec> read_job_file(const std::string& name, const JobSpec& defaults) {
  Lines lines(name);
  JobSpec global = defaults;
  std::vector<JobSpec> jobs;
  JobSpec* present = nullptr;
  std::string_view line;
  while (lines.next(&line)) {
    line = trim(line);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      if (line.back() != ']' || line.size() < 3) lines.refuse("[NAME] is right");
      const std::string section(line.substr(1, line.size() - 2));
      if (section == "global") {
        present = &global;
      } else {
        jobs.push_back(global);
        present = &jobs.back();
        present->name = section;
      }
      continue;
    }
    if (present == nullptr) lines.refuse("before any section: [global] or [NAME] is right");
    const std::size_t equals = line.find('=');
    const std::string key(trim(line.substr(0, equals)));
    const std::string value(equals == std::string_view::npos ? "" : trim(line.substr(equals + 1)));
    set_job_key(*present, lines.where() + ": ", key, value);
  }
  if (jobs.empty()) refuse("{}: no job: a section [NAME] is right", name);
  return jobs;
}

}  // namespace nvmev::sim
