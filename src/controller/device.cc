// SPDX-License-Identifier: GPL-2.0-only
// struct nvmev_dev and the functions of the boundary that work on one.
#include "command_set.h"
#include "config_keys.h"
#include "controller.h"
#include "dispatcher.h"
#include "nvmev/error.h"
#include "nvmev/host.h"
#include "nvmev/text.h"
#include "report.h"
#include "shared.h"
#include "state/device_state.h"
#include "state/xxh64.h"
#include "worker.h"

using namespace nvmev;

namespace {

// A controller and those who work for it.
struct Unit {
  Unit(Subsystem& subsystem, u32 index, nvmev_function* function, u8* bar) : shared(subsystem, index, function, bar) {}

  // False when there is no memory.
  bool init();

  Shared shared;
  HostArray<Dispatcher> dispatchers;
  HostArray<Worker> workers;
  Controller controller;
};

bool Unit::init() {
  const nvmev_config& config = shared.config;
  nvmev_host* host = shared.host;
  shared.error_log.init(host);
  shared.power.init(host);
  const std::size_t queues = config.queues + 1;
  bool ok = shared.sqs.allocate(host, queues) && shared.cqs.allocate(host, queues) &&
            shared.rings.allocate(host, static_cast<std::size_t>(config.dispatchers) * config.workers) &&
            shared.worker_stats.allocate(host, config.workers) && shared.worker_rooms.allocate(host, config.workers) &&
            shared.dispatcher_stats.allocate(host, config.dispatchers) &&
            dispatchers.allocate(host, config.dispatchers) && workers.allocate(host, config.workers);
  for (u32 d = 0; ok && d < config.dispatchers; d++) ok = dispatchers[d].init(shared, d);
  for (u32 w = 0; ok && w < config.workers; w++) ok = workers[w].init(shared, w);
  return ok && controller.init(shared, dispatchers, workers);
}

}  // namespace

struct nvmev_dev {
  Subsystem subsystem;
  std::array<Unit*, NVMEV_MAX_CONTROLLERS> units{};
  u32 unit_count = 0;
  Spinlock tuning;  // of nvmev_dev_set()
  u64 saved_commands = 0;  // 1 + those before the last save; 0: none
  u64 saved_pmr = 0;       // checksum of the Persistent Memory Regions then

  ~nvmev_dev();
  int init(const nvmev_config& config, nvmev_host* host, void* bar, nvmev_error* error);

  template <typename Function>
  void for_each_unit(Function with) {
    for (u32 i = 0; i < unit_count; i++) with(*units[i]);
  }
  template <typename Function>
  void for_each_unit(Function with) const {
    for (u32 i = 0; i < unit_count; i++) with(static_cast<const Unit&>(*units[i]));
  }

 private:
  bool add_unit(u32 index, u8* bar);
};

nvmev_dev::~nvmev_dev() {
  for_each_unit([&](Unit& unit) {
    unit.~Unit();
    nvmev_host_free(subsystem.host, &unit, sizeof(unit));
  });
}

bool nvmev_dev::add_unit(u32 index, u8* bar) {
  void* memory = nvmev_host_alloc(subsystem.host, sizeof(Unit));
  if (memory == nullptr) return false;
  Unit* unit = construct_at<Unit>(memory, subsystem, index, nvmev_host_function(subsystem.host, index), bar);
  units[unit_count++] = unit;
  if (!unit->init()) return false;
  subsystem.controllers[subsystem.controller_count++] = &unit->controller;
  return true;
}

int nvmev_dev::init(const nvmev_config& config, nvmev_host* host, void* bar, nvmev_error* error) {
  if (const int result = subsystem.init(config, host, error); result != 0) return result;
  for (u32 i = 0; i < config.controllers; i++) {
    if (add_unit(i, static_cast<u8*>(bar) + static_cast<std::size_t>(i) * NVMEV_BAR_SIZE)) continue;
    return fail(error, err::kNoMemory, "queues=%u, inflight=%u: no memory for their tables", config.queues, config.inflight);
  }
  return 0;
}

extern "C" int nvmev_dev_create(const nvmev_config* config, nvmev_host* host, void* bar, nvmev_dev** dev,
                                nvmev_error* error) {
  if (const int result = nvmev_config_check(config, error); result != 0) return result;
  if ((config->cmb_size != 0 && config->cmb_base == nullptr) || (config->pmr_size != 0 && config->pmr_base == nullptr)) {
    return fail(error, err::kInvalid, "cmb=%u, pmr=%u: this host has no memory for them", config->cmb_size, config->pmr_size);
  }
  void* memory = nvmev_host_alloc(host, sizeof(nvmev_dev));
  if (memory == nullptr) return fail(error, err::kNoMemory, "no memory for a device");
  nvmev_dev* device = construct_at<nvmev_dev>(memory);
  if (const int result = device->init(*config, host, bar, error); result != 0) {
    nvmev_dev_destroy(device);
    return result;
  }
  *dev = device;
  return 0;
}

extern "C" void nvmev_dev_destroy(nvmev_dev* dev) {
  nvmev_host* host = dev->subsystem.host;
  dev->~nvmev_dev();
  nvmev_host_free(host, dev, sizeof(*dev));
}

