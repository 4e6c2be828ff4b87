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
#include "worker.h"

using namespace nvmev;

struct nvmev_dev {
  Shared shared;
  HostArray<Dispatcher> dispatchers;
  HostArray<Worker> workers;
  Controller controller;
  Spinlock tuning;  // of nvmev_dev_set()
  u64 saved_commands = 0;  // 1 + those before the last save; 0: none

  int init(const nvmev_config& config, nvmev_host* host, void* bar, nvmev_error* error);
  void attach_regions();
};

// As delivered: one namespace of all of each region.
void nvmev_dev::attach_regions() {
  shared.namespaces.init(shared.config.capacity);
  for (Region& region : shared.regions) {
    if (region.set->attach != nullptr) region.set->attach(shared, region);
    u8 format = 0;
    while (region.config.lba_size != 1u << kLbaShifts[format]) format++;
    nvme::Status status;
    shared.namespaces.create(region, region.whole, format, &status)->state.store(NamespaceState::kAttached);
  }
}

int nvmev_dev::init(const nvmev_config& config, nvmev_host* host, void* bar, nvmev_error* error) {
  shared.config = config;
  shared.host = host;
  shared.bar = static_cast<u8*>(bar);
  shared.error_log.init(host);
  shared.fdp_events.init(host);
  shared.power.init(host);
  shared.live.take(config);
  shared.chunk_log.init(host);
  if (const int result = shared.medium.init(config, host, error); result != 0) return result;
  if (const int result = shared.regions.init(config, host, error); result != 0) return result;
  attach_regions();
  // Twice what write buffers hold: what a cut may take back is among the last writes.
  u64 volatile_bytes = 0;
  for (const Region& region : shared.regions) {
    if (region.model.has_volatile_cache()) volatile_bytes += 2 * region.config.write_buffer_size;
  }
  if (config.power_cuts != 0 && !shared.undo_log.init(host, volatile_bytes)) {
    return fail(error, err::kNoMemory, "power_cuts=1: no memory for %llu KiB of replaced data",
                static_cast<unsigned long long>(volatile_bytes >> 10));
  }
  const std::size_t queues = config.queues + 1;
  bool ok = shared.uncorrectable.init(host, config.capacity) && shared.sqs.allocate(host, queues) && shared.cqs.allocate(host, queues) &&
            shared.rings.allocate(host, static_cast<std::size_t>(config.dispatchers) * config.workers) &&
            shared.worker_stats.allocate(host, config.workers) &&
            shared.dispatcher_stats.allocate(host, config.dispatchers) &&
            dispatchers.allocate(host, config.dispatchers) && workers.allocate(host, config.workers);
  for (u32 d = 0; ok && d < config.dispatchers; d++) ok = dispatchers[d].init(shared, d);
  for (u32 w = 0; ok && w < config.workers; w++) ok = workers[w].init(shared, w);
  if (ok) ok = controller.init(shared, dispatchers, workers);
  if (!ok) {
    return fail(error, err::kNoMemory, "queues=%u, inflight=%u: no memory for their tables", config.queues, config.inflight);
  }
  return 0;
}

extern "C" int nvmev_dev_create(const nvmev_config* config, nvmev_host* host, void* bar, nvmev_dev** dev,
                                nvmev_error* error) {
  if (const int result = nvmev_config_check(config, error); result != 0) return result;
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
  nvmev_host* host = dev->shared.host;
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
    SpinGuard guard(dev->shared.host, dev->tuning);
    changed = dev->shared.config;
    result = set_key(*key, value, &changed, error);
    if (result == 0) {
      dev->shared.config = changed;
      dev->shared.regions.retune(name, value);
      dev->shared.live.take(changed);
      dev->shared.raise(PendingEvent::kTuned);
    }
  }
  return result;
}

extern "C" int nvmev_dev_load(nvmev_dev* dev, nvmev_error* error) {
  return load_state(dev->controller, error);
}

extern "C" int nvmev_dev_save(nvmev_dev* dev, uint64_t now, nvmev_error* error) {
  // Nothing has changed without a command.
  u64 commands = 1;
  for (const DispatcherStats& stats : dev->shared.dispatcher_stats) commands += stats.fetched.get() + stats.admin.get();
  if (commands == dev->saved_commands) return 1;
  const int result = save_state(dev->controller, now, error);
  if (result == 0) dev->saved_commands = commands;
  return result;
}

extern "C" void nvmev_dev_hold(nvmev_dev* dev) { dev->controller.hold(); }

extern "C" bool nvmev_dev_held(const nvmev_dev* dev) { return dev->controller.held(); }

extern "C" void nvmev_dev_release(nvmev_dev* dev) { dev->controller.release(); }

extern "C" void nvmev_dev_request_reset(nvmev_dev* dev) { dev->controller.request_reset(); }

extern "C" int nvmev_dev_power_cut(nvmev_dev* dev, uint64_t seed, nvmev_error* error) {
  if (dev->shared.config.power_cuts == 0) {
    return fail(error, err::kInvalid, "the device was made with power_cuts=0: 1 is right");
  }
  dev->controller.request_power_cut(seed);
  return 0;
}

extern "C" uint64_t nvmev_dev_power_cut_lost(const nvmev_dev* dev) { return dev->controller.power_cut_lost(); }

extern "C" bool nvmev_dev_reset_done(const nvmev_dev* dev) { return dev->controller.reset_done(); }

extern "C" unsigned int nvmev_dispatch(nvmev_dev* dev, unsigned int d, uint64_t now) {
  u32 done = 0;
  if (d == 0) done += dev->controller.pass(now);
  return done + dev->dispatchers[d].pass(now);
}

extern "C" bool nvmev_dispatch_pending(const nvmev_dev* dev, unsigned int d) {
  return (d == 0 && dev->controller.pending()) || dev->dispatchers[d].pending();
}

extern "C" unsigned int nvmev_work(nvmev_dev* dev, unsigned int w, uint64_t now, uint64_t* next) {
  const u32 done = dev->workers[w].pass(now, next);
  return w == 0 ? done + dev->controller.alarm().watch(now, next) : done;
}

extern "C" bool nvmev_work_pending(const nvmev_dev* dev, unsigned int w) {
  return dev->workers[w].pending() || (w == 0 && dev->controller.alarm().changed());
}

extern "C" unsigned int nvmev_dev_vectors(const nvmev_dev* dev) { return dev->shared.config.queues + 1; }

extern "C" uint64_t nvmev_dev_state_hash(const nvmev_dev* dev) { return dev->shared.regions.state_hash(); }

extern "C" size_t nvmev_dev_report(const nvmev_dev* dev, char* buffer, size_t size) {
  TextWriter text(buffer, size);
  report(dev->shared, text);
  return text.length();
}
