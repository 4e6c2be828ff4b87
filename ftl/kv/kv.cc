// SPDX-License-Identifier: GPL-2.0-only
#include "kv.h"

#include "nvmev/error.h"
#include "nvmev/ftl_registry.h"
#include "nvmev/text.h"

namespace nvmev::kv {

namespace {

constexpr const char* kBelow[] = {"conv", "nvm"};  // by nvmev_config.kv_timing

// Commands that each dispatcher can have under way at each worker, each with a hold; and some for workers.
constexpr u32 kTasks = 256;
constexpr u32 kHoldsOfWorker = 8;

unsigned long long number(u64 value) { return value; }

u64 mix(u64 value) {
  value ^= value >> 32;
  value *= 0xd6e8feb86659fd93ull;
  value ^= value >> 29;
  value *= 0xd6e8feb86659fd93ull;
  return value ^ value >> 32;
}

}  // namespace

int Kv::check(const nvmev_config& config, nvmev_error* error) {
  const FtlType* below = find_ftl(kBelow[config.kv_timing]);
  if (below == nullptr) {
    return fail(error, err::kInvalid, "kv_timing=%s: this build has no such type", kBelow[config.kv_timing]);
  }
  if (config.capacity / config.value_unit >= kNone) {
    return fail(error, err::kRange, "capacity=%llu with value_unit=%u: at most 2^32 - 2 units are right",
                number(config.capacity), config.value_unit);
  }
  if (config.index_cache_size != 0 && config.index_cache_size < kPageSize) {
    return fail(error, err::kRange, "index_cache_size=%llu: 0, or at least %u is right", number(config.index_cache_size),
                kPageSize);
  }
  return below->check != nullptr ? below->check(config, error) : 0;
}

Ftl* Kv::create(const nvmev_config& config, nvmev_host* host) {
  void* memory = nvmev_host_alloc(host, sizeof(Kv));
  if (memory == nullptr) return nullptr;
  Kv* kv = construct_at<Kv>(memory, host);
  if (kv->init(config)) return kv;
  kv->destroy();
  return nullptr;
}

void Kv::destroy() {
  nvmev_host* host = host_;
  if (below_ != nullptr) below_->destroy();
  this->~Kv();
  nvmev_host_free(host, this, sizeof(*this));
}

bool Kv::init(const nvmev_config& config) {
  unit_bytes_ = config.value_unit;
  unit_shift_ = static_cast<u32>(std::countr_zero(unit_bytes_));
  capacity_ = config.capacity;
  below_type_ = config.kv_timing;
  index_time_.store(config.index_time, std::memory_order_relaxed);
  cache_.init(&space_, unit_bytes_, config.index_cache_size / kPageSize);
  const u32 holds = config.dispatchers * config.workers * kTasks + config.workers * kHoldsOfWorker;
  if (!space_.init(host_, capacity_ >> unit_shift_) || !holds_.init(host_, holds) || !garbage_.allocate(host_, holds)) {
    return false;
  }
  const FtlType* type = find_ftl(kBelow[config.kv_timing]);
  below_ = type->create(config, host_);
  return below_ != nullptr;
}

// Of the commands of a namespace, only Flush comes this way.
IoPlan Kv::plan(const IoRequest& request) { return below_->plan(request); }

void Kv::format() {
  while (!format_step()) {
  }
}

// Pages of the index go back to the host some at a time.
bool Kv::format_step() {
  constexpr u32 kPages = 1024;
  bool more = false;
  {
    SpinGuard guard(host_, lock_);
    if (!formatting_) forget();
    for (Tree& tree : trees_) {
      more |= tree.reclaim(kPages);
      while (void* page = tree.take_spare(0)) nvmev_host_page_free(host_, page);
    }
  }
  formatting_ = more || !below_->format_step();
  return !formatting_;
}

void Kv::forget() {
  space_.clear();
  cache_.clear();
  holds_.clear();
  garbage_count_ = 0;
  for (Iterator& iterator : iterators_) iterator.open = false;
  for (Tree& tree : trees_) tree.clear();
  value_bytes_.set(0);
  hash_ = 0;
}

void Kv::retune(const nvmev_config& config) {
  index_time_.store(config.index_time, std::memory_order_relaxed);
  below_->retune(config);
}

// Kept up to date with every change: a sum of hashes of each key with its place.
void Kv::count(Key key, Place place, bool added) {
  u64 hash = mix(place.first | static_cast<u64>(place.length) << 32);
  for (u32 at = 0; at < key.length; at += 8) {
    u64 word = 0;
    memcpy(&word, key.bytes + at, key.length - at < 8 ? key.length - at : 8);
    hash = mix(hash ^ word);
  }
  hash = mix(hash ^ key.length);
  hash_ += added ? hash : 0 - hash;
  value_bytes_.set(added ? value_bytes_.get() + place.length : value_bytes_.get() - place.length);
}

u64 Kv::state_hash() const {
  u64 own;
  {
    SpinGuard guard(host_, lock_);
    own = hash_;
  }
  return mix(own) ^ below_->state_hash();
}

Usage Kv::usage() const {
  Usage usage{};
  for (const Tree& tree : trees_) {
    usage.keys += tree.keys();
    usage.key_bytes += tree.key_bytes();
  }
  usage.value_bytes = value_bytes_.get();
  usage.used_bytes = (space_.units() - space_.free_units()) << unit_shift_;
  usage.capacity_bytes = space_.units() << unit_shift_;
  return usage;
}

void Kv::report(TextWriter& text) const {
  const Usage usage = this->usage();
  const u64 index = (trees_[0].pages() + trees_[1].pages()) * kPageSize;
  text.add("kv_keys %llu\nkv_key_bytes %llu\nkv_value_bytes %llu\nkv_used_bytes %llu\n", number(usage.keys),
           number(usage.key_bytes), number(usage.value_bytes), number(usage.used_bytes));
  text.add("kv_index_bytes %llu\nkv_index_depth %u\nkv_space_table_bytes %llu\n", number(index), trees_[0].depth(),
           number(space_.bytes()));
  const u64 extra = index > usage.key_bytes ? index - usage.key_bytes : 0;
  text.add("kv_index_bytes_per_key %llu\n", number(usage.keys != 0 ? extra / usage.keys : 0));
  text.add("kv_stores %llu\nkv_retrieves %llu\nkv_deletes %llu\nkv_appends %llu\n", number(stores_.get()),
           number(retrievals_.get()), number(deletes_.get()), number(appends_.get()));
  text.add("kv_index_cache_hits %llu\nkv_index_cache_misses %llu\n", number(cache_.hits()), number(cache_.misses()));
  below_->report(text);
}

const char* Kv::inconsistency() const {
  u64 used = 0;
  const char* wrong = "";
  for (const Tree& tree : trees_) {
    wrong = tree.inconsistency();
    if (wrong[0] != '\0') return wrong;
    tree.walk({nullptr, 0}, false, [&](Key key) {
      Place place;
      if (!tree.find(key, &place)) wrong = "a key of the list is not found";
      u32 units = 0;
      for (u32 unit = place.first; unit != kNone; unit = space_.next(unit)) {
        if (space_.is_free(unit, 1)) wrong = "a value lies in a free unit";
        units++;
      }
      if (units != units_of(place.length)) wrong = "a value has the wrong number of units";
      used += units;
      return wrong[0] == '\0';
    });
    if (wrong[0] != '\0') return wrong;
  }
  u64 garbage = 0;
  for (u32 i = 0; i < garbage_count_; i++) {
    for (u32 unit = garbage_[i]; unit != kNone; unit = space_.next(unit)) garbage++;
  }
  if (!cache_.enabled() && used + garbage + space_.free_units() != space_.units()) return "units are lost";
  return "";
}

}  // namespace nvmev::kv

namespace nvmev {

extern const FtlType kKvType;
constinit const FtlType kKvType = {"kv", CommandFamily::kKeyValue, kv::Kv::check, kv::Kv::create};

}  // namespace nvmev
