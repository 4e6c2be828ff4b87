// SPDX-License-Identifier: GPL-2.0-only
#include "streams.h"

#include "fdp.h"
#include "io_commands.h"
#include "nvmev/nvme/directive.h"

namespace nvmev {

using nvme::Status;

void StreamResources::init(nvmev_host* host, u32 count) {
  host_ = host;
  count_ = count < kMax ? count : kMax;
}

u16 StreamResources::place(u32 nsid, u16 id) {
  SpinGuard guard(host_, lock_);
  bool owns = false;
  for (u32 i = 0; i < count_; i++) {
    Resource& resource = resources_[i];
    owns |= resource.owner == nsid;
    if (resource.id != id || resource.nsid != nsid) continue;
    resource.used = ++uses_;
    return static_cast<u16>(i + 1);
  }
  // A namespace with resources of its own uses no others. Of those that it may use: one without a stream, or the one whose stream
  // was written to longest ago.
  u32 chosen = count_;
  for (u32 i = 0; i < count_; i++) {
    if (resources_[i].owner != (owns ? nsid : 0)) continue;
    const auto age = [&](u32 at) { return resources_[at].id == 0 ? 0 : resources_[at].used; };
    if (chosen == count_ || age(i) < age(chosen)) chosen = i;
  }
  if (chosen == count_) return 0;
  resources_[chosen] = {resources_[chosen].owner, nsid, id, ++uses_};
  return static_cast<u16>(chosen + 1);
}

void StreamResources::release(u32 nsid, u16 id) {
  SpinGuard guard(host_, lock_);
  for (Resource& resource : resources_) {
    if (resource.nsid == nsid && resource.id == id) resource.id = 0;
  }
}

u32 StreamResources::allocate(u32 nsid, u32 wanted) {
  SpinGuard guard(host_, lock_);
  u32 allocated = 0;
  for (u32 i = 0; i < count_ && allocated < wanted; i++) {
    Resource& resource = resources_[i];
    if (resource.owner != 0 || resource.id != 0) continue;
    resource.owner = nsid;
    allocated++;
  }
  return allocated;
}

void StreamResources::release_allocated(u32 nsid) {
  SpinGuard guard(host_, lock_);
  for (Resource& resource : resources_) {
    if (resource.owner == nsid) resource = {};
  }
}

void StreamResources::forget(u32 nsid) {
  SpinGuard guard(host_, lock_);
  for (Resource& resource : resources_) {
    if (resource.owner == nsid || resource.nsid == nsid) resource = {};
  }
}

StreamResources::Use StreamResources::use_of(u32 nsid) {
  SpinGuard guard(host_, lock_);
  Use use{};
  for (u32 i = 0; i < count_; i++) {
    const Resource& resource = resources_[i];
    const bool open = resource.id != 0;
    use.available += resource.owner == 0 && !open;
    use.open += resource.owner == 0 && open;
    use.allocated += resource.owner == nsid;
    use.namespace_open += open && resource.nsid == nsid;
  }
  return use;
}

u32 StreamResources::list(u32 nsid, u16* ids) {
  SpinGuard guard(host_, lock_);
  u32 count = 0;
  for (const Resource& resource : resources_) {
    if (resource.id != 0 && resource.nsid == nsid) ids[count++] = resource.id;
  }
  return count;
}

// ---- In the controller -------------------------------------------------------------------------------------------

bool has_streams(const Shared& shared) {
  for (const Region& region : shared.regions) {
    if (region.streams.count() != 0) return true;
  }
  return false;
}

bool has_directives(const Shared& shared) { return has_placement(shared) || has_streams(shared); }

Status check_directive(const IoContext& context, Task& task) {
  const u8 type = task.sqe.cdw12 >> 20 & 0xf;
  if (type != nvme::kDirectiveStreams) return check_placement(context, task);
  if (!context.ns->has_streams_enabled(context.shared.index)) return Status::kInvalidField;
  const u16 id = static_cast<u16>(task.sqe.cdw13 >> 16);
  if (id != 0) task.placement = context.ns->region->streams.place(context.ns->id, id);
  return Status::kSuccess;
}

}  // namespace nvmev
