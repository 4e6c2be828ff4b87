// SPDX-License-Identifier: GPL-2.0-only
#include "progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace nvmev::sim {
namespace {

constexpr std::size_t kBar = 30;
constexpr auto kInterval = std::chrono::milliseconds(200);

std::string clock_text(double seconds) {
  const auto whole = static_cast<unsigned long long>(seconds + 0.5);
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace

Progress::Progress(std::size_t runs) : enabled_(isatty(STDERR_FILENO) != 0), runs_(runs), begin_(Clock::now()) {}

Progress::~Progress() { clear(); }

void Progress::stage(std::size_t run, const std::string& name) {
  if (!enabled_) return;
  const std::lock_guard lock(mutex_);
  runs_[run] = {name, 0, Clock::now()};
}

void Progress::update(std::size_t run, double share) {
  if (!enabled_) return;
  const std::lock_guard lock(mutex_);
  runs_[run].share = share;
  const Clock::time_point now = Clock::now();
  if (now - shown_ < kInterval) return;
  shown_ = now;
  show(run, now);
}

void Progress::finished(std::size_t run) {
  if (!enabled_) return;
  const std::lock_guard lock(mutex_);
  finished_++;
  runs_[run].share = 0;
}

// One run: its present stage. Several: all of them together.
void Progress::show(std::size_t run, Clock::time_point now) {
  double share = runs_[run].share;
  Clock::time_point begin = runs_[run].begin;
  std::string title = runs_[run].stage;
  if (runs_.size() > 1) {
    double sum = static_cast<double>(finished_);
    for (const Run& each : runs_) sum += std::max(each.share, 0.0);
    share = sum / static_cast<double>(runs_.size());
    begin = begin_;
    title = fmt::format("{} of {} runs", finished_, runs_.size());
  }
  const double elapsed = std::chrono::duration<double>(now - begin).count();
  std::string line;
  if (share < 0) {
    line = fmt::format("{}: {} elapsed", title, clock_text(elapsed));
  } else {
    share = std::min(share, 1.0);
    const auto full = static_cast<std::size_t>(share * kBar);
    const std::string left = share > 0.001 ? clock_text(elapsed * (1 - share) / share) : "?";
    line = fmt::format("{} [{:#<{}}{:.<{}}] {:3.0f} %  ETA {}", title, "", full, "", kBar - full, share * 100, left);
  }
  const std::size_t length = line.size();
  if (length < width_) line.append(width_ - length, ' ');
  width_ = length;
  fmt::print(stderr, "\r{}", line);
  std::fflush(stderr);
}

void Progress::clear() {
  if (width_ != 0) fmt::print(stderr, "\r{:{}}\r", "", width_);
  width_ = 0;
}

}  // namespace nvmev::sim
