// SPDX-License-Identifier: GPL-2.0-only
// A bar on standard error, if that is a terminal: what is going on, how far it is, and how long it will take.
#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <vector>

namespace nvmev::sim {

class Progress {
 public:
  explicit Progress(std::size_t runs);
  ~Progress();

  // Run `run` begins with something. Any thread, as all here.
  void stage(std::size_t run, const std::string& name);
  // That is done to a share of 0 to 1; negative: not known.
  void update(std::size_t run, double share);
  void finished(std::size_t run);

 private:
  using Clock = std::chrono::steady_clock;

  struct Run {
    std::string stage;
    double share = 0;
    Clock::time_point begin;
  };

  void show(std::size_t run, Clock::time_point now);
  void clear();

  const bool enabled_;
  std::mutex mutex_;
  std::vector<Run> runs_;
  std::size_t finished_ = 0;
  Clock::time_point begin_;
  Clock::time_point shown_;
  std::size_t width_ = 0;  // of the line on the terminal
};

}  // namespace nvmev::sim
