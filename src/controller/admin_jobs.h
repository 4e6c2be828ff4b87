// SPDX-License-Identifier: GPL-2.0-only
// Admin commands that wait for other threads, or take several passes.
#pragma once

#include <array>
#include <atomic>

#include "nvmev/nvme/command.h"
#include "quiesce.h"
#include "task.h"

namespace nvmev {

class Controller;

struct AdminJob {
  // Goes on with the job. True when it is finished, with *result filled in. Never blocks.
  using Step = bool (*)(Controller&, AdminJob&, nvme::Status* status, u32* dw0);

  Step step = nullptr;  // nullptr: the slot is free
  nvme::Sqe sqe;
  u32 stage;
  u64 at;         // progress, for the step's own use
  u32 nsid;       // likewise: namespaces from this one
  u32 last_nsid;  // to this one
  Quiesce quiesce;
  std::atomic<Answer> answer{Answer::kPending};  // of a worker
};

class AdminJobs {
 public:
  // nullptr when all slots are taken. The caller fills in nothing but what `step` needs.
  AdminJob* add(AdminJob::Step step, const nvme::Sqe& sqe) {
    for (AdminJob& job : jobs_) {
      if (job.step != nullptr) continue;
      job.step = step;
      job.sqe = sqe;
      job.stage = 0;
      job.at = 0;
      job.answer.store(Answer::kPending, std::memory_order_relaxed);
      return &job;
    }
    return nullptr;
  }

  bool full() const {
    for (const AdminJob& job : jobs_) {
      if (job.step == nullptr) return false;
    }
    return true;
  }

  u32 count(AdminJob::Step step) const {
    u32 n = 0;
    for (const AdminJob& job : jobs_) n += job.step == step;
    return n;
  }

  bool any() const {
    for (const AdminJob& job : jobs_) {
      if (job.step != nullptr) return true;
    }
    return false;
  }

  AdminJob* begin() { return jobs_.data(); }
  AdminJob* end() { return jobs_.data() + jobs_.size(); }

 private:
  std::array<AdminJob, 8> jobs_;
};

}  // namespace nvmev
