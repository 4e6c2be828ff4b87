// SPDX-License-Identifier: GPL-2.0-only
// What a device type is: it decides when each command has finished on the modelled device.
//
// An FTL never sees data and never reads a clock. The same sequence of calls gives the same results.
#pragma once

#include "nvmev/host.h"
#include "nvmev/nvme/status.h"
#include "nvmev/types.h"

namespace nvmev {

class TextWriter;

enum class IoOp : u8 { kRead, kWrite, kFlush, kWriteZeroes, kDeallocate, kCompare };

struct IoRequest {
  u64 now;     // modelled ns at which the controller has the command; never decreases
  u64 offset;  // bytes, on a logical block; checked against the capacity
  u64 length;  // bytes; 0 for a flush
  IoOp op;
  bool fua;
};

struct IoPlan {
  u64 done;  // modelled ns at which the command has finished, >= now
  nvme::Status status;
};

// Called by one thread at a time (the controller sees to that).
class Ftl {
 public:
  // Carries out the request in the model.
  virtual IoPlan plan(const IoRequest& request) = 0;

  // The live keys of *config have changed (configuration keys with `live` in config_keys.cc). From any thread,
  // while plan() runs in another.
  virtual void retune(const nvmev_config& config) = 0;

  // Everything that is stored is forgotten (Format NVM).
  virtual void format() = 0;

  // Adds lines `name value` about the type's own state. From any thread.
  virtual void report(TextWriter& text) const = 0;

  // Frees the memory of the object.
  virtual void destroy() = 0;

 protected:
  ~Ftl() = default;
};

// One row of the registry.
struct FtlType {
  const char* name;
  // 0 or a negative errno with *error. May be nullptr.
  int (*check)(const nvmev_config& config, nvmev_error* error);
  // nullptr when there is no memory. May sleep.
  Ftl* (*create)(const nvmev_config& config, nvmev_host* host);
};

}  // namespace nvmev
