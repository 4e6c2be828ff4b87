// SPDX-License-Identifier: GPL-2.0-only
#include "virtualization.h"

#include "admin.h"
#include "controller.h"
#include "nvmev/state_archive.h"

namespace nvmev {

using nvme::ResourceType;
using nvme::Sqe;
using nvme::Status;
using nvme::VirtualizationAction;

// ---- Resources -----------------------------------------------------------------------------------------------------

u32 Virtualization::Pool::all_assigned() const {
  u32 sum = 0;
  for (const u16 resources : assigned) sum += resources;
  return sum;
}

void Virtualization::init(const nvmev_config& config) {
  const u32 all = config.queues + 1;  // of either type
  on_ = config.virtualization != 0;
  controllers_ = config.controllers;
  const auto flexible = [&](u32 wanted) { return static_cast<u16>(!on_ ? 0 : wanted != 0 ? wanted : all / 2); };
  pool(ResourceType::kQueue).flexible = flexible(config.vq_flexible);
  pool(ResourceType::kInterrupt).flexible = flexible(config.vi_flexible);
  for (Pool& pool : pools_) pool.own = static_cast<u16>(all - pool.flexible);
}

u32 Virtualization::count(ResourceType type, u32 controller) const {
  const Pool& of = pool(type);
  return is_secondary(controller) ? of.assigned[controller] : u32{of.own} + of.allocated;
}

// More than there are, or may be assigned, is Invalid Number of Controller Resources; more than are free, or those of a type that
// does not exist, Invalid Resource Identifier.
Status Virtualization::allocate(u32 type, u32 resources) {
  if (type >= nvme::kResourceTypes) return Status::kInvalidResourceIdentifier;
  Pool& of = pools_[type];
  if (resources > of.flexible) return Status::kInvalidNumberOfResources;
  if (resources > of.flexible - of.all_assigned()) return Status::kInvalidResourceIdentifier;
  of.next = static_cast<u16>(resources);
  return Status::kSuccess;
}

Status Virtualization::assign(u32 secondary, u32 type, u32 resources) {
  if (online_[secondary]) return Status::kInvalidSecondaryState;
  if (type >= nvme::kResourceTypes) return Status::kInvalidResourceIdentifier;
  Pool& of = pools_[type];
  if (resources > of.flexible) return Status::kInvalidNumberOfResources;
  const u32 others = of.all_assigned() - of.assigned[secondary];
  if (resources > static_cast<u32>(of.flexible - of.allocated) - others) return Status::kInvalidResourceIdentifier;
  of.assigned[secondary] = static_cast<u16>(resources);
  return Status::kSuccess;
}

// It needs queues for admin and for I/O commands, and a vector.
Status Virtualization::bring_online(u32 secondary) {
  if (count(ResourceType::kQueue, secondary) < 2 || count(ResourceType::kInterrupt, secondary) < 1) {
    return Status::kInvalidSecondaryState;
  }
  online_[secondary] = true;
  return Status::kSuccess;
}

void Virtualization::take_offline(u32 secondary) {
  online_[secondary] = false;
  for (Pool& pool : pools_) pool.assigned[secondary] = 0;
}

void Virtualization::activate() {
  for (Pool& pool : pools_) pool.allocated = pool.next;
}

void Virtualization::fill(nvme::PrimaryCapabilities& data) const {
  for (u32 type = 0; type < nvme::kResourceTypes; type++) {
    const Pool& from = pools_[type];
    nvme::ResourceCapabilities& to = data.resources[type];
    data.crt = static_cast<u8>(data.crt | 1u << type);
    to.flexible = to.maximum = from.flexible;
    to.assigned = from.all_assigned();
    to.allocated = from.allocated;
    to.own = from.own;
    to.granularity = 1;
  }
}

void Virtualization::fill(u32 secondary, nvme::SecondaryController& entry) const {
  entry.scs = online_[secondary] ? nvme::kSecondaryOnline : 0;
  entry.nvq = pool(ResourceType::kQueue).assigned[secondary];
  entry.nvi = pool(ResourceType::kInterrupt).assigned[secondary];
}

void Virtualization::transfer(StateArchive& archive) {
  if (!on_) return;
  for (Pool& pool : pools_) {
    u16 next = pool.next;
    archive.value(next);
    if (!archive.loading() || !archive.ok()) continue;
    // There may be fewer than then.
    pool.next = pool.allocated = next < pool.flexible ? next : pool.flexible;
  }
}

// ---- Secondary controllers on their way ------------------------------------------------------------------------------

// Where a controller is that is not enabled. The registers of one that is offline are undefined but for CSTS; with a CAP of 0
// drivers that try it give up at once, instead of after CAP.TO.
void Controller::come_to_rest() {
  state_ = subsystem().virtualization.online(shared_->index) ? State::kDisabled : State::kOffline;
  write_constant_registers();
}

void Controller::change_presence() {
  if (rests()) {  // and was reset then
    clear_registers();
    return come_to_rest();
  }
  request_reset();
  step_reset();
}

// Not left to this controller's passes, which do nothing while it is held: what waits for it would keep the device from being held.
bool Controller::step_reset() {
  if (rests() || state_ == State::kSaving) return true;
  if (state_ != State::kStopping) begin_stop(StopReason::kReset);
  step_stop();
  return rests();
}

// Section 8.26.3: with the primary controller disabled there are none.
void Controller::take_secondaries_offline() {
  Virtualization& virtualization = subsystem().virtualization;
  subsystem().for_each_controller([&](Controller& other) {
    if (!virtualization.is_secondary(other.shared_->index)) return;
    virtualization.take_offline(other.shared_->index);
    other.change_presence();
  });
}

// ---- Commands ----------------------------------------------------------------------------------------------------------

bool is_primary(const Shared& shared) { return shared.subsystem.virtualization.is_primary(shared.index); }

namespace {

// CDW10 and CDW11.
u32 action(const Sqe& sqe) { return sqe.cdw10 & 0xf; }
u32 resource_type(const Sqe& sqe) { return sqe.cdw10 >> 8 & 0x7; }
u16 controller_id(const Sqe& sqe) { return static_cast<u16>(sqe.cdw10 >> 16); }
u32 resources(const Sqe& sqe) { return sqe.cdw11 & 0xffff; }
u32 controller_index(const Sqe& sqe) { return controller_id(sqe) - 1u; }

// Waits until nothing of a secondary controller's queues is touched any more, or it has been brought online again.
bool step_offline(Controller& controller, AdminJob& job, Status*, u32*) {
  const u32 index = controller_index(job.sqe);
  Subsystem& subsystem = controller.subsystem();
  return subsystem.virtualization.online(index) || subsystem.controllers[index]->step_reset();
}

// Dword 0: Number of Controller Resources Modified.
AdminResult modified(Status status, const Sqe& sqe) {
  return {status, status == Status::kSuccess ? resources(sqe) : 0};
}

AdminResult allocate(Controller& controller, const Sqe& sqe) {
  if (controller_id(sqe) != controller.shared().controller_id()) return {Status::kInvalidControllerIdentifier};
  return modified(controller.subsystem().virtualization.allocate(resource_type(sqe), resources(sqe)), sqe);
}

AdminResult take_offline(Controller& controller, const Sqe& sqe) {
  Subsystem& subsystem = controller.subsystem();
  const u32 index = controller_index(sqe);
  subsystem.virtualization.take_offline(index);
  subsystem.controllers[index]->change_presence();
  controller.jobs().add(step_offline, sqe);
  return AdminResult::later();
}

AdminResult bring_online(Controller& controller, const Sqe& sqe) {
  Subsystem& subsystem = controller.subsystem();
  const u32 index = controller_index(sqe);
  if (subsystem.virtualization.online(index)) return {};
  const Status status = subsystem.virtualization.bring_online(index);
  if (status == Status::kSuccess) subsystem.controllers[index]->change_presence();
  return {status};
}

}  // namespace

// Section 5.28.
AdminResult virtualization_management(Controller& controller, const Sqe& sqe) {
  Virtualization& virtualization = controller.subsystem().virtualization;
  const auto what = static_cast<VirtualizationAction>(action(sqe));
  if (what == VirtualizationAction::kAllocate) return allocate(controller, sqe);
  if (what != VirtualizationAction::kOffline && what != VirtualizationAction::kAssign && what != VirtualizationAction::kOnline) {
    return {Status::kInvalidField};
  }
  const u32 index = controller_index(sqe);
  if (!virtualization.is_secondary(index)) return {Status::kInvalidControllerIdentifier};
  if (what == VirtualizationAction::kOffline) return take_offline(controller, sqe);
  if (what == VirtualizationAction::kOnline) return bring_online(controller, sqe);
  return modified(virtualization.assign(index, resource_type(sqe), resources(sqe)), sqe);
}

// For a host that names this controller, or none.
Status primary_capabilities(Controller& controller, const Sqe& sqe, u8* page) {
  const Shared& shared = controller.shared();
  if (!is_primary(shared)) return Status::kInvalidField;
  if (controller_id(sqe) != 0 && controller_id(sqe) != shared.controller_id()) return Status::kInvalidField;
  auto& data = *reinterpret_cast<nvme::PrimaryCapabilities*>(page);
  data.cntlid = shared.controller_id();
  controller.subsystem().virtualization.fill(data);
  return Status::kSuccess;
}

Status secondary_controllers(Controller& controller, const Sqe& sqe, u8* page) {
  if (!is_primary(controller.shared())) return Status::kInvalidField;
  auto& list = *reinterpret_cast<nvme::SecondaryControllerList*>(page);
  const Virtualization& virtualization = controller.subsystem().virtualization;
  controller.subsystem().for_each_controller([&](Controller& other) {
    const Shared& shared = other.shared();
    if (!virtualization.is_secondary(shared.index) || shared.controller_id() < controller_id(sqe)) return;
    nvme::SecondaryController& entry = list.entry[list.numid++];
    entry.scid = shared.controller_id();
    entry.pcid = controller.shared().controller_id();
    virtualization.fill(shared.index, entry);
  });
  return Status::kSuccess;
}

}  // namespace nvmev
