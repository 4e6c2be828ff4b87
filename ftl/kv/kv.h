// SPDX-License-Identifier: GPL-2.0-only
// Type "kv": a key-value SSD. An index (tree.h) tells for each key where its value lies in a space of units (space.h), which is the logical space
// of another device type beneath: that one, "conv" or "nvm", says how long reading and writing there takes.
//
// kv.cc: life and what it tells; plan.cc: the first stage of commands; commit.cc: the second; list.cc: keys in order; state.cc: what is
// kept in a state file.
#pragma once

#include <atomic>

#include "holds.h"
#include "index_cache.h"
#include "nvmev/ftl.h"
#include "nvmev/key_value.h"
#include "nvmev/spinlock.h"
#include "space.h"
#include "tree.h"

namespace nvmev::kv {

class Kv final : public Ftl, public KeyValue {
 public:
  static int check(const nvmev_config& config, nvmev_error* error);
  static Ftl* create(const nvmev_config& config, nvmev_host* host);

  // ---- Ftl
  IoPlan plan(const IoRequest& request) override;
  bool works_in_idle_time() const override { return below_->works_in_idle_time(); }
  bool catch_up(u64 now) override { return below_->catch_up(now); }
  void format() override;
  bool format_step() override;
  bool has_volatile_cache() const override { return below_->has_volatile_cache(); }
  void set_volatile_cache(bool on) override { below_->set_volatile_cache(on); }
  KeyValue* key_value() override { return this; }
  u64 state_hash() const override;
  void power_cycle(u64 now, u64 seed, PowerLossSink& sink) override;
  bool keeps_state() const override { return below_->keeps_state(); }
  void transfer(StateArchive& archive, u64* now) override;
  void retune(const nvmev_config& config) override;
  FtlHealth health() const override { return below_->health(); }
  MediaTraffic traffic() const override { return below_->traffic(); }
  MediaCounters media() const override { return below_->media(); }
  void report(TextWriter& text) const override;
  void destroy() override;

  // ---- KeyValue
  void set_discarder(const Discarder& discarder) override { discarder_ = discarder; }
  IoPlan plan_store(u64 now, Key key, u32 length, u8 rules, Held* held) override;
  IoPlan plan_append(u64 now, Key key, u32 length, u32 most, Held* held) override;
  IoPlan plan_retrieve(u64 now, Key key, u32 offset, u32 length, Held* held) override;
  IoPlan plan_exist(u64 now, Key key) override;
  IoPlan plan_delete(u64 now, Key key) override;
  IoPlan plan_list(u64 now, Key from, u32 bytes) override;
  IoPlan plan_batch(u64 now, u32 bytes, u32 commands) override;
  Cursor begin(u32 hold, u32 at) const override;
  u32 next(Cursor* cursor, u32 most, u64* offset) const override;
  nvme::Status commit(Key key, u8 rules, const Held& held) override;
  Held hold(Key key) override;
  bool commit_append(Key key, const Held& old, const Held& held, nvme::Status* status) override;
  nvme::Status take(u32 length, Held* held) override;
  nvme::Status remove(Key key) override;
  void release(const Held& held) override;
  Listed list(Key from, bool after, u8* to, u32 bytes) override;
  u32 open_iterator(const Prefix& prefix) override;
  bool close_iterator(u32 number) override;
  bool iterator_is_open(u32 number) const override;
  Listed iterate(u32 number, u8* to, u32 bytes) override;
  Usage usage() const override;

  explicit Kv(nvmev_host* host) : host_(host) {
    for (Tree& tree : trees_) tree.attach(host, &cache_);
  }

  // Empty, or what is wrong. Takes long; for tests, while no command is in flight.
  const char* inconsistency() const;

 private:
  struct Iterator {
    bool open = false;
    Prefix prefix{};
    u8 tree = 0;       // which it is in
    bool begun = false;  // there has been a key in that tree
    u8 length = 0;     // of the last key returned
    u8 last[kMaxKey];
  };

  bool init(const nvmev_config& config);
  void forget();

  // state.cc
  void settle(u64 now);
  void save_chain(StateArchive& archive, u32 unit);
  u32 load_chain(StateArchive& archive, u64 units);
  void save_tree(StateArchive& archive, const Tree& tree);
  void load_tree(StateArchive& archive, u32 which);
  bool load_leaf(StateArchive& archive, u32 which, Node& leaf, u32 entries);
  Tree& tree_of(Key key) { return trees_[key.length > kMaxShortKey ? 1 : 0]; }
  u32 units_of(u32 length) const { return (length + unit_bytes_ - 1) >> unit_shift_; }

  // plan.cc
  struct Found {
    bool exists = false;
    Place place{kNone, 0};
    IndexCache::Traffic traffic;
  };
  Found look_up(Key key, bool changes);
  nvme::Status reserve(u32 length, Held* held);
  nvme::Status reserve_with_garbage(u64 now, u32 length, Held* held);
  u64 plan_index(u64 now, const IndexCache::Traffic& traffic);
  IoPlan plan_chain(u64 now, u32 unit, u32 count, IoOp op);
  IoPlan after_index(u64 now, u64 index, IoPlan plan) const;
  const IoPlan& counted(const IoPlan& plan, Counter& counter, const Held& held);
  // Frees up to `chains` chains that nobody needs, telling the FTL beneath.
  void collect(u64 now, u32 chains);
  void deallocate(u64 now, u32 unit);
  void tidy();

  // commit.cc; all but provide_pages() under the lock.
  bool provide_pages(Tree& tree);
  bool put(Tree& tree, Key key, Place place, nvme::Status* status);
  bool remove_key(Key key);
  void drop(Place place);
  void drop_chain(u32 first);
  void free_chain(u32 first);
  u32 free_in_page(u32 unit, bool* empty);
  void count(Key key, Place place, bool added);

  nvmev_host* host_;
  Ftl* below_ = nullptr;
  Discarder discarder_;
  u32 unit_bytes_ = 0;
  u32 unit_shift_ = 0;
  u64 capacity_ = 0;
  u32 below_type_ = 0;  // nvmev_config.kv_timing
  std::atomic<u64> index_time_{0};  // ns

  // Of everything below: any thread changes it. Never held while the FTL beneath is asked.
  mutable Spinlock lock_;
  Space space_;
  IndexCache cache_;
  Tree trees_[2];  // keys that List returns, and longer ones
  Holds holds_;
  HostArray<u32> garbage_;  // first units of chains that are to be freed
  u32 garbage_count_ = 0;
  Iterator iterators_[kIterators];
  Counter value_bytes_;
  bool formatting_ = false;
  u64 hash_ = 0;  // over all keys and places, whatever their order

  Counter stores_, retrievals_, deletes_, appends_;
};

}  // namespace nvmev::kv