extern "C" int nvmev_dev_set(nvmev_dev* dev, const char* name, const char* value, nvmev_error* error) {
  const Key* key = find_key(name);
  if (key == nullptr) return fail_unknown_key(name, error);
  if (!key->live) return fail(error, err::kBusy, "%s is fixed while the device runs", name);
  nvmev_config changed;
  int result;
  {
    Subsystem& subsystem = dev->subsystem;
    SpinGuard guard(subsystem.host, dev->tuning);
    changed = subsystem.config;
    result = set_key(*key, value, &changed, error);
    if (result == 0) result = check_controllers(changed, error);
    if (result == 0) {
      subsystem.config = changed;
      subsystem.regions.retune(name, value);
      subsystem.live.take(changed);
      dev->for_each_unit([](Unit& unit) { unit.shared.raise(PendingEvent::kTuned); });
    }
  }
  return result;
}

extern "C" int nvmev_dev_load(nvmev_dev* dev, nvmev_error* error) { return load_state(dev->subsystem, error); }

extern "C" int nvmev_dev_save(nvmev_dev* dev, uint64_t now, nvmev_error* error) {
  // Nothing has changed without a command.
  u64 commands = 1;
  dev->for_each_unit([&](const Unit& unit) {
    for (const DispatcherStats& stats : unit.shared.dispatcher_stats) commands += stats.fetched.get() + stats.admin.get();
  });
  // Persistent Memory Regions change without any.
  Xxh64 pmr;
  pmr.add(dev->subsystem.config.pmr_base, pmr_bytes(dev->subsystem.config));
  if (commands == dev->saved_commands && pmr.value() == dev->saved_pmr) return 1;
  const int result = save_state(dev->subsystem, now, error);
  if (result == 0) {
    dev->saved_commands = commands;
    dev->saved_pmr = pmr.value();
  }
  return result;
}

extern "C" void nvmev_dev_hold(nvmev_dev* dev) { dev->subsystem.hold.store(true, std::memory_order_seq_cst); }

extern "C" bool nvmev_dev_held(const nvmev_dev* dev) {
  bool all = true;
  dev->for_each_unit([&](const Unit& unit) { all &= unit.controller.held(); });
  return all;
}

extern "C" void nvmev_dev_release(nvmev_dev* dev) {
  dev->for_each_unit([](Unit& unit) { unit.controller.release(); });
  dev->subsystem.hold.store(false, std::memory_order_seq_cst);
}

extern "C" void nvmev_dev_request_reset(nvmev_dev* dev, unsigned int controller) {
  dev->units[controller]->controller.request_reset();
}

extern "C" int nvmev_dev_power_cut(nvmev_dev* dev, uint64_t seed, nvmev_error* error) {
  if (dev->subsystem.config.power_cuts == 0) {
    return fail(error, err::kInvalid, "the device was made with power_cuts=0: 1 is right");
  }
  dev->subsystem.begin_power_cut(seed);
  return 0;
}

extern "C" uint64_t nvmev_dev_power_cut_lost(const nvmev_dev* dev) {
  return dev->subsystem.power_cut_lost.load(std::memory_order_relaxed);
}

extern "C" bool nvmev_dev_reset_done(const nvmev_dev* dev, unsigned int controller) {
  return dev->units[controller]->controller.reset_done();
}

extern "C" unsigned int nvmev_dispatch(nvmev_dev* dev, unsigned int d, uint64_t now) {
  u32 done = 0;
  dev->for_each_unit([&](Unit& unit) {
    if (d == 0) done += unit.controller.pass(now);
    done += unit.dispatchers[d].pass(now);
  });
  return done;
}

extern "C" bool nvmev_dispatch_pending(const nvmev_dev* dev, unsigned int d) {
  bool any = false;
  dev->for_each_unit([&](const Unit& unit) {
    any = any || (d == 0 && unit.controller.pending()) || unit.dispatchers[d].pending();
  });
  return any;
}

extern "C" unsigned int nvmev_work(nvmev_dev* dev, unsigned int w, uint64_t now, uint64_t* next) {
  u32 done = 0;
  *next = NVMEV_NEVER;
  dev->for_each_unit([&](Unit& unit) {
    u64 at;
    done += unit.workers[w].pass(now, &at);
    if (w == 0) done += unit.controller.alarm().watch(now, &at);
    if (at < *next) *next = at;
  });
  return done;
}

extern "C" bool nvmev_work_pending(const nvmev_dev* dev, unsigned int w) {
  bool any = false;
  dev->for_each_unit([&](const Unit& unit) {
    any = any || unit.workers[w].pending() || (w == 0 && unit.controller.alarm().changed());
  });
  return any;
}

extern "C" unsigned int nvmev_dev_vectors(const nvmev_dev* dev) { return dev->subsystem.config.queues + 1; }

extern "C" uint64_t nvmev_dev_state_hash(const nvmev_dev* dev) { return dev->subsystem.regions.state_hash(); }

extern "C" size_t nvmev_dev_report(const nvmev_dev* dev, char* buffer, size_t size) {
  TextWriter text(buffer, size);
  report(dev->subsystem, text);
  return text.length();
}
