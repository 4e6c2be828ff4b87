// SPDX-License-Identifier: GPL-2.0-only
// Two time axes: the host's clock, and the model's, on which the device runs slower or faster.
#pragma once

#include "nvmev/types.h"

namespace nvmev {

// Modelled durations are `milli` / 1000 times as long on the host's clock. Changing the factor leaves the present
// moment the same on both axes.
class TimeScale {
 public:
  void init(u32 milli) { milli_ = milli; }

  void change(u64 now, u32 milli) {
    model_base_ = to_model(now);
    host_base_ = now;
    milli_ = milli;
  }

  // `now` of the host's clock is `model` from now on.
  void resume(u64 now, u64 model) {
    host_base_ = now;
    model_base_ = model;
  }

  // Host clock to model, ns; rounds down. `now` is not before the last change.
  u64 to_model(u64 now) const {
    if (milli_ == kUnit) return now - host_base_ + model_base_;
    return model_base_ + scale(now - host_base_, kUnit, milli_, 0);
  }

  // Model to host clock, ns; rounds up, so that nothing completes early.
  u64 to_host(u64 model) const {
    if (model <= model_base_) return host_base_;
    if (milli_ == kUnit) return model - model_base_ + host_base_;
    return host_base_ + scale(model - model_base_, milli_, kUnit, kUnit - 1);
  }

 private:
  static constexpr u32 kUnit = 1000;

  // (value * factor + round) / divisor without an intermediate beyond 64 bits for results below 2^64.
  static u64 scale(u64 value, u32 factor, u32 divisor, u32 round) {
    return value / divisor * factor + (value % divisor * factor + round) / divisor;
  }

  u32 milli_ = kUnit;
  u64 host_base_ = 0;   // the same moment on both axes, ns
  u64 model_base_ = 0;
};

}  // namespace nvmev
