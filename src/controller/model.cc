// SPDX-License-Identifier: GPL-2.0-only
#include "model.h"

#include "nvmev/error.h"
#include "nvmev/ftl_registry.h"
#include "nvmev/state_archive.h"
#include "nvmev/text.h"

namespace nvmev {

int Model::init(const nvmev_config& config, u64 base, nvmev_host* host, nvmev_error* error) {
  host_ = host;
  base_ = base;
  capacity_ = config.capacity;
  shared_ = config.dispatchers > 1;
  scale_milli_ = config.time_scale_milli;
  wanted_milli_.store(scale_milli_, std::memory_order_relaxed);
  scale_.init(scale_milli_);
  ftl_ = find_ftl(config.type)->create(config, host);
  if (ftl_ == nullptr) return fail(error, err::kNoMemory, "type=%s: no memory for its tables", config.type);
  works_in_idle_time_ = ftl_->works_in_idle_time();
  placement_ = ftl_->placement();
  key_value_ = ftl_->key_value();
  zones_ = ftl_->zones();
  open_channel_ = ftl_->open_channel();
  return 0;
}

Model::~Model() {
  if (ftl_ != nullptr) ftl_->destroy();
}

// The moment at which a request that arrived at `now` reaches the model: later than every one before it, since passes of
// different dispatchers take their time at different moments.
u64 Model::begin(u64 now) {
  if (now < last_now_) now = last_now_;
  last_now_ = now;
  if (resumes_) [[unlikely]] {
    scale_.resume(now, resume_at_);
    resumes_ = false;
  }
  const u32 wanted = wanted_milli_.load(std::memory_order_relaxed);
  if (wanted != scale_milli_) [[unlikely]] {
    scale_.change(now, wanted);
    scale_milli_ = wanted;
  }
  return now;
}

void Model::transfer(StateArchive& archive) {
  u64 now = resumes_ ? resume_at_ : scale_.to_model(last_now_);
  archive.value(now);
  ftl_->transfer(archive, &now);
  archive.value(now);
  if (!archive.loading() || !archive.ok()) return;
  constexpr u64 kYears = 1ull << 62;  // 146 of them: times of the next run must not overflow
  if (now > kYears) return archive.refuse(err::kInvalid, "its time is %llu ns", static_cast<unsigned long long>(now));
  resumes_ = true;
  resume_at_ = now;
}

void Model::power_cycle(u64 now, u64 seed, PowerLossSink& sink) {
  SpinGuard guard(host_, lock_);
  ftl_->power_cycle(scale_.to_model(begin(now)), seed, sink);
}

void Model::update_placement(u64 now, u16 handle) {
  SpinGuard guard(host_, lock_);
  placement_->update(scale_.to_model(begin(now)), handle);
}

void Model::retune(const nvmev_config& config) {
  ftl_->retune(config);
  wanted_milli_.store(config.time_scale_milli, std::memory_order_relaxed);
}

void Model::set_volatile_cache(bool on) {
  SpinGuard guard(host_, lock_);
  ftl_->set_volatile_cache(on);
}

bool Model::erase_step(u64 now, u64 offset, u64 length, u64* at) {
  if (offset == base_ && length == capacity_) {
    SpinGuard guard(host_, lock_);
    return ftl_->format_step();
  }
  const u64 begin = offset + *at;
  const u64 end = piece_end(begin, offset + length);
  plan({now, begin, end - begin, IoOp::kDeallocate, false});
  *at = end - offset;
  return *at == length;
}

}  // namespace nvmev
