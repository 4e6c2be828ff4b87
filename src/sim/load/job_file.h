// SPDX-License-Identifier: GPL-2.0-only
// Job files as fio has them: sections of `key=value` lines, [global] for all that follow.
#pragma once

#include <string>
#include <vector>

#include "load/job_spec.h"

namespace nvmev::sim {

// The jobs of a file; keys that it does not give are those of `defaults`.
std::vector<JobSpec> read_job_file(const std::string& name, const JobSpec& defaults);

}  // namespace nvmev::sim
